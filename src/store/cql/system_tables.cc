#include "store/cql/system_tables.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "store/bytes.h"
#include "store/cql/auth_tables.h"
#include "store/cql/compact_storage.h"
#include "store/cql/functions.h"
#include "store/cql/index_schema.h"
#include "store/cql/parser.h"
#include "store/cql/schema_change.h"
#include "store/uuid.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

constexpr std::array<std::string_view, 5> stored_keyspaces{"system", "system_schema", "system_traces",
                                                           "system_auth", "system_distributed"};

#define TABLE_OPTION_COLUMNS                                                                                \
    "additional_write_policy text, allow_auto_snapshot boolean, bloom_filter_fp_chance double, "            \
    "caching frozen<map<text, text>>, cdc boolean, comment text, compaction frozen<map<text, text>>, "      \
    "compression frozen<map<text, text>>, crc_check_chance double, dclocal_read_repair_chance double, "     \
    "default_time_to_live int, extensions frozen<map<text, blob>>, gc_grace_seconds int, id uuid, "         \
    "incremental_backups boolean, max_index_interval int, memtable text, memtable_flush_period_in_ms int, " \
    "min_index_interval int, read_repair text, read_repair_chance double, speculative_retry text, "

#define COLUMNS_OF_COLUMNS                                                                              \
    "(keyspace_name text, table_name text, column_name text, clustering_order text, column_name_bytes " \
    "blob, "                                                                                            \
    "kind text, position int, type text, PRIMARY KEY (keyspace_name, table_name, column_name))"

constexpr std::array<const char*, 28> declarations{
    "CREATE TABLE system.local (key text PRIMARY KEY, bootstrapped text, broadcast_address inet, "
    "broadcast_port int, "
    "cluster_name text, cql_version text, data_center text, gossip_generation int, host_id uuid, "
    "listen_address inet, "
    "listen_port int, native_protocol_version text, partitioner text, rack text, release_version text, "
    "rpc_address inet, "
    "rpc_port int, schema_version uuid, tokens set<text>, truncated_at map<uuid, blob>) "
    "WITH comment = 'information about the local node'",
    "CREATE TABLE system.peers (peer inet PRIMARY KEY, data_center text, host_id uuid, preferred_ip inet, "
    "rack text, "
    "release_version text, rpc_address inet, schema_version uuid, tokens set<text>) "
    "WITH comment = 'information about known peers in the cluster'",
    "CREATE TABLE system.peers_v2 (peer inet, peer_port int, data_center text, host_id uuid, native_address "
    "inet, "
    "native_port int, preferred_ip inet, preferred_port int, rack text, release_version text, schema_version "
    "uuid, "
    "tokens set<text>, PRIMARY KEY (peer, peer_port)) WITH comment = 'information about known peers in the "
    "cluster'",
    "CREATE TABLE system.size_estimates (keyspace_name text, table_name text, range_start text, range_end "
    "text, "
    "mean_partition_size bigint, partitions_count bigint, PRIMARY KEY (keyspace_name, table_name, "
    "range_start, range_end)) "
    "WITH comment = 'per-table primary range size estimates'",
    "CREATE TABLE system.built_views (keyspace_name text, view_name text, status_replicated boolean, "
    "PRIMARY KEY (keyspace_name, view_name))",
    "CREATE TABLE system_distributed.view_build_status (keyspace_name text, view_name text, host_id uuid, "
    "status text, PRIMARY KEY ((keyspace_name, view_name), host_id)) "
    "WITH comment = 'Materialized View build status'",
    "CREATE TABLE system.prepared_statements (prepared_id blob PRIMARY KEY, logged_keyspace text, "
    "query_string text) WITH comment = 'prepared statements'",
    "CREATE TABLE system.\"IndexInfo\" (table_name text, index_name text, value blob, PRIMARY KEY "
    "(table_name, index_name))",
    "CREATE TABLE system_schema.keyspaces (keyspace_name text PRIMARY KEY, durable_writes boolean, "
    "replication frozen<map<text, text>>) WITH comment = 'keyspace definitions'",
    "CREATE TABLE system_schema.tables (keyspace_name text, table_name text, flags "
    "frozen<set<text>>, " TABLE_OPTION_COLUMNS
    "PRIMARY KEY (keyspace_name, table_name)) WITH comment = 'table definitions'",
    "CREATE TABLE system_schema.columns " COLUMNS_OF_COLUMNS " WITH comment = 'column definitions'",
    "CREATE TABLE system_schema.dropped_columns (keyspace_name text, table_name text, column_name text, "
    "dropped_time timestamp, kind text, type text, PRIMARY KEY (keyspace_name, table_name, column_name)) "
    "WITH comment = 'dropped column registry'",
    "CREATE TABLE system_schema.column_masks (keyspace_name text, table_name text, column_name text, "
    "function_argument_nulls frozen<list<boolean>>, function_argument_types frozen<list<text>>, "
    "function_argument_values frozen<list<text>>, function_keyspace text, function_name text, "
    "PRIMARY KEY (keyspace_name, table_name, column_name)) WITH comment = 'column dynamic data masks'",
    "CREATE TABLE system_schema.triggers (keyspace_name text, table_name text, trigger_name text, "
    "options frozen<map<text, text>>, PRIMARY KEY (keyspace_name, table_name, trigger_name)) "
    "WITH comment = 'trigger definitions'",
    "CREATE TABLE system_schema.views (keyspace_name text, view_name text, base_table_id uuid, "
    "base_table_name text, "
    "include_all_columns boolean, where_clause text, " TABLE_OPTION_COLUMNS
    "PRIMARY KEY (keyspace_name, view_name)) WITH comment = 'view definitions'",
    "CREATE TABLE system_schema.indexes (keyspace_name text, table_name text, index_name text, kind text, "
    "options frozen<map<text, text>>, PRIMARY KEY (keyspace_name, table_name, index_name)) "
    "WITH comment = 'secondary index definitions'",
    "CREATE TABLE system_schema.types (keyspace_name text, type_name text, field_names frozen<list<text>>, "
    "field_types frozen<list<text>>, PRIMARY KEY (keyspace_name, type_name)) WITH comment = 'user defined "
    "type definitions'",
    "CREATE TABLE system_schema.functions (keyspace_name text, function_name text, argument_types "
    "frozen<list<text>>, "
    "argument_names frozen<list<text>>, body text, called_on_null_input boolean, language text, return_type "
    "text, "
    "PRIMARY KEY (keyspace_name, function_name, argument_types)) WITH comment = 'user defined function "
    "definitions'",
    "CREATE TABLE system_schema.aggregates (keyspace_name text, aggregate_name text, argument_types "
    "frozen<list<text>>, "
    "final_func text, initcond text, return_type text, state_func text, state_type text, "
    "PRIMARY KEY (keyspace_name, aggregate_name, argument_types)) WITH comment = 'user defined aggregate "
    "definitions'",
    "CREATE TABLE system_traces.sessions (session_id uuid PRIMARY KEY, client inet, command text, "
    "coordinator inet, "
    "coordinator_port int, duration int, request text, started_at timestamp, parameters map<text, text>) "
    "WITH comment = 'tracing sessions'",
    "CREATE TABLE system_traces.events (session_id uuid, event_id timeuuid, activity text, source inet, "
    "source_elapsed int, "
    "source_port int, thread text, PRIMARY KEY (session_id, event_id)) WITH comment = 'tracing events'",
    "CREATE TABLE system_virtual_schema.keyspaces (keyspace_name text PRIMARY KEY) "
    "WITH comment = 'virtual keyspace definitions'",
    "CREATE TABLE system_virtual_schema.tables (keyspace_name text, table_name text, comment text, "
    "PRIMARY KEY (keyspace_name, table_name)) WITH comment = 'virtual table definitions'",
    "CREATE TABLE system_virtual_schema.columns " COLUMNS_OF_COLUMNS
    " WITH comment = 'virtual column definitions'",
    "CREATE TABLE system_views.settings (name text PRIMARY KEY, value text) WITH comment = 'current "
    "settings'",
    "CREATE TABLE system_views.clients (address inet, port int, client_options frozen<map<text, text>>, "
    "connection_stage text, driver_name text, driver_version text, hostname text, keyspace_name text, "
    "protocol_version int, request_count bigint, ssl_cipher_suite text, ssl_enabled boolean, "
    "ssl_protocol text, username text, PRIMARY KEY (address, port)) "
    "WITH comment = 'currently connected clients'",
    "CREATE TABLE system_views.sstable_tasks (keyspace_name text, table_name text, task_id timeuuid, "
    "completion_ratio double, kind text, progress bigint, sstables int, target_directory text, "
    "total bigint, total_compressed bigint, unit text, PRIMARY KEY (keyspace_name, table_name, task_id)) "
    "WITH comment = 'current sstable tasks'",
    "CREATE TABLE system_views.disk_usage (keyspace_name text, table_name text, mebibytes bigint, "
    "PRIMARY KEY (keyspace_name, table_name)) WITH comment = 'disk usage of the tables'",
};

std::shared_ptr<const TableDefinition> declared(const char* text) {
    auto parsed = parse(text);
    CHECK(parsed.has_value());
    const auto& create = std::get<CreateTable>(parsed->statement);
    auto table = define_table(create, create.table.keyspace);
    CHECK(table.has_value());
    table->uuid = name_uuid(table->full_name());
    return std::make_shared<const TableDefinition>(std::move(*table));
}

std::string text_set(const std::vector<std::string>& texts) {
    std::string out;
    begin_collection(out, texts.size());
    for (const auto& text : texts) append_element(out, text);
    return out;
}

std::string text_map(const std::map<std::string, std::string>& map) {
    std::string out;
    begin_collection(out, map.size());
    for (const auto& [key, value] : map) {
        append_element(out, key);
        append_element(out, value);
    }
    return out;
}

std::string int_bytes(std::int64_t value) {
    return number_bytes(Kind::int_, value);
}

std::string inet_bytes(const std::string& address) {
    char bytes[16];
    if (inet_pton(AF_INET, address.c_str(), bytes) == 1) return std::string(bytes, 4);
    if (inet_pton(AF_INET6, address.c_str(), bytes) == 1) return std::string(bytes, 16);
    return std::string("\x7F\0\0\x01", 4);
}

/// Fills a row by column names.
class RowMaker {
public:
    explicit RowMaker(const TableDefinition& table) : table_(table), row_(table.columns.size()) {}
    RowMaker& set(std::string_view column, std::string bytes) {
        const auto* found = table_.find(column);
        CHECK(found != nullptr);
        row_[std::size_t(found - table_.columns.data())] = std::move(bytes);
        return *this;
    }
    SystemRow take() { return std::move(row_); }

private:
    const TableDefinition& table_;
    SystemRow row_;
};

/// An option's CQL text as the bytes of its column in system_schema.tables.
std::string option_bytes(const DataType& type, std::string_view text) {
    auto unquoted = [](std::string_view quoted) {
        std::string out;
        if (quoted.size() >= 2 && quoted.front() == '\'') quoted = quoted.substr(1, quoted.size() - 2);
        for (std::size_t i = 0; i < quoted.size(); ++i) {
            out += quoted[i];
            if (quoted[i] == '\'' && i + 1 < quoted.size() && quoted[i + 1] == '\'') ++i;
        }
        return out;
    };
    if (type.kind == Kind::map) {
        std::map<std::string, std::string> map;
        auto inner = text.substr(1, text.size() - 2);
        // 'key': 'value', ... as we wrote it: quotes inside do not occur in what the options take.
        while (!inner.empty()) {
            std::string parts[2];
            for (auto& part : parts) {
                auto open = inner.find('\'');
                if (open == std::string_view::npos) return text_map(map);
                auto close = inner.find('\'', open + 1);
                if (close == std::string_view::npos) return text_map(map);
                part = inner.substr(open + 1, close - open - 1);
                inner.remove_prefix(close + 1);
            }
            map[parts[0]] = parts[1];
        }
        return text_map(map);
    }
    if (type.kind == Kind::boolean) return std::string(1, text == "true" ? '\x01' : '\0');
    if (type.kind == Kind::text) return unquoted(text);
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return type.kind == Kind::double_ ? number_bytes(type, number) : number_bytes(type, std::int64_t(number));
}

std::vector<SystemRow> keyspace_rows(const TableDefinition& table, const Catalogue& catalogue) {
    std::vector<SystemRow> out;
    auto add = [&](const std::string& name, bool durable,
                   const std::map<std::string, std::string>& replication) {
        out.push_back(RowMaker(table)
                          .set("keyspace_name", name)
                          .set("durable_writes", std::string(1, durable ? '\x01' : '\0'))
                          .set("replication", text_map(replication))
                          .take());
    };
    for (auto name : stored_keyspaces) {
        std::map<std::string, std::string> replication{
            {"class", "org.apache.cassandra.locator.LocalStrategy"}};
        if (is_replicated(name))
            replication = {{"class", "org.apache.cassandra.locator.SimpleStrategy"},
                           {"replication_factor", "1"}};
        add(std::string(name), true, replication);
    }
    for (const auto& [name, keyspace] : catalogue.keyspaces)
        add(name, keyspace.durable_writes, keyspace.replication);
    return out;
}

SystemRow table_row(const TableDefinition& of, const TableDefinition& table) {
    RowMaker row(of);
    row.set("keyspace_name", table.keyspace).set("table_name", table.name).set("id", table.uuid);
    row.set("flags", text_set(table_flags(table)));
    for (const auto& [name, text] : default_table_options()) {
        auto given = table.options.find(std::string(name));
        row.set(name, option_bytes(of.find(name)->type,
                                   given == table.options.end() ? text : std::string_view(given->second)));
    }
    return row.take();
}

void add_column_rows(std::vector<SystemRow>& out, const TableDefinition& of, const TableDefinition& table) {
    for (const auto& column : shown_columns(table)) {
        bool clustering = column.role == ColumnRole::clustering;
        bool key = clustering || column.role == ColumnRole::partition_key;
        out.push_back(RowMaker(of)
                          .set("keyspace_name", table.keyspace)
                          .set("table_name", table.name)
                          .set("column_name", column.name)
                          .set("clustering_order", !clustering         ? "none"
                                                   : column.descending ? "desc"
                                                                       : "asc")
                          .set("column_name_bytes", column.name)
                          .set("kind", clustering                           ? "clustering"
                                       : key                                ? "partition_key"
                                       : column.role == ColumnRole::static_ ? "static"
                                                                            : "regular")
                          .set("position", int_bytes(key ? std::int64_t(column.position) : -1))
                          .set("type", column.type)
                          .take());
    }
}

void add_dropped_rows(std::vector<SystemRow>& out, const TableDefinition& of, const TableDefinition& table) {
    auto columns = table.dropped;
    std::ranges::sort(columns, {}, &DroppedColumn::name);
    for (const auto& column : columns) {
        std::string ms;
        append_big_endian(ms, column.dropped_us / 1000);
        out.push_back(RowMaker(of)
                          .set("keyspace_name", table.keyspace)
                          .set("table_name", table.name)
                          .set("column_name", column.name)
                          .set("dropped_time", ms)
                          .set("kind", column.role == ColumnRole::static_ || table.is_static_compact()
                                           ? "static"
                                           : "regular")
                          .set("type", to_string(column.type))
                          .take());
    }
}

/// The tables of system_schema, or of system_virtual_schema.
std::vector<std::shared_ptr<const TableDefinition>> tables_of(const Catalogue& catalogue, bool of_virtual) {
    std::vector<std::shared_ptr<const TableDefinition>> out;
    for (const auto& table : system_tables())
        if (is_virtual_keyspace(table->keyspace) == of_virtual) out.push_back(table);
    if (of_virtual) return out;
    for (const auto& [keyspace, in] : catalogue.keyspaces)
        for (const auto& [name, table] : in.tables) out.push_back(table);
    return out;
}

/// Of system_schema.views, of system.built_views, or of system_distributed.view_build_status.
std::vector<SystemRow> view_rows(const TableDefinition& of, const Catalogue& catalogue,
                                 const std::string& host_id) {
    std::vector<SystemRow> out;
    for (const auto& table : tables_of(catalogue, false)) {
        if (!table->view) continue;
        if (of.keyspace == "system") {
            if (table->view->is_built)
                out.push_back(RowMaker(of)
                                  .set("keyspace_name", table->keyspace)
                                  .set("view_name", table->name)
                                  .set("status_replicated", std::string(1, '\x01'))
                                  .take());
            continue;
        }
        if (of.keyspace == "system_distributed") {
            out.push_back(RowMaker(of)
                              .set("keyspace_name", table->keyspace)
                              .set("view_name", table->name)
                              .set("host_id", host_id)
                              .set("status", table->view->is_built ? "SUCCESS" : "STARTED")
                              .take());
            continue;
        }
        RowMaker row(of);
        auto base = catalogue.table(table->keyspace, table->view->base);
        row.set("keyspace_name", table->keyspace)
            .set("view_name", table->name)
            .set("id", table->uuid)
            .set("base_table_id", base ? base->uuid : "")
            .set("base_table_name", table->view->base)
            .set("include_all_columns", std::string(1, table->view->include_all ? '\x01' : '\0'))
            .set("where_clause", table->view->where);
        for (const auto& [name, text] : default_table_options()) {
            auto given = table->options.find(std::string(name));
            row.set(name,
                    option_bytes(of.find(name)->type,
                                 given == table->options.end() ? text : std::string_view(given->second)));
        }
        out.push_back(row.take());
    }
    return out;
}

/// Of system_schema.indexes, or of system."IndexInfo", which has those that are filled.
std::vector<SystemRow> index_rows(const TableDefinition& of, const Catalogue& catalogue) {
    std::vector<SystemRow> out;
    bool built = of.keyspace == "system";
    for (const auto& table : tables_of(catalogue, false)) {
        for (const auto& index : table->indexes) {
            if (built) {
                if (index.is_built)
                    out.push_back(
                        RowMaker(of).set("table_name", table->keyspace).set("index_name", index.name).take());
                continue;
            }
            auto options = index.options;
            options["target"] = target_text(*table, index);
            if (index.is_custom()) options["class_name"] = index.class_name;
            out.push_back(RowMaker(of)
                              .set("keyspace_name", table->keyspace)
                              .set("table_name", table->name)
                              .set("index_name", index.name)
                              .set("kind", index.is_custom() ? "CUSTOM" : "COMPOSITES")
                              .set("options", text_map(options))
                              .take());
        }
    }
    return out;
}

std::vector<SystemRow> trace_rows(const TableDefinition& of, const TraceLog& traces, const NodeIdentity& node,
                                  std::uint16_t port) {
    std::vector<SystemRow> out;
    for (const auto& session : traces.sessions()) {
        if (of.name == "sessions") {
            out.push_back(RowMaker(of)
                              .set("session_id", session.id)
                              .set("client", inet_bytes(session.client))
                              .set("command", "QUERY")
                              .set("coordinator", inet_bytes(node.address))
                              .set("coordinator_port", int_bytes(port))
                              .set("duration", int_bytes(session.duration_us))
                              .set("request", session.request)
                              .set("started_at", number_bytes(Kind::timestamp, session.started_us / 1000))
                              .set("parameters", text_map(session.parameters))
                              .take());
            continue;
        }
        for (const auto& event : session.events)
            out.push_back(RowMaker(of)
                              .set("session_id", session.id)
                              .set("event_id", event.id)
                              .set("activity", event.activity)
                              .set("source", inet_bytes(node.address))
                              .set("source_elapsed", int_bytes(event.elapsed_us))
                              .set("source_port", int_bytes(port))
                              .set("thread", event.thread)
                              .take());
    }
    return out;
}

std::vector<SystemRow> client_rows(const TableDefinition& of, const ClientList& clients) {
    std::vector<SystemRow> out;
    for (const auto& client : clients.entries()) {
        RowMaker row(of);
        row.set("address", inet_bytes(client.address))
            .set("port", int_bytes(client.port))
            .set("client_options", text_map(client.options))
            .set("connection_stage", client.ready ? "ready" : "authenticating")
            .set("hostname",
                 client.address == "127.0.0.1" || client.address == "::1" ? "localhost" : client.address)
            .set("protocol_version", int_bytes(client.version))
            .set("request_count", number_bytes(Kind::bigint, std::int64_t(client.requests)))
            .set("ssl_enabled", std::string(1, client.encrypted ? '\x01' : '\0'))
            .set("username", client.role.empty() ? "anonymous" : client.role);
        for (auto [option, column] :
             {std::pair("DRIVER_NAME", "driver_name"), std::pair("DRIVER_VERSION", "driver_version")})
            if (auto at = client.options.find(option); at != client.options.end())
                row.set(column, at->second);
        if (!client.keyspace.empty()) row.set("keyspace_name", client.keyspace);
        out.push_back(row.take());
    }
    return out;
}

SystemRow local_row(const TableDefinition& table, const NodeIdentity& node, std::uint16_t port,
                    const Catalogue& catalogue) {
    auto address = inet_bytes(node.address);
    // One node owns the whole ring. Drivers that route by token need at least one.
    return RowMaker(table)
        .set("key", "local")
        .set("bootstrapped", "COMPLETED")
        .set("broadcast_address", address)
        .set("broadcast_port", int_bytes(storage_port))
        .set("cluster_name", node.cluster_name)
        .set("cql_version", std::string(cql_version))
        .set("data_center", node.data_center)
        .set("gossip_generation", int_bytes(1))
        .set("host_id", node.host_id)
        .set("listen_address", address)
        .set("listen_port", int_bytes(storage_port))
        .set("native_protocol_version", "5")
        .set("partitioner", "org.apache.cassandra.dht.Murmur3Partitioner")
        .set("rack", node.rack)
        .set("release_version", std::string(release_version))
        .set("rpc_address", address)
        .set("rpc_port", int_bytes(port))
        .set("schema_version", catalogue.version)
        .set("tokens", text_set({std::string(only_token)}))
        .take();
}

}  // namespace

bool is_system_keyspace(std::string_view keyspace) {
    return std::ranges::find(stored_keyspaces, keyspace) != stored_keyspaces.end() ||
           is_virtual_keyspace(keyspace);
}

bool is_replicated(std::string_view system_keyspace) {
    return system_keyspace == "system_auth" || system_keyspace == "system_distributed" ||
           system_keyspace == "system_traces";
}

bool is_virtual_keyspace(std::string_view keyspace) {
    return keyspace == "system_virtual_schema" || keyspace == "system_views";
}

const std::vector<std::shared_ptr<const TableDefinition>>& system_tables() {
    static const auto tables = [] {
        std::vector<std::shared_ptr<const TableDefinition>> out;
        for (const auto* text : declarations) out.push_back(declared(text));
        for (const auto* text : auth_table_declarations()) out.push_back(declared(text));
        std::ranges::sort(out, {},
                          [](const auto& table) { return std::tuple(table->keyspace, table->name); });
        return out;
    }();
    return tables;
}

std::shared_ptr<const TableDefinition> system_table(std::string_view keyspace, std::string_view name) {
    for (const auto& table : system_tables())
        if (table->keyspace == keyspace && table->name == name) return table;
    return nullptr;
}

const std::vector<std::pair<std::string_view, std::string_view>>& default_table_options() {
    static const std::vector<std::pair<std::string_view, std::string_view>> options{
        {"additional_write_policy", "'99p'"},
        {"allow_auto_snapshot", "true"},
        {"bloom_filter_fp_chance", "0.01"},
        {"caching", "{'keys': 'ALL', 'rows_per_partition': 'NONE'}"},
        {"cdc", "false"},
        {"comment", "''"},
        {"compaction",
         "{'class': 'org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy', 'max_threshold': "
         "'32', "
         "'min_threshold': '4'}"},
        {"compression",
         "{'chunk_length_in_kb': '16', 'class': 'org.apache.cassandra.io.compress.LZ4Compressor'}"},
        {"memtable", "'default'"},
        {"crc_check_chance", "1.0"},
        {"default_time_to_live", "0"},
        {"extensions", "{}"},
        {"gc_grace_seconds", "864000"},
        {"incremental_backups", "true"},
        {"max_index_interval", "2048"},
        {"memtable_flush_period_in_ms", "0"},
        {"min_index_interval", "128"},
        {"read_repair", "'BLOCKING'"},
        {"speculative_retry", "'99p'"},
    };
    return options;
}

std::vector<SystemRow> SystemTables::rows(const TableDefinition& table) const {
    auto catalogue = database_.catalogue();
    std::vector<SystemRow> out;
    auto name = table.full_name();
    bool of_virtual = table.keyspace == "system_virtual_schema";
    if (table.keyspace == "system_auth") {
        if (roles_ != nullptr) out = auth_rows(table, *roles_->get());
    } else if (table.keyspace == "system_traces") {
        if (traces_ != nullptr) out = trace_rows(table, *traces_, identity_, port_);
    } else if (name == "system_views.clients") {
        if (clients_ != nullptr) out = client_rows(table, *clients_);
    } else if (name == "system.prepared_statements") {
        if (prepared_)
            for (const auto& statement : prepared_()) {
                RowMaker row(table);
                row.set("prepared_id", statement.id).set("query_string", statement.text);
                if (!statement.keyspace.empty()) row.set("logged_keyspace", statement.keyspace);
                out.push_back(row.take());
            }
    } else if (name == "system.local") {
        out.push_back(local_row(table, identity_, port_, *catalogue));
    } else if (name == "system_schema.keyspaces") {
        out = keyspace_rows(table, *catalogue);
    } else if (name == "system_virtual_schema.keyspaces") {
        for (auto keyspace : {"system_views", "system_virtual_schema"})
            out.push_back(RowMaker(table).set("keyspace_name", keyspace).take());
    } else if (name == "system_schema.tables") {
        for (const auto& one : tables_of(*catalogue, false))
            if (!one->view) out.push_back(table_row(table, *one));
    } else if (name == "system_schema.views" || name == "system.built_views" ||
               name == "system_distributed.view_build_status") {
        out = view_rows(table, *catalogue, identity_.host_id);
    } else if (name == "system_virtual_schema.tables") {
        for (const auto& one : tables_of(*catalogue, true)) {
            auto comment = one->options.find("comment");
            out.push_back(RowMaker(table)
                              .set("keyspace_name", one->keyspace)
                              .set("table_name", one->name)
                              .set("comment", comment == one->options.end()
                                                  ? ""
                                                  : option_bytes(Kind::text, comment->second))
                              .take());
        }
    } else if (name == "system_schema.indexes" || name == "system.IndexInfo") {
        out = index_rows(table, *catalogue);
    } else if (table.name == "columns") {
        for (const auto& one : tables_of(*catalogue, of_virtual)) add_column_rows(out, table, *one);
    } else if (name == "system_schema.dropped_columns") {
        for (const auto& one : tables_of(*catalogue, false)) add_dropped_rows(out, table, *one);
    } else if (name == "system_schema.types") {
        for (const auto& [keyspace, in] : catalogue->keyspaces) {
            for (const auto& [type_name, type] : in.types) {
                std::vector<std::string> types;
                for (const auto& field : type.parameters) types.push_back(to_string(field));
                out.push_back(RowMaker(table)
                                  .set("keyspace_name", keyspace)
                                  .set("type_name", type_name)
                                  .set("field_names", text_set(type.user->fields))
                                  .set("field_types", text_set(types))
                                  .take());
            }
        }
    } else if (name == "system_views.settings") {
        const auto& options = database_.options();
        for (const auto& [setting, value] : std::map<std::string, std::string>{
                 {"cluster_name", identity_.cluster_name},
                 {"commitlog_sync", options.sync == SyncPolicy::batch ? "batch" : "periodic"},
                 {"gc_grace_seconds", std::to_string(options.grace_seconds)},
                 {"native_transport_port", std::to_string(port_)},
                 {"partitioner", "org.apache.cassandra.dht.Murmur3Partitioner"},
                 {"sasi_indexes_enabled", options.sasi_indexes ? "true" : "false"}})
            out.push_back(RowMaker(table).set("name", setting).set("value", value).take());
    }
    return out;
}

}  // namespace penstock::store::cql
