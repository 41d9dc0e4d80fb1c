// Keyspaces and tables of a Cassandra: read, kept while the cluster tells of no change, and made.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/catalogue.h"
#include "store/remote/session.h"
#include "store/tables.h"

namespace penstock::store {

/// A name as CQL text, in double quotes.
std::string in_double_quotes(std::string_view name);

/// Thread-safe.
class RemoteSchema {
public:
    explicit RemoteSchema(RemoteSession& session) : session_(session) {}

    /// keyspace.name. Errc::not_found. Columns of types that Penstock does not know are as blobs; static ones
    /// as regular ones.
    Result<std::shared_ptr<const TableDefinition>> table(std::string_view full_name);
    /// What Tables::ensure() promises.
    Result<> ensure(const TableSpec& spec);
    /// Makes what is missing; statement is CREATE TABLE IF NOT EXISTS.
    Result<> ensure_own(std::string_view keyspace, std::string_view table, const std::string& statement);
    /// Those of people: neither the system's nor Penstock's own.
    Result<std::vector<TableStatus>> list(std::string_view own_keyspace);

private:
    Result<std::shared_ptr<const TableDefinition>> read_table(std::string_view keyspace,
                                                              std::string_view name);
    Result<std::vector<TableStatus>> read_list(std::string_view own_keyspace);
    Result<> ensure_keyspace(std::string_view keyspace);
    Result<> create(const TableDefinition& table);
    Result<> add_columns(const TableDefinition& existing, const TableDefinition& wanted);
    /// Runs a statement that changes the schema, and waits until all nodes have the change.
    Result<> change(const std::string& statement);
    Result<> agree();

    RemoteSession& session_;
    std::mutex changing_;  ///< one change at a time
    std::mutex mutex_;
    std::int64_t seen_ = -1;  ///< RemoteSession::schema_changes() when the tables were read
    std::map<std::string, std::shared_ptr<const TableDefinition>, std::less<>> tables_;
    std::vector<TableStatus> list_;
    std::int64_t listed_changes_ = -1;
    std::chrono::steady_clock::time_point listed_at_{};
};

}  // namespace penstock::store
