// What members of the classic protocol tell each other through the broker, when their protocol type is
// "consumer": the subscription in JoinGroup, the assignment in SyncGroup. Source: Kafka's ConsumerProtocol,
// versions 0 to 3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "wire/kafka/codec.h"

namespace penstock::broker {

using PartitionsByTopic = std::map<std::string, std::set<std::int32_t>>;

struct ConsumerSubscription {
    std::int16_t version = 0;
    std::vector<std::string> topics;
    PartitionsByTopic owned;  ///< version 1 and newer
};

/// nullopt: cannot be read.
std::optional<ConsumerSubscription> parse_subscription(const wire::kafka::Bytes& bytes);
/// Nothing is assigned where it cannot be read.
PartitionsByTopic parse_assignment(const wire::kafka::Bytes& bytes);
wire::kafka::Bytes encode_assignment(const PartitionsByTopic& assignment, std::int16_t version);

}  // namespace penstock::broker
