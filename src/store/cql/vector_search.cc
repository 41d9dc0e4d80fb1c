#include "store/cql/vector_search.h"

#include <algorithm>
#include <bit>

#include "store/bytes.h"
#include "store/cql/index_choice.h"
#include "store/cql/select_plan.h"
#include "store/cql/term_value.h"

namespace penstock::store::cql {
namespace {

constexpr std::string_view function_prefix = "similarity_";

bool is_float_vector(const DataType& type) {
    return type.kind == Kind::vector && type.parameters[0].kind == Kind::float_;
}

const IndexDefinition* ann_index(const TableDefinition& table, const ColumnDefinition& column) {
    for (const auto& one : table.indexes)
        if (one.is_sai() && one.column == column.id) return &one;
    return nullptr;
}

}  // namespace

Result<> check_ann(const Select& select, const TableDefinition& table) {
    if (!select.ann) return {};
    if (select.ann_orderings > 1) return fail(Errc::invalid, "Cannot specify more than one ANN ordering");
    if (select.ann_descending) return fail(Errc::invalid, "Descending ANN ordering is not supported");
    const auto& [name, target] = *select.ann;
    const auto* column = TRY(resolve_column(table, name));
    if (target.kind == Term::Kind::list && column->type.kind != Kind::vector &&
        column->type.kind != Kind::list)
        return fail(Errc::invalid, "Unexpected receiver type '{}'; only list and vector are expected",
                    to_string(column->type));
    if (!is_float_vector(column->type))
        return fail(Errc::invalid, "ANN ordering is only supported on float vector indexes");
    if (ann_index(table, *column) == nullptr)
        return fail(Errc::invalid, "ANN ordering by vector requires the column to be indexed");
    return {};
}

Result<> plan_ann(SelectPlan& plan, std::vector<MarkerSpec>& markers) {
    const auto& select = *plan.select;
    if (!select.ann) return {};
    const auto& [name, target] = *select.ann;
    const auto& table = plan.table();
    const auto* column = TRY(resolve_column(table, name));
    const auto* index = ann_index(table, *column);
    if (index == nullptr)
        return fail(Errc::invalid, "ANN ordering by vector requires the column to be indexed");
    if (!select.order.empty()) return fail(Errc::invalid, "ANN ordering does not support any other ordering");
    if (plan.aggregates > 0) return fail(Errc::invalid, "Top-K queries can not be run with aggregation");
    if (select.per_partition_limit)
        return fail(Errc::invalid, "Top-K queries do not support per-partition limits");
    if (!select.limit)
        return fail(
            Errc::invalid,
            "Top-K queries must have a limit specified and the limit must be less than the query page "
            "size");
    if (!plan.where.filters.empty() && !all_served_by_sai(plan))
        return fail(Errc::invalid, "ANN ordering by vector requires all restricted column(s) to be indexed");
    note_markers(target, column->type, column->name, markers);
    auto by = index->options.find("similarity_function");
    plan.ann = AnnOrder{std::uint32_t(column - table.columns.data()),
                        by == index->options.end() ? Similarity::cosine
                                                   : similarity_of(by->second).value_or(Similarity::cosine)};
    plan.needed[plan.ann->column] = true;
    return {};
}

void Nearest::add(float score, std::string cells) {
    heap_.push_back({score, next_++, std::move(cells)});
    std::ranges::push_heap(heap_, stays_longer);
    if (heap_.size() <= k_) return;
    std::ranges::pop_heap(heap_, stays_longer);
    heap_.pop_back();
}

std::vector<std::string> Nearest::take() {
    std::ranges::sort(heap_, stays_longer);
    std::vector<std::string> out;
    for (auto& entry : heap_) out.push_back(std::move(entry.cells));
    return out;
}

bool is_similarity_function(std::string_view name) {
    return name.starts_with(function_prefix) &&
           similarity_of(name.substr(function_prefix.size())).has_value();
}

Result<DataType> similarity_type(std::string_view name, const std::vector<DataType>& arguments) {
    if (arguments.size() != 2)
        return fail(Errc::invalid,
                    "Invalid number of arguments for function system.{0}(vector<float, n>, vector<float, n>)",
                    name);
    for (const auto& argument : arguments)
        if (!is_float_vector(argument))
            return fail(Errc::invalid,
                        "Function system.{} requires a float vector argument, but found one of type {}", name,
                        to_string(argument));
    if (arguments[0].dimension != arguments[1].dimension)
        return fail(Errc::invalid, "All arguments must have the same vector dimensions");
    return DataType(Kind::float_);
}

Result<TypedValue> call_similarity(std::string_view name, const std::vector<TypedValue>& arguments) {
    std::vector<DataType> types;
    for (const auto& argument : arguments) types.push_back(argument.type);
    TypedValue out{TRY(similarity_type(name, types)), std::nullopt};
    if (!arguments[0].bytes || !arguments[1].bytes) return out;
    auto by = *similarity_of(name.substr(function_prefix.size()));
    auto score = similarity(by, *arguments[0].bytes, *arguments[1].bytes);
    if (!score) return fail(Errc::invalid, "Function system.{} doesn't support all-zero vectors.", name);
    std::string bytes;
    append_big_endian(bytes, std::bit_cast<std::uint32_t>(*score));
    out.bytes = std::move(bytes);
    return out;
}

namespace {

bool is_untyped(const Expression& argument) {
    return argument.kind == Expression::Kind::literal &&
           (argument.literal.kind == Term::Kind::null || argument.literal.kind == Term::Kind::marker);
}

bool is_list(const Expression& argument) {
    return argument.kind == Expression::Kind::literal && argument.literal.kind == Term::Kind::list;
}

}  // namespace

Result<> adapt_vectors(std::string_view name, const std::vector<Selector>& written,
                       std::vector<Expression>& arguments, std::vector<MarkerSpec>& markers) {
    if (arguments.size() != 2) return {};
    const DataType* known = nullptr;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        auto& argument = arguments[i];
        if (is_untyped(argument)) continue;
        if (is_list(argument)) {
            if (argument.literal.items.empty())
                return fail(Errc::invalid, "vectors may only have positive dimensions; given 0");
            argument.type = DataType(Kind::vector, {Kind::float_});
            argument.type.dimension = std::uint32_t(argument.literal.items.size());
        }
        auto text =
            argument.kind == Expression::Kind::literal ? term_text(argument.literal) : written[i].written;
        bool a_text =
            argument.kind == Expression::Kind::literal && argument.literal.kind == Term::Kind::string;
        if (!is_float_vector(argument.type))
            return fail(Errc::invalid,
                        "Function system.{} requires a float vector argument, but found argument {} of type "
                        "{}",
                        name, text, a_text ? "ascii" : to_string(argument.type));
        if (is_list(argument) && !may_be(argument.literal, argument.type))
            return fail(Errc::invalid,
                        "Type error: {} cannot be passed as argument {} of function system.{} of type {}",
                        text, i, name, to_string(argument.type));
        if (known == nullptr) known = &argument.type;
    }
    if (known == nullptr)
        return fail(Errc::invalid,
                    "Cannot infer type of argument {0} in call to function system.{1}(vector<float, n>, "
                    "vector<float, n>): use type casts to disambiguate",
                    term_text(arguments[0].literal), name);
    auto vector = *known;
    for (auto& argument : arguments) {
        if (is_untyped(argument)) argument.type = vector;
        if (argument.kind == Expression::Kind::literal)
            note_markers(argument.literal, argument.type, "vector", markers);
    }
    return {};
}

}  // namespace penstock::store::cql
