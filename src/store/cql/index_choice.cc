#include "store/cql/index_choice.h"

#include <algorithm>

#include "store/cql/index_schema.h"
#include "store/cql/select_plan.h"
#include "store/row_key.h"
#include "store/sasi.h"

namespace penstock::store::cql {
namespace {

using Target = IndexDefinition::Target;

bool is_slice(Operator op) {
    return op == Operator::lt || op == Operator::le || op == Operator::gt || op == Operator::ge;
}

/// Which patterns of LIKE it has is seen when they are known: it is an error if it has not.
bool sasi_serves(const IndexDefinition& index, const ColumnDefinition& column, Operator op) {
    auto sasi = sasi_of(index, column);
    if (op == Operator::like) return sasi.literal;
    if (op == Operator::eq) return sasi.supports(TermMatch::equal);
    return is_slice(op) && sasi.supports(TermMatch::range);
}

bool serves(const IndexDefinition& index, const Restriction& restriction) {
    const auto& relation = *restriction.relation;
    if (restriction.column->id != index.column || relation.in_marker) return false;
    if (restriction.column->type.kind == Kind::vector) return false;
    if (relation.kind == Relation::Kind::element)
        return index.target == Target::entries && relation.op == Operator::eq;
    bool one_of_a_tuple =
        relation.kind == Relation::Kind::tuple && relation.columns.size() == 1 && relation.op == Operator::eq;
    if (relation.kind != Relation::Kind::column && !one_of_a_tuple) return false;
    if (index.is_sasi()) return sasi_serves(index, *restriction.column, relation.op);
    switch (index.target) {
        case Target::value:
        case Target::full:
            if (relation.op == Operator::eq) return true;
            return index.is_sai() && index.target == Target::value && is_slice(relation.op) &&
                   takes_ranges(restriction.column->type);
        case Target::keys:
            return relation.op == Operator::contains_key;
        case Target::values:
            return relation.op == Operator::contains;
        case Target::entries:
            return false;
    }
    return false;
}

/// Of several that do, a storage-attached one or a SASI index.
const IndexDefinition* index_for(const TableDefinition& table, const Restriction& restriction) {
    const IndexDefinition* found = nullptr;
    for (const auto& index : table.indexes)
        if (serves(index, restriction) && (found == nullptr || (index.is_custom() && !found->is_custom())))
            found = &index;
    return found;
}

/// Exact ones first: they find the fewest rows.
int rank(const Restriction& restriction) {
    if (restriction.relation->op == Operator::eq) return 0;
    return is_slice(restriction.relation->op) ? 2 : 1;
}

}  // namespace

bool all_served_by_sai(const SelectPlan& plan) {
    return std::ranges::all_of(plan.where.filters, [&](const Restriction& filter) {
        const auto* index = index_for(plan.table(), filter);
        return index != nullptr && index->is_sai();
    });
}

Result<> choose_index(SelectPlan& plan) {
    const auto& table = plan.table();
    if (plan.ref.is_virtual || table.indexes.empty() || plan.where.filters.empty()) return {};
    for (const auto& filter : plan.where.filters)
        for (const auto& index : table.indexes)
            if (filter.column->type.kind == Kind::vector && index.is_custom() &&
                index.column == filter.column->id)
                return fail(Errc::invalid, "Vector indexes only support ANN queries");
    std::size_t served = 0, served_by_sai = 0;
    const IndexDefinition* sasi = nullptr;
    bool one_sasi = true;
    const Restriction* best = nullptr;
    IndexChoice choice;
    for (std::size_t i = 0; i < plan.where.filters.size(); ++i) {
        const auto& filter = plan.where.filters[i];
        const auto* index = index_for(table, filter);
        if (index == nullptr) continue;
        ++served;
        served_by_sai += index->is_sai();
        one_sasi = one_sasi && index->is_sasi() && (sasi == nullptr || sasi == index);
        if (index->is_sasi()) sasi = index;
        if (index->is_sasi()) choice.by_sasi.push_back(i);
        if (!index->is_custom()) choice.by_legacy.push_back(i);
        auto fold = analyzer_of(*index, *filter.column).fold;
        if (fold.changes() && filter.relation->op != Operator::like) choice.folded.emplace_back(i, fold);
        // One that is not filled yet would hide rows: the table is read instead.
        if (!index->is_built) continue;
        // Of what is no text only whole values are in the order of their bytes.
        if (filter.relation->op == Operator::like && !filter.column->type.is_text()) continue;
        if (best == nullptr || rank(filter) < rank(*best)) {
            best = &filter;
            choice.index = index;
        }
    }
    if (served == 0) return {};
    choice.serves = true;
    if (plan.where.has_partition_in)
        return fail(Errc::invalid,
                    "Select on indexed columns and with IN clause for the PRIMARY KEY are not supported");
    if (!plan.select->order.empty())
        return fail(Errc::invalid, "ORDER BY with 2ndary indexes is not supported, except for ANN queries.");
    bool all = served == plan.where.filters.size();
    // A SASI index answers what is asked of its own column, and no two do so together.
    if (all && (served == served_by_sai || served == 1 || one_sasi)) plan.where.needs_filtering = false;
    // Where the rows are known already there is less to read than an index has.
    bool few_rows = std::ranges::any_of(plan.where.clustering, [](const auto& on) { return !on.empty(); });
    if (best != nullptr && !few_rows) {
        choice.by.push_back(*best);
        for (const auto& filter : plan.where.filters)
            if (&filter != best && rank(*best) == 2 && serves(*choice.index, filter))
                choice.by.push_back(filter);
    } else {
        choice.index = nullptr;
    }
    plan.index = std::move(choice);
    return {};
}

Result<> check_value_sizes(const IndexChoice& choice, const std::vector<Filter>& filters) {
    bool fits = std::ranges::all_of(choice.by_legacy, [&](std::size_t place) {
        return filters[place].values.empty() || filters[place].values[0].size() <= max_partition_key;
    });
    if (fits) return {};
    return fail(Errc::invalid, "Index expression values may not be larger than 64K");
}

namespace {

/// Of several terms the entries of the longest one are read: they lead to the fewest rows.
IndexRange like_range(const IndexedColumn& column, const LikeTest& test) {
    auto prefix = index_prefix(column.index->id);
    if (test.terms.empty()) return {prefix, prefix, true, {}};
    auto term = *std::ranges::max_element(test.terms, {}, &std::string::size);
    auto at = prefix;
    if (test.match == TermMatch::whole) {
        append_indexed_value(at, column, term);
        return {at, after_prefix(at), true, {}};
    }
    if (test.match == TermMatch::prefix) {
        append_indexed_prefix(at, column, term);
        return {at, after_prefix(at), false, {}};
    }
    return {prefix, after_prefix(prefix), false,
            [test, term](std::string_view found) { return test.matches_term(found, term); }};
}

}  // namespace

Result<const IndexDefinition*> index_to_read(const SelectPlan& plan, const Bindings& bindings) {
    if (plan.index.by.size() != 1 || plan.index.by[0].relation->op != Operator::like) return plan.index.index;
    auto filters = TRY(filters_of(plan.table(), plan.index.by, bindings));
    const auto* index = filters[0].like->index;
    return index->is_built ? index : nullptr;
}

Result<IndexRange> index_range(const SelectPlan& plan, const IndexedColumn& column,
                               const Bindings& bindings) {
    auto prefix = index_prefix(column.index->id);
    IndexRange out{prefix, after_prefix(prefix), false, {}};
    auto filters = TRY(filters_of(plan.table(), plan.index.by, bindings));
    if (filters.size() == 1 && filters[0].like) return like_range(column, *filters[0].like);
    for (const auto& filter : filters) {
        auto at = prefix;
        if (filter.element)
            append_indexed_entry(at, column, *filter.element, filter.values[0]);
        else
            append_indexed_value(at, column, filter.values[0]);
        if (!is_slice(filter.op)) return IndexRange{at, after_prefix(at), true, {}};
        // Without an order of bytes all entries are looked through.
        if (!is_ordered(column)) continue;
        if (filter.op == Operator::gt || filter.op == Operator::ge)
            out.from = std::max(out.from, filter.op == Operator::ge ? at : after_prefix(at));
        else
            out.to = std::min(out.to, filter.op == Operator::lt ? at : after_prefix(at));
    }
    return out;
}

}  // namespace penstock::store::cql
