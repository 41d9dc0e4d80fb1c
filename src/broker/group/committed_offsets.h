// How far consumer groups are, kept in the topic __consumer_offsets in Kafka's record format: key version 1
// (group, topic, partition), value version 3 (offset, leader epoch, metadata, commit time). And of groups
// that have had members their protocol type: key version 2 (group), value version 3, without members.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/log/producer_state.h"

namespace penstock::broker {

class LocalTopics;

struct GroupPartition {
    std::string group;
    std::string topic;
    std::int32_t partition = 0;
    auto operator<=>(const GroupPartition&) const = default;
};

struct CommittedOffset {
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;
    std::string metadata;
    std::int64_t committed_ms = 0;
    bool operator==(const CommittedOffset&) const = default;
};

/// nullopt takes the offset away.
using OffsetChanges = std::vector<std::pair<GroupPartition, std::optional<CommittedOffset>>>;

/// Thread-safe.
class CommittedOffsets {
public:
    explicit CommittedOffsets(LocalTopics& topics) : topics_(topics) {}
    /// Reads back what was committed. The topic must exist.
    Result<> load();

    /// Appends the changes together; they are seen when they are durable. done: as broker::Appended.
    void commit(OffsetChanges changes, std::function<void(Result<>)> done);
    /// Appends the changes to the producer's transaction; they are seen when it is committed.
    void commit_in_transaction(std::int64_t producer_id, std::int16_t epoch, OffsetChanges changes,
                               std::function<void(Result<>)> done);
    void end_transaction(std::int64_t producer_id, std::int16_t epoch, TransactionMarker marker,
                         std::function<void(Result<>)> done);
    /// Whether an open transaction holds another offset for it.
    bool is_unstable(const GroupPartition& key) const;
    /// Seen at once, written by the next write_published(); for progress that only tools look at.
    void publish(GroupPartition key, std::int64_t offset);
    /// Writes what was published.
    void write_published();

    std::optional<CommittedOffset> find(const GroupPartition& key) const;
    std::map<GroupPartition, CommittedOffset> of_group(std::string_view group) const;
    /// Of the members that have committed; kept as long as the group has offsets.
    void set_protocol_type(const std::string& group, const std::string& type);
    /// "": nobody but clients that assign partitions by themselves has committed.
    std::string protocol_type(std::string_view group) const;
    std::vector<std::string> groups() const;
    /// Whether there is any offset of the group.
    bool has_group(std::string_view group) const;
    /// Takes away every offset of the topic.
    void forget_topic(std::string_view topic);

private:
    using Offsets = std::map<GroupPartition, CommittedOffset>;
    using ProtocolTypes = std::map<std::string, std::string, std::less<>>;
    static void apply(Offsets& to, const OffsetChanges& changes);
    static bool has_group(const Offsets& offsets, std::string_view group);
    std::vector<std::string> without_offsets(const OffsetChanges& changes) const;
    Result<> load_batch(std::string_view batch, const wire::kafka::BatchHeader& header);
    void append_batch(std::string batch, std::function<void(Result<>)> done);

    LocalTopics& topics_;
    mutable std::recursive_mutex mutex_;  // append() may answer at once
    Offsets committed_;                   // durable
    Offsets written_;                     // and what is on its way, in the order of the log
    ProtocolTypes protocol_types_;        // written, or on their way
    OffsetChanges published_;
    std::map<std::int64_t, OffsetChanges> open_;  // of open transactions, by producer id
};

}  // namespace penstock::broker
