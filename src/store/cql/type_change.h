// CREATE, ALTER and DROP TYPE.
#pragma once

#include "store/cql/schema_change.h"

namespace penstock::store::cql {

std::expected<Change, wire::cql::ErrorResponse> create_type(Database& database, const CreateType& statement,
                                                            std::string_view session_keyspace);
/// Tables that have the type are changed with it.
std::expected<Change, wire::cql::ErrorResponse> alter_type(Database& database, const AlterType& statement,
                                                           std::string_view session_keyspace);
std::expected<Change, wire::cql::ErrorResponse> drop_type(Database& database, const DropType& statement,
                                                          std::string_view session_keyspace);

}  // namespace penstock::store::cql
