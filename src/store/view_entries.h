// Materialised views: tables of keys alone, in the view's order, each leading to a row of the base table.
//
// A key is that of a table's row (row_key.h) under the view's id: token, partition, clustering of the view.
// As with indexes (index_entries.h) it says that the base row has, or once had, these values; whoever reads
// the view looks at the base row. So writes stay blind, and whatever happens to the row shows in the view at
// once.
#pragma once

#include <rocksdb/write_batch.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/catalogue.h"
#include "store/row_key.h"
#include "store/row_value.h"

namespace penstock::store {

/// Adds the view's key of a base row that is being written, if the write has all its values.
void append_view_entry(const TableDefinition& base, const TableDefinition& view, std::string_view row_key,
                       const Row& row, rocksdb::WriteBatch& batch);

/// The base row that a view's key leads to, and the value that it must have there.
struct ViewKey {
    std::vector<std::string> values;  ///< of the view's key columns, by index
    std::string base_partition;
    std::string base_clustering;
};
/// False: it is no key of the view.
bool parse_view_key(const TableDefinition& base, const TableDefinition& view, const ParsedKey& key,
                    ViewKey& out);

}  // namespace penstock::store
