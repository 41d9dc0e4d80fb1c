// "7d", "60s", "1.5h", "100 MB": how people write durations and sizes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

/// Number and unit us, ms, s, m, h, d or w, or several of them: "1h30m". Returns microseconds.
Result<std::int64_t> parse_duration_us(std::string_view text);
/// Number and unit B, kB/KB/KiB, MB/MiB, GB/GiB, TB/TiB (all powers of 1024), or a bare number of bytes.
Result<std::int64_t> parse_size_bytes(std::string_view text);
/// A whole decimal number, nothing before or after it.
Result<std::int64_t> parse_int(std::string_view text);
Result<double> parse_double(std::string_view text);

/// "850 ms", "12.3 s", "4 min 10 s", "3 d 2 h".
std::string format_duration_us(std::int64_t us);
/// "1.5 GiB".
std::string format_bytes(std::int64_t bytes);
/// "1,234,567".
std::string format_count(std::int64_t count);
/// ISO-8601 in UTC with milliseconds: 2026-01-31T23:59:59.123Z.
std::string format_time_us(std::int64_t us);

}  // namespace penstock
