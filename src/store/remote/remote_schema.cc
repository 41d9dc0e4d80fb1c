#include "store/remote/remote_schema.h"

#include <algorithm>
#include <set>
#include <thread>

#include "base/log.h"
#include "store/table_spec.h"

namespace penstock::store {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds agree_for{20};
/// Sizes are estimates that Cassandra itself renews every few minutes.
constexpr std::chrono::seconds list_lasts{5};
constexpr std::chrono::milliseconds list_for{1'000};

std::string literal(std::string_view text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
}

ColumnDefinition column_of(const SystemRow& row) {
    ColumnDefinition column;
    column.name = row.text("column_name");
    auto type = parse_data_type(row.text("type"));
    column.type = type ? *type : DataType(Kind::blob);
    auto kind = row.text("kind");
    if (kind == "partition_key") column.role = ColumnRole::partition_key;
    if (kind == "clustering") column.role = ColumnRole::clustering;
    column.position = std::uint32_t(std::max(0, row.integer("position")));
    column.descending = row.text("clustering_order") == "desc";
    return column;
}

std::string key_text(const TableDefinition& table) {
    std::string partition, clustering;
    for (std::uint32_t i = 0; i < table.key_columns(); ++i) {
        const auto& column = table.columns[i];
        if (column.role == ColumnRole::partition_key)
            partition += (partition.empty() ? "" : ", ") + in_double_quotes(column.name);
        else
            clustering += ", " + in_double_quotes(column.name);
    }
    return fmt::format("PRIMARY KEY (({}){})", partition, clustering);
}

std::string order_text(const TableDefinition& table) {
    std::string out;
    for (std::uint32_t i = table.partition_columns; i < table.key_columns(); ++i) {
        const auto& column = table.columns[i];
        out += (out.empty() ? "" : ", ") + in_double_quotes(column.name) +
               (column.descending ? " DESC" : " ASC");
    }
    return out.empty() ? out : fmt::format(" WITH CLUSTERING ORDER BY ({})", out);
}

}  // namespace

std::string in_double_quotes(std::string_view name) {
    std::string out = "\"";
    for (char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

Result<std::shared_ptr<const TableDefinition>> RemoteSchema::table(std::string_view full_name) {
    auto dot = full_name.find('.');
    if (dot == std::string_view::npos) return fail(Errc::not_found, "there is no table {}", full_name);
    auto changes = session_.schema_changes();
    {
        std::lock_guard lock(mutex_);
        if (seen_ != changes) tables_.clear();
        seen_ = changes;
        if (auto known = tables_.find(full_name); known != tables_.end()) return known->second;
    }
    auto table = TRY(read_table(full_name.substr(0, dot), full_name.substr(dot + 1)));
    if (!table) return fail(Errc::not_found, "there is no table {}", full_name);
    std::lock_guard lock(mutex_);
    // A change that was told meanwhile may not be in what was read.
    if (seen_ == session_.schema_changes()) tables_[std::string(full_name)] = table;
    return table;
}

/// Null when there is no such table.
Result<std::shared_ptr<const TableDefinition>> RemoteSchema::read_table(std::string_view keyspace,
                                                                        std::string_view name) {
    auto rows = TRY(session_.rows_of_text(
        fmt::format("SELECT * FROM system_schema.columns WHERE keyspace_name = {} AND table_name = {}",
                    literal(keyspace), literal(name))));
    if (rows.empty()) return std::shared_ptr<const TableDefinition>();
    auto table = std::make_shared<TableDefinition>();
    table->keyspace = keyspace;
    table->name = name;
    for (const auto& row : rows) {
        table->columns.push_back(column_of(row));
        table->columns.back().id = table->next_column++;
    }
    table->arrange();
    return std::shared_ptr<const TableDefinition>(std::move(table));
}

Result<> RemoteSchema::ensure(const TableSpec& spec) {
    if (spec.keyspace.empty() || spec.name.empty())
        return fail(Errc::invalid, "a table needs a keyspace and a name, as in keyspace.table");
    auto wanted = TRY(define(spec));
    std::lock_guard changing(changing_);
    auto existing = TRY(read_table(spec.keyspace, spec.name));
    if (!existing) {
        TRY(ensure_keyspace(spec.keyspace));
        TRY(create(wanted));
        existing = TRY(read_table(spec.keyspace, spec.name));
        if (!existing)
            return fail(Errc::unavailable, "table {} was made, and is not there yet", spec.full_name());
    }
    auto all = *existing;
    if (TRY(adopt(all, wanted, spec))) TRY(add_columns(*existing, all));
    return {};
}

Result<> RemoteSchema::ensure_own(std::string_view keyspace, std::string_view table,
                                  const std::string& statement) {
    std::lock_guard changing(changing_);
    if (TRY(read_table(keyspace, table))) return {};
    if (!session_.settings().create)
        return fail(Errc::not_found,
                    "there is no table {}.{} for what queries remember, and create=false: {}", keyspace,
                    table, statement);
    TRY(ensure_keyspace(keyspace));
    return change(statement);
}

Result<> RemoteSchema::ensure_keyspace(std::string_view keyspace) {
    auto rows = TRY(session_.rows_of_text(fmt::format(
        "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = {}", literal(keyspace))));
    if (!rows.empty()) return {};
    if (!session_.settings().create)
        return fail(Errc::not_found, "there is no keyspace {}, and create=false", keyspace);
    auto factor = std::size_t(session_.settings().replication);
    if (factor == 0) factor = std::clamp<std::size_t>(session_.local_nodes(), 1, 3);
    return change(fmt::format(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {{'class': 'NetworkTopologyStrategy', {}: {}}}",
        in_double_quotes(keyspace), literal(session_.local_dc()), factor));
}

Result<> RemoteSchema::create(const TableDefinition& table) {
    if (!session_.settings().create)
        return fail(Errc::not_found, "there is no table {}, and create=false", table.full_name());
    std::string columns;
    for (const auto& column : table.columns)
        columns += fmt::format("{} {}, ", in_double_quotes(column.name), to_string(column.type));
    return change(fmt::format("CREATE TABLE IF NOT EXISTS {}.{} ({}{}){}", in_double_quotes(table.keyspace),
                              in_double_quotes(table.name), columns, key_text(table), order_text(table)));
}

Result<> RemoteSchema::add_columns(const TableDefinition& existing, const TableDefinition& wanted) {
    for (const auto& column : wanted.columns) {
        if (existing.find(column.name) != nullptr) continue;
        if (!session_.settings().create)
            return fail(Errc::not_found, "table {} has no column {} {}, and create=false",
                        existing.full_name(), column.name, to_string(column.type));
        auto added = change(fmt::format("ALTER TABLE {}.{} ADD {} {}", in_double_quotes(existing.keyspace),
                                        in_double_quotes(existing.name), in_double_quotes(column.name),
                                        to_string(column.type)));
        if (added) continue;
        // Another process may have added it at the same time.
        auto now = TRY(read_table(existing.keyspace, existing.name));
        if (!now || now->find(column.name) == nullptr) return added;
    }
    return {};
}

Result<> RemoteSchema::change(const std::string& statement) {
    auto changed = session_.run_text(statement);
    if (!changed) return fail(statement, std::move(changed).error());
    log::info("Cassandra at {}: {}", session_.settings().shown, statement);
    {
        std::lock_guard lock(mutex_);
        tables_.clear();
        listed_at_ = {};
    }
    return agree();
}

/// All nodes that one of them knows of say the same version.
Result<> RemoteSchema::agree() {
    auto until = steady_clock::now() + agree_for;
    while (true) {
        std::set<std::string> versions;
        for (const char* table : {"local", "peers"})
            for (const auto& row :
                 TRY(session_.rows_of_text(fmt::format("SELECT schema_version FROM system.{}", table))))
                if (auto version = row.text("schema_version"); !version.empty()) versions.insert(version);
        if (versions.size() <= 1) return {};
        if (steady_clock::now() > until) {
            log::warn(
                "Cassandra at {}: the nodes do not agree on the schema after {} s; a node that is down may "
                "be "
                "why",
                session_.settings().shown, agree_for.count());
            return {};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

Result<std::vector<TableStatus>> RemoteSchema::list(std::string_view own_keyspace) {
    {
        std::lock_guard lock(mutex_);
        bool fresh =
            listed_at_ != steady_clock::time_point{} && steady_clock::now() - listed_at_ < list_lasts;
        if (fresh && listed_changes_ == session_.schema_changes()) return list_;
    }
    auto changes = session_.schema_changes();
    auto found = read_list(own_keyspace);
    std::lock_guard lock(mutex_);
    // While Cassandra is away, what was known is told: whoever asks wants to see that it is away, and not to
    // wait.
    if (!found && listed_at_ == steady_clock::time_point{}) return found;
    if (found) list_ = std::move(*found);
    listed_changes_ = changes;
    listed_at_ = steady_clock::now();
    return list_;
}

Result<std::vector<TableStatus>> RemoteSchema::read_list(std::string_view own_keyspace) {
    std::map<std::string, TableStatus> found;
    for (const auto& row :
         TRY(session_.rows_of_text("SELECT keyspace_name, table_name FROM system_schema.tables", list_for))) {
        auto keyspace = row.text("keyspace_name");
        if (keyspace.starts_with("system") || keyspace == own_keyspace) continue;
        auto name = row.text("table_name");
        found[keyspace + "." + name] = {keyspace, name, 0, 0};
    }
    auto sizes = session_.rows_of_text(
        "SELECT keyspace_name, table_name, mean_partition_size, partitions_count FROM system.size_estimates",
        list_for);
    // Other servers do not have this table; then there are no estimates.
    if (!sizes && sizes.error().code != Errc::not_found && sizes.error().code != Errc::invalid)
        return fail(std::move(sizes).error());
    for (const auto& row : sizes ? *sizes : std::vector<SystemRow>()) {
        auto table = found.find(row.text("keyspace_name") + "." + row.text("table_name"));
        if (table == found.end()) continue;
        auto partitions = row.long_integer("partitions_count");
        table->second.rows_estimate += partitions;
        table->second.bytes += partitions * row.long_integer("mean_partition_size");
    }
    std::vector<TableStatus> out;
    for (auto& [name, status] : found) out.push_back(std::move(status));
    return out;
}

}  // namespace penstock::store
