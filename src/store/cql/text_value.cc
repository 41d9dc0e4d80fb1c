#include "store/cql/text_value.h"

#include <arpa/inet.h>

#include <charconv>
#include <cmath>

#include "store/bytes.h"
#include "store/calendar.h"
#include "store/number.h"
#include "store/uuid.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

std::string float_bytes(double value, Kind kind) {
    std::string out;
    if (kind == Kind::float_)
        append_big_endian(out, std::bit_cast<std::uint32_t>(float(value)));
    else
        append_big_endian(out, std::bit_cast<std::uint64_t>(value));
    return out;
}

std::optional<double> float_of_text(std::string_view text) {
    if (text == "NaN" || text == "-NaN") return std::nan("");
    if (text == "Infinity") return INFINITY;
    if (text == "-Infinity") return -INFINITY;
    double value = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (at != text.data() + text.size() || text.empty()) return std::nullopt;
    if (error == std::errc::result_out_of_range) return text[0] == '-' ? -INFINITY : INFINITY;
    if (error != std::errc()) return std::nullopt;
    return value;
}

/// A day that its month does not have is refused, or is the month's last one.
enum class MissingDay : std::uint8_t { refused, last };

/// Exactly two digits.
std::optional<unsigned> two_digits(std::string_view text) {
    auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.size() != 2 || !digit(text[0]) || !digit(text[1])) return std::nullopt;
    return unsigned(text[0] - '0') * 10 + unsigned(text[1] - '0');
}

/// As Java's ISO dates have it: four digits, or up to nine behind a sign, which four without a minus may not
/// have.
std::optional<std::int64_t> parse_year(std::string_view text) {
    char sign = text.starts_with('-') || text.starts_with('+') ? text[0] : ' ';
    if (sign != ' ') text.remove_prefix(1);
    constexpr std::size_t usual = 4, most = 9;
    bool fits = sign == ' ' ? text.size() == usual : text.size() >= usual + (sign == '+' ? 1 : 0);
    std::int64_t year = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), year);
    if (!fits || text.size() > most || error != std::errc() || at != text.data() + text.size() || year < 0)
        return std::nullopt;
    if (sign == '-' && year == 0) return std::nullopt;
    return sign == '-' ? -year : year;
}

std::optional<std::int64_t> parse_date_days(std::string_view text, MissingDay missing) {
    constexpr std::size_t behind_year = 6;  // "-01-31"
    if (text.size() < behind_year) return std::nullopt;
    auto rest = text.substr(text.size() - behind_year);
    auto year = parse_year(text.substr(0, text.size() - behind_year));
    auto month = two_digits(rest.substr(1, 2)), day = two_digits(rest.substr(4, 2));
    if (!year || !month || !day || rest[0] != '-' || rest[3] != '-') return std::nullopt;
    if (*month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
    auto last = days_in_month(*year, *month);
    if (*day > last && missing == MissingDay::refused) return std::nullopt;
    return days_of({*year, *month, std::min(*day, last)});
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t number = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
    return number;
}

/// Minutes that clocks of the zone are ahead of UTC. Places (America/New_York) are not known here.
std::optional<std::int64_t> named_zone_minutes(std::string_view name) {
    constexpr std::pair<std::string_view, int> zones[] = {
        {"UTC", 0},  {"GMT", 0},  {"UT", 0},   {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
        {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}, {"CET", 1},  {"CEST", 2}};
    for (auto [zone, hours] : zones)
        if (name == zone) return hours * 60;
    return std::nullopt;
}

/// 12:34, 12:34:56, 12:34:56.123456789 as nanoseconds of the day.
std::optional<std::int64_t> parse_time_ns(std::string_view text) {
    std::int64_t total = 0;
    std::int64_t unit = 3600;
    std::int64_t limit = 24;
    for (int i = 0; i < 3; ++i) {
        std::int64_t part = 0;
        auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), part);
        if (error != std::errc() || part < 0 || part >= limit) return std::nullopt;
        text.remove_prefix(std::size_t(at - text.data()));
        total += part * unit;
        unit /= 60;
        limit = 60;
        if (text.empty()) return i >= 1 ? std::optional(total * 1'000'000'000) : std::nullopt;
        if (text[0] == '.' && i == 2) break;
        if (text[0] != ':' || i == 2) return std::nullopt;
        text.remove_prefix(1);
    }
    text.remove_prefix(1);
    if (text.empty() || text.size() > 9) return std::nullopt;
    std::int64_t fraction = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), fraction);
    if (error != std::errc() || at != text.data() + text.size() || fraction < 0) return std::nullopt;
    for (auto i = text.size(); i < 9; ++i) fraction *= 10;
    return total * 1'000'000'000 + fraction;
}

/// 1:text:2.5, where @ is null, and \: and \@ are the characters themselves.
Result<std::string> tuple_of_text(const DataType& type, std::string_view text) {
    std::vector<std::optional<std::string>> parts{""};
    bool escaped = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool escapes = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ':' || text[i + 1] == '@');
        if (escapes) {
            *parts.back() += text[++i];
            escaped = true;
        } else if (text[i] == ':') {
            if (parts.back() == "@" && !escaped) parts.back().reset();
            parts.emplace_back("");
            escaped = false;
        } else {
            *parts.back() += text[i];
        }
    }
    if (parts.back() == "@" && !escaped) parts.back().reset();
    if (parts.size() > type.parameters.size())
        return fail(Errc::invalid, "Invalid tuple literal: too many elements. Type {} expects {} but got {}",
                    to_string(type), type.parameters.size(), parts.size());
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        std::optional<std::string> component;
        if (parts[i]) component = TRY(parse_text_value(type.parameters[i], *parts[i]));
        append_component(out, component);
    }
    return out;
}

}  // namespace

std::optional<std::string> integer_bytes(std::int64_t value, Kind kind) {
    std::string out;
    switch (kind) {
        case Kind::tinyint:
            if (value < INT8_MIN || value > INT8_MAX) return std::nullopt;
            append_big_endian(out, std::int8_t(value));
            return out;
        case Kind::smallint:
            if (value < INT16_MIN || value > INT16_MAX) return std::nullopt;
            append_big_endian(out, std::int16_t(value));
            return out;
        case Kind::int_:
            if (value < INT32_MIN || value > INT32_MAX) return std::nullopt;
            append_big_endian(out, std::int32_t(value));
            return out;
        case Kind::date:
            if (value < 0 || value > std::int64_t(UINT32_MAX)) return std::nullopt;
            append_big_endian(out, std::uint32_t(value));
            return out;
        case Kind::time:
            if (value < 0 || value >= 86'400'000'000'000) return std::nullopt;
            append_big_endian(out, value);
            return out;
        default:
            append_big_endian(out, value);
            return out;
    }
}

std::optional<std::int64_t> parse_timestamp_ms(std::string_view text) {
    std::int64_t number = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && at == text.data() + text.size()) return number;
    if (text.ends_with(' ')) return std::nullopt;
    auto split = text.find_first_of(" T", 8);
    auto days = parse_date_days(text.substr(0, split), MissingDay::last);
    if (!days) {
        // A zone right behind the date: 2011-02-03+0000
        split = text.find_first_of("+Z", 8);
        if (split == std::string_view::npos) return std::nullopt;
        days = parse_date_days(text.substr(0, split), MissingDay::last);
        if (!days) return std::nullopt;
    }
    constexpr std::int64_t last_day = INT64_MAX / 86'400'000 - 1;
    if (*days < -last_day || *days > last_day) return std::nullopt;
    auto rest = split == std::string_view::npos ? std::string_view() : text.substr(split);
    if (!rest.empty() && (rest[0] == ' ' || rest[0] == 'T')) rest.remove_prefix(1);
    std::int64_t offset_minutes = 0;
    auto zone_at = rest.find_first_of("+-Z");
    if (auto letters = rest.find_first_not_of("0123456789:. "); letters != std::string_view::npos)
        if (auto zone = named_zone_minutes(rest.substr(letters))) {
            offset_minutes = *zone;
            rest = rest.substr(0, letters);
            zone_at = std::string_view::npos;
        }
    auto clock = rest.substr(0, zone_at);
    while (clock.ends_with(' ')) clock.remove_suffix(1);
    std::int64_t ns = 0;
    if (!clock.empty()) {
        auto parsed = parse_time_ns(clock);
        if (!parsed) return std::nullopt;
        ns = *parsed;
    }
    if (zone_at != std::string_view::npos && rest[zone_at] != 'Z') {
        std::string digits;
        for (char c : rest.substr(zone_at + 1))
            if (c != ':') digits += c;
        if (digits.size() == 2) digits += "00";
        int hhmm = 0;
        auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), hhmm);
        if (bad != std::errc() || digits.size() != 4 || end != digits.data() + 4) return std::nullopt;
        offset_minutes = (hhmm / 100 * 60 + hhmm % 100) * (rest[zone_at] == '-' ? -1 : 1);
    }
    return *days * 86'400'000 + ns / 1'000'000 - offset_minutes * 60'000;
}

Result<std::string> parse_text_value(const DataType& type, std::string_view text) {
    auto unable = [&](std::string_view what) {
        return fail(Errc::invalid, "Unable to make {} from '{}'", what, text);
    };
    switch (type.kind) {
        case Kind::ascii:
        case Kind::text: {
            TRY(validate(type, text));
            return std::string(text);
        }
        case Kind::boolean:
            return std::string(1, text == "true" || text == "True" || text == "TRUE" ? '\x01' : '\0');
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::int_:
        case Kind::bigint:
        case Kind::counter: {
            std::int64_t number = 0;
            auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
            auto bytes = error == std::errc() && at == text.data() + text.size()
                             ? integer_bytes(number, type.kind)
                             : std::nullopt;
            if (!bytes)
                return unable(type.kind == Kind::bigint || type.kind == Kind::counter ? "long"
                                                                                      : to_string(type));
            return *bytes;
        }
        case Kind::float_:
        case Kind::double_: {
            auto number = float_of_text(text);
            if (!number) return unable(to_string(type));
            return float_bytes(*number, type.kind);
        }
        case Kind::varint: {
            auto bytes = parse_varint(text);
            if (!bytes) return unable("varint");
            return *bytes;
        }
        case Kind::decimal: {
            auto bytes = parse_decimal(text);
            if (!bytes) return unable("BigDecimal");
            return *bytes;
        }
        case Kind::uuid:
        case Kind::timeuuid: {
            auto bytes = parse_uuid(text);
            if (!bytes) return unable("UUID");
            if (!validate(type, *bytes)) return fail(Errc::invalid, "TimeUUID supports only version 1 UUIDs");
            return *bytes;
        }
        case Kind::inet: {
            if (text.empty()) return std::string();
            char bytes[16];
            std::string terminated(text);
            if (inet_pton(AF_INET, terminated.c_str(), bytes) == 1) return std::string(bytes, 4);
            if (inet_pton(AF_INET6, terminated.c_str(), bytes) == 1) return std::string(bytes, 16);
            return unable("inet address");
        }
        case Kind::timestamp: {
            if (text.empty()) return std::string();
            auto ms = parse_timestamp_ms(text);
            if (!ms) return fail(Errc::invalid, "Unable to parse a date/time from '{}'", text);
            std::string out;
            append_big_endian(out, *ms);
            return out;
        }
        case Kind::date: {
            if (auto number = whole_number(text); number && *number >= 0)
                if (auto bytes = integer_bytes(*number, Kind::date)) return *bytes;
            auto days = parse_date_days(text, MissingDay::refused);
            if (!days) return fail(Errc::invalid, "Unable to coerce '{}' to a formatted date (long)", text);
            if (*days < INT32_MIN)
                return fail(Errc::invalid,
                            "Input date {} is less than min supported date -5877641-06-23T00:00Z", text);
            if (*days > INT32_MAX)
                return fail(Errc::invalid,
                            "Input date {} is greater than max supported date +5881580-07-11T00:00Z", text);
            std::string out;
            append_big_endian(out, std::uint32_t(*days + (std::int64_t(1) << 31)));
            return out;
        }
        case Kind::time: {
            auto ns = parse_time_ns(text);
            if (!ns) ns = whole_number(text);
            auto bytes = ns ? integer_bytes(*ns, Kind::time) : std::nullopt;
            if (!bytes)
                return fail(Errc::invalid, "(TimeType) Unable to coerce '{}' to a formatted time (long)",
                            text);
            return *bytes;
        }
        case Kind::duration: {
            auto duration = parse_duration(text);
            if (!duration) return fail(Errc::invalid, "Unable to convert '{}' to a duration", text);
            if (auto fault = misplaced_unit(text); !fault.empty())
                return fail(Errc::invalid, "Invalid duration. {}", fault);
            return duration_bytes(*duration);
        }
        case Kind::tuple:
            return tuple_of_text(type, text);
        case Kind::blob:
        case Kind::list:
        case Kind::map:
        case Kind::set:
        case Kind::udt:
        case Kind::vector:
            return unable(to_string(type));
    }
    return unable(to_string(type));
}

}  // namespace penstock::store::cql
