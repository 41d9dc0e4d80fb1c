// CREATE, ALTER, DROP and TRUNCATE.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/cql/ast.h"
#include "store/database.h"
#include "wire/cql/response.h"

namespace penstock::store::cql {

/// What a statement changed; none: IF [NOT] EXISTS found nothing to do.
using Change = std::optional<wire::cql::SchemaChange>;

/// Errors are those of Cassandra; Errc::exists names the keyspace and table in the response's fields.
/// data_center: that of this node. warnings: for the client.
std::expected<Change, wire::cql::ErrorResponse> change_schema(Database& database, const Statement& statement,
                                                              std::string_view session_keyspace,
                                                              std::string_view data_center,
                                                              std::vector<std::string>& warnings);

/// A declared table as a definition without ids of the catalogue. Also for the system's own tables.
Result<TableDefinition> define_table(const CreateTable& declared, std::string_view keyspace,
                                     const UserTypes& user_types = {});

/// Errc::invalid, with config_prefix, for what cannot be the name of a table or view.
Result<> check_table_name(std::string_view keyspace, std::string_view name);

/// The type of a declared column. Errc::invalid: what cannot be inside what, unknown types.
Result<DataType> column_type(const std::string& declared, const UserTypes& user_types);

/// The protocol's code for one of our errors.
wire::cql::ErrorResponse error_response(const Error& error);

}  // namespace penstock::store::cql
