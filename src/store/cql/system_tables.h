// The tables that drivers read to learn about the cluster and its schema: made from the catalogue when asked
// for.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/cql/client_list.h"
#include "store/cql/trace_log.h"
#include "store/database.h"
#include "store/roles.h"

namespace penstock::store::cql {

bool is_system_keyspace(std::string_view keyspace);
/// Keyspaces whose tables are kept nowhere; DESCRIBE says so.
bool is_virtual_keyspace(std::string_view keyspace);
/// Which of the system's keyspaces Cassandra shares among nodes.
bool is_replicated(std::string_view system_keyspace);
std::shared_ptr<const TableDefinition> system_table(std::string_view keyspace, std::string_view name);
/// All of them, by keyspace and name.
const std::vector<std::shared_ptr<const TableDefinition>>& system_tables();

/// How the node presents itself.
struct NodeIdentity {
    std::string address = "127.0.0.1";  ///< where clients reach us
    std::uint16_t port = 9042;
    std::string host_id;  ///< 16 bytes
    std::string cluster_name = "Penstock";
    std::string data_center = "datacenter1";
    std::string rack = "rack1";
};

/// What one node says of the ring and of others' port, of which there are none.
inline constexpr std::string_view only_token = "0";
inline constexpr int storage_port = 7000;

/// The version whose protocol and schema tables we follow; drivers choose by it what they ask.
inline constexpr std::string_view release_version = "5.0.0";
inline constexpr std::string_view cql_version = "3.4.7";

/// Values by the index of the table's columns.
using SystemRow = std::vector<std::optional<std::string>>;

/// A statement that clients have prepared.
struct PreparedText {
    std::string id;
    std::string keyspace;  ///< of the session; empty: none
    std::string text;
};

class SystemTables {
public:
    /// roles: shown by system_auth; null: it has none.
    /// traces: shown by system_traces.
    /// prepared: shown by system.prepared_statements; thread-safe.
    /// clients: shown by system_views.clients.
    SystemTables(Database& database, NodeIdentity identity, const Roles* roles = nullptr,
                 const TraceLog* traces = nullptr, std::function<std::vector<PreparedText>()> prepared = {},
                 const ClientList* clients = nullptr)
        : database_(database),
          identity_(std::move(identity)),
          roles_(roles),
          traces_(traces),
          prepared_(std::move(prepared)),
          clients_(clients),
          port_(identity_.port) {}
    void set_port(std::uint16_t port) { port_ = port; }
    /// All rows of one of system_tables(), in the order of its key.
    std::vector<SystemRow> rows(const TableDefinition& table) const;
    const NodeIdentity& identity() const { return identity_; }

private:
    Database& database_;
    NodeIdentity identity_;
    const Roles* roles_;
    const TraceLog* traces_;
    std::function<std::vector<PreparedText>()> prepared_;
    const ClientList* clients_;
    std::atomic<std::uint16_t> port_;
};

/// Options of tables that say nothing of their own, as CQL writes them.
const std::vector<std::pair<std::string_view, std::string_view>>& default_table_options();

}  // namespace penstock::store::cql
