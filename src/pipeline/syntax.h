// The small languages inside a pipeline file's values: rates, schedules, times, JSON Pointers,
// URLs.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "pipeline/spec.h"

namespace penstock::pipeline {

/// "20000 records per 5m", "10 requests per second".
Result<RateLimit> parse_rate(std::string_view text);

/// Cron with five fields (numbers, names, *, ranges, lists, steps), a preset such as @daily, or
/// "every 10m".
Result<> check_schedule(std::string_view text);

/// "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00+02:00"; UTC without an offset.
/// Microseconds since 1970.
Result<std::int64_t> parse_time_us(std::string_view text);

/// RFC 6901: empty, or parts that each start with '/'; '~' only as ~0 and ~1.
Result<> check_json_pointer(std::string_view text);

/// http:// or https:// and a host; what starts with ${NAME} is taken as it is.
Result<> check_url(std::string_view text);

/// ${NAME}: every '${' has a name and a '}'.
Result<> check_environment(std::string_view text);

/// "UTC", "Europe/Amsterdam": the shape only, whether there is such a zone is the scheduler's to
/// know.
Result<> check_timezone(std::string_view text);

}  // namespace penstock::pipeline
