#include "store/cql/schema_change.h"

#include <algorithm>
#include <array>

#include "store/clustering.h"
#include "store/cql/compact_storage.h"
#include "store/cql/dropped_columns.h"
#include "store/cql/index_schema.h"
#include "store/cql/keyspace_options.h"
#include "store/cql/resolve.h"
#include "store/cql/system_tables.h"
#include "store/cql/table_options.h"
#include "store/cql/token_stream.h"
#include "store/cql/type_change.h"
#include "store/cql/view_schema.h"
#include "store/uuid.h"

namespace penstock::store::cql {
namespace {

using wire::cql::ErrorCode;
using wire::cql::ErrorResponse;
template <class T>
using Outcome = std::expected<T, ErrorResponse>;

std::unexpected<ErrorResponse> refuse(const Error& error) {
    return std::unexpected(error_response(error));
}
std::unexpected<ErrorResponse> refuse(ErrorCode code, std::string text) {
    return std::unexpected(ErrorResponse{code, std::move(text), {}, {}, {}});
}
std::unexpected<ErrorResponse> exists(std::string keyspace, std::string table) {
    auto text = table.empty() ? fmt::format("Cannot add existing keyspace \"{}\"", keyspace)
                              : fmt::format("Cannot add already existing table \"{}\" to keyspace \"{}\"",
                                            table, keyspace);
    return std::unexpected(
        ErrorResponse{ErrorCode::already_exists, text, std::move(keyspace), std::move(table), {}});
}

/// The type with its keyspace in front of the names of user-defined types.
std::string qualified(const DataType& type) {
    if (type.kind == Kind::udt) {
        auto name = quoted_name(type.user->keyspace) + "." + quoted_name(type.user->name);
        return type.frozen ? "frozen<" + name + ">" : name;
    }
    auto text = to_string(DataType(type.kind));
    if (type.parameters.empty()) return to_string(type);
    std::vector<std::string> parts;
    for (const auto& parameter : type.parameters) parts.push_back(qualified(parameter));
    text += fmt::format("<{}>", fmt::join(parts, ", "));
    return type.frozen || type.kind == Kind::tuple ? "frozen<" + text + ">" : text;
}

/// Inside a collection only frozen ones can be stored.
Result<> check_nesting(const DataType& type) {
    for (const auto& parameter : type.parameters) {
        bool stored_apart = parameter.is_multi_cell() && !type.frozen && type.is_collection();
        if (stored_apart)
            return fail(Errc::invalid, "Non-frozen {} are not allowed inside collections: {}",
                        parameter.kind == Kind::udt ? "UDTs" : "collections", qualified(type));
        if (parameter.kind == Kind::counter && type.is_collection())
            return fail(Errc::invalid, "Counters are not allowed inside collections: {}", to_string(type));
        if (parameter.kind == Kind::duration && type.kind == Kind::set)
            return fail(Errc::invalid, "Durations are not allowed inside sets: {}", to_string(type));
        if (type.kind != Kind::udt) TRY(check_nesting(parameter));
    }
    if (type.kind == Kind::map && type.parameters[0].kind == Kind::duration)
        return fail(Errc::invalid, "Durations are not allowed as map keys: {}", to_string(type));
    return {};
}

constexpr std::size_t most_name = 48;
/// What a table's name may have beside a file name's own parts, as in Cassandra.
constexpr std::size_t most_table_name = 222;

bool valid_name(std::string_view name, std::size_t most = most_name) {
    return !name.empty() && name.size() <= most &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::string keyspace_of(const Name& name, std::string_view session) {
    return name.keyspace.empty() ? std::string(session) : name.keyspace;
}

struct Changer {
    Database& database;
    std::string_view session;
    std::string_view data_center;
    std::vector<std::string>& warnings;

    Outcome<Change> create(const CreateKeyspace& statement) {
        if (!valid_name(statement.name))
            return refuse(ErrorCode::invalid,
                          fmt::format("Keyspace name must not be empty, more than {} characters long, or "
                                      "contain non-alphanumeric-underscore characters (got \"{}\")",
                                      most_name, statement.name));
        if (is_system_keyspace(statement.name))
            return refuse(ErrorCode::invalid,
                          fmt::format("system keyspace is not user-modifiable: {}", statement.name));
        KeyspaceDefinition made;
        made.name = statement.name;
        auto applied = apply_keyspace_options(statement.options, made, true, data_center, warnings);
        if (!applied) return refuse(applied.error());
        bool found = false;
        auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
            found = catalogue.keyspaces.contains(statement.name);
            if (found) return fail(Errc::exists, "exists");
            catalogue.keyspaces[statement.name] = made;
            return {};
        });
        if (found && statement.if_not_exists) return Change{};
        if (found) return exists(statement.name, "");
        if (!done) return refuse(done.error());
        return Change({"CREATED", "KEYSPACE", statement.name, ""});
    }

    Outcome<Change> alter(const AlterKeyspace& statement) {
        if (is_system_keyspace(statement.name))
            return refuse(ErrorCode::unauthorized,
                          fmt::format("{} keyspace is not user-modifiable.", statement.name));
        bool missing = false;
        auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
            auto at = catalogue.keyspaces.find(statement.name);
            missing = at == catalogue.keyspaces.end();
            if (missing) return fail(Errc::invalid, "Keyspace '{}' doesn't exist", statement.name);
            return apply_keyspace_options(statement.options, at->second, false, data_center, warnings);
        });
        if (missing && statement.if_exists) return Change{};
        if (!done) return refuse(done.error());
        return Change({"UPDATED", "KEYSPACE", statement.name, ""});
    }

    Outcome<Change> drop(const DropKeyspace& statement) {
        if (is_system_keyspace(statement.name))
            return refuse(ErrorCode::unauthorized,
                          fmt::format("{} keyspace is not user-modifiable.", statement.name));
        bool missing = false;
        std::vector<std::uint32_t> gone;
        auto done = database.change_catalogue(
            [&](Catalogue& catalogue) -> Result<> {
                auto at = catalogue.keyspaces.find(statement.name);
                missing = at == catalogue.keyspaces.end();
                if (missing) return fail(Errc::invalid, "Keyspace '{}' doesn't exist", statement.name);
                for (const auto& [name, table] : at->second.tables) gone.push_back(table->id);
                catalogue.keyspaces.erase(at);
                return {};
            },
            true);
        if (missing && statement.if_exists) return Change{};
        if (!done) return refuse(done.error());
        for (auto table : gone) database.reclaim(table);
        return Change({"DROPPED", "KEYSPACE", statement.name, ""});
    }

    /// Changes a copy of the table; change may replace it.
    Outcome<Change> with_table(const Name& name, bool if_exists, std::string_view what, bool flush_first,
                               const std::function<Result<bool>(Catalogue&, TableDefinition&)>& change,
                               std::optional<std::uint32_t>* old_id = nullptr) {
        auto keyspace = keyspace_of(name, session);
        if (keyspace.empty())
            return refuse(ErrorCode::invalid,
                          "No keyspace has been specified. USE a keyspace, or explicitly specify "
                          "keyspace.tablename");
        if (is_system_keyspace(keyspace))
            return refuse(ErrorCode::unauthorized,
                          fmt::format("{} keyspace is not user-modifiable.", keyspace));
        bool missing = false, keep = true;
        auto done = database.change_catalogue(
            [&](Catalogue& catalogue) -> Result<> {
                auto at = catalogue.keyspaces.find(keyspace);
                missing = at == catalogue.keyspaces.end() || !at->second.tables.contains(name.name);
                if (missing) return fail(Errc::invalid, "Table '{}.{}' doesn't exist", keyspace, name.name);
                auto& slot = at->second.tables[name.name];
                auto copy = *slot;
                if (old_id != nullptr) *old_id = copy.id;
                keep = TRY(change(catalogue, copy));
                if (keep)
                    slot = std::make_shared<const TableDefinition>(std::move(copy));
                else
                    at->second.tables.erase(name.name);
                return {};
            },
            flush_first);
        if (missing && if_exists) return Change{};
        if (!done) return refuse(done.error());
        return Change({std::string(what), "TABLE", keyspace, name.name});
    }

    Outcome<Change> create(const CreateTable& statement) {
        auto keyspace = keyspace_of(statement.table, session);
        if (keyspace.empty())
            return refuse(ErrorCode::invalid,
                          "No keyspace has been specified. USE a keyspace, or explicitly specify "
                          "keyspace.tablename");
        if (is_system_keyspace(keyspace))
            return refuse(ErrorCode::unauthorized,
                          fmt::format("{} keyspace is not user-modifiable.", keyspace));
        auto catalogue_now = database.catalogue();
        const auto* in = catalogue_now->keyspace(keyspace);
        if (in == nullptr)
            return refuse(ErrorCode::invalid, fmt::format("Keyspace '{}' doesn't exist", keyspace));
        auto made = define_table(statement, keyspace, in->user_types());
        if (!made) return refuse(made.error());
        bool found = false;
        auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
            auto at = catalogue.keyspaces.find(keyspace);
            if (at == catalogue.keyspaces.end())
                return fail(Errc::invalid, "Keyspace '{}' doesn't exist", keyspace);
            found = at->second.tables.contains(statement.table.name);
            if (found) return fail(Errc::exists, "exists");
            made->id = catalogue.next_table++;
            at->second.tables[made->name] = std::make_shared<const TableDefinition>(*made);
            return {};
        });
        if (found && statement.if_not_exists) return Change{};
        if (found) return exists(keyspace, statement.table.name);
        if (!done) return refuse(done.error());
        return Change({"CREATED", "TABLE", keyspace, statement.table.name});
    }

    Outcome<Change> alter(const AlterTable& statement) {
        return with_table(
            statement.table, statement.if_exists, "UPDATED", false,
            [&](Catalogue& catalogue, TableDefinition& table) -> Result<bool> {
                if (table.view && !statement.of_view)
                    return fail(
                        Errc::invalid,
                        "Cannot use ALTER TABLE on a materialized view; use ALTER MATERIALIZED VIEW instead");
                if (!table.view && statement.of_view)
                    return fail(Errc::invalid, "Materialized view '{}' doesn't exist", table.full_name());
                if (statement.options.texts.contains("id"))
                    return fail(Errc::invalid, "{}Cannot alter table id.", config_prefix);
                if (statement.kind == AlterTable::Kind::drop_compact_storage)
                    return fail(Errc::invalid,
                                "DROP COMPACT STORAGE is disabled. Enable in cassandra.yaml to use.");
                // No column has a mask.
                if (statement.kind == AlterTable::Kind::drop_mask && !statement.if_column &&
                    table.find(statement.unmasked) == nullptr)
                    return fail(Errc::invalid, "Column with name '{}' doesn't exist on table '{}'",
                                statement.unmasked, table.name);
                auto views = views_of(catalogue, table);
                for (const auto& added : statement.added) {
                    if (table.find(added.name)) {
                        if (statement.if_column) continue;
                        return fail(Errc::invalid, "Column with name '{}' already exists", added.name);
                    }
                    if (table.compact_storage)
                        return fail(Errc::invalid, "Cannot add new column to a COMPACT STORAGE table");
                    ColumnDefinition column;
                    column.name = added.name;
                    column.type = TRY(column_type(
                        added.type, catalogue.keyspaces.find(table.keyspace)->second.user_types()));
                    if (added.is_static) {
                        if (table.clustering_columns == 0)
                            return fail(Errc::invalid,
                                        "Static columns are only useful (and thus allowed) if the table has "
                                        "at least one clustering column");
                        column.role = ColumnRole::static_;
                    }
                    TRY(give_id(table, column));
                    if ((column.type.kind == Kind::counter) != table.is_counter())
                        return fail(Errc::invalid,
                                    "Cannot mix counter and non counter columns in the same table");
                    for (const auto& view : views) {
                        if (!view->view->include_all || column.role == ColumnRole::static_) continue;
                        auto wider = *view;
                        wider.columns.push_back(column);
                        wider.arrange();
                        catalogue.keyspaces[table.keyspace].tables[view->name] =
                            std::make_shared<const TableDefinition>(std::move(wider));
                    }
                    table.columns.push_back(std::move(column));
                }
                for (const auto& dropped : statement.dropped) {
                    const auto* column = table.find(dropped);
                    if (column == nullptr) {
                        if (statement.if_column) continue;
                        return fail(Errc::invalid, "Column {} was not found in table '{}'", dropped,
                                    table.full_name());
                    }
                    if (!views.empty())
                        return fail(Errc::invalid,
                                    "Cannot drop column {} on base table {} with materialized views", dropped,
                                    table.name);
                    std::string held;
                    for (const auto& index : table.indexes)
                        if (index.column == column->id) held += (held.empty() ? "" : ", ") + index.name;
                    if (!held.empty())
                        return fail(Errc::invalid,
                                    "Cannot drop column {} because it has dependent secondary indexes ({})",
                                    dropped, held);
                    if (column->role == ColumnRole::partition_key || column->role == ColumnRole::clustering)
                        return fail(Errc::invalid, "Cannot drop PRIMARY KEY column {}", dropped);
                    if (table.is_dense())
                        return fail(
                            Errc::invalid,
                            "Cannot drop column {}, the compact value column of a COMPACT STORAGE table",
                            dropped);
                    drop_column(table, *column, database.clock().now_us(), statement.dropped_us);
                }
                // Cassandra 5.0.9 does not ask here whether IF EXISTS was said.
                for (const auto& [from, to] : statement.renamed) TRY(rename(table, from, to));
                TRY(apply_table_options(statement.options, table));
                table.arrange();
                return true;
            });
    }

    /// Keys are told by their place: what is stored stays as it is.
    static Result<> rename(TableDefinition& table, const std::string& from, const std::string& to) {
        const auto* column = TRY(resolve_column(table, from));
        if (column->role != ColumnRole::partition_key && column->role != ColumnRole::clustering)
            return fail(Errc::invalid, "Cannot rename non PRIMARY KEY column {}", from);
        if (table.find(to) != nullptr)
            return fail(
                Errc::invalid,
                "Cannot rename column {} to {} in table '{}'; another column with that name already exists",
                from, to, table.full_name());
        table.columns[std::size_t(column - table.columns.data())].name = to;
        return {};
    }

    Outcome<Change> drop(const DropTable& statement) {
        std::optional<std::uint32_t> id;
        auto out = with_table(
            statement.table, statement.if_exists, "DROPPED", true,
            [](Catalogue& catalogue, TableDefinition& table) -> Result<bool> {
                if (table.view)
                    return fail(
                        Errc::invalid,
                        "Cannot use DROP TABLE on a materialized view. Please use DROP MATERIALIZED VIEW "
                        "instead.");
                if (auto views = names_of_views(catalogue, table); !views.empty())
                    return fail(Errc::invalid,
                                "Cannot drop a table when materialized views still depend on it ({})", views);
                return false;
            },
            &id);
        if (out && *out && id) database.reclaim(*id);
        return out;
    }

    /// The rows' keys begin with the table's id: with another id the table is empty at once.
    Outcome<Change> truncate(const Truncate& statement) {
        std::optional<std::uint32_t> id;
        auto out = with_table(
            statement.table, false, "TRUNCATED", true,
            [](Catalogue& catalogue, TableDefinition& table) -> Result<bool> {
                if (table.view)
                    return fail(
                        Errc::invalid,
                        "Cannot TRUNCATE materialized view directly; must truncate base table instead");
                for (const auto& view : views_of(catalogue, table)) {
                    auto emptied = *view;
                    emptied.id = catalogue.next_table++;
                    auto definition = *view->view;
                    definition.is_built = true;
                    emptied.view = std::make_shared<const ViewDefinition>(std::move(definition));
                    catalogue.keyspaces[table.keyspace].tables[view->name] =
                        std::make_shared<const TableDefinition>(std::move(emptied));
                }
                table.id = catalogue.next_table++;
                for (auto& index : table.indexes) {
                    index.id = catalogue.next_table++;
                    index.is_built = true;
                }
                return true;
            },
            &id);
        if (out && id) database.reclaim(*id);
        return out ? Outcome<Change>(Change{}) : out;
    }
};

}  // namespace

ErrorResponse error_response(const Error& error) {
    ErrorResponse out;
    out.text = error.text;
    for (auto [prefix, code] :
         {std::pair(syntax_prefix, ErrorCode::syntax), std::pair(config_prefix, ErrorCode::config),
          std::pair(protocol_prefix, ErrorCode::protocol)})
        if (out.text.starts_with(prefix)) {
            out.text.erase(0, prefix.size());
            out.code = code;
            return out;
        }
    switch (error.code) {
        case Errc::invalid:
        case Errc::not_found:
        case Errc::exists:
        case Errc::unsupported:
            out.code = ErrorCode::invalid;
            break;
        case Errc::out_of_range:
            out.code = ErrorCode::function_failure;
            out.keyspace = "system";
            break;
        case Errc::unauthorized:
            out.code = ErrorCode::unauthorized;
            break;
        case Errc::full:
            out.code = ErrorCode::overloaded;
            break;
        case Errc::timeout:
            out.code = ErrorCode::read_timeout;
            break;
        case Errc::unavailable:
        case Errc::cancelled:
            out.code = ErrorCode::is_bootstrapping;
            break;
        case Errc::corrupt:
        case Errc::io:
        case Errc::fenced:
        case Errc::internal:
            out.code = ErrorCode::server;
            break;
    }
    return out;
}

Result<> check_table_name(std::string_view keyspace, std::string_view name) {
    if (valid_name(name, most_table_name)) return {};
    return fail(
        Errc::invalid,
        "{0}{1}.{2}: Table name must not be empty or not contain non-alphanumeric-underscore characters "
        "(got \"{2}\")",
        config_prefix, keyspace, name);
}

Result<DataType> column_type(const std::string& declared, const UserTypes& user_types) {
    auto type = TRY(parse_data_type(declared, user_types));
    TRY(check_nesting(type));
    if (type.kind == Kind::udt && type.is_multi_cell() &&
        std::ranges::any_of(type.parameters, &DataType::is_multi_cell))
        return fail(Errc::invalid, "Non-frozen UDTs with nested non-frozen collections are not supported");
    return type;
}

namespace {

/// CLUSTERING ORDER BY: the first clustering columns, as many as are named.
Result<> apply_order(const CreateTable& declared, TableDefinition& table) {
    auto named = [&](const std::string& column, std::size_t up_to) {
        return std::ranges::any_of(declared.order.begin(), declared.order.begin() + std::ptrdiff_t(up_to),
                                   [&](const auto& one) { return one.first == column; });
    };
    for (std::size_t i = 0; i < declared.order.size(); ++i) {
        const auto& name = declared.order[i].first;
        if (named(name, i))
            return fail(Errc::invalid, "Duplicate column '{}' in CLUSTERING ORDER BY clause for table '{}'",
                        name, table.name);
        if (std::ranges::find(declared.clustering, name) == declared.clustering.end())
            return fail(
                Errc::invalid,
                "Only clustering key columns can be defined in CLUSTERING ORDER directive: [{}] are not "
                "clustering columns",
                name);
    }
    for (std::size_t i = 0; i < declared.order.size(); ++i) {
        const auto& [name, descending] = declared.order[i];
        const auto& wanted = declared.clustering[i];
        if (wanted != name && named(wanted, declared.order.size()))
            return fail(
                Errc::invalid,
                "The order of columns in the CLUSTERING ORDER directive must match that of the clustering "
                "columns ({} must appear before {})",
                wanted, name);
        if (wanted != name) return fail(Errc::invalid, "Missing CLUSTERING ORDER for column {}", wanted);
        std::ranges::find(table.columns, name, &ColumnDefinition::name)->descending = descending;
    }
    return {};
}

}  // namespace

Result<TableDefinition> define_table(const CreateTable& declared, std::string_view keyspace,
                                     const UserTypes& user_types) {
    TableDefinition table;
    table.keyspace = keyspace;
    table.name = declared.table.name;
    table.uuid = random_uuid();
    table.compact_storage = declared.compact_storage;
    TRY(check_table_name(keyspace, table.name));
    bool counters = false, others = false;
    for (const auto& column : declared.columns) {
        if (table.find(column.name))
            return fail(Errc::invalid, "Duplicate column '{}' declaration for table '{}'", column.name,
                        table.name);
        auto type = TRY(column_type(column.type, user_types));
        auto role = column.is_static ? ColumnRole::static_ : ColumnRole::regular;
        table.columns.push_back({table.next_column++, column.name, type, role, 0, false});
    }
    if (declared.partition_key.empty())
        return fail(Errc::invalid, "No PRIMARY KEY specifed for table '{}' (exactly one required)",
                    table.name);
    if (declared.several_keys)
        return fail(Errc::invalid, "Multiple PRIMARY KEY specified for table '{}' (exactly one required)",
                    table.name);
    auto assign = [&](const std::vector<std::string>& names, ColumnRole role) -> Result<> {
        for (std::size_t i = 0; i < names.size(); ++i) {
            auto at = std::ranges::find(table.columns, names[i], &ColumnDefinition::name);
            if (at == table.columns.end())
                return fail(Errc::invalid, "Unknown column '{}' referenced in PRIMARY KEY for table '{}'",
                            names[i], table.name);
            if (at->role == ColumnRole::static_)
                return fail(Errc::invalid, "Static column '{}' cannot be part of the PRIMARY KEY", names[i]);
            if (at->role != ColumnRole::regular)
                return fail(Errc::invalid, "Duplicate column '{}' in PRIMARY KEY clause for table '{}'",
                            names[i], table.name);
            if (at->type.kind == Kind::udt && at->type.is_multi_cell())
                return fail(Errc::invalid,
                            "Invalid non-frozen user-defined type \"{}\" for PRIMARY KEY column '{}'",
                            to_string(at->type), names[i]);
            if (at->type.is_multi_cell())
                return fail(Errc::invalid,
                            "Invalid non-frozen collection type {} for PRIMARY KEY column '{}'",
                            to_string(at->type), names[i]);
            if (at->type.kind == Kind::counter)
                return fail(Errc::invalid, "counter type is not supported for PRIMARY KEY column '{}'",
                            names[i]);
            if (at->type.kind == Kind::duration)
                return fail(Errc::invalid, "duration type is not supported for PRIMARY KEY column '{}'",
                            names[i]);
            // The system's own tables are not stored, so their order needs no bytes.
            if (role == ColumnRole::clustering && !can_cluster(at->type) && !is_system_keyspace(keyspace))
                return fail(Errc::invalid, "{} is not offered for the clustering column '{}'",
                            to_string(at->type), names[i]);
            at->role = role;
            at->position = std::uint32_t(i);
            auto column = std::ranges::find(declared.columns, names[i], &ColumnDeclaration::name);
            at->descending = role == ColumnRole::clustering && column->is_reversed;
        }
        return {};
    };
    TRY(assign(declared.partition_key, ColumnRole::partition_key));
    TRY(assign(declared.clustering, ColumnRole::clustering));
    if (table.compact_storage) TRY(check_compact_table(table));
    for (const auto& column : table.columns)
        if (column.role == ColumnRole::regular || column.role == ColumnRole::static_)
            (column.type.kind == Kind::counter ? counters : others) = true;
    if (counters && others)
        return fail(Errc::invalid, "Cannot mix counter and non counter columns in the same table");
    bool has_static = std::ranges::any_of(declared.columns, &ColumnDeclaration::is_static);
    if (has_static && declared.clustering.empty())
        return fail(Errc::invalid,
                    "Static columns are only useful (and thus allowed) if the table has at least one "
                    "clustering column");
    TRY(apply_order(declared, table));
    TRY(apply_table_options(declared.options, table));
    table.arrange();
    return table;
}

std::expected<Change, ErrorResponse> change_schema(Database& database, const Statement& statement,
                                                   std::string_view session_keyspace,
                                                   std::string_view data_center,
                                                   std::vector<std::string>& warnings) {
    Changer changer{database, session_keyspace, data_center, warnings};
    if (const auto* one = std::get_if<CreateKeyspace>(&statement)) return changer.create(*one);
    if (const auto* one = std::get_if<AlterKeyspace>(&statement)) return changer.alter(*one);
    if (const auto* one = std::get_if<DropKeyspace>(&statement)) return changer.drop(*one);
    if (const auto* one = std::get_if<CreateTable>(&statement)) return changer.create(*one);
    if (const auto* one = std::get_if<AlterTable>(&statement)) return changer.alter(*one);
    if (const auto* one = std::get_if<DropTable>(&statement)) return changer.drop(*one);
    if (const auto* one = std::get_if<CreateType>(&statement))
        return create_type(database, *one, session_keyspace);
    if (const auto* one = std::get_if<AlterType>(&statement))
        return alter_type(database, *one, session_keyspace);
    if (const auto* one = std::get_if<DropType>(&statement))
        return drop_type(database, *one, session_keyspace);
    if (const auto* one = std::get_if<CreateView>(&statement))
        return create_view(database, *one, session_keyspace);
    if (const auto* one = std::get_if<DropView>(&statement))
        return drop_view(database, *one, session_keyspace);
    if (const auto* one = std::get_if<CreateIndex>(&statement))
        return create_index(database, *one, session_keyspace, warnings);
    if (const auto* one = std::get_if<DropIndex>(&statement))
        return drop_index(database, *one, session_keyspace);
    return changer.truncate(std::get<Truncate>(statement));
}

}  // namespace penstock::store::cql
