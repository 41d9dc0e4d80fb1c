// Which interval of a schedule is to be run next. A run stands for an interval, and starts when it is over.
#pragma once

#include <cstdint>
#include <optional>

#include "orchestrate/scheduler.h"

namespace penstock::orchestrate {

struct Interval {
    std::int64_t start_us = 0;  ///< the run's logical time
    std::int64_t end_us = 0;    ///< the run is due
    bool operator==(const Interval&) const = default;
};

/// The last time at or before this at which the schedule fired; none within 30 years.
std::optional<std::int64_t> latest_fire(const Schedule& schedule, std::int64_t us);

/// With catch-up, intervals come one after the other, from the start given, or from the last one run.
/// Without, those that are over already are left out but for the latest. Without a start given and with none
/// run yet, the latest interval that is over is the first: a new file shows something at once.
std::optional<Interval> next_interval(const Schedule& schedule, std::optional<std::int64_t> last_logical_us,
                                      bool catchup, std::optional<std::int64_t> start_us,
                                      std::int64_t now_us);

}  // namespace penstock::orchestrate
