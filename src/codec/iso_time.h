// Dates and times as JSON and RFC 3339 write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::codec {

/// "2026-01-31": days since 1970-01-01. None: anything else, also a day that no month has.
std::optional<std::int64_t> parse_iso_date(std::string_view text);
/// "2026-01-31T23:59:59[.123456][Z|+01:00]", with a blank for the T as well; without a zone it is UTC.
/// Microseconds since 1970-01-01T00:00:00Z; further digits of the fraction are cut.
std::optional<std::int64_t> parse_iso_timestamp(std::string_view text);

}  // namespace penstock::codec
