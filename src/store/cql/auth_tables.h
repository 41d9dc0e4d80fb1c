// The tables of system_auth, as Cassandra has them: what roles and permissions there are.
#pragma once

#include <span>

#include "store/cql/system_tables.h"
#include "store/roles.h"

namespace penstock::store::cql {

/// CREATE TABLE of each.
std::span<const char* const> auth_table_declarations();
/// All rows of one of them, in the order of its key.
std::vector<SystemRow> auth_rows(const TableDefinition& table, const RoleSet& roles);

}  // namespace penstock::store::cql
