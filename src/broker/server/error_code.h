// Our errors as Kafka's codes.
#pragma once

#include "base/result.h"
#include "wire/kafka/error_code.h"

namespace penstock::broker {

/// What the client wanted: the same error has another code in another place.
enum class Doing { produce, fetch, name_topic, change_topic, other };

wire::kafka::ErrorCode error_code(const Error& error, Doing doing);

/// Partitions have one leader with one epoch for ever, 0. What a client is told that believes in another one;
/// -1: it does not say. Not for Fetch, which takes whatever is below 0 for that, as Kafka's does.
constexpr wire::kafka::ErrorCode check_leader_epoch(std::int32_t believed) {
    if (believed > 0) return wire::kafka::ErrorCode::unknown_leader_epoch;
    return believed < -1 ? wire::kafka::ErrorCode::fenced_leader_epoch : wire::kafka::ErrorCode::none;
}

}  // namespace penstock::broker
