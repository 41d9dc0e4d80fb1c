// DESCRIBE: the schema as CQL text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/catalogue.h"
#include "store/cql/ast.h"
#include "store/cql/system_tables.h"
#include "wire/cql/response.h"

namespace penstock::store::cql {

std::string create_table_text(const TableDefinition& table);
std::string create_type_text(const DataType& type);
std::string create_keyspace_text(const KeyspaceDefinition& keyspace);

struct Description {
    std::vector<wire::cql::ColumnSpec> columns;
    std::vector<std::vector<std::string>> rows;
};
/// Errc::not_found for what is not there.
Result<Description> describe(const Describe& statement, const Catalogue& catalogue, const NodeIdentity& node,
                             std::string_view session_keyspace);

}  // namespace penstock::store::cql
