// Appends of named producers to a real Kafka: the records and the producer's new position are one
// transaction, so that after a crash position() tells exactly what has been appended, and who took
// a producer over fences who had it before.
//
// Positions are kept in a topic of our own (remote_positions.h).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "broker/remote_admin.h"
#include "broker/remote_kept.h"
#include "broker/remote_leftover.h"
#include "broker/remote_reader.h"
#include "broker/remote_session.h"
#include "broker/topics.h"

namespace penstock::broker {

/// Thread-safe.
class RemoteTransactions {
public:
    RemoteTransactions(RemoteSettings settings, RemoteAdmin& admin, RemoteReader& reader)
        : settings_(std::move(settings)), admin_(admin), reader_(reader) {}
    ~RemoteTransactions();

    /// Appends that wait for the same producer are committed together. Errc::fenced: another
    /// process has taken the producer over. Errc::unavailable: Kafka could not be asked in time;
    /// position() tells whether it was appended.
    void append(const AppendRequest& request, Appended done);
    /// Takes the producer over: from then on its appends from another process fail with
    /// Errc::fenced.
    Result<std::string> position(std::string_view topic, std::int32_t partition, std::string_view producer);

private:
    Result<std::shared_ptr<RemoteSession>> session(std::string_view producer, bool take_over);
    Result<> make_positions_topic();
    Result<std::int64_t> end_of_positions(RemoteAdmin& admin);
    Result<> read_positions(RemoteSession& session, std::string_view producer);
    Result<> wait_until_positions_are_decided(std::int64_t end, RemoteSession& session,
                                              std::string_view producer);
    Result<> wait_until_decided(const TopicPartition& place);
    Result<bool> abort_what_is_left(RemoteSession& session, std::string_view producer,
                                    const RemoteLeftover::Appended& committed);
    Result<> append_what_was_undone(RemoteSession& session, std::string_view producer);
    Result<RemoteLeftover::Written> written_of(const RemoteKept& kept, const TopicPartition& place,
                                               std::string_view producer);
    Result<> keep_if_hidden(RemoteKept& kept, const std::string& key,
                            const RemoteLeftover::Appended& committed);
    RemoteLeftover& leftover();
    void forget_committed(std::string_view producer);

    const RemoteSettings settings_;
    RemoteAdmin& admin_;
    RemoteReader& reader_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<RemoteSession>, std::less<>> sessions_;
    std::map<std::string, std::shared_ptr<RemoteKept>> kept_;  ///< by producer
    std::atomic<bool> has_positions_topic_{false};
    std::mutex positions_mutex_;                ///< of positions_ and all_written_; held while they are read
    std::unique_ptr<RemoteAdmin> all_written_;  ///< sees what no transaction has decided yet
    std::unique_ptr<RemoteLeftover> leftover_;  ///< null: not looked for so far
    std::mutex committed_mutex_;
    std::int64_t positions_next_ = -1;              ///< -1: nothing read yet
    std::map<std::string, std::string> positions_;  ///< as read
    /// What this process has committed itself: readers see it only when Kafka has marked the
    /// transaction in every partition, which it does after it has said that it is committed.
    std::map<std::string, std::string> committed_;
};

}  // namespace penstock::broker
