// The topics seam: what sources, queries and the console need of topics. Below it stand our own log
// (LocalTopics) and a real Apache Kafka (RemoteTopics).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::broker {

struct Header {
    std::string_view name;
    std::string_view value;
};

/// A record to append. Views live as long as the call.
struct NewRecord {
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    std::int64_t timestamp_ms = -1;  ///< -1: now
    std::span<const Header> headers;
};

/// A record as read. Views point into the RecordSet that holds it.
struct Record {
    std::int64_t offset = 0;
    std::int64_t timestamp_ms = 0;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    std::string_view headers;  ///< still encoded; decode_headers() takes them apart
};

std::vector<Header> decode_headers(std::string_view encoded);

/// Records in offset order, with the bytes they point into.
struct RecordSet {
    std::vector<Record> records;
    /// One past the last offset covered, which may be beyond the last record (compaction, control batches).
    std::int64_t next_offset = 0;
    /// At least 64 readable bytes follow every value, so that a vector parser may read past its end.
    std::shared_ptr<const void> bytes;
};

struct TopicPartition {
    std::string topic;
    std::int32_t partition = 0;
    auto operator<=>(const TopicPartition&) const = default;
};
/// Offsets of several partitions.
using PartitionOffsets = std::map<TopicPartition, std::int64_t>;

struct TopicSpec {
    std::string name;
    std::int32_t partitions = 1;
    /// Kafka's names and values: retention.ms, retention.bytes, segment.bytes, cleanup.policy, ...
    std::map<std::string, std::string> config;
};

struct PartitionInfo {
    std::int64_t start_offset = 0;  ///< the first one that can be read
    std::int64_t end_offset = 0;    ///< one past the last one that can be read
    std::int64_t bytes = 0;
};

struct TopicInfo {
    TopicSpec spec;
    std::string id;  ///< a UUID: another one when the topic was deleted and created again
    bool internal = false;
    std::vector<PartitionInfo> partitions;
};

struct AppendRequest {
    std::string_view topic;
    std::int32_t partition = 0;
    std::span<const NewRecord> records;
    /// With a producer, the position is kept together with the records, atomically: after a crash, position()
    /// tells exactly what has been appended. A source names itself and says how far in its input it is.
    std::string_view producer;
    std::string_view position;
};

/// Called once, from any thread, when the records are durable (base offset) or refused. Must not block.
using Appended = std::function<void(Result<std::int64_t>)>;

/// Thread-safe.
class Topics {
public:
    virtual ~Topics() = default;

    /// "embedded log" or "Apache Kafka at h1:9092", for people.
    virtual std::string describe() const = 0;

    virtual Result<> create(const TopicSpec& spec) = 0;  ///< Errc::exists when it does
    virtual Result<> remove(std::string_view topic) = 0;
    virtual Result<> alter(std::string_view topic, const std::map<std::string, std::string>& config) = 0;
    virtual Result<std::vector<TopicInfo>> list() = 0;
    virtual Result<TopicInfo> info(std::string_view topic) = 0;  ///< Errc::not_found
    /// list() and info() for what is shown again and again: as it is, or was some seconds ago, without
    /// waiting for topics that cannot be reached. Errc::unavailable: not known any more.
    virtual Result<std::vector<TopicInfo>> glance_all() { return list(); }
    virtual Result<TopicInfo> glance(std::string_view topic) { return info(topic); }

    /// Appends all records to the partition in order, all or none, and acknowledges when they are durable as
    /// the log's fsync policy says. The request's bytes are copied before append() returns.
    virtual void append(const AppendRequest& request, Appended done) = 0;
    /// What the producer last appended to the partition; empty when nothing.
    virtual Result<std::string> position(std::string_view topic, std::int32_t partition,
                                         std::string_view producer) = 0;

    /// Records from offset on, about max_bytes of them, at least one when there is any; an empty set at the
    /// end. Errc::out_of_range when offset is before the start or after the end.
    virtual Result<RecordSet> read(std::string_view topic, std::int32_t partition, std::int64_t offset,
                                   std::int64_t max_bytes) = 0;
    /// The first offset whose record's timestamp is at least this; the end offset when there is none.
    virtual Result<std::int64_t> offset_for_time(std::string_view topic, std::int32_t partition,
                                                 std::int64_t timestamp_ms) = 0;
    /// Calls back, from any thread, whenever the end offset of a partition of the topic has moved, until the
    /// returned handle is destroyed. The callback must not block.
    virtual Result<std::shared_ptr<void>> subscribe(std::string_view topic, std::function<void()> moved) = 0;
    /// Tells tools how far a reader is, as a consumer group's committed offset, so that its lag shows.
    virtual Result<> publish_position(std::string_view group, std::string_view topic, std::int32_t partition,
                                      std::int64_t offset) = 0;
};

/// append() and wait. Not on a network thread.
Result<std::int64_t> append_and_wait(Topics& topics, const AppendRequest& request);

/// The partition that Kafka's default partitioner takes for a key (murmur2).
std::int32_t partition_of_key(std::string_view key, std::int32_t partitions);

}  // namespace penstock::broker
