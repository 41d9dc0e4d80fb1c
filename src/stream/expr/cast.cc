#include "stream/expr/cast.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "stream/expr/datetime.h"

namespace penstock::stream {

namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
}

bool fits_int32(std::int64_t value) {
    return value >= std::numeric_limits<std::int32_t>::min() &&
           value <= std::numeric_limits<std::int32_t>::max();
}

using Args = std::span<const Vector>;
using sv = std::string_view;
using i64 = std::int64_t;

void from_text(Evaluation& e, const Expression& node, Args args, Column& out) {
    auto to = node.type;
    auto checked = [&](auto value, sv text) {
        if (!value) e.fail(cast_reason(text, to));
        return value;
    };
    switch (to) {
        case TypeId::boolean:
            return map_rows<i64, sv>(e, args, out, [&](sv t) { return checked(boolean_of_text(t), t); });
        case TypeId::int32:
        case TypeId::int64:
            return map_rows<i64, sv>(e, args, out, [&](sv t) { return checked(integer_of_text(t, to), t); });
        case TypeId::float64:
            return map_rows<double, sv>(e, args, out, [&](sv t) { return checked(double_of_text(t), t); });
        case TypeId::date:
            return map_rows<i64, sv>(e, args, out, [&](sv t) { return checked(parse_date(t), t); });
        case TypeId::timestamp:
            return map_rows<i64, sv>(e, args, out, [&](sv t) { return checked(parse_timestamp(t), t); });
        case TypeId::string:
        case TypeId::binary:
        case TypeId::json:
            return map_rows<sv, sv>(e, args, out, [](sv t) { return t; });
    }
}

/// Any type to text, as value_text() writes it.
void to_text(Evaluation& e, const Expression&, Args args, Column& out) {
    detail::combine_nulls(e, args, out);
    out.strings.resize(e.rows);
    for (std::size_t row = 0; row < e.rows; ++row) {
        if (!out.nulls.empty() && out.nulls[row]) continue;
        const auto& column = *args[0].column;
        auto at = args[0].at(row);
        if (column.type == TypeId::int64 || column.type == TypeId::int32) {
            char buffer[24];
            auto end = std::to_chars(buffer, buffer + sizeof buffer, column.integers[at]).ptr;
            out.strings[row] = e.arena->copy({buffer, std::size_t(end - buffer)});
        } else {
            out.strings[row] = e.arena->copy(value_text(column, at));
        }
    }
}

void integer_to(Evaluation& e, const Expression& node, Args args, Column& out) {
    switch (node.type) {
        case TypeId::boolean:
            return map_rows<i64, i64>(e, args, out, [](i64 v) { return i64(v != 0); });
        case TypeId::int32:
            return map_rows<i64, i64>(e, args, out, [&](i64 v) -> std::optional<i64> {
                if (fits_int32(v)) return v;
                e.fail(cast_reason(std::to_string(v), TypeId::int32));
                return std::nullopt;
            });
        case TypeId::float64:
            return map_rows<double, i64>(e, args, out, [](i64 v) { return double(v); });
        case TypeId::timestamp:  // seconds
            return map_rows<i64, i64>(e, args, out, [&](i64 v) -> std::optional<i64> {
                i64 us = 0;
                if (!__builtin_mul_overflow(v, i64(1'000'000), &us)) return us;
                e.fail(cast_reason(std::to_string(v), TypeId::timestamp));
                return std::nullopt;
            });
        case TypeId::int64:
        case TypeId::string:
        case TypeId::binary:
        case TypeId::date:
        case TypeId::json:
            return map_rows<i64, i64>(e, args, out, [](i64 v) { return v; });
    }
}

void double_to(Evaluation& e, const Expression& node, Args args, Column& out) {
    auto to = node.type;
    if (to == TypeId::boolean)
        return map_rows<i64, double>(e, args, out, [](double v) { return i64(v != 0); });
    double scale = to == TypeId::timestamp ? 1e6 : 1;
    map_rows<i64, double>(e, args, out, [&](double v) -> std::optional<i64> {
        auto scaled = std::trunc(v * scale);
        // 2^63 itself is a double, and does not fit.
        if (scaled >= -9223372036854775808.0 && scaled < 9223372036854775808.0) {
            auto value = i64(scaled);
            if (to != TypeId::int32 || fits_int32(value)) return value;
        }
        e.fail(cast_reason(float_text(v), to));
        return std::nullopt;
    });
}

void date_to_timestamp(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<i64, i64>(e, args, out, [&](i64 v) -> std::optional<i64> {
        i64 us = 0;
        if (!__builtin_mul_overflow(v, us_per_day, &us)) return us;
        e.fail(cast_reason(std::to_string(v), TypeId::timestamp));
        return std::nullopt;
    });
}
void timestamp_to_date(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<i64, i64>(e, args, out, [](i64 v) { return day_of_us(v); });
}
void timestamp_to_double(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<double, i64>(e, args, out, [](i64 v) { return double(v) / 1e6; });
}
void timestamp_to_seconds(Evaluation& e, const Expression& node, Args args, Column& out) {
    map_rows<i64, i64>(e, args, out, [&](i64 v) -> std::optional<i64> {
        auto seconds = v >= 0 ? v / 1'000'000 : (v + 1) / 1'000'000 - 1;
        if (node.type == TypeId::int64 || fits_int32(seconds)) return seconds;
        e.fail(cast_reason(std::to_string(seconds), node.type));
        return std::nullopt;
    });
}

bool is_integer(TypeId type) {
    return type == TypeId::int32 || type == TypeId::int64;
}

}  // namespace

Kernel cast_kernel(TypeId from, TypeId to) {
    if (from == TypeId::string) return to == TypeId::json ? nullptr : from_text;
    if (to == TypeId::string) {
        // BINARY is taken as UTF-8, as Spark does; JSON is its own text.
        return from == TypeId::binary || from == TypeId::json ? from_text : to_text;
    }
    if (from == TypeId::boolean) return is_integer(to) || to == TypeId::float64 ? integer_to : nullptr;
    if (is_integer(from))
        return is_integer(to) || to == TypeId::boolean || to == TypeId::float64 || to == TypeId::timestamp
                   ? integer_to
                   : nullptr;
    if (from == TypeId::float64)
        return is_integer(to) || to == TypeId::boolean || to == TypeId::timestamp ? double_to : nullptr;
    if (from == TypeId::date) return to == TypeId::timestamp ? date_to_timestamp : nullptr;
    if (from == TypeId::timestamp) {
        if (to == TypeId::date) return timestamp_to_date;
        if (to == TypeId::float64) return timestamp_to_double;
        return is_integer(to) ? timestamp_to_seconds : nullptr;
    }
    return nullptr;
}

std::optional<std::int64_t> integer_of_text(std::string_view text, TypeId type) {
    text = trimmed(text);
    if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
    std::int64_t value = 0;
    auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
        return std::nullopt;
    if (type == TypeId::int32 && !fits_int32(value)) return std::nullopt;
    return value;
}

std::optional<double> double_of_text(std::string_view text) {
    text = trimmed(text);
    if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
    double value = 0;
    auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    if (parsed.ec == std::errc::result_out_of_range)
        return text.find("e-") != text.npos || text.find("E-") != text.npos ? 0.0
               : text.starts_with('-') ? -std::numeric_limits<double>::infinity()
                                       : std::numeric_limits<double>::infinity();
    if (parsed.ec != std::errc()) return std::nullopt;
    return value;
}

std::optional<std::int64_t> boolean_of_text(std::string_view text) {
    text = trimmed(text);
    for (std::string_view yes : {"true", "t", "yes", "y", "1"})
        if (equals_ignoring_case(text, yes)) return 1;
    for (std::string_view no : {"false", "f", "no", "n", "0"})
        if (equals_ignoring_case(text, no)) return 0;
    return std::nullopt;
}

std::string cast_reason(std::string_view value, TypeId to) {
    bool cut = value.size() > 60;
    return fmt::format("cannot cast '{}{}' to {}", value.substr(0, 60), cut ? "..." : "", to_string(to));
}

}  // namespace penstock::stream
