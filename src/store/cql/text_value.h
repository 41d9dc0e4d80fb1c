// Values that are written as text: in constants, in JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/data_type.h"

namespace penstock::store::cql {

/// Text as CQL and JSON write values of the type: '2020-01-01', '10.0.0.1', ... Errc::invalid in Cassandra's
/// words.
Result<std::string> parse_text_value(const DataType& type, std::string_view text);
/// '2011-02-03 04:05+0000' and its variants, or milliseconds since 1970.
std::optional<std::int64_t> parse_timestamp_ms(std::string_view text);
/// A whole number in the bytes of the type; nothing when it does not fit.
std::optional<std::string> integer_bytes(std::int64_t value, Kind kind);

}  // namespace penstock::store::cql
