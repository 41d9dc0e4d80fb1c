// What an error of Cassandra's means to a client whose requests may all be repeated.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "wire/cql/response.h"

namespace penstock::store {

enum class Remedy : std::uint8_t {
    none,        ///< nobody would answer otherwise
    prepare,     ///< the node has forgotten the statement
    other_node,  ///< this one cannot now; another may, at once
    wait,        ///< the replicas could not; later they may
};

/// Every request is idempotent: writes carry their timestamps, conditional ones test what they set.
Remedy remedy_for(wire::cql::ErrorCode code);
/// The error as the callers of the tables seam see it, with Cassandra's own words.
Error error_of(const wire::cql::ErrorResponse& error);

/// Doubles from 50 ms to 2 s, give or take a quarter, so that not all ask again at once.
class Backoff {
public:
    std::chrono::milliseconds next();
    void reset() { step_ = 0; }

private:
    int step_ = 0;
};

}  // namespace penstock::store
