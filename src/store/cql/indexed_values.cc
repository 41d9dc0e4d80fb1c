#include "store/cql/indexed_values.h"

#include "store/row_key.h"

namespace penstock::store::cql {
namespace {

using Target = IndexDefinition::Target;

/// Of what an index has of a cell.
std::size_t indexed_size(const IndexDefinition& index, const ColumnDefinition& column, const Cell& cell) {
    switch (index.target) {
        case Target::keys:
            return cell.path.size();
        case Target::entries:
            return cell.path.size() + cell.value.size();
        case Target::values:
            return column.type.kind == Kind::set ? cell.path.size() : cell.value.size();
        case Target::value:
        case Target::full:
            return cell.value.size();
    }
    return 0;
}

}  // namespace

Result<> check_indexed_values(const TableDefinition& table, const Row& row) {
    for (const auto& index : table.indexes) {
        if (index.is_custom()) continue;
        const auto* column = table.by_id(index.column);
        if (column == nullptr) continue;
        for (const auto& cell : row.cells) {
            if (cell.column != index.column) continue;
            auto size = indexed_size(index, *column, cell);
            if (size > max_partition_key)
                return fail(Errc::invalid,
                            "Cannot index value of size {} for index {} on {}({}) (maximum allowed size={})",
                            size, index.name, table.full_name(), column->name, max_partition_key);
        }
    }
    return {};
}

}  // namespace penstock::store::cql
