#include "store/view_entries.h"

#include <algorithm>

#include "store/clustering.h"
#include "store/row_cursor.h"

namespace penstock::store {

void append_view_entry(const TableDefinition& base, const TableDefinition& view, std::string_view row_key,
                       const Row& row, rocksdb::WriteBatch& batch) {
    ParsedKey parsed;
    if (!parse_key(row_key, parsed) || parsed.tag != row_tag) return;
    std::vector<std::string_view> partition;
    std::vector<std::optional<std::string>> clustering;
    if (!split_partition_key(base, parsed.partition_key, partition) ||
        !split_clustering(base, parsed.rest, clustering))
        return;
    std::vector<std::string_view> values;
    for (std::uint32_t i = 0; i < view.key_columns(); ++i) {
        const auto* column = base.by_id(view.columns[i].id);
        if (column == nullptr) return;
        if (column->role == ColumnRole::partition_key) {
            values.push_back(partition[column->position]);
        } else if (column->role == ColumnRole::clustering) {
            // A view has no rows with a null in their key.
            if (!clustering[column->position]) return;
            values.push_back(*clustering[column->position]);
        } else {
            auto cell = std::ranges::find_if(row.cells, [&](const Cell& one) {
                return one.column == column->id && one.kind == CellKind::value;
            });
            if (cell == row.cells.end()) return;
            values.push_back(cell->value);
        }
    }
    auto key_values = std::vector<std::string_view>(values.begin(), values.begin() + view.partition_columns);
    // What is too long for a key of the view is not in it. An empty value is one like others.
    auto joined = join_partition_key(view, key_values, true);
    if (!joined) return;
    auto key = partition_prefix(view.id, *joined) + row_tag;
    for (auto i = view.partition_columns; i < view.key_columns(); ++i)
        append_clustering(key, view.columns[i], values[i]);
    batch.Put(key, rocksdb::Slice());
}

bool parse_view_key(const TableDefinition& base, const TableDefinition& view, const ParsedKey& key,
                    ViewKey& out) {
    std::vector<std::string_view> partition;
    std::vector<std::optional<std::string>> clustering;
    if (key.tag != row_tag || !split_partition_key(view, key.partition_key, partition) ||
        !split_clustering(view, key.rest, clustering))
        return false;
    out.values.clear();
    out.values.insert(out.values.end(), partition.begin(), partition.end());
    for (auto& value : clustering) out.values.push_back(std::move(value).value_or(""));
    out.base_clustering.clear();
    std::vector<std::string_view> of_base;
    for (std::uint32_t i = 0; i < base.key_columns(); ++i) {
        auto at = std::ranges::find(view.columns.begin(), view.columns.begin() + view.key_columns(),
                                    base.columns[i].id, &ColumnDefinition::id);
        if (at == view.columns.begin() + view.key_columns()) return false;
        const auto& value = out.values[std::size_t(at - view.columns.begin())];
        if (i < base.partition_columns)
            of_base.push_back(value);
        else
            append_clustering(out.base_clustering, base.columns[i], value);
    }
    auto joined = join_partition_key(base, of_base);
    if (!joined) return false;
    out.base_partition = std::move(*joined);
    return true;
}

}  // namespace penstock::store
