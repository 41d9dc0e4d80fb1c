#include "store/cql/auth_tables.h"

#include <algorithm>
#include <array>

#include "store/token.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

constexpr std::array<const char*, 8> declarations{
    "CREATE TABLE system_auth.roles (role text PRIMARY KEY, can_login boolean, is_superuser boolean, "
    "member_of set<text>, salted_hash text) WITH comment = 'role definitions'",
    "CREATE TABLE system_auth.role_members (role text, member text, PRIMARY KEY (role, member)) "
    "WITH comment = 'role memberships lookup table'",
    "CREATE TABLE system_auth.role_permissions (role text, resource text, permissions set<text>, "
    "PRIMARY KEY (role, resource)) WITH comment = 'permissions granted to db roles'",
    "CREATE TABLE system_auth.resource_role_permissons_index (resource text, role text, "
    "PRIMARY KEY (resource, role)) WITH comment = 'index of db roles with permissions granted on a resource'",
    "CREATE TABLE system_auth.network_permissions (role text PRIMARY KEY, dcs frozen<set<text>>) "
    "WITH comment = 'user network permissions'",
    "CREATE TABLE system_auth.cidr_permissions (role text PRIMARY KEY, cidr_groups frozen<set<text>>) "
    "WITH comment = 'user cidr permissions'",
    "CREATE TABLE system_auth.cidr_groups (cidr_group text PRIMARY KEY, "
    "cidrs frozen<set<frozen<tuple<inet, smallint>>>>) WITH comment = 'cidr groups to cidrs mapping'",
    "CREATE TABLE system_auth.identity_to_role (identity text PRIMARY KEY, role text) "
    "WITH comment = 'mtls authorized identities lookup table'",
};

std::string truth(bool value) {
    return std::string(1, value ? '\x01' : '\0');
}

std::optional<std::string> text_set(const std::set<std::string>& texts) {
    if (texts.empty()) return std::nullopt;
    std::string out;
    begin_collection(out, texts.size());
    for (const auto& text : texts) append_element(out, text);
    return out;
}

}  // namespace

std::span<const char* const> auth_table_declarations() {
    return declarations;
}

std::vector<SystemRow> auth_rows(const TableDefinition& table, const RoleSet& roles) {
    std::vector<SystemRow> out;
    for (const auto& [name, role] : roles.roles) {
        if (table.name == "roles") {
            std::optional<std::string> hash;
            if (!role.hash.empty()) hash = role.hash;
            out.push_back({name, truth(role.login), truth(role.superuser), text_set(role.member_of), hash});
        } else if (table.name == "role_members") {
            for (const auto& of : role.member_of) out.push_back({of, name});
        } else if (table.name == "role_permissions" || table.name == "resource_role_permissons_index") {
            for (const auto& [resource, permissions] : role.grants) {
                std::set<std::string> names;
                for (auto one : permissions.list()) names.emplace(name_of(one));
                if (table.name == "role_permissions")
                    out.push_back({name, resource, text_set(names)});
                else
                    out.push_back({resource, name});
            }
        } else if (table.name == "network_permissions" && !role.data_centers.empty()) {
            out.push_back({name, text_set(role.data_centers)});
        }
    }
    // Partitions are in the order of their tokens.
    std::ranges::sort(out, {},
                      [](const SystemRow& row) { return std::tuple(token_of(*row[0]), row[0], row[1]); });
    return out;
}

}  // namespace penstock::store::cql
