// What Cassandra's legacy indexes cannot hold.
#pragma once

#include "store/catalogue.h"
#include "store/row_value.h"

namespace penstock::store::cql {

/// Errc::invalid when a cell of the row is too large for an index on its column.
Result<> check_indexed_values(const TableDefinition& table, const Row& row);

}  // namespace penstock::store::cql
