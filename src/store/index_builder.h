// Fills new indexes with the rows that were there before, on a thread of its own.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/database.h"

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
    bool is_stopping();

    Database& database_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = true;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace penstock::store
