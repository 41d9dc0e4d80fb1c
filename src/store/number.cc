#include "store/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "store/bytes.h"

namespace penstock::store {
namespace {

/// Base 2^32 digits of the magnitude, least significant first.
std::vector<std::uint32_t> magnitude_of(std::string_view bytes, bool& negative) {
    negative = !bytes.empty() && bytes[0] < 0;
    std::vector<std::uint32_t> out((bytes.size() + 3) / 4, 0);
    unsigned carry = negative ? 1 : 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        unsigned byte = static_cast<unsigned char>(bytes[bytes.size() - 1 - i]);
        if (negative) {
            byte = (byte ^ 0xFF) + carry;
            carry = byte >> 8;
            byte &= 0xFF;
        }
        out[i / 4] |= byte << (8 * (i % 4));
    }
    if (carry != 0) out.push_back(1);  // only for 80 00 ... of a multiple of four bytes
    return out;
}

std::string bytes_of(std::vector<std::uint32_t> digits, bool negative) {
    std::string out;  // least significant first
    unsigned carry = negative ? 1 : 0;
    for (auto digit : digits) {
        for (int i = 0; i < 4; ++i) {
            unsigned byte = (digit >> (8 * i)) & 0xFF;
            if (negative) {
                byte = (byte ^ 0xFF) + carry;
                carry = byte >> 8;
                byte &= 0xFF;
            }
            out += char(byte);
        }
    }
    out += negative && carry == 0 ? '\xFF' : '\0';
    while (out.size() > 1 &&
           ((out.back() == 0 && out[out.size() - 2] >= 0) || (out.back() == -1 && out[out.size() - 2] < 0)))
        out.pop_back();
    std::ranges::reverse(out);
    return out;
}

constexpr std::uint32_t billion = 1'000'000'000;

/// 0 ... value: the digits of a decimal number, most significant first, no sign.
std::string digits_of(std::vector<std::uint32_t> magnitude) {
    std::vector<std::uint32_t> groups;
    while (!magnitude.empty()) {
        std::uint64_t rest = 0;
        for (auto i = magnitude.size(); i-- > 0;) {
            auto value = (rest << 32) | magnitude[i];
            magnitude[i] = std::uint32_t(value / billion);
            rest = value % billion;
        }
        groups.push_back(std::uint32_t(rest));
        while (!magnitude.empty() && magnitude.back() == 0) magnitude.pop_back();
    }
    if (groups.empty()) return "0";
    auto out = std::to_string(groups.back());
    for (auto i = groups.size() - 1; i-- > 0;) out += fmt::format("{:09}", groups[i]);
    return out;
}

void append_vint(std::string& out, std::int64_t value) {
    auto encoded = (std::uint64_t(value) << 1) ^ std::uint64_t(value >> 63);
    int extra = 0;
    while (extra < 8 && (extra == 7 ? encoded >> 56 : encoded >> (7 * (extra + 1))) != 0) ++extra;
    if (extra == 8)
        out += '\xFF';
    else
        out += char((0xFF00u >> extra) | (encoded >> (8 * extra)));
    for (int i = extra; i-- > 0;) out += char(encoded >> (8 * i));
}

std::int64_t take_vint(ByteReader& reader) {
    auto first = reader.fixed<std::uint8_t>();
    int extra = std::countl_one(first);
    std::uint64_t value = extra >= 8 ? 0 : first & (0xFFu >> extra);
    for (int i = 0; i < extra; ++i) value = (value << 8) | reader.fixed<std::uint8_t>();
    return std::int64_t(value >> 1) ^ -std::int64_t(value & 1);
}

constexpr std::int64_t second_ns = 1'000'000'000;

struct Unit {
    std::string_view name;
    std::int64_t months, days, nanoseconds;
};
constexpr std::array<Unit, 11> units{{{"y", 12, 0, 0},
                                      {"mo", 1, 0, 0},
                                      {"w", 0, 7, 0},
                                      {"d", 0, 1, 0},
                                      {"h", 0, 0, 3600 * second_ns},
                                      {"ms", 0, 0, 1'000'000},
                                      {"m", 0, 0, 60 * second_ns},
                                      {"s", 0, 0, second_ns},
                                      {"us", 0, 0, 1000},
                                      {"\xC2\xB5s", 0, 0, 1000},
                                      {"ns", 0, 0, 1}}};

/// Adds number * unit; false when it does not fit.
bool add_unit(Duration& to, std::int64_t number, const Unit& unit) {
    std::int64_t months = 0, days = 0, nanoseconds = 0;
    if (__builtin_mul_overflow(number, unit.months, &months) ||
        __builtin_mul_overflow(number, unit.days, &days) ||
        __builtin_mul_overflow(number, unit.nanoseconds, &nanoseconds))
        return false;
    if (__builtin_add_overflow(to.months, months, &to.months)) return false;
    if (__builtin_add_overflow(to.days, days, &to.days)) return false;
    return !__builtin_add_overflow(to.nanoseconds, nanoseconds, &to.nanoseconds);
}

bool take_number(std::string_view& text, std::int64_t& number) {
    auto end = text.find_first_not_of("0123456789");
    if (end == 0 || end == std::string_view::npos) return false;
    auto [at, error] = std::from_chars(text.data(), text.data() + end, number);
    text.remove_prefix(end);
    return error == std::errc();
}

bool parse_iso(std::string_view text, Duration& out) {
    // Weeks stand alone.
    if (text.find('W') != std::string_view::npos && text.find_first_not_of("0123456789") != text.size() - 1)
        return false;
    bool time = false;
    while (!text.empty()) {
        if (text[0] == 'T' && !time) {
            time = true;
            text.remove_prefix(1);
            continue;
        }
        std::int64_t number = 0;
        if (!take_number(text, number)) return false;
        std::string_view name;
        switch (text[0]) {
            case 'Y':
                name = "y";
                break;
            case 'M':
                name = time ? "m" : "mo";
                break;
            case 'W':
                name = "w";
                break;
            case 'D':
                name = "d";
                break;
            case 'H':
                name = "h";
                break;
            case 'S':
                name = "s";
                break;
            default:
                return false;
        }
        text.remove_prefix(1);
        auto unit = std::ranges::find(units, name, &Unit::name);
        if (!add_unit(out, number, *unit)) return false;
    }
    return true;
}

/// The longest unit that the text begins with; null: none.
const Unit* take_unit(std::string_view& text) {
    const Unit* best = nullptr;
    for (const auto& unit : units) {
        bool fits =
            text.size() >= unit.name.size() &&
            std::ranges::equal(text.substr(0, unit.name.size()), unit.name, [](char a, char b) {
                return std::tolower(static_cast<unsigned char>(a)) == static_cast<unsigned char>(b) || a == b;
            });
        if (fits && (best == nullptr || unit.name.size() > best->name.size())) best = &unit;
    }
    if (best != nullptr) text.remove_prefix(best->name.size());
    return best;
}

bool parse_units(std::string_view text, Duration& out) {
    while (!text.empty()) {
        std::int64_t number = 0;
        if (!take_number(text, number)) return false;
        const auto* unit = take_unit(text);
        if (unit == nullptr || !add_unit(out, number, *unit)) return false;
    }
    return true;
}

/// From the greatest down, with the words for several of them.
int rank_of(const Unit& unit, std::string_view& plural) {
    constexpr std::pair<std::string_view, std::string_view> words[] = {
        {"y", "years"},         {"mo", "months"},     {"w", "weeks"},   {"d", "days"},
        {"h", "hours"},         {"m", "minutes"},     {"s", "seconds"}, {"ms", "milliseconds"},
        {"us", "microseconds"}, {"ns", "nanoseconds"}};
    auto name = unit.name == "\xC2\xB5s" ? std::string_view("us") : unit.name;
    int rank = 0;
    for (const auto& [short_name, words_for_it] : words) {
        if (short_name == name) {
            plural = words_for_it;
            return rank;
        }
        ++rank;
    }
    return rank;
}

/// P0001-02-03T04:05:06, behind the P.
bool parse_iso_alternative(std::string_view text, Duration& out) {
    constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd";
    if (text.size() != form.size()) return false;
    for (std::size_t i = 0; i < form.size(); ++i)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
    constexpr std::pair<std::size_t, std::string_view> parts[] = {{0, "y"},  {5, "mo"}, {8, "d"},
                                                                  {11, "h"}, {14, "m"}, {17, "s"}};
    for (auto [at, name] : parts) {
        std::int64_t number = 0;
        std::from_chars(text.data() + at, text.data() + at + (at == 0 ? 4 : 2), number);
        if (!add_unit(out, number, *std::ranges::find(units, name, &Unit::name))) return false;
    }
    return true;
}

}  // namespace

std::string varint_text(std::string_view bytes) {
    bool negative = false;
    auto magnitude = magnitude_of(bytes, negative);
    while (!magnitude.empty() && magnitude.back() == 0) magnitude.pop_back();
    return (negative ? "-" : "") + digits_of(std::move(magnitude));
}

std::optional<std::string> parse_varint(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    std::vector<std::uint32_t> digits;
    for (std::size_t at = 0; at < text.size();) {
        auto group = text.substr(at, std::min<std::size_t>(9, text.size() - at));
        at += group.size();
        std::uint64_t factor = 1, add = 0;
        for (char c : group) {
            factor *= 10;
            add = add * 10 + std::uint64_t(c - '0');
        }
        for (auto& digit : digits) {
            auto value = digit * factor + add;
            digit = std::uint32_t(value);
            add = value >> 32;
        }
        if (add != 0) digits.push_back(std::uint32_t(add));
    }
    if (digits.empty()) negative = false;
    return bytes_of(std::move(digits), negative);
}

std::string varint_of(std::int64_t value) {
    std::string out;
    append_big_endian(out, value);
    std::size_t skip = 0;
    while (skip < 7 && ((out[skip] == 0 && out[skip + 1] >= 0) || (out[skip] == -1 && out[skip + 1] < 0)))
        ++skip;
    return out.substr(skip);
}

std::string decimal_text(std::string_view bytes) {
    ByteReader reader{bytes};
    auto scale = std::int64_t(reader.fixed<std::int32_t>());
    auto text = varint_text(reader.rest);
    if (scale == 0) return text;
    bool negative = text.starts_with('-');
    auto digits = text.substr(negative ? 1 : 0);
    // As Java's BigDecimal: plain while the exponent is moderate, scientific otherwise.
    auto adjusted = -scale + std::int64_t(digits.size()) - 1;
    std::string out;
    if (scale > 0 && adjusted >= -6) {
        if (std::int64_t(digits.size()) <= scale)
            digits.insert(0, std::size_t(scale) + 1 - digits.size(), '0');
        out = digits;
        out.insert(digits.size() - std::size_t(scale), ".");
    } else {
        out = digits.substr(0, 1);
        if (digits.size() > 1) out += "." + digits.substr(1);
        out += fmt::format("E{:+}", adjusted);
    }
    return (negative ? "-" : "") + out;
}

std::optional<std::string> parse_decimal(std::string_view text) {
    std::int64_t exponent = 0;
    if (auto e = text.find_first_of("eE"); e != std::string_view::npos) {
        auto power = text.substr(e + 1);
        if (power.starts_with('+')) power.remove_prefix(1);
        auto [at, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
        if (error != std::errc() || at != power.data() + power.size()) return std::nullopt;
        text = text.substr(0, e);
    }
    std::string digits(text);
    std::int64_t scale = 0;
    if (auto point = digits.find('.'); point != std::string::npos) {
        scale = std::int64_t(digits.size() - point - 1);
        digits.erase(point, 1);
    }
    if (exponent < -1'000'000'000 || exponent > 1'000'000'000) return std::nullopt;
    scale -= exponent;
    auto unscaled = parse_varint(digits);
    if (!unscaled || scale < INT32_MIN || scale > INT32_MAX) return std::nullopt;
    std::string out;
    append_big_endian(out, std::int32_t(scale));
    return out + *unscaled;
}

int compare_varint(std::string_view a, std::string_view b) {
    auto minimal = [](std::string_view& bytes) {
        while (bytes.size() > 1 && ((bytes[0] == 0 && bytes[1] >= 0) || (bytes[0] == -1 && bytes[1] < 0)))
            bytes.remove_prefix(1);
    };
    minimal(a);
    minimal(b);
    bool a_negative = !a.empty() && a[0] < 0, b_negative = !b.empty() && b[0] < 0;
    if (a_negative != b_negative) return a_negative ? -1 : 1;
    if (a.size() != b.size()) return (a.size() < b.size()) != a_negative ? -1 : 1;
    auto order = a.compare(b);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

int compare_decimal(std::string_view a, std::string_view b) {
    struct Parts {
        int sign = 0;
        std::int64_t exponent = 0;  // of the first digit
        std::string digits;         // without zeros at either end
    };
    auto parts = [](std::string_view bytes) {
        ByteReader reader{bytes};
        auto scale = std::int64_t(reader.fixed<std::int32_t>());
        auto text = varint_text(reader.rest);
        Parts out;
        if (text == "0") return out;
        out.sign = text[0] == '-' ? -1 : 1;
        out.digits = text.substr(text[0] == '-' ? 1 : 0);
        out.exponent = std::int64_t(out.digits.size()) - scale;
        out.digits.erase(out.digits.find_last_not_of('0') + 1);
        return out;
    };
    auto left = parts(a), right = parts(b);
    if (left.sign != right.sign) return left.sign < right.sign ? -1 : 1;
    if (left.sign == 0) return 0;
    int order = left.exponent != right.exponent ? (left.exponent < right.exponent ? -1 : 1)
                                                : left.digits.compare(right.digits);
    order = order < 0 ? -1 : order > 0 ? 1 : 0;
    return left.sign > 0 ? order : -order;
}

double decimal_as_double(std::string_view bytes) {
    ByteReader reader{bytes};
    auto scale = reader.fixed<std::int32_t>();
    auto text = varint_text(reader.rest) + fmt::format("e{}", -std::int64_t(scale));
    double out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

std::string duration_bytes(const Duration& duration) {
    std::string out;
    append_vint(out, duration.months);
    append_vint(out, duration.days);
    append_vint(out, duration.nanoseconds);
    return out;
}

std::optional<Duration> parse_duration_bytes(std::string_view bytes) {
    ByteReader reader{bytes};
    auto months = take_vint(reader);
    auto days = take_vint(reader);
    auto nanoseconds = take_vint(reader);
    bool in_range = months >= INT32_MIN && months <= INT32_MAX && days >= INT32_MIN && days <= INT32_MAX;
    bool one_sign =
        (months <= 0 && days <= 0 && nanoseconds <= 0) || (months >= 0 && days >= 0 && nanoseconds >= 0);
    if (!reader.ok || !reader.rest.empty() || !in_range || !one_sign) return std::nullopt;
    return Duration{std::int32_t(months), std::int32_t(days), nanoseconds};
}

std::optional<Duration> parse_duration(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    Duration out;
    bool iso = text[0] == 'P';
    if (iso) text.remove_prefix(1);
    bool read = !iso ? parse_units(text, out) : parse_iso_alternative(text, out) || parse_iso(text, out);
    if (!read) return std::nullopt;
    if (negative) out = {-out.months, -out.days, -out.nanoseconds};
    return out;
}

std::string misplaced_unit(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    if (text.starts_with('P')) return {};
    int last = -1;
    std::string_view last_name, name;
    while (!text.empty()) {
        std::int64_t number = 0;
        if (!take_number(text, number)) return {};
        const auto* unit = take_unit(text);
        if (unit == nullptr) return {};
        int rank = rank_of(*unit, name);
        if (rank == last) return fmt::format("The {} are specified multiple times", name);
        if (rank < last) return fmt::format("The {} should be after {}", last_name, name);
        last = rank;
        last_name = name;
    }
    return {};
}

std::string duration_text(const Duration& duration) {
    std::string out;
    if (duration.months < 0 || duration.days < 0 || duration.nanoseconds < 0) out += '-';
    auto part = [&out](std::uint64_t& rest, std::uint64_t size, std::string_view unit) {
        if (rest / size > 0) out += fmt::format("{}{}", rest / size, unit);
        rest %= size;
    };
    auto magnitude = [](std::int64_t value) {
        return value < 0 ? std::uint64_t(0) - std::uint64_t(value) : std::uint64_t(value);
    };
    auto months = magnitude(duration.months), days = magnitude(duration.days),
         nanoseconds = magnitude(duration.nanoseconds);
    part(months, 12, "y");
    part(months, 1, "mo");
    part(days, 1, "d");
    part(nanoseconds, 3600 * second_ns, "h");
    part(nanoseconds, 60 * second_ns, "m");
    part(nanoseconds, second_ns, "s");
    part(nanoseconds, 1'000'000, "ms");
    part(nanoseconds, 1000, "us");
    part(nanoseconds, 1, "ns");
    return out;
}

}  // namespace penstock::store
