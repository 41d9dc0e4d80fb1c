// Integers of any size (varint), decimals and durations, between bytes and text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::store {

/// Two's complement, big-endian, of any length, as decimal digits.
std::string varint_text(std::string_view bytes);
/// The inverse, as short as possible; nothing when text is not a whole number.
std::optional<std::string> parse_varint(std::string_view text);
std::string varint_of(std::int64_t value);

/// A decimal's bytes: i32 scale, varint of the digits.
std::string decimal_text(std::string_view bytes);
std::optional<std::string> parse_decimal(std::string_view text);
int compare_decimal(std::string_view a, std::string_view b);
int compare_varint(std::string_view a, std::string_view b);
double decimal_as_double(std::string_view bytes);

struct Duration {
    std::int32_t months = 0;
    std::int32_t days = 0;
    std::int64_t nanoseconds = 0;
};
std::string duration_bytes(const Duration& duration);
std::optional<Duration> parse_duration_bytes(std::string_view bytes);
/// "1y2mo3d4h5m6s7ms8us9ns", or ISO 8601 (P1Y2M3DT4H5M6S, P3W); a minus in front negates.
std::optional<Duration> parse_duration(std::string_view text);
/// What Cassandra refuses of one that parse_duration() reads: "The years are specified multiple times".
/// Empty: nothing.
std::string misplaced_unit(std::string_view duration);
std::string duration_text(const Duration& duration);

}  // namespace penstock::store
