// What Kafka has said is committed, kept until the log shows it. A broker of Kafka 4.3 that stops, or starts,
// takes partitions that have no leader at the moment for deleted: it ends transactions without marking the
// end there, and says that they are committed (TransactionMarkerChannelManager: "likely deleted already and
// hence can be skipped"). The producer's next mark in the partition, whichever it is, ends them, too: an
// abort aborts what was committed. So whoever aborts looks afterwards, and what was undone is appended again.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "broker/remote_admin.h"
#include "broker/remote_append.h"

namespace penstock::broker {

/// Of one producer. Thread-safe. At most 64 MB: the oldest go first.
class RemoteKept {
public:
    using Appends = std::vector<std::shared_ptr<RemoteAppend>>;

    /// Of a transaction that is committed.
    void add(const Appends& appends);
    /// Of one that has failed: it may be aborted, and what was kept with it; or committed after all.
    void add_uncertain(Appends appends);
    /// A transaction is about to be aborted, or may have been.
    void suspect();
    /// What is kept may be undone: until it was looked after nothing more is appended.
    bool is_suspect() const;
    void trust();

    Appends all() const;
    bool is_empty() const;
    bool is_kept(const TopicPartition& place, std::string_view position) const;
    /// Whether what hides the partition from this offset on is one of these.
    bool is_hiding(const TopicPartition& place, std::int64_t offset) const;
    /// The uncertain append that this position is of, none when it was another: it is known now.
    std::shared_ptr<RemoteAppend> settle(const std::string& key, std::string_view position);
    /// One that settle() has told; the others stay uncertain.
    void add_settled(const std::shared_ptr<RemoteAppend>& append);

    /// Forgets what is marked, now and then; not what is suspect, which an abort may have marked.
    void forget_marked(RemoteAdmin& committed);

private:
    bool is_due() const;
    void keep(const std::shared_ptr<RemoteAppend>& append);

    mutable std::mutex mutex_;
    Appends certain_;  ///< in their order
    Appends uncertain_;
    std::size_t bytes_ = 0;  ///< of the certain ones
    bool is_suspect_ = false;
    std::uint64_t changes_ = 0;  ///< of what a look at the log may be older than
    std::chrono::steady_clock::time_point looked_at_{};
};

}  // namespace penstock::broker
