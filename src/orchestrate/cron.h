// A cron expression of five fields: minute, hour, day of month, month, day of week.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace penstock::orchestrate {

class Cron {
public:
    /// Numbers, names (JAN, MON), *, ranges a-b, steps */n, a-b/n and a/n, lists with commas. Sunday is 0 or
    /// 7; a range of weekdays may pass Sunday. Errc::invalid names the field, its value, and what was
    /// expected.
    static Result<Cron> parse(std::string_view text);

    /// The first match at or after this local time, in seconds; none within nine years.
    std::optional<std::int64_t> next_at_or_after(std::int64_t local_s) const;
    /// The hour field starts with *: the schedule is about elapsed time, not about a time of day.
    bool every_hour() const { return every_hour_; }

private:
    bool matches_day(std::int64_t day) const;

    std::uint64_t minutes_ = 0;  ///< bit n: minute n
    std::uint64_t hours_ = 0;
    std::uint64_t days_ = 0;      ///< bits 1 to 31
    std::uint64_t months_ = 0;    ///< bits 1 to 12
    std::uint64_t weekdays_ = 0;  ///< bits 0 (Sunday) to 6
    bool any_day_ = false;
    bool any_weekday_ = false;
    bool every_hour_ = false;
};

}  // namespace penstock::orchestrate
