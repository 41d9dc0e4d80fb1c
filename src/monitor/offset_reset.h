// Where a reset takes a consumer group's offsets, with the scenarios of kafka-consumer-groups.sh.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/topics.h"
#include "monitor/groups_view.h"

namespace penstock::monitor {

struct ResetTo {
    enum class Kind { earliest, latest, current, offset, shift, timestamp };
    Kind kind = Kind::current;
    std::int64_t value = 0;  ///< the offset, by how many, or milliseconds since 1970
};

/// All partitions of the topic, or one.
struct ResetScope {
    std::string topic;
    std::optional<std::int32_t> partition;
};

struct PartitionReset {
    std::string topic;
    std::int32_t partition = 0;
    std::optional<std::int64_t> committed;  ///< nothing: the group has none there
    std::int64_t offset = 0;                ///< to commit
    std::int64_t end_offset = 0;

    /// How many offsets would be read once more, and how many never.
    std::int64_t again() const { return committed && *committed > offset ? *committed - offset : 0; }
    std::int64_t skipped() const { return committed && *committed < offset ? offset - *committed : 0; }
};

/// As Kafka's tool: an offset beyond a partition's start or end becomes that; current without a committed
/// offset, and a time after the last record, are the end. No scopes: every topic in which the group has
/// committed, without those that are gone. Errc::not_found: a topic or partition. Errc::invalid: shift where
/// nothing is committed, no topic at all, or one named twice.
Result<std::vector<PartitionReset>> plan_reset(broker::Topics& topics,
                                               const broker::PartitionOffsets& committed,
                                               const std::vector<ResetScope>& scopes, const ResetTo& to);

}  // namespace penstock::monitor
