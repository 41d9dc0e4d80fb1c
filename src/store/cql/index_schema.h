// CREATE INDEX and DROP INDEX: rules, and the catalogue.
#pragma once

#include <expected>

#include "store/cql/ast.h"
#include "store/cql/schema_change.h"

namespace penstock::store::cql {

/// As change_schema(). warnings: what Cassandra says to who makes one.
std::expected<Change, wire::cql::ErrorResponse> create_index(Database& database, const CreateIndex& statement,
                                                             std::string_view session_keyspace,
                                                             std::vector<std::string>& warnings);
std::expected<Change, wire::cql::ErrorResponse> drop_index(Database& database, const DropIndex& statement,
                                                           std::string_view session_keyspace);

/// The table that has the index. Null: there is none.
std::shared_ptr<const TableDefinition> table_of_index(const Catalogue& catalogue, std::string_view keyspace,
                                                      std::string_view index);
/// "CREATE INDEX name ON ks.t (values(c));"
std::string create_index_text(const TableDefinition& table, const IndexDefinition& index);
/// "values(c)", as system_schema.indexes has it.
std::string target_text(const TableDefinition& table, const IndexDefinition& index);

/// Storage-attached indexes answer ranges of numbers, times and the like.
bool takes_ranges(const DataType& type);

}  // namespace penstock::store::cql
