#include "store/cql/relation_merge.h"

#include <algorithm>

namespace penstock::store::cql {
namespace {

bool is_lower(Operator op) {
    return op == Operator::gt || op == Operator::ge;
}

bool is_upper(Operator op) {
    return op == Operator::lt || op == Operator::le;
}

bool compares(Operator op) {
    return op == Operator::eq || op == Operator::in || op == Operator::like || is_lower(op) || is_upper(op);
}

/// What Cassandra says depends on the first one.
Result<> check_pair(const std::string& column, Operator first, Operator second) {
    if (first == Operator::eq || first == Operator::in || first == Operator::like)
        return fail(Errc::invalid, "{} cannot be restricted by more than one relation if it includes {}",
                    column,
                    first == Operator::eq   ? "an Equal"
                    : first == Operator::in ? "a IN"
                                            : "a LIKE");
    if (!is_lower(second) && !is_upper(second))
        return fail(Errc::invalid,
                    "Column \"{}\" cannot be restricted by both an equality and an inequality relation",
                    column);
    if (is_lower(first) && is_lower(second))
        return fail(Errc::invalid, "More than one restriction was found for the start bound on {}", column);
    if (is_upper(first) && is_upper(second))
        return fail(Errc::invalid, "More than one restriction was found for the end bound on {}", column);
    return {};
}

}  // namespace

Result<> check_merges(const TableDefinition& table, const std::vector<Relation>& where, std::size_t at) {
    const auto& added = where[at];
    if (!compares(added.op)) return {};
    for (std::size_t i = 0; i < at; ++i) {
        const auto& before = where[i];
        bool single = before.kind == Relation::Kind::column;
        if (!compares(before.op) || (!single && before.kind != Relation::Kind::tuple)) continue;
        for (const auto& name : added.columns) {
            if (std::ranges::find(before.columns, name) == before.columns.end()) continue;
            const auto* column = table.find(name);
            bool regular = column != nullptr &&
                           (column->role == ColumnRole::regular || column->role == ColumnRole::static_) &&
                           added.kind == Relation::Kind::column;
            bool like = before.op == Operator::like || added.op == Operator::like;
            if (regular || like) TRY(check_pair(name, before.op, added.op));
        }
    }
    return {};
}

}  // namespace penstock::store::cql
