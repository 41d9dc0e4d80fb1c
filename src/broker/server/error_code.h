// Our errors as Kafka's codes.
#pragma once

#include "base/result.h"
#include "wire/kafka/error_code.h"

namespace penstock::broker {

/// What the client wanted: the same error has another code in another place.
enum class Doing { produce, fetch, name_topic, change_topic, other };

wire::kafka::ErrorCode error_code(const Error& error, Doing doing);

}  // namespace penstock::broker
