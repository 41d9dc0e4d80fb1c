#include "store/cql/type_change.h"

#include <algorithm>

#include "store/cql/system_tables.h"

namespace penstock::store::cql {
namespace {

using wire::cql::ErrorCode;
using wire::cql::ErrorResponse;
using Outcome = std::expected<Change, ErrorResponse>;

std::unexpected<ErrorResponse> refuse(ErrorCode code, std::string text) {
    return std::unexpected(ErrorResponse{code, std::move(text), {}, {}, {}});
}

bool uses(const DataType& type, std::string_view name) {
    if (type.kind == Kind::udt && type.user->name == name) return true;
    return std::ranges::any_of(type.parameters, [&](const DataType& part) { return uses(part, name); });
}

/// What a field of a user-defined type may be.
Result<DataType> field_type(const KeyspaceDefinition& keyspace, const std::string& text) {
    auto type = TRY(column_type(text, keyspace.user_types()));
    if (type.kind == Kind::counter) return fail(Errc::invalid, "A user type cannot contain counters");
    if (type.kind == Kind::udt && !type.frozen)
        return fail(Errc::invalid, "A user type cannot contain non-frozen UDTs");
    return type;
}

Result<DataType> define(const KeyspaceDefinition& keyspace, const CreateType& statement) {
    DataType out(Kind::udt);
    auto user = std::make_shared<UserTypeName>(UserTypeName{keyspace.name, statement.name.name, {}});
    for (const auto& [name, text] : statement.fields) {
        if (user->field(name) >= 0)
            return fail(Errc::invalid, "Duplicate field name '{}' in type '{}'", name, statement.name.name);
        user->fields.push_back(name);
        out.parameters.push_back(TRY(field_type(keyspace, text)));
    }
    out.user = std::move(user);
    return out;
}

/// The keyspace that a statement's name is in, when types can be changed there.
std::expected<std::string, ErrorResponse> keyspace_of(const Name& name, std::string_view session) {
    auto out = name.keyspace.empty() ? std::string(session) : name.keyspace;
    if (out.empty())
        return refuse(ErrorCode::invalid,
                      "No keyspace has been specified. USE a keyspace, or explicitly specify "
                      "keyspace.tablename");
    if (is_system_keyspace(out))
        return refuse(ErrorCode::unauthorized, fmt::format("{} keyspace is not user-modifiable.", out));
    return out;
}

Result<> add_field(KeyspaceDefinition& keyspace, const AlterType& statement, DataType& type,
                   UserTypeName& user) {
    for (const auto& [name, text] : statement.added) {
        if (user.field(name) >= 0) {
            if (statement.if_field) continue;
            return fail(Errc::invalid, "Cannot add field {} to type {}: a field with name {} already exists",
                        name, keyspace.name + "." + user.name, name);
        }
        auto added = TRY(field_type(keyspace, text));
        if (uses(added, user.name))
            return fail(Errc::invalid,
                        "Cannot add new field {} of type {} to user type {}.{} as it would create a circular "
                        "reference",
                        name, to_string(added), keyspace.name, user.name);
        user.fields.push_back(name);
        type.parameters.push_back(std::move(added));
    }
    return {};
}

Result<> rename_fields(const KeyspaceDefinition& keyspace, const AlterType& statement, UserTypeName& user) {
    for (const auto& [from, to] : statement.renamed) {
        auto index = user.field(from);
        if (index < 0) {
            if (statement.if_field) continue;
            return fail(Errc::invalid, "Unkown field {} in user type {}.{}", from, keyspace.name, user.name);
        }
        user.fields[std::size_t(index)] = to;
    }
    for (std::size_t i = 0; i < user.fields.size(); ++i)
        if (std::size_t(user.field(user.fields[i])) != i)
            return fail(Errc::invalid, "Duplicate field name {} in type {}.{}", user.fields[i], keyspace.name,
                        user.name);
    return {};
}

/// "Cannot drop user type 'ks.t' as it is still used by tables [a, b]"
Result<> check_unused(const KeyspaceDefinition& keyspace, const std::string& name) {
    std::string types, tables;
    for (const auto& [other, type] : keyspace.types) {
        bool used = other != name && std::ranges::any_of(type.parameters, [&](const DataType& field) {
                        return uses(field, name);
                    });
        if (used) types += (types.empty() ? "" : ", ") + other;
    }
    for (const auto& [table_name, table] : keyspace.tables) {
        bool used = std::ranges::any_of(
            table->columns, [&](const ColumnDefinition& column) { return uses(column.type, name); });
        if (used) tables += (tables.empty() ? "" : ", ") + table_name;
    }
    if (!types.empty())
        return fail(Errc::invalid, "Cannot drop user type '{}.{}' as it is still used by user types [{}]",
                    keyspace.name, name, types);
    if (!tables.empty())
        return fail(Errc::invalid, "Cannot drop user type '{}.{}' as it is still used by tables [{}]",
                    keyspace.name, name, tables);
    return {};
}

/// A partition key's bytes say where it lies: they may not change with its type.
Result<> check_keys(const KeyspaceDefinition& keyspace, const AlterType& statement) {
    std::string tables;
    for (const auto& [table_name, table] : keyspace.tables) {
        bool used = std::ranges::any_of(table->columns, [&](const ColumnDefinition& column) {
            return column.role == ColumnRole::partition_key && uses(column.type, statement.name.name);
        });
        if (used) tables += (tables.empty() ? "" : ", ") + table->full_name();
    }
    if (tables.empty()) return {};
    const auto& [field, type] = statement.added[0];
    return fail(
        Errc::invalid,
        "Cannot add new field {} of type {} to user type {}.{} as the type is being used in partition "
        "key by the following tables: {}",
        field, type, keyspace.name, statement.name.name, tables);
}

}  // namespace

Outcome create_type(Database& database, const CreateType& statement, std::string_view session_keyspace) {
    auto keyspace = keyspace_of(statement.name, session_keyspace);
    if (!keyspace) return std::unexpected(keyspace.error());
    bool found = false;
    auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto at = catalogue.keyspaces.find(*keyspace);
        if (at == catalogue.keyspaces.end())
            return fail(Errc::invalid, "Keyspace '{}' doesn't exist", *keyspace);
        found = at->second.types.contains(statement.name.name);
        if (found)
            return fail(Errc::invalid, "A user type with name '{}' already exists", statement.name.name);
        at->second.types[statement.name.name] = TRY(define(at->second, statement));
        return {};
    });
    if (found && statement.if_not_exists) return Change{};
    if (!done) return std::unexpected(error_response(done.error()));
    return Change({"CREATED", "TYPE", *keyspace, statement.name.name});
}

Outcome alter_type(Database& database, const AlterType& statement, std::string_view session_keyspace) {
    auto keyspace = keyspace_of(statement.name, session_keyspace);
    if (!keyspace) return std::unexpected(keyspace.error());
    bool missing = false;
    auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto at = catalogue.keyspaces.find(*keyspace);
        missing = at == catalogue.keyspaces.end() || !at->second.types.contains(statement.name.name);
        if (missing) return fail(Errc::invalid, "Type {}.{} doesn't exist", *keyspace, statement.name.name);
        if (!statement.added.empty()) TRY(check_keys(at->second, statement));
        auto& type = at->second.types[statement.name.name];
        auto user = std::make_shared<UserTypeName>(*type.user);
        TRY(add_field(at->second, statement, type, *user));
        TRY(rename_fields(at->second, statement, *user));
        type.user = std::move(user);
        at->second.refresh_types();
        return {};
    });
    if (missing && statement.if_exists) return Change{};
    if (!done) return std::unexpected(error_response(done.error()));
    return Change({"UPDATED", "TYPE", *keyspace, statement.name.name});
}

Outcome drop_type(Database& database, const DropType& statement, std::string_view session_keyspace) {
    auto keyspace = keyspace_of(statement.name, session_keyspace);
    if (!keyspace) return std::unexpected(keyspace.error());
    bool missing = false;
    auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto at = catalogue.keyspaces.find(*keyspace);
        missing = at == catalogue.keyspaces.end() || !at->second.types.contains(statement.name.name);
        if (missing) return fail(Errc::invalid, "Type '{}.{}' doesn't exist", *keyspace, statement.name.name);
        TRY(check_unused(at->second, statement.name.name));
        at->second.types.erase(statement.name.name);
        return {};
    });
    if (missing && statement.if_exists) return Change{};
    if (!done) return std::unexpected(error_response(done.error()));
    return Change({"DROPPED", "TYPE", *keyspace, statement.name.name});
}

}  // namespace penstock::store::cql
