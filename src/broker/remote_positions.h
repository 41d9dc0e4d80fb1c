// Where a real Kafka keeps how far named producers are: a compacted topic of our own with one partition, as
// records there outlive the retention of the topic that they speak of. The value is the position.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/topics.h"

namespace penstock::broker {

inline constexpr std::string_view positions_topic = "__penstock_positions";
inline TopicPartition positions_place() {
    return {std::string(positions_topic), 0};
}

/// The producer, the topic and the partition, a line each. None of them has line ends.
std::string position_key(std::string_view producer, std::string_view topic, std::int32_t partition);
struct PositionKey {
    std::string_view producer, topic;
    std::int32_t partition = 0;
};
/// None: another program has written it.
std::optional<PositionKey> parse_position_key(std::string_view key);

}  // namespace penstock::broker
