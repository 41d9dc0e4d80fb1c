// What a value of an Avro type means beyond its bytes: logical types, decimals, the names of fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "registry/avro_schema.h"

namespace penstock::registry {

struct AvroLogical {
    enum class Kind { none, decimal, uuid, date, timestamp_millis, timestamp_micros, timestamp_nanos };
    Kind kind = Kind::none;
    int precision = 0;  ///< decimal
    int scale = 0;      ///< decimal
};

/// As the specification has it: an unknown one, or one that does not fit its type, counts as none. Local
/// timestamps are taken as UTC; times of day and durations are what their bytes are.
AvroLogical logical_of(const AvroType& type);

/// A property's value when it is a string.
std::optional<std::string> text_property(const AvroProperties& properties, std::string_view name);

/// The name of a field as the data had it: Avro allows letters, digits and '_' only, so another one is kept
/// beside the name, in the property penstock.name.
std::string name_of(const AvroField& field);
inline constexpr std::string_view name_property = "penstock.name";

/// Decimals of more bytes than this are refused.
inline constexpr std::size_t max_decimal_bytes = 64;

/// "-12.50" of the unscaled value as a two's complement, highest byte first. At most max_decimal_bytes.
std::string decimal_text(std::string_view bytes, int scale);
/// The shortest such bytes of "-12.5"; none when the text is no number or has more digits than precision and
/// scale have room for.
std::optional<std::string> decimal_bytes(std::string_view text, int precision, int scale);

}  // namespace penstock::registry
