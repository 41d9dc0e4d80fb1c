// Requests to a Cassandra cluster: sent to a node that has the data, repeated while that may help, and no
// more of them at once than is good for either side.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/remote/cluster.h"
#include "store/remote/retry.h"
#include "store/remote/settings.h"
#include "store/remote/system_rows.h"

namespace penstock::store {

/// A prepared statement; immutable.
struct Statement {
    std::string text;
    std::string keyspace;  ///< of its table
    wire::cql::PreparedResponse prepared;
};

struct Call {
    wire::cql::Opcode opcode = wire::cql::Opcode::execute;
    std::string body;                            ///< as the session's version has it
    std::shared_ptr<const Statement> statement;  ///< what to prepare again when a node has forgotten it
    std::shared_ptr<const Statement> also;       ///< of a batch with two
    std::optional<std::int64_t> token;           ///< of the partition; a node that has it is asked
    bool is_read = false;                        ///< may be asked of two nodes at once
    bool of_schema = false;  ///< goes to the node that the others of these went to, while it is there
    std::optional<std::chrono::milliseconds> retry_for;  ///< shorter than that of the settings
    /// The answer, never an ERROR. On the session's thread: must not block.
    std::move_only_function<void(Result<wire::cql::Frame>)> done;
};

/// Thread-safe, but for what says otherwise.
class RemoteSession {
public:
    /// Waits until a node answers: Errc::unavailable after settings.retry_for, Errc::unauthorized at once.
    static Result<std::unique_ptr<RemoteSession>> open(RemoteTablesSettings settings);
    /// No request may be under way.
    ~RemoteSession();
    RemoteSession(const RemoteSession&) = delete;
    RemoteSession& operator=(const RemoteSession&) = delete;

    const RemoteTablesSettings& settings() const { return *settings_; }
    int version() const { return version_; }
    const std::string& local_dc() const { return local_dc_; }
    std::string describe() const { return described_; }
    std::size_t local_nodes() const;
    /// As it is known now.
    Ring ring() const;
    /// Changes whenever the cluster tells that its schema did.
    std::int64_t schema_changes() const { return schema_changes_.load(); }

    /// Waits while too many requests are under way. Not from done.
    void submit(std::vector<Call> calls);
    /// Sends and waits. Not from done.
    Result<wire::cql::Frame> run(Call call);
    /// A statement of text without values, at the consistency of the settings. Of the schema: all of them go
    /// to one node, which knows what it was told before; the others learn of it some time after.
    Result<wire::cql::Frame> run_text(std::string_view text, std::optional<Consistency> consistency = {},
                                      std::optional<std::chrono::milliseconds> retry_for = {});
    Result<std::vector<SystemRow>> rows_of_text(std::string_view text,
                                                std::optional<std::chrono::milliseconds> retry_for = {});
    /// Prepared once and kept. Tables are named with their keyspaces.
    Result<std::shared_ptr<const Statement>> prepare(const std::string& text);
    /// Errors of this statement may come from its table having changed.
    void forget(const Statement& statement);

private:
    struct Pending;
    using PendingPtr = std::shared_ptr<Pending>;
    using Clock = CqlConnection::Clock;

    explicit RemoteSession(RemoteTablesSettings settings);
    Result<> wait_ready();

    // Callers' threads.
    void enter(std::size_t bytes);
    void leave(std::size_t bytes);

    // The session's thread.
    static net::Task<> tick(RemoteSession* self, std::shared_ptr<Cluster> cluster);
    void begin(Call call);
    void route(const PendingPtr& pending);
    std::shared_ptr<ClusterNode> choose(const Pending& pending);
    void send(const PendingPtr& pending, const std::shared_ptr<ClusterNode>& node);
    void answered(const PendingPtr& pending, const std::shared_ptr<ClusterNode>& node,
                  Result<wire::cql::Frame> answer);
    void failed(const PendingPtr& pending, const std::shared_ptr<ClusterNode>& node,
                const wire::cql::ErrorResponse& error);
    void prepare_again(const PendingPtr& pending, const std::shared_ptr<ClusterNode>& node,
                       std::string_view id);
    void retry(const PendingPtr& pending, Error why, bool other_node);
    void finish(const PendingPtr& pending, Result<wire::cql::Frame> answer);
    Error give_up(const Pending& pending) const;

    std::shared_ptr<const RemoteTablesSettings> settings_;
    net::Shards shards_{1};
    net::asio::any_io_executor executor_;
    std::shared_ptr<Cluster> cluster_;
    int version_ = 5;
    std::string local_dc_;
    std::string described_;
    std::atomic<std::int64_t> schema_changes_{0};
    std::atomic<bool> ticking_{false};

    // The session's thread.
    std::multimap<Clock::time_point, PendingPtr> delayed_;
    std::multimap<Clock::time_point, PendingPtr> speculative_;
    std::size_t turn_ = 0;

    std::mutex mutex_;
    std::condition_variable room_;
    int in_flight_ = 0;
    std::size_t in_flight_bytes_ = 0;
    std::map<std::string, std::shared_ptr<const Statement>, std::less<>> statements_;

    // Until the first node answers.
    std::mutex ready_mutex_;
    std::condition_variable ready_changed_;
    bool ready_ = false;
    std::optional<Error> refused_;
};

/// Waits for calls of one piece of work; the first error is what it ends with.
class CallGroup {
public:
    CallGroup() = default;
    ~CallGroup();  ///< waits, too
    CallGroup(const CallGroup&) = delete;
    CallGroup& operator=(const CallGroup&) = delete;

    /// Counts calls that are about to be sent, and whose outcome is told by done.
    void add(std::size_t calls = 1);
    void done(const Result<wire::cql::Frame>& answer);
    /// True once one has failed: no more need be sent.
    bool has_failed();
    /// Until all that were added are done.
    Result<> wait();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t open_ = 0;
    std::optional<Error> error_;
};

}  // namespace penstock::store
