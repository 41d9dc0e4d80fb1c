#include "store/cql/roles_run.h"

#include <algorithm>

#include "store/cql/index_schema.h"
#include "store/cql/resolve.h"
#include "store/cql/schema_change.h"
#include "store/cql/system_tables.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

using wire::cql::ErrorCode;
using wire::cql::ErrorResponse;
template <class T>
using Outcome = std::expected<T, ErrorResponse>;

std::unexpected<ErrorResponse> refuse(ErrorCode code, std::string text) {
    return std::unexpected(ErrorResponse{code, std::move(text), {}, {}, {}});
}
std::unexpected<ErrorResponse> invalid(std::string text) {
    return refuse(ErrorCode::invalid, std::move(text));
}
std::unexpected<ErrorResponse> unauthorized(std::string text) {
    return refuse(ErrorCode::unauthorized, std::move(text));
}

std::string truth(bool value) {
    return std::string(1, value ? '\x01' : '\0');
}

wire::cql::ColumnSpec text_column(std::string_view table, std::string_view name) {
    return {"system_auth", std::string(table), std::string(name), type_option(Kind::text)};
}

wire::cql::ColumnSpec truth_column(std::string_view table, std::string_view name) {
    return {"system_auth", std::string(table), std::string(name), type_option(Kind::boolean)};
}

/// All keyspaces and tables, ours and the system's, by their resources' names.
bool exists(const RoleSet& roles, const Catalogue& catalogue, std::string_view name) {
    auto has_keyspace = [&](std::string_view keyspace) {
        return is_system_keyspace(keyspace) || catalogue.keyspace(keyspace) != nullptr;
    };
    if (name.starts_with("roles/")) return roles.find(name.substr(6)) != nullptr;
    if (name.starts_with("functions/")) return has_keyspace(name.substr(10));
    if (name.starts_with("mbean/")) return false;
    if (!name.starts_with("data/")) return true;
    auto rest = name.substr(5);
    auto slash = rest.find('/');
    if (slash == std::string_view::npos || rest.substr(slash) == "/*")
        return has_keyspace(rest.substr(0, slash));
    auto keyspace = rest.substr(0, slash), table = rest.substr(slash + 1);
    return catalogue.table(keyspace, table) != nullptr || system_table(keyspace, table) != nullptr;
}

struct Runner {
    Roles& roles;
    const Catalogue& catalogue;
    const RoleStatement& statement;
    std::string_view session_keyspace;
    const Caller& caller;
    std::string_view data_center;
    std::shared_ptr<const RoleSet> now = roles.get();

    bool is_super() const { return now->is_superuser(caller.role); }

    Outcome<void> insist(Permission permission, std::string_view on) const {
        if (now->may(caller.role, permission, on)) return {};
        return unauthorized(fmt::format(
            "User {} does not have sufficient privileges to perform the requested operation", caller.role));
    }

    Outcome<void> insist_known() const {
        if (caller.is_known()) return {};
        return unauthorized("You have to be logged in and not anonymous to perform this request");
    }

    Outcome<RoleAnswer> changed(const Result<>& outcome, std::vector<std::string> warnings = {}) const {
        if (!outcome) return std::unexpected(error_response(outcome.error()));
        return RoleAnswer{{}, {}, std::move(warnings)};
    }

    Outcome<void> check_options() const {
        const auto& options = statement.options;
        if (options.has_options)
            return invalid("org.apache.cassandra.auth.CassandraRoleManager doesn't support OPTIONS");
        if (options.has_cidrs) return invalid("Access from some CIDRs only is not offered");
        if (options.hashed_password && !Roles::is_hash(*options.hashed_password))
            return invalid("Invalid hashed password value. Please use jBcrypt.");
        if (options.data_centers)
            for (const auto& name : *options.data_centers)
                if (name != data_center)
                    return invalid(fmt::format(
                        "Invalid value(s) for DATACENTERS '[{}]',All values must be valid datacenters",
                        name));
        return {};
    }

    Result<> apply_options(Role& role) const {
        const auto& options = statement.options;
        if (options.password) role.hash = TRY(Roles::hash_password(*options.password));
        if (options.hashed_password) role.hash = *options.hashed_password;
        role.superuser = options.superuser.value_or(role.superuser);
        role.login = options.login.value_or(role.login);
        if (options.data_centers) role.data_centers = *options.data_centers;
        return {};
    }

    Outcome<RoleAnswer> create() const {
        if (auto may = insist(Permission::create, resource::all_roles()); !may && caller.is_known())
            return std::unexpected(may.error());
        if (caller.is_known() && statement.options.superuser.value_or(false) && !is_super())
            return unauthorized("Only superusers can create a role with superuser status");
        if (auto known = insist_known(); !known) return std::unexpected(known.error());
        if (auto right = check_options(); !right) return std::unexpected(right.error());
        if (statement.role.empty()) return invalid("Role name can't be an empty string");
        if (now->find(statement.role) != nullptr) {
            if (statement.conditional) return RoleAnswer{};
            return invalid(fmt::format("{} already exists", statement.role));
        }
        // Hashing is slow, and goes before all others wait.
        Role made;
        if (auto applied = apply_options(made); !applied) return changed(applied);
        auto name = resource::role(statement.role);
        return changed(roles.change([&](RoleSet& set) -> Result<> {
            if (set.find(statement.role) != nullptr)
                return fail(Errc::exists, "{} already exists", statement.role);
            set.roles[statement.role] = made;
            set.roles[caller.role].grants[name] = resource::applicable(name);
            return {};
        }));
    }

    Outcome<void> may_alter() const {
        const auto& options = statement.options;
        if (options.superuser) {
            if (now->closure(caller.role).contains(statement.role))
                return unauthorized(
                    "You aren't allowed to alter your own superuser status or that of a role granted to you");
            if (!is_super()) return unauthorized("Only superusers are allowed to alter superuser status");
        }
        if (is_super()) return {};
        if (caller.role != statement.role) return insist(Permission::alter, resource::role(statement.role));
        // Of oneself one may change the password, and nothing else.
        if (options.login) return unauthorized("You aren't allowed to alter LOGIN");
        if (options.has_options) return unauthorized("You aren't allowed to alter OPTIONS");
        return {};
    }

    Outcome<RoleAnswer> alter() const {
        if (caller.is_known())
            if (auto may = may_alter(); !may) return std::unexpected(may.error());
        if (auto right = check_options(); !right) return std::unexpected(right.error());
        if (statement.options.empty()) return invalid("ALTER [ROLE|USER] can't be empty");
        if (auto known = insist_known(); !known) return std::unexpected(known.error());
        if (now->find(statement.role) == nullptr) {
            if (statement.conditional) return RoleAnswer{};
            return invalid(fmt::format("Role {} doesn't exist", statement.role));
        }
        Role wanted;
        if (auto applied = apply_options(wanted); !applied) return changed(applied);
        return changed(roles.change([&](RoleSet& set) -> Result<> {
            auto found = set.roles.find(statement.role);
            if (found == set.roles.end())
                return fail(Errc::not_found, "Role {} doesn't exist", statement.role);
            const auto& options = statement.options;
            auto& role = found->second;
            if (options.password || options.hashed_password) role.hash = wanted.hash;
            role.superuser = options.superuser.value_or(role.superuser);
            role.login = options.login.value_or(role.login);
            if (options.data_centers) role.data_centers = *options.data_centers;
            return {};
        }));
    }

    Outcome<RoleAnswer> drop() const {
        if (caller.is_known()) {
            if (auto may = insist(Permission::drop, resource::role(statement.role)); !may)
                return std::unexpected(may.error());
            if (now->is_superuser(statement.role) && !is_super())
                return unauthorized("Only superusers can drop a role with superuser status");
        }
        if (auto known = insist_known(); !known) return std::unexpected(known.error());
        if (now->find(statement.role) == nullptr) {
            if (statement.conditional) return RoleAnswer{};
            return invalid(fmt::format("{} doesn't exist", statement.role));
        }
        if (statement.role == caller.role) return invalid("Cannot DROP primary role for current login");
        return changed(roles.change([&](RoleSet& set) -> Result<> {
            set.roles.erase(statement.role);
            for (auto& [name, role] : set.roles) role.member_of.erase(statement.role);
            set.forget_resource(resource::role(statement.role), false);
            return {};
        }));
    }

    Outcome<RoleAnswer> grant_role(bool revoke) const {
        if (caller.is_known())
            if (auto may = insist(Permission::authorize, resource::role(statement.granted)); !may)
                return std::unexpected(may.error());
        if (auto known = insist_known(); !known) return std::unexpected(known.error());
        for (const auto& name : {statement.granted, statement.role})
            if (now->find(name) == nullptr) return invalid(fmt::format("{} doesn't exist", name));
        return changed(roles.change([&](RoleSet& set) -> Result<> {
            auto& members = set.roles[statement.role].member_of;
            if (revoke) {
                if (members.erase(statement.granted) == 0)
                    return fail(Errc::invalid, "{} is not a member of {}", statement.role, statement.granted);
                return {};
            }
            if (set.closure(statement.role).contains(statement.granted))
                return fail(Errc::invalid, "{} is a member of {}", statement.role, statement.granted);
            if (set.closure(statement.granted).contains(statement.role))
                return fail(Errc::invalid, "{} is a member of {}", statement.granted, statement.role);
            members.insert(statement.granted);
            return {};
        }));
    }

    Outcome<std::string> resource_of(const ResourceName& name) const {
        if (name.kind == ResourceName::Kind::named) return name.name;
        if (name.kind == ResourceName::Kind::function)
            return invalid(fmt::format("Resource <function {}.{}> doesn't exist", name.keyspace, name.table));
        auto keyspace = name.keyspace.empty() ? session_keyspace : std::string_view(name.keyspace);
        if (keyspace.empty())
            return invalid(
                "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
        return resource::table(keyspace, name.table);
    }

    Outcome<RoleAnswer> grant(bool revoke) const {
        auto on = resource_of(*statement.on);
        if (!on) return std::unexpected(on.error());
        auto applicable = resource::applicable(*on);
        auto wanted = statement.all_permissions ? applicable : statement.permissions & applicable;
        if (wanted.empty())
            return refuse(ErrorCode::syntax,
                          fmt::format("Resource type {} does not support any of the requested permissions",
                                      resource::kind(*on)));
        if (auto known = insist_known(); !known) return std::unexpected(known.error());
        bool there = exists(*now, catalogue, *on);
        // Who may not do it hears no more than that.
        if (there || !is_super()) {
            auto needed = wanted;
            needed.add(Permission::authorize);
            std::vector<Permission> asked{Permission::authorize};
            for (auto one : wanted.list()) asked.push_back(one);
            for (auto one : asked)
                if (auto may = require(*now, caller, one, *on); !may)
                    return std::unexpected(error_response(may.error()));
        }
        if (!there) return invalid(fmt::format("Resource {} doesn't exist", resource::shown(*on)));
        if (now->find(statement.role) == nullptr)
            return invalid(fmt::format("Role {} doesn't exist", statement.role));
        PermissionSet unchanged;
        auto outcome = roles.change([&](RoleSet& set) -> Result<> {
            auto found = set.roles.find(statement.role);
            if (found == set.roles.end())
                return fail(Errc::not_found, "Role {} doesn't exist", statement.role);
            auto& grants = found->second.grants;
            auto before = grants[*on];
            unchanged = revoke ? wanted - before : wanted & before;
            auto after = revoke ? before - wanted : before | wanted;
            if (after.empty())
                grants.erase(*on);
            else
                grants[*on] = after;
            return {};
        });
        std::vector<std::string> warnings;
        if (!unchanged.empty()) {
            std::string names;
            for (auto one : unchanged.list())
                names += (names.empty() ? "" : ", ") + std::string(name_of(one));
            warnings.push_back(fmt::format("Role '{}' was {} {} on {}", statement.role,
                                           revoke ? "not granted" : "already granted", names,
                                           resource::shown(*on)));
        }
        return changed(outcome, std::move(warnings));
    }

    Outcome<RoleAnswer> list_roles(bool users) const {
        if (auto known = insist_known(); !known) return std::unexpected(known.error());
        std::set<std::string> shown;
        bool sees_all = now->may(caller.role, Permission::describe, resource::all_roles());
        if (statement.of) {
            if (now->find(*statement.of) == nullptr)
                return invalid(
                    fmt::format("{} doesn't exist", resource::shown(resource::role(*statement.of))));
            if (!sees_all && !now->closure(caller.role).contains(*statement.of))
                return unauthorized(
                    fmt::format("You are not authorized to view roles granted to {} ", *statement.of));
            shown = now->closure(*statement.of);
            if (!statement.recursive) {
                shown = now->find(*statement.of)->member_of;
                shown.insert(*statement.of);
            }
        } else if (sees_all) {
            for (const auto& [name, role] : now->roles) shown.insert(name);
        } else {
            shown = now->closure(caller.role);
        }
        RoleAnswer out;
        if (users)
            out.columns = {text_column("users", "name"), truth_column("users", "super"),
                           text_column("users", "datacenters")};
        else
            out.columns = {text_column("roles", "role"),
                           truth_column("roles", "super"),
                           truth_column("roles", "login"),
                           {"system_auth", "roles", "options",
                            type_option(DataType(Kind::map, {Kind::text, Kind::text}, true))},
                           text_column("roles", "datacenters")};
        for (const auto& name : shown) {
            const auto* role = now->find(name);
            if (role == nullptr || (users && !role->login)) continue;
            std::string centers, options;
            for (const auto& center : role->data_centers) centers += (centers.empty() ? "" : ", ") + center;
            if (centers.empty() ||
                (role->data_centers.size() == 1 && role->data_centers.contains(std::string(data_center))))
                centers = "ALL";
            begin_collection(options, 0);
            if (users)
                out.rows.push_back({name, truth(now->is_superuser(name)), centers});
            else
                out.rows.push_back({name, truth(role->superuser), truth(role->login), options, centers});
        }
        return out;
    }

    Outcome<RoleAnswer> list_permissions() const {
        if (auto known = insist_known(); !known) return std::unexpected(known.error());
        std::optional<std::string> on;
        if (statement.on) {
            auto found = resource_of(*statement.on);
            if (!found) return std::unexpected(found.error());
            on = std::move(*found);
            if (!exists(*now, catalogue, *on))
                return invalid(fmt::format("{} doesn't exist", resource::shown(*on)));
        }
        if (statement.of && now->find(*statement.of) == nullptr)
            return invalid(fmt::format("{} doesn't exist", resource::shown(resource::role(*statement.of))));
        bool sees_all = now->may(caller.role, Permission::describe, resource::all_roles());
        if (!sees_all && !statement.of)
            return unauthorized("You are not authorized to view everyone's permissions");
        if (!sees_all && !now->closure(caller.role).contains(*statement.of))
            return unauthorized(
                fmt::format("You are not authorized to view {}'s permissions", *statement.of));
        std::set<std::string> holders;
        if (statement.of)
            holders = now->closure(*statement.of);
        else
            for (const auto& [name, role] : now->roles) holders.insert(name);
        std::set<std::string> places;
        for (auto at = on.value_or(""); !at.empty(); at = resource::parent(at)) {
            places.insert(at);
            if (!statement.recursive) break;
        }
        RoleAnswer out;
        for (const auto& name : holders) {
            for (const auto& [place, permissions] : now->find(name)->grants) {
                if (on && !places.contains(place)) continue;
                auto shown = statement.all_permissions ? permissions : permissions & statement.permissions;
                for (auto one : shown.list())
                    out.rows.push_back({name, name, resource::shown(place), std::string(name_of(one))});
            }
        }
        // As Cassandra does, an empty list has no columns either.
        if (!out.rows.empty())
            for (auto name : {"role", "username", "resource", "permission"})
                out.columns.push_back(text_column("permissions", name));
        return out;
    }
};

}  // namespace

std::expected<RoleAnswer, ErrorResponse> run_role_statement(Roles& roles, const Catalogue& catalogue,
                                                            const RoleStatement& statement,
                                                            std::string_view session_keyspace,
                                                            const Caller& caller,
                                                            std::string_view data_center) {
    using enum RoleStatement::Kind;
    Runner runner{roles, catalogue, statement, session_keyspace, caller, data_center};
    switch (statement.kind) {
        case create:
            return runner.create();
        case alter:
            return runner.alter();
        case drop:
            return runner.drop();
        case grant_role:
        case revoke_role:
            return runner.grant_role(statement.kind == revoke_role);
        case grant:
        case revoke:
            return runner.grant(statement.kind == revoke);
        case list_roles:
        case list_users:
            return runner.list_roles(statement.kind == list_users);
        case list_permissions:
            return runner.list_permissions();
    }
    return RoleAnswer{};
}

Result<> require(const RoleSet& roles, const Caller& caller, Permission permission,
                 std::string_view resource) {
    if (!caller.is_known() || roles.may(caller.role, permission, resource)) return {};
    return fail(Errc::unauthorized, "User {} has no {} permission on {} or any of its parents", caller.role,
                name_of(permission), resource::shown(resource));
}

Result<> require_for_table(const RoleSet& roles, const Caller& caller, Permission permission,
                           std::string_view keyspace, std::string_view table) {
    // Clients cannot do without these.
    bool readable = is_system_keyspace(keyspace) && keyspace != "system_auth";
    if (!caller.is_known() || (permission == Permission::select && readable)) return {};
    return require(roles, caller, permission, resource::table(keyspace, table));
}

Result<> require_for_schema(const RoleSet& roles, const Catalogue& catalogue, const Caller& caller,
                            const Statement& statement, std::string_view session_keyspace) {
    if (!caller.is_known()) return {};
    auto keyspace_of = [&](const Name& name) {
        return name.keyspace.empty() ? session_keyspace : std::string_view(name.keyspace);
    };
    auto table = [&](Permission permission, const Name& name) {
        return require(roles, caller, permission, resource::table(keyspace_of(name), name.name));
    };
    if (std::holds_alternative<CreateKeyspace>(statement))
        return require(roles, caller, Permission::create, resource::all_keyspaces());
    if (const auto* one = std::get_if<AlterKeyspace>(&statement))
        return require(roles, caller, Permission::alter, resource::keyspace(one->name));
    if (const auto* one = std::get_if<DropKeyspace>(&statement))
        return require(roles, caller, Permission::drop, resource::keyspace(one->name));
    if (const auto* one = std::get_if<CreateTable>(&statement))
        return require(roles, caller, Permission::create, resource::all_tables(keyspace_of(one->table)));
    if (const auto* one = std::get_if<AlterTable>(&statement)) return table(Permission::alter, one->table);
    if (const auto* one = std::get_if<DropTable>(&statement)) return table(Permission::drop, one->table);
    if (const auto* one = std::get_if<Truncate>(&statement)) return table(Permission::modify, one->table);
    if (const auto* one = std::get_if<CreateView>(&statement)) return table(Permission::alter, one->base);
    if (const auto* one = std::get_if<DropView>(&statement))
        if (auto view = catalogue.table(keyspace_of(one->name), one->name.name); view && view->view)
            return require(roles, caller, Permission::alter,
                           resource::table(view->keyspace, view->view->base));
    auto tables = [&](Permission permission, const Name& name) {
        return require(roles, caller, permission, resource::all_tables(keyspace_of(name)));
    };
    if (const auto* one = std::get_if<CreateType>(&statement)) return tables(Permission::create, one->name);
    if (const auto* one = std::get_if<AlterType>(&statement)) return tables(Permission::alter, one->name);
    if (const auto* one = std::get_if<DropType>(&statement)) return tables(Permission::drop, one->name);
    if (const auto* one = std::get_if<CreateIndex>(&statement)) return table(Permission::alter, one->table);
    if (const auto* one = std::get_if<DropIndex>(&statement))
        if (auto of = table_of_index(catalogue, keyspace_of(one->name), one->name.name))
            return require(roles, caller, Permission::alter, resource::table(of->keyspace, of->name));
    return {};
}

Result<> follow_schema_change(Roles& roles, const Caller& caller, const wire::cql::SchemaChange& change) {
    bool of_table = change.target == "TABLE", of_keyspace = change.target == "KEYSPACE";
    if (!of_table && !of_keyspace) return {};
    auto name =
        of_table ? resource::table(change.keyspace, change.table) : resource::keyspace(change.keyspace);
    if (change.change == "DROPPED") {
        auto held = roles.get();
        bool granted = std::ranges::any_of(held->roles, [&](const auto& one) {
            return std::ranges::any_of(one.second.grants, [&](const auto& grant) {
                return grant.first == name || grant.first.starts_with(name + "/") ||
                       (of_keyspace && grant.first == resource::functions(change.keyspace));
            });
        });
        if (!granted) return {};
        return roles.change([&](RoleSet& set) -> Result<> {
            set.forget_resource(name, of_keyspace);
            if (of_keyspace) set.forget_resource(resource::functions(change.keyspace), true);
            return {};
        });
    }
    if (change.change != "CREATED" || !caller.is_known()) return {};
    return roles.change([&](RoleSet& set) -> Result<> {
        auto found = set.roles.find(caller.role);
        if (found == set.roles.end()) return {};
        found->second.grants[name] = resource::applicable(name);
        if (of_keyspace) {
            auto functions = resource::functions(change.keyspace);
            found->second.grants[functions] = resource::applicable(functions);
        }
        return {};
    });
}

}  // namespace penstock::store::cql
