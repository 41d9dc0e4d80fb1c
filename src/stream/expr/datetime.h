// Dates and timestamps as text and as parts, in UTC: what Spark does in a session whose time zone is UTC.
// A date is days, a timestamp microseconds since 1970-01-01.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::stream {

constexpr std::int64_t us_per_day = 86'400'000'000;

struct Civil {
    std::int64_t year = 1970;
    int month = 1;
    int day = 1;
};
struct TimeOfDay {
    int hour = 0, minute = 0, second = 0, us = 0;
};

Civil civil_of(std::int64_t days);
/// The day may lie beyond the month's end; the month must be 1 to 12.
std::int64_t days_of(std::int64_t year, int month, int day);
int days_in_month(std::int64_t year, int month);
/// Rounds towards minus infinity.
std::int64_t day_of_us(std::int64_t us);
TimeOfDay time_of_us(std::int64_t us);
/// The last day of the month when the day is beyond it, as Spark's add_months.
std::int64_t add_months(std::int64_t days, std::int64_t months);

/// yyyy, yyyy-M, yyyy-M-d, each may be followed by T or a space and anything, as Spark's cast.
std::optional<std::int64_t> parse_date(std::string_view text);
/// A date, then T or a space and H:m[:s[.fraction]], then Z, UTC, GMT, +01:00, +0100, +1 or nothing (UTC).
std::optional<std::int64_t> parse_timestamp(std::string_view text);

/// A pattern of letters (yyyy MM dd HH mm ss SSS a E MMM MMMM ...), as Spark's date_format; none when it has
/// letters that are not offered.
std::optional<std::string> format_datetime(std::int64_t us, std::string_view pattern);
/// The same pattern read; none when the text does not match.
std::optional<std::int64_t> parse_datetime(std::string_view text, std::string_view pattern);
/// Why a pattern is refused, or empty.
std::string check_pattern(std::string_view pattern);

/// The start of the year, quarter, month, week, day, hour, minute, second, millisecond; none: unknown unit.
std::optional<std::int64_t> truncate_us(std::int64_t us, std::string_view unit);

}  // namespace penstock::stream
