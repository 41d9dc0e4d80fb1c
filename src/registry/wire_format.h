// Confluent's wire format: a magic byte, the schema's id, and the record's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::registry {

inline constexpr std::size_t wire_header_bytes = 5;

/// The id of the schema that the value was written with; none: it does not begin as such values do.
inline std::optional<std::int32_t> wire_schema_id(std::string_view value) {
    if (value.size() < wire_header_bytes || value[0] != '\0') return std::nullopt;
    std::uint32_t id = 0;
    for (std::size_t i = 1; i < wire_header_bytes; ++i) id = id << 8 | std::uint8_t(value[i]);
    return std::int32_t(id);
}

inline void append_wire_header(std::string& out, std::int32_t id) {
    out += '\0';
    for (int shift = 24; shift >= 0; shift -= 8) out += char(std::uint32_t(id) >> shift & 0xff);
}

}  // namespace penstock::registry
