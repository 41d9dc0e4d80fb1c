#include "store/cql/vector_search.h"

#include <algorithm>
#include <bit>

#include "store/bytes.h"
#include "store/cql/index_choice.h"
#include "store/cql/select_plan.h"

namespace penstock::store::cql {
namespace {

constexpr std::string_view function_prefix = "similarity_";

bool is_float_vector(const DataType& type) {
    return type.kind == Kind::vector && type.parameters[0].kind == Kind::float_;
}

}  // namespace

Result<> plan_ann(SelectPlan& plan, std::vector<MarkerSpec>& markers) {
    const auto& select = *plan.select;
    if (!select.ann) return {};
    const auto& [name, target] = *select.ann;
    const auto& table = plan.table();
    const auto* column = TRY(resolve_column(table, name));
    if (!is_float_vector(column->type))
        return fail(Errc::invalid, "Unexpected receiver type '{}'; only list and vector are expected",
                    to_string(column->type));
    auto index = std::ranges::find_if(
        table.indexes, [&](const auto& one) { return one.is_sai() && one.column == column->id; });
    if (index == table.indexes.end())
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
                    "Invalid number of arguments in call to function system.{}: 2 required but {} provided",
                    name, arguments.size());
    for (const auto& argument : arguments)
        if (!is_float_vector(argument))
            return fail(Errc::invalid,
                        "Invalid call to function system.{}: its arguments are vectors of floats, not {}",
                        name, to_string(argument));
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

void adapt_vectors(std::vector<Expression>& arguments, std::vector<MarkerSpec>& markers) {
    const DataType* known = nullptr;
    for (const auto& argument : arguments)
        if (argument.kind != Expression::Kind::literal && argument.type.kind == Kind::vector)
            known = &argument.type;
    for (auto& argument : arguments) {
        if (argument.kind != Expression::Kind::literal) continue;
        const auto& term = argument.literal;
        DataType vector(Kind::vector, {Kind::float_});
        if (term.kind == Term::Kind::list)
            vector.dimension = std::uint32_t(term.items.size());
        else if (term.kind == Term::Kind::marker && known != nullptr)
            vector = *known;
        else
            continue;
        argument.type = vector;
        note_markers(term, vector, "vector", markers);
    }
}

}  // namespace penstock::store::cql
