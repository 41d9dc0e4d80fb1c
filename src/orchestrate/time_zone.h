// Local time and its jumps. Seconds since 1970; local seconds count as if the local clock were UTC.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace date {
class time_zone;
}

namespace penstock::orchestrate {

class TimeZone {
public:
    /// A name of the IANA database: Europe/Berlin. UTC works without the database. Errc::invalid.
    static Result<TimeZone> find(std::string_view name);

    /// A stretch of time with one offset: [begin, end).
    struct Period {
        std::int64_t end_s = INT64_MAX;
        std::int64_t offset_s = 0;  ///< local - UTC
    };
    Period period_at(std::int64_t utc_s) const;
    /// The first time at which the local clock shows this; when it never does, the end of the gap.
    std::int64_t first_utc(std::int64_t local_s) const;

private:
    explicit TimeZone(const date::time_zone* zone) : zone_(zone) {}
    const date::time_zone* zone_;  ///< none: UTC
};

}  // namespace penstock::orchestrate
