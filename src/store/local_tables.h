// Our own tables: the seam store/tables.h over RocksDB.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/tables.h"

namespace penstock::store {

/// Thread-safe.
class LocalTables final : public Tables {
public:
    explicit LocalTables(std::unique_ptr<Database> database) : database_(std::move(database)) {}

    std::string describe() const override;
    Result<> ensure(const TableSpec& spec) override;
    Result<TableSpec> spec(std::string_view table) override;
    Result<std::vector<TableStatus>> list() override;
    Result<> commit(const Commit& commit) override;
    Result<std::string> claim(std::string_view query, std::int64_t epoch) override;
    Result<std::string> checkpoint(std::string_view query) override;
    Result<std::vector<std::pair<std::string, std::string>>> state(std::string_view query,
                                                                   std::string_view prefix) override;
    Result<> forget(std::string_view query) override;
    Result<std::unique_ptr<Cursor>> scan(std::string_view table,
                                         const std::vector<std::string>& columns) override;
    Result<> flush() override { return database_->flush(); }

    /// For the CQL port.
    Database& database() { return *database_; }

private:
    /// epochs_mutex_ held.
    Result<> check_epoch(std::string_view query, std::int64_t epoch) const;

    std::unique_ptr<Database> database_;
    /// In memory alone: the lock on the directory keeps every other process out, so that whoever held an
    /// older epoch in another process is gone. Shared by commits, so that a claim comes before or after each.
    mutable std::shared_mutex epochs_mutex_;
    std::map<std::string, std::int64_t, std::less<>> epochs_;
};

/// Errc::io or Errc::corrupt, naming the directory. One process at a time may have it open.
Result<std::unique_ptr<LocalTables>> open_local_tables(const StoreOptions& options);

/// "keyspace.name" taken apart; Errc::not_found when there is no such table.
Result<std::shared_ptr<const TableDefinition>> find_table(const Catalogue& catalogue,
                                                          std::string_view full_name);

}  // namespace penstock::store
