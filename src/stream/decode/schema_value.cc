#include "stream/decode/schema_value.h"

#include <simdjson.h>

#include "base/units.h"
#include "codec/json_writer.h"
#include "stream/decode/cast_slot.h"
#include "stream/expr/cast.h"
#include "stream/expr/datetime.h"

namespace penstock::stream {
namespace {

using Kind = SchemaValue::Kind;

std::optional<std::int64_t> as_integer(const SchemaValue& value, TypeId type, Arena& arena) {
    if (value.kind == Kind::integer && type == TypeId::int64) return value.integer;
    if (value.kind != Kind::integer && value.kind != Kind::decimal) return std::nullopt;
    return integer_of_text(text_of(value, arena), type);
}

std::optional<double> as_double(const SchemaValue& value, Arena& arena) {
    if (value.kind == Kind::real) return value.real;
    if (value.kind != Kind::integer && value.kind != Kind::decimal) return std::nullopt;
    return double_of_text(text_of(value, arena));
}

std::optional<std::int64_t> as_timestamp(const SchemaValue& value) {
    auto times = [&](std::int64_t unit) {
        std::int64_t us = 0;
        return __builtin_mul_overflow(value.integer, unit, &us) ? std::nullopt : std::optional(us);
    };
    constexpr std::int64_t us_per_second = 1'000'000;
    if (value.kind == Kind::text) return parse_timestamp(value.text);
    if (value.kind == Kind::timestamp) return value.integer;
    if (value.kind == Kind::integer) return times(us_per_second);
    if (value.kind == Kind::date) return times(us_per_day);
    return std::nullopt;
}

std::optional<std::int64_t> as_date(const SchemaValue& value) {
    if (value.kind == Kind::text) return parse_date(value.text);
    if (value.kind == Kind::timestamp) return day_of_us(value.integer);
    if (value.kind == Kind::date) return value.integer;
    return std::nullopt;
}

/// One row of the type in which its values are shown.
Column column_of(const SchemaValue& value) {
    Column column;
    switch (value.kind) {
        case Kind::real:
            column.type = TypeId::float64;
            column.floats = {value.real};
            break;
        case Kind::bytes:
            column.type = TypeId::binary;
            column.strings = {value.text};
            break;
        case Kind::date:
        case Kind::timestamp:
            column.type = value.kind == Kind::date ? TypeId::date : TypeId::timestamp;
            column.integers = {value.integer};
            break;
        case Kind::boolean:
        case Kind::integer:
        case Kind::decimal:
        case Kind::text:
            break;
    }
    return column;
}

}  // namespace

std::string_view text_of(const SchemaValue& value, Arena& arena) {
    switch (value.kind) {
        case Kind::boolean:
            return value.integer != 0 ? "true" : "false";
        case Kind::integer:
            return arena.copy(std::to_string(value.integer));
        case Kind::real:
            return arena.copy(float_text(value.real));
        case Kind::date:
        case Kind::timestamp:
            return arena.copy(value_text(column_of(value), 0));
        case Kind::decimal:
        case Kind::text:
        case Kind::bytes:
            return value.text;
    }
    return {};
}

bool set_value(Slot& slot, std::size_t row, TypeId type, bool from_text, const SchemaValue& value,
               Arena& arena) {
    if (from_text) return set_from_text(slot, row, type, text_of(value, arena));
    auto set = [&](auto found) {
        if (found) slot.set(row, *found);
        return found.has_value();
    };
    switch (type) {
        case TypeId::string:
            if (value.kind == Kind::bytes && !simdjson::validate_utf8(value.text.data(), value.text.size()))
                return false;
            [[fallthrough]];
        case TypeId::binary:
            slot.set(row, text_of(value, arena));
            return true;
        case TypeId::boolean:
            return set(value.kind == Kind::boolean ? std::optional(value.integer) : std::nullopt);
        case TypeId::int32:
        case TypeId::int64:
            return set(as_integer(value, type, arena));
        case TypeId::float64:
            return set(as_double(value, arena));
        case TypeId::timestamp:
            return set(as_timestamp(value));
        case TypeId::date:
            return set(as_date(value));
        case TypeId::json:
            break;
    }
    return false;
}

void append_json(std::string& out, const SchemaValue& value) {
    switch (value.kind) {
        case Kind::boolean:
            out += value.integer != 0 ? "true" : "false";
            return;
        case Kind::integer:
            out += std::to_string(value.integer);
            return;
        case Kind::decimal:
            out += value.text;
            return;
        case Kind::text:
            codec::append_json_string(out, value.text);
            return;
        case Kind::real:
        case Kind::bytes:
        case Kind::date:
        case Kind::timestamp:
            append_value_json(out, column_of(value), 0);
    }
}

}  // namespace penstock::stream
