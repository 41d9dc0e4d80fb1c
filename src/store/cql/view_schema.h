// CREATE, ALTER and DROP MATERIALIZED VIEW: rules, and the catalogue.
#pragma once

#include <expected>
#include <string>

#include "store/cql/ast.h"
#include "store/cql/schema_change.h"

namespace penstock::store::cql {

/// As change_schema().
std::expected<Change, wire::cql::ErrorResponse> create_view(Database& database, const CreateView& statement,
                                                            std::string_view session_keyspace);
std::expected<Change, wire::cql::ErrorResponse> drop_view(Database& database, const DropView& statement,
                                                          std::string_view session_keyspace);

/// The views of a table, by name.
std::vector<std::shared_ptr<const TableDefinition>> views_of(const Catalogue& catalogue,
                                                             const TableDefinition& base);
/// "ks.{a,b}"; empty: it has none.
std::string names_of_views(const Catalogue& catalogue, const TableDefinition& base);
/// The columns, order and text between CREATE MATERIALIZED VIEW and its options.
std::string view_text(const TableDefinition& view);

}  // namespace penstock::store::cql
