// Tables as queries ask for them, and as they are.
#pragma once

#include "base/result.h"
#include "store/catalogue.h"
#include "store/tables.h"

namespace penstock::store {

/// The definition of a new table, or why there cannot be one.
Result<TableDefinition> define(const TableSpec& spec);
/// Adds the columns of wanted that the table does not have, and says whether there were any; an error when
/// what both have differs.
Result<bool> adopt(TableDefinition& table, const TableDefinition& wanted, const TableSpec& spec);
TableSpec spec_of(const TableDefinition& table);

}  // namespace penstock::store
