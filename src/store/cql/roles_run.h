// CREATE ROLE, GRANT, LIST ... run; and what other statements need permission for.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "store/cql/ast.h"
#include "store/roles.h"
#include "wire/cql/response.h"

namespace penstock::store::cql {

/// Who sends a statement.
struct Caller {
    std::string role;     ///< empty: nobody has to log in here
    std::string address;  ///< where the client is
    bool is_known() const { return !role.empty(); }
};

struct RoleAnswer {
    std::vector<wire::cql::ColumnSpec> columns;  ///< empty: nothing is to be shown
    std::vector<std::vector<std::optional<std::string>>> rows;
    std::vector<std::string> warnings;
};

/// May take tens of milliseconds: passwords are hashed.
std::expected<RoleAnswer, wire::cql::ErrorResponse> run_role_statement(
    Roles& roles, const Catalogue& catalogue, const RoleStatement& statement,
    std::string_view session_keyspace, const Caller& caller, std::string_view data_center);

/// A permission that somebody lacks: "User x has no SELECT permission on <table ks.t> or any of its parents".
Result<> require(const RoleSet& roles, const Caller& caller, Permission permission,
                 std::string_view resource);
/// What is read or written when a statement runs. Errc::unauthorized. Names are looked up in the session's
/// keyspace.
Result<> require_for_table(const RoleSet& roles, const Caller& caller, Permission permission,
                           std::string_view keyspace, std::string_view table);
/// CREATE, ALTER, DROP and TRUNCATE of what is no role.
Result<> require_for_schema(const RoleSet& roles, const Catalogue& catalogue, const Caller& caller,
                            const Statement& statement, std::string_view session_keyspace);
/// Who created something may do all with it; what is dropped is forgotten.
Result<> follow_schema_change(Roles& roles, const Caller& caller, const wire::cql::SchemaChange& change);

}  // namespace penstock::store::cql
