// Several conditions of WHERE on one column.
#pragma once

#include <vector>

#include "base/result.h"
#include "store/catalogue.h"
#include "store/cql/ast.h"

namespace penstock::store::cql {

/// Whether where[at] can stand beside those before it. Only what no order of keys is needed for: regular
/// columns, and LIKE on all. Errc::invalid, in Cassandra's words, for a second = or a second lower bound.
Result<> check_merges(const TableDefinition& table, const std::vector<Relation>& where, std::size_t at);

}  // namespace penstock::store::cql
