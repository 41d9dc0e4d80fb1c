// Tables as the streaming engine reads them: batches of its own types.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/tables.h"

namespace penstock::store {

/// The named columns of all rows, all columns when none is named; Errc::not_found names one that is not
/// there.
Result<std::unique_ptr<Cursor>> make_table_scan(Database& database,
                                                std::shared_ptr<const TableDefinition> table,
                                                const std::vector<std::string>& columns);

struct SizeEstimate {
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
};
/// From RocksDB's own statistics and a sample of rows, without reading the table.
SizeEstimate estimate_size(Database& database, const TableDefinition& table);

}  // namespace penstock::store
