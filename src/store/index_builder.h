// Fills new indexes and materialised views with the rows that were there before, on a thread of its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "store/database.h"
#include "store/row_value.h"

namespace penstock::store {

/// Starts with what was left unbuilt. Must be gone before its Database closes.
class IndexBuilder {
public:
    explicit IndexBuilder(Database& database);
    ~IndexBuilder();  ///< waits for the batch under way; the rest is done after the next start
    /// There is a new index in the catalogue.
    void wake();

private:
    void run();
    Result<> build(const std::shared_ptr<const TableDefinition>& table, const IndexDefinition& index);
    Result<> build_view(const std::shared_ptr<const TableDefinition>& base,
                        const std::shared_ptr<const TableDefinition>& view);
    using Entries = std::function<void(std::string_view key, const Row& row, rocksdb::WriteBatch& batch)>;
    Result<> fill(const TableDefinition& table, const Entries& entries);
    bool is_stopping();

    Database& database_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = true;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace penstock::store
