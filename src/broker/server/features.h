// Which of Kafka's features this broker has (KIP-584). Each is at its newest level.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::broker {

struct Feature {
    std::string_view name;
    std::int16_t oldest, newest;
};

inline constexpr Feature features[] = {
    {"group.version", 0, 1},        // groups that the broker assigns to (KIP-848)
    {"share.version", 0, 1},        // share groups (KIP-932)
    {"transaction.version", 0, 2},  // producers begin a new epoch with each transaction (KIP-890)
};

}  // namespace penstock::broker
