// A value that a schema (Avro, Protobuf) gives a type, into a column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stream/decode/slots.h"

namespace penstock::stream {

/// One that is not nested.
struct SchemaValue {
    enum class Kind { boolean, integer, real, decimal, text, bytes, date, timestamp } kind = Kind::integer;
    std::int64_t integer = 0;  ///< boolean, integer; days; microseconds
    double real = 0;
    std::string_view text;  ///< decimal: its digits; text, bytes
};

/// As CAST to STRING gives it; what is made for it is in the arena.
std::string_view text_of(const SchemaValue& value, Arena& arena);

/// from_text: its text is cast to the type; else the value must be one that the type can hold. False: it is
/// not, and nothing was set.
bool set_value(Slot& slot, std::size_t row, TypeId type, bool from_text, const SchemaValue& value,
               Arena& arena);

void append_json(std::string& out, const SchemaValue& value);

}  // namespace penstock::stream
