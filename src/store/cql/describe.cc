#include "store/cql/describe.h"

#include <algorithm>
#include <functional>

#include "store/cql/compact_storage.h"
#include "store/cql/index_schema.h"
#include "store/cql/resolve.h"
#include "store/cql/view_schema.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

/// Tuples are frozen in the schema tables; CREATE TABLE says tuple<...> for a column, as people write it.
std::string declared_type(const DataType& type) {
    auto text = to_string(type);
    if (type.kind == Kind::tuple && text.starts_with("frozen<")) return text.substr(7, text.size() - 8);
    return text;
}

std::string primary_key_text(const TableDefinition& table) {
    std::string out = "PRIMARY KEY (";
    if (table.partition_columns > 1) out += "(";
    for (std::uint32_t i = 0; i < table.key_columns(); ++i) {
        if (i > 0) out += ", ";
        out += quoted_name(table.columns[i].name);
        if (table.partition_columns > 1 && i + 1 == table.partition_columns) out += ")";
    }
    return out + ")";
}

std::string structure_text(const TableDefinition& table, std::string_view verb) {
    bool single = table.key_columns() == 1 && !table.compact_storage;
    auto out = fmt::format("{} {}.{} (\n", verb, quoted_name(table.keyspace), quoted_name(table.name));
    std::vector<const ColumnDefinition*> columns;
    for (const auto& column : table.columns) columns.push_back(&column);
    std::sort(columns.begin() + table.key_columns(), columns.end(), [](const auto* a, const auto* b) {
        return std::tuple(a->role != ColumnRole::static_, std::string_view(a->name)) <
               std::tuple(b->role != ColumnRole::static_, std::string_view(b->name));
    });
    for (const auto* column : columns) {
        bool key = single && column->role == ColumnRole::partition_key;
        bool last = single && column == columns.back();
        out += fmt::format("    {} {}{}{}\n", quoted_name(column->name), declared_type(column->type),
                           key                                   ? " PRIMARY KEY"
                           : column->role == ColumnRole::static_ ? " static"
                                                                 : "",
                           last ? "" : ",");
    }
    if (!single) out += "    " + primary_key_text(table) + "\n";
    out += ") WITH ";
    if (table.compact_storage) out += "COMPACT STORAGE\n    AND ";
    if (table.is_static_compact())
        return out + fmt::format("CLUSTERING ORDER BY ({} ASC)\n    AND ", hidden_clustering_name(table));
    if (table.clustering_columns == 0) return out;
    out += "CLUSTERING ORDER BY (";
    for (std::uint32_t i = 0; i < table.clustering_columns; ++i) {
        const auto& column = table.columns[table.partition_columns + i];
        out += fmt::format("{}{} {}", i > 0 ? ", " : "", quoted_name(column.name),
                           column.descending ? "DESC" : "ASC");
    }
    return out + ")\n    AND ";
}

wire::cql::ColumnSpec column_of(std::string_view name, const DataType& type) {
    return {"system", "describe", std::string(name), type_option(type)};
}

wire::cql::ColumnSpec text_column(std::string_view name) {
    return column_of(name, Kind::text);
}

/// By the tokens at which ranges end, which nodes have them.
std::string range_ownership(const NodeIdentity& node) {
    std::string nodes, out;
    begin_collection(nodes, 1);
    append_element(nodes, fmt::format("/{}:{}", node.address, storage_port));
    begin_collection(out, 1);
    append_element(out, only_token);
    append_element(out, nodes);
    return out;
}

/// An element to describe: its kind, name, and CREATE statement.
void add(Description& out, std::string_view keyspace, std::string_view type, std::string_view name,
         std::string text) {
    out.rows.push_back({std::string(keyspace), std::string(type), std::string(name), std::move(text)});
}

std::string system_keyspace_text(std::string_view keyspace) {
    if (is_virtual_keyspace(keyspace))
        return fmt::format(
            "/*\nWarning: Keyspace {0} is a virtual keyspace and cannot be recreated with CQL.\nStructure, "
            "for "
            "reference:\nVIRTUAL KEYSPACE {0};\n*/",
            keyspace);
    const auto* replication = is_replicated(keyspace) ? "'class': 'SimpleStrategy', 'replication_factor': '1'"
                                                      : "'class': 'LocalStrategy'";
    return fmt::format("CREATE KEYSPACE {} WITH replication = {{{}}}  AND durable_writes = true;", keyspace,
                       replication);
}

std::string table_text(const TableDefinition& table) {
    if (!is_virtual_keyspace(table.keyspace)) return create_table_text(table);
    auto comment = table.options.find("comment");
    return fmt::format(
        "/*\nWarning: Table {} is a virtual table and cannot be recreated with CQL.\nStructure, for "
        "reference:\n"
        "{}comment = {};\n*/",
        table.full_name(), structure_text(table, "VIRTUAL TABLE"),
        comment == table.options.end() ? "''" : comment->second);
}

/// Those that others are made of come first.
std::vector<DataType> types_in_order(const KeyspaceDefinition& keyspace) {
    std::vector<DataType> out;
    std::function<void(const DataType&)> add_type = [&](const DataType& type) {
        for (const auto& part : type.parameters) add_type(part);
        if (type.kind != Kind::udt) return;
        bool known =
            std::ranges::any_of(out, [&](const DataType& one) { return one.user->name == type.user->name; });
        if (!known) out.push_back(type);
    };
    for (const auto& [name, type] : keyspace.types) add_type(type);
    return out;
}

bool add_type(Description& out, const Catalogue& catalogue, const std::string& keyspace,
              const std::string& name) {
    const auto* in = catalogue.keyspace(keyspace);
    if (in == nullptr || !in->types.contains(name)) return false;
    add(out, keyspace, "type", name, create_type_text(in->types.at(name)));
    return true;
}

void add_with_indexes(Description& out, const TableDefinition& table, std::string text) {
    add(out, table.keyspace, "table", table.name, std::move(text));
    for (const auto& index : table.indexes)
        add(out, table.keyspace, "index", index.name, create_index_text(table, index));
}

bool add_keyspace(Description& out, const Catalogue& catalogue, const std::string& name, bool only) {
    if (is_system_keyspace(name)) {
        add(out, name, "keyspace", name, system_keyspace_text(name));
        for (const auto& table : system_tables())
            if (!only && table->keyspace == name) add(out, name, "table", table->name, table_text(*table));
        return true;
    }
    const auto* keyspace = catalogue.keyspace(name);
    if (keyspace == nullptr) return false;
    add(out, name, "keyspace", name, create_keyspace_text(*keyspace));
    if (only) return true;
    for (const auto& type : types_in_order(*keyspace))
        add(out, name, "type", type.user->name, create_type_text(type));
    for (const auto& [table_name, table] : keyspace->tables)
        if (!table->view) add_with_indexes(out, *table, create_table_text(*table));
    for (const auto& [table_name, table] : keyspace->tables)
        if (table->view) add(out, name, "materialized_view", table_name, create_table_text(*table));
    return true;
}

bool add_table(Description& out, const Catalogue& catalogue, const std::string& keyspace,
               const std::string& name) {
    auto table =
        is_system_keyspace(keyspace) ? system_table(keyspace, name) : catalogue.table(keyspace, name);
    if (!table) return false;
    if (table->view) {
        add(out, keyspace, "materialized_view", name, table_text(*table));
        return true;
    }
    add_with_indexes(out, *table, table_text(*table));
    if (const auto* in = catalogue.keyspace(keyspace))
        for (const auto& [view_name, view] : in->tables)
            if (view->view && view->view->base == name)
                add(out, keyspace, "materialized_view", view_name, table_text(*view));
    return true;
}

std::vector<std::string> keyspace_names(const Catalogue& catalogue) {
    std::vector<std::string> out;
    for (const auto& table : system_tables())
        if (std::ranges::find(out, table->keyspace) == out.end()) out.push_back(table->keyspace);
    for (const auto& [name, keyspace] : catalogue.keyspaces) out.push_back(name);
    std::ranges::sort(out);
    return out;
}

void list_tables(Description& out, const Catalogue& catalogue, std::string_view only_keyspace) {
    for (const auto& keyspace : keyspace_names(catalogue)) {
        if (!only_keyspace.empty() && keyspace != only_keyspace) continue;
        for (const auto& table : system_tables())
            if (table->keyspace == keyspace)
                out.rows.push_back({keyspace, "table", quoted_name(table->name)});
        if (const auto* in = catalogue.keyspace(keyspace))
            for (const auto& [name, table] : in->tables)
                if (!table->view) out.rows.push_back({keyspace, "table", quoted_name(name)});
    }
}

}  // namespace

std::string create_keyspace_text(const KeyspaceDefinition& keyspace) {
    std::string replication = "{";
    // The class comes first and without its package, as people write it.
    for (bool classes : {true, false}) {
        for (const auto& [key, value] : keyspace.replication) {
            if ((key == "class") != classes) continue;
            auto shown = value;
            if (classes && shown.starts_with("org.apache.cassandra.locator.")) shown = shown.substr(29);
            replication += fmt::format("{}'{}': '{}'", replication.size() > 1 ? ", " : "", key, shown);
        }
    }
    return fmt::format("CREATE KEYSPACE {} WITH replication = {}}}  AND durable_writes = {};",
                       quoted_name(keyspace.name), replication, keyspace.durable_writes);
}

std::string create_type_text(const DataType& type) {
    auto out =
        fmt::format("CREATE TYPE {}.{} (\n", quoted_name(type.user->keyspace), quoted_name(type.user->name));
    for (std::size_t i = 0; i < type.parameters.size(); ++i)
        out += fmt::format("    {} {}{}\n", quoted_name(type.user->fields[i]), to_string(type.parameters[i]),
                           i + 1 < type.parameters.size() ? "," : "");
    return out + ");";
}

std::string create_table_text(const TableDefinition& table) {
    auto out = table.view ? view_text(table) : structure_text(table, "CREATE TABLE");
    bool first = true;
    for (const auto& [name, text] : default_table_options()) {
        if (table.view && name == "default_time_to_live") continue;  // its rows live as long as their table's
        auto given = table.options.find(std::string(name));
        out += fmt::format("{}{} = {}", first ? "" : "\n    AND ", name,
                           given == table.options.end() ? text : std::string_view(given->second));
        first = false;
    }
    out += ";";
    if (!table.compact_storage) return out;
    return fmt::format(
        "/*\nWarning: Table {} omitted because it has constructs not compatible with CQL (was created via "
        "legacy "
        "API).\nApproximate structure, for reference:\n(this should not be used to reproduce this "
        "schema)\n\n{}\n*/",
        table.full_name(), out);
}

Result<Description> describe(const Describe& statement, const Catalogue& catalogue, const NodeIdentity& node,
                             std::string_view session_keyspace) {
    using What = Describe::What;
    Description out;
    out.columns = {text_column("keyspace_name"), text_column("type"), text_column("name")};
    switch (statement.what) {
        case What::cluster:
            out.columns = {text_column("cluster"), text_column("partitioner"), text_column("snitch")};
            out.rows.push_back({node.cluster_name, "Murmur3Partitioner", "SimpleSnitch"});
            if (!session_keyspace.empty() && !is_system_keyspace(session_keyspace)) {
                out.columns.push_back(
                    column_of("range_ownership",
                              DataType(Kind::map, {Kind::text, DataType(Kind::list, {Kind::text})})));
                out.rows[0].push_back(range_ownership(node));
            }
            return out;
        case What::keyspaces:
            for (const auto& name : keyspace_names(catalogue))
                out.rows.push_back({name, "keyspace", quoted_name(name)});
            return out;
        case What::tables:
            list_tables(out, catalogue, session_keyspace);
            return out;
        case What::types:
            for (const auto& [each, in] : catalogue.keyspaces)
                if (session_keyspace.empty() || session_keyspace == each)
                    for (const auto& [type, definition] : in.types)
                        out.rows.push_back({each, "type", quoted_name(type)});
            return out;
        case What::functions:
        case What::aggregates:
            return out;
        default:
            break;
    }
    out.columns.push_back(text_column("create_statement"));
    auto keyspace = statement.name.keyspace.empty() ? std::string(session_keyspace) : statement.name.keyspace;
    const auto& name = statement.name.name;
    if (statement.what == What::schema || statement.what == What::full_schema) {
        for (const auto& each : keyspace_names(catalogue))
            if (statement.what == What::full_schema || !is_system_keyspace(each))
                add_keyspace(out, catalogue, each, false);
        return out;
    }
    if (statement.what == What::keyspace) {
        auto wanted = name.empty() ? std::string(session_keyspace) : name;
        if (wanted.empty()) return fail(Errc::invalid, "No keyspace specified and no current keyspace");
        if (!add_keyspace(out, catalogue, wanted, statement.only))
            return fail(Errc::not_found, "'{}' not found in keyspaces", wanted);
        return out;
    }
    if (statement.what == What::anything && statement.name.keyspace.empty() &&
        add_keyspace(out, catalogue, name, false))
        return out;
    if (keyspace.empty() && statement.what == What::anything)
        return fail(Errc::not_found, "'{}' not found in keyspaces", name);
    if (keyspace.empty()) return fail(Errc::invalid, "No keyspace specified and no current keyspace");
    if (statement.what == What::type) {
        if (add_type(out, catalogue, keyspace, name)) return out;
        return fail(Errc::not_found, "User defined type '{}' not found in '{}'", name, keyspace);
    }
    if (statement.what == What::index || statement.what == What::anything) {
        if (auto table = table_of_index(catalogue, keyspace, name)) {
            add(out, keyspace, "index", name, create_index_text(*table, *table->index(name)));
            return out;
        }
        if (statement.what == What::index)
            return fail(Errc::not_found, "Table for existing index '{}' not found in '{}'", name, keyspace);
    }
    if (statement.what == What::view || statement.what == What::table) {
        auto found = catalogue.table(keyspace, name);
        bool wrong = found && (statement.what == What::view) != (found->view != nullptr);
        if (statement.what == What::view && (!found || wrong))
            return fail(Errc::not_found, "Materialized view '{}' not found in keyspace '{}'", name, keyspace);
        if (wrong) return fail(Errc::not_found, "Table '{}' not found in keyspace '{}'", name, keyspace);
    }
    if (add_table(out, catalogue, keyspace, name)) return out;
    if (statement.what == What::anything && add_type(out, catalogue, keyspace, name)) return out;
    return fail(Errc::not_found, "{}'{}' not found in keyspace '{}'",
                statement.what == What::table ? "Table " : "", name, keyspace);
}

}  // namespace penstock::store::cql
