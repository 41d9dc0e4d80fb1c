// A few connections to one PostgreSQL database, and what to do when they break: reconnect with
// back-off, ask again, and never guess what became of a transaction. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "metadata/postgres_connection.h"

namespace penstock::metadata {

class PostgresPool {
public:
    using Work = std::function<Result<>(PostgresConnection&)>;

    /// A call that finds the server gone tries again for retry_for, then fails with
    /// Errc::unavailable.
    PostgresPool(PostgresTarget target, int connections_max, std::chrono::milliseconds retry_for);

    const PostgresTarget& target() const { return target_; }

    /// Runs the work, and again when the connection broke: it must do no harm twice, and set its
    /// results anew.
    Result<> run(const Work& work);
    /// Runs the work in a transaction, exactly once, also when the connection breaks during the
    /// commit. The table `transactions` must be there.
    ///
    /// Each transaction writes a token of its own there first. When nobody knows what became of a
    /// commit, the same token is written again: a conflict says that the first attempt was
    /// committed (and waits for it while the server has not decided). Asking for txid_status()
    /// would not do: after a crash, numbers of transactions that had written nothing yet are given
    /// out again.
    Result<> transaction(const Work& work);
    /// The statement that makes that table.
    static constexpr const char* transactions_table =
        "CREATE TABLE transactions (token TEXT NOT NULL PRIMARY KEY, "
        "committed_at TIMESTAMPTZ NOT NULL DEFAULT now())";

private:
    using Deadline = std::chrono::steady_clock::time_point;

    Result<std::unique_ptr<PostgresConnection>> take(Deadline deadline);
    void give_back(std::unique_ptr<PostgresConnection> connection);
    Result<> attempt_transaction(PostgresConnection& connection, const std::string& token, const Work& work);
    std::string next_token();
    void forget_old_tokens();

    const PostgresTarget target_;
    const int connections_max_;
    const std::chrono::milliseconds retry_for_;
    const std::string token_start_;  ///< random, so that no two pools have a token in common

    std::mutex mutex_;
    std::condition_variable returned_;
    int connections_ = 0;  ///< idle and lent
    std::vector<std::unique_ptr<PostgresConnection>> idle_;
    std::uint64_t tokens_ = 0;
    bool is_lost_ = false;  ///< the last attempt failed, and a log line says so
};

}  // namespace penstock::metadata
