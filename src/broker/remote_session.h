// One transactional producer of a real Kafka, and the thread that runs its transactions: appends that wait
// are committed together, each with its position.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "broker/remote_admin.h"
#include "broker/remote_append.h"
#include "broker/remote_kept.h"
#include "broker/remote_leftover.h"
#include "broker/remote_producer.h"

namespace penstock::broker {

/// Thread-safe. Takes the producer over in the background: whoever had it before is fenced.
class RemoteSession {
public:
    /// kept: the producer's, whose session this is alone. committed: sees what is decided.
    static Result<std::shared_ptr<RemoteSession>> open(const RemoteSettings& settings,
                                                       std::string_view producer,
                                                       const std::shared_ptr<RemoteKept>& kept,
                                                       RemoteAdmin& committed);
    /// Waits until what is queued has been tried.
    ~RemoteSession();
    RemoteSession(const RemoteSession&) = delete;
    RemoteSession& operator=(const RemoteSession&) = delete;

    void append(const AppendRequest& request, Appended done);

    void use() { used_at_ = std::chrono::steady_clock::now().time_since_epoch().count(); }
    /// Nothing is on its way, and nothing was asked of it lately.
    bool is_idle();
    /// Waits until whoever had the producer before is fenced, and its transaction is decided.
    Result<> wait_ready();
    /// Commits these positions once more, which marks the end of what Kafka has left open of the producer in
    /// the positions topic. Nothing is on its way.
    Result<> commit_again(std::string_view producer, std::span<const RemoteLeftover::Appended> positions);
    /// Aborts a record in this partition, and with it what Kafka has left open of the producer there. Nothing
    /// is on its way.
    Result<> abort_again(const TopicPartition& place);
    /// Commits what was committed, and undone by an abort, once more. Nothing is on its way.
    Result<> append_again(std::vector<RemoteAppendPart> parts);

    RemoteKept& kept() { return *kept_; }
    bool is_broken();
    bool is_fenced();

private:
    class Reports;

    RemoteSession(const RemoteSettings& settings, std::unique_ptr<RemoteClient> client,
                  std::shared_ptr<RemoteKept> kept, RemoteAdmin& committed);
    void run();
    void run_transaction(std::deque<std::unique_ptr<RemoteAppend>> queued);
    Result<> alone(const std::function<Result<>()>& transaction);
    void end_with(const Error& error);
    Result<> call(std::string_view what, const std::function<rd_kafka_error_t*(int)>& operation);
    Result<> commit(const std::shared_ptr<Reports>& reports);
    Error aborted(Error why);
    Result<> begin_and_commit(std::string_view producer, std::span<const RemoteLeftover::Appended> positions);
    Result<> begin_and_abort(const TopicPartition& place);
    Result<> all_reported(Reports& reports, Result<> done);
    void send(const AppendRequest& request, Appended told);

    const std::chrono::milliseconds retry_for_;
    const std::shared_ptr<RemoteKept> kept_;
    RemoteAdmin& committed_;
    std::unique_ptr<RemoteClient> client_;
    bool needs_abort_ = false;  ///< of the thread alone
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stops_ = false;
    bool is_ready_ = false;
    bool is_committing_ = false;
    std::atomic<std::chrono::steady_clock::rep> used_at_{
        std::chrono::steady_clock::now().time_since_epoch().count()};
    std::optional<Error> error_;
    std::deque<std::unique_ptr<RemoteAppend>> queue_;
    std::size_t queued_bytes_ = 0;
    std::thread thread_;
};

}  // namespace penstock::broker
