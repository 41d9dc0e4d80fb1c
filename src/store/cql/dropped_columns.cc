#include "store/cql/dropped_columns.h"

#include <algorithm>

#include "store/clustering.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

/// Whether what is left of a column can be read as the other type.
bool can_follow(const DataType& now, const DataType& before) {
    if (now.is_multi_cell() != before.is_multi_cell() || now.dimension != before.dimension) return false;
    if (now.kind != before.kind)
        return takes_values_of(now, before) && fixed_size_of(now) == fixed_size_of(before);
    if (now.kind == Kind::udt) return now.user && before.user && now.user->name == before.user->name;
    return std::ranges::equal(now.parameters, before.parameters, can_follow);
}

std::string_view kind_name(ColumnRole role) {
    return role == ColumnRole::static_ ? "STATIC" : "REGULAR";
}

}  // namespace

void drop_column(TableDefinition& table, const ColumnDefinition& column, std::int64_t now_us,
                 std::optional<std::int64_t> given_us) {
    DroppedColumn dropped{
        column.id, column.name, column.type, column.role, given_us.value_or(now_us), given_us.has_value()};
    std::erase_if(table.dropped, [&](const DroppedColumn& one) { return one.name == dropped.name; });
    table.dropped.push_back(std::move(dropped));
    // Its cells stay where they are.
    table.columns.erase(table.columns.begin() + (&column - table.columns.data()));
}

Result<> give_id(TableDefinition& table, ColumnDefinition& column) {
    auto before = std::ranges::find(table.dropped, column.name, &DroppedColumn::name);
    if (before == table.dropped.end()) {
        column.id = table.next_column++;
        return {};
    }
    if (!can_follow(column.type, before->type))
        return fail(
            Errc::invalid,
            "Cannot add a column '{}' of type {}, incompatible with previously dropped column '{}' of "
            "type {}",
            column.name, to_string(column.type), column.name, to_string(before->type));
    if (column.role != before->role)
        return fail(
            Errc::invalid,
            "Cannot re-add previously dropped column '{}' of kind {}, incompatible with previous kind {}",
            column.name, kind_name(column.role), kind_name(before->role));
    if (column.type.kind == Kind::counter)
        return fail(Errc::invalid, "Cannot re-add previously dropped counter column {}", column.name);
    column.id = before->comes_back ? before->id : table.next_column++;
    return {};
}

}  // namespace penstock::store::cql
