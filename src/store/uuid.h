// UUIDs as their 16 bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::store {

/// 36 characters, 8-4-4-4-12 hexadecimal digits in any case. The result has 16 bytes.
std::optional<std::string> parse_uuid(std::string_view text);
/// bytes must be 16.
std::string format_uuid(std::string_view bytes);
/// Version 4.
std::string random_uuid();
/// Version 1, of this time; unique within and very probably between processes. Thread-safe.
std::string time_uuid(std::int64_t now_us);
/// The least and greatest version 1 uuid of a millisecond, in timeuuid's order (minTimeuuid, maxTimeuuid).
std::string min_time_uuid(std::int64_t ms);
std::string max_time_uuid(std::int64_t ms);
/// Microseconds since 1970 of a version 1 uuid; nothing for other versions.
std::optional<std::int64_t> uuid_time_us(std::string_view bytes);
/// Version 3 of a hash of text: the same text has the same uuid.
std::string name_uuid(std::string_view text);

}  // namespace penstock::store
