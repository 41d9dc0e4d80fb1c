// Keeps to a limit such as "20000 records per 5m" in every stretch of that length, wherever the API's own
// begins.
#pragma once

#include <cstdint>
#include <deque>

#include "pipeline/spec.h"

namespace penstock::ingest {

/// For one thread. Times are monotonic microseconds.
class RateWindow {
public:
    explicit RateWindow(pipeline::RateLimit limit) : limit_(limit) {}

    /// How long to wait before asking for what is expected to be that many records (at least 1); 0: now.
    std::int64_t wait_us(std::int64_t now_us, std::int64_t expected_records);
    /// A request was answered with that many records.
    void count(std::int64_t now_us, std::int64_t records);

private:
    struct Use {
        std::int64_t at_us;
        std::int64_t amount;
    };
    void forget(std::int64_t now_us);

    pipeline::RateLimit limit_;
    std::deque<Use> uses_;   ///< at most a thousand: uses that are close are counted as one
    std::int64_t used_ = 0;  ///< in uses_
};

}  // namespace penstock::ingest
