// Statements about roles and permissions as they were written.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "store/roles.h"

namespace penstock::store::cql {

/// What stands behind WITH; what is absent was not named.
struct RoleOptions {
    std::optional<std::string> password;
    std::optional<std::string> hashed_password;
    std::optional<bool> superuser;
    std::optional<bool> login;
    bool has_options = false;                           ///< OPTIONS = {...}
    std::optional<std::set<std::string>> data_centers;  ///< empty: all
    bool has_cidrs = false;                             ///< ACCESS FROM ...
    bool empty() const {
        return !password && !hashed_password && !superuser && !login && !has_options && !data_centers &&
               !has_cidrs;
    }
};

/// A resource; of a table the keyspace may be the session's.
struct ResourceName {
    enum class Kind : std::uint8_t { named, table, function };
    Kind kind = Kind::named;
    std::string name;  ///< named: as store::resource has it
    std::string keyspace, table;
};

struct RoleStatement {
    enum class Kind : std::uint8_t {
        create,
        alter,
        drop,
        grant_role,
        revoke_role,
        grant,
        revoke,
        list_roles,
        list_users,
        list_permissions
    };
    Kind kind = Kind::create;
    std::string syntax_fault;  ///< not empty: the statement is one only in part
    bool conditional = false;  ///< IF NOT EXISTS, IF EXISTS
    std::string role;          ///< created, altered, dropped; granted to, or revoked from
    std::string granted;       ///< grant_role, revoke_role: which role
    RoleOptions options;
    PermissionSet permissions;
    bool all_permissions = false;
    std::optional<ResourceName> on;
    std::optional<std::string> of;  ///< LIST ... OF role
    bool recursive = true;
};

}  // namespace penstock::store::cql
