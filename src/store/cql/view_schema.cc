#include "store/cql/view_schema.h"

#include <algorithm>

#include "store/cql/compact_storage.h"
#include "store/cql/describe.h"
#include "store/cql/system_tables.h"
#include "store/cql/table_options.h"
#include "store/index_builder.h"
#include "store/uuid.h"

namespace penstock::store::cql {
namespace {

using wire::cql::ErrorCode;
using wire::cql::ErrorResponse;

std::unexpected<ErrorResponse> refuse(ErrorCode code, std::string text) {
    return std::unexpected(ErrorResponse{code, std::move(text), {}, {}, {}});
}

bool names(const std::vector<std::string>& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
}

Result<> check_columns(const CreateView& statement, const TableDefinition& base,
                       const TableDefinition& view) {
    for (const auto& name : statement.columns)
        if (base.find(name) == nullptr)
            return fail(Errc::invalid, "Undefined column name {} in table {}", name, base.full_name());
    for (const auto& column : base.columns)
        if (base.shown_role(column) == ColumnRole::static_ &&
            (statement.all || names(statement.columns, column.name)))
            return fail(Errc::invalid, "Cannot include static column '{}' in materialized view '{}'",
                        column.name, view.name);
    return {};
}

/// The key's columns, as the statement has them.
Result<> take_key(const CreateView& statement, const TableDefinition& base, TableDefinition& view) {
    std::vector<std::string> extra;
    auto add = [&](const std::string& name, ColumnRole role, std::size_t position) -> Result<> {
        const auto* column = base.find(name);
        if (column == nullptr)
            return fail(Errc::invalid,
                        "Unknown column '{}' referenced in PRIMARY KEY for materialized view '{}'", name,
                        view.name);
        if (view.find(name) != nullptr)
            return fail(Errc::invalid,
                        "Duplicate column '{}' in PRIMARY KEY clause for materialized view '{}'", name,
                        view.name);
        if (base.shown_role(*column) == ColumnRole::static_)
            return fail(Errc::invalid,
                        "Unknown column '{}' referenced in PRIMARY KEY for materialized view '{}'", name,
                        view.name);
        if (column->type.is_multi_cell())
            return fail(Errc::invalid, "Invalid non-frozen collection type '{}' for PRIMARY KEY column '{}'",
                        to_string(column->type), name);
        if (column->type.kind == Kind::duration)
            return fail(Errc::invalid, "duration type is not supported for PRIMARY KEY column '{}'", name);
        if (column->role == ColumnRole::regular) extra.push_back(name);
        auto copy = *column;
        copy.role = role;
        copy.position = std::uint32_t(position);
        copy.descending = role == ColumnRole::clustering && column->descending;
        view.columns.push_back(std::move(copy));
        return {};
    };
    for (std::size_t i = 0; i < statement.partition_key.size(); ++i)
        TRY(add(statement.partition_key[i], ColumnRole::partition_key, i));
    for (std::size_t i = 0; i < statement.clustering.size(); ++i)
        TRY(add(statement.clustering[i], ColumnRole::clustering, i));
    std::string missing;
    for (std::uint32_t i = 0; i < base.key_columns(); ++i)
        if (view.find(base.columns[i].name) == nullptr)
            missing += (missing.empty() ? "" : ", ") + base.columns[i].name;
    if (base.is_static_compact()) missing += (missing.empty() ? "" : ", ") + hidden_clustering_name(base);
    if (!missing.empty())
        return fail(Errc::invalid,
                    "Cannot create Materialized View {} without primary key columns from base {} ({})",
                    view.name, base.name, missing);
    if (extra.size() > 1)
        return fail(
            Errc::invalid,
            "Cannot include more than one non-primary key column '{}' in materialized view primary key",
            extra[1]);
    if (!statement.order.empty() && statement.order.size() != statement.clustering.size())
        return fail(Errc::invalid,
                    "Clustering key columns must exactly match columns in CLUSTERING ORDER BY directive");
    for (std::size_t i = 0; i < statement.order.size(); ++i) {
        const auto& [name, descending] = statement.order[i];
        if (i >= statement.clustering.size() || statement.clustering[i] != name)
            return fail(Errc::invalid,
                        "Clustering key columns must exactly match columns in CLUSTERING ORDER BY directive");
        std::ranges::find(view.columns, name, &ColumnDefinition::name)->descending = descending;
    }
    return {};
}

void take_columns(const CreateView& statement, const TableDefinition& base, TableDefinition& view) {
    for (const auto& column : base.columns) {
        bool chosen = statement.all || names(statement.columns, column.name);
        if (chosen && view.find(column.name) == nullptr) view.columns.push_back(column);
    }
}

Result<> check_where(const CreateView& statement, const TableDefinition& base, const TableDefinition& view) {
    std::vector<std::string> restricted;
    for (const auto& relation : statement.where) {
        for (const auto& name : relation.columns) {
            const auto* column = base.find(name);
            if (column == nullptr)
                return fail(Errc::invalid, "Undefined column name {} in table {}", name, base.full_name());
            bool key = column->role == ColumnRole::partition_key || column->role == ColumnRole::clustering;
            if (!key && relation.op != Operator::not_null)
                return fail(Errc::invalid,
                            "Non-primary key columns can only be restricted with 'IS NOT NULL' (got: {})",
                            name);
            restricted.push_back(name);
        }
    }
    std::string missing;
    for (const auto& column : view.columns) {
        bool key = column.role == ColumnRole::partition_key || column.role == ColumnRole::clustering;
        if (key && !names(restricted, column.name)) missing += (missing.empty() ? "" : ", ") + column.name;
    }
    if (!missing.empty())
        return fail(Errc::invalid, "Primary key column '{}' is required to be filtered by 'IS NOT NULL'",
                    missing);
    return {};
}

}  // namespace

std::expected<Change, ErrorResponse> create_view(Database& database, const CreateView& statement,
                                                 std::string_view session_keyspace) {
    auto keyspace_of = [&](const Name& name) {
        return name.keyspace.empty() ? std::string(session_keyspace) : name.keyspace;
    };
    auto keyspace = keyspace_of(statement.name);
    if (keyspace.empty())
        return refuse(
            ErrorCode::invalid,
            "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
    if (is_system_keyspace(keyspace))
        return refuse(ErrorCode::unauthorized, fmt::format("{} keyspace is not user-modifiable.", keyspace));
    if (!statement.base.keyspace.empty() && statement.base.keyspace != keyspace)
        return refuse(ErrorCode::invalid,
                      "Cannot create a materialized view on a table in a different keyspace");
    bool found = false;
    auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto in = catalogue.keyspaces.find(keyspace);
        if (in == catalogue.keyspaces.end())
            return fail(Errc::invalid, "Keyspace '{}' doesn't exist", keyspace);
        auto& tables = in->second.tables;
        found = tables.contains(statement.name.name);
        if (found) return fail(Errc::exists, "exists");
        auto base = tables.find(statement.base.name);
        if (base == tables.end())
            return fail(Errc::invalid, "Base table '{}' doesn't exist", statement.base.name);
        if (base->second->is_counter())
            return fail(Errc::invalid, "Materialized views are not supported on counter tables");
        if (base->second->view)
            return fail(Errc::invalid,
                        "Materialized views cannot be created against other materialized views");
        TRY(check_table_name(keyspace, statement.name.name));
        TableDefinition view;
        view.keyspace = keyspace;
        view.name = statement.name.name;
        view.uuid = random_uuid();
        view.next_column = base->second->next_column;
        TRY(check_columns(statement, *base->second, view));
        TRY(take_key(statement, *base->second, view));
        take_columns(statement, *base->second, view);
        TRY(check_where(statement, *base->second, view));
        if (statement.options.texts.contains("default_time_to_live"))
            return fail(
                Errc::invalid,
                "Cannot set default_time_to_live for a materialized view. Data in a materialized view always "
                "expire at the same time than the corresponding data in the parent table.");
        TRY(apply_table_options(statement.options, view));
        view.arrange();
        view.view = std::make_shared<const ViewDefinition>(
            ViewDefinition{statement.base.name, statement.all, statement.where_text, false});
        view.id = catalogue.next_table++;
        tables[statement.name.name] = std::make_shared<const TableDefinition>(std::move(view));
        return {};
    });
    if (found && statement.if_not_exists) return Change{};
    if (found)
        return std::unexpected(
            ErrorResponse{ErrorCode::already_exists,
                          fmt::format("Cannot add already existing table \"{}\" to keyspace \"{}\"",
                                      statement.name.name, keyspace),
                          keyspace,
                          statement.name.name,
                          {}});
    if (!done) return std::unexpected(error_response(done.error()));
    database.index_builder().wake();
    return Change({"CREATED", "TABLE", keyspace, statement.name.name});
}

std::expected<Change, ErrorResponse> drop_view(Database& database, const DropView& statement,
                                               std::string_view session_keyspace) {
    auto keyspace = statement.name.keyspace.empty() ? std::string(session_keyspace) : statement.name.keyspace;
    const auto& name = statement.name.name;
    bool missing = false;
    std::uint32_t id = 0;
    auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto table = catalogue.table(keyspace, name);
        missing = !table || !table->view;
        if (missing) return fail(Errc::invalid, "Materialized view '{}.{}' doesn't exist", keyspace, name);
        id = table->id;
        catalogue.keyspaces[keyspace].tables.erase(name);
        return {};
    });
    if (missing && statement.if_exists) return Change{};
    if (!done) return std::unexpected(error_response(done.error()));
    database.reclaim(id);
    return Change({"DROPPED", "TABLE", keyspace, name});
}

std::vector<std::shared_ptr<const TableDefinition>> views_of(const Catalogue& catalogue,
                                                             const TableDefinition& base) {
    std::vector<std::shared_ptr<const TableDefinition>> out;
    if (const auto* in = catalogue.keyspace(base.keyspace))
        for (const auto& [name, table] : in->tables)
            if (table->view && table->view->base == base.name) out.push_back(table);
    return out;
}

std::string names_of_views(const Catalogue& catalogue, const TableDefinition& base) {
    std::string out;
    for (const auto& view : views_of(catalogue, base)) out += (out.empty() ? "" : ",") + view->name;
    return out.empty() ? out : fmt::format("{}.{{{}}}", base.keyspace, out);
}

std::string view_text(const TableDefinition& view) {
    std::string columns, partition, key;
    for (const auto& column : view.columns)
        columns += (columns.empty() ? "" : ", ") + quoted_name(column.name);
    if (view.view->include_all) columns = "*";
    for (std::uint32_t i = 0; i < view.partition_columns; ++i)
        partition += (i > 0 ? ", " : "") + quoted_name(view.columns[i].name);
    key = view.partition_columns > 1 ? "(" + partition + ")" : partition;
    for (auto i = view.partition_columns; i < view.key_columns(); ++i)
        key += ", " + quoted_name(view.columns[i].name);
    auto out = fmt::format(
        "CREATE MATERIALIZED VIEW {0}.{1} AS\n    SELECT {2}\n    FROM {0}.{3}\n    WHERE {4}\n    PRIMARY "
        "KEY ({5})\n WITH ",
        quoted_name(view.keyspace), quoted_name(view.name), columns, quoted_name(view.view->base),
        view.view->where, key);
    if (view.clustering_columns == 0) return out;
    out += "CLUSTERING ORDER BY (";
    for (auto i = view.partition_columns; i < view.key_columns(); ++i)
        out += fmt::format("{}{} {}", i > view.partition_columns ? ", " : "",
                           quoted_name(view.columns[i].name), view.columns[i].descending ? "DESC" : "ASC");
    return out + ")\n    AND ";
}

}  // namespace penstock::store::cql
