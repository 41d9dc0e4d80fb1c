#include "store/nested_clustering.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "store/bytes.h"
#include "store/clustering.h"
#include "store/number.h"
#include "store/value.h"
#include "store/vector_value.h"

namespace penstock::store {
namespace {

// What comes next in a list of parts; the end sorts first, and null before every value.
constexpr char end_of_parts = 0;
constexpr char null_part = 1;
constexpr char value_part = 2;

// Decimals begin with their sign.
constexpr char negative = 0;
constexpr char zero = 1;
constexpr char positive = 2;

/// More zeros than this are not written out behind a number's digits: it gets a negative scale instead.
constexpr std::int64_t most_zeros = 1000;
/// A scale has 32 bits; no number of digits that fits into a key adds much to it.
constexpr std::int64_t largest_exponent = std::int64_t(1) << 33;

bool take_byte(std::string_view& encoded, char flip, char& out) {
    if (encoded.empty()) return false;
    out = char(encoded[0] ^ flip);
    encoded.remove_prefix(1);
    return true;
}

/// sign; power of ten of the first digit; pairs of digits plus one, ended by 0. Of negative numbers all but
/// the sign is inverted. 1.50 and 1.5 are one value: zeros at the end are not kept.
void append_decimal(std::string& out, std::string_view value) {
    std::string digits = "0";
    std::int64_t scale = 0;
    if (value.size() > 4) {
        scale = load_big_endian<std::int32_t>(value.data());
        digits = varint_text(value.substr(4));
    }
    bool is_negative = digits.starts_with('-');
    if (is_negative) digits.erase(0, 1);
    auto exponent = std::int64_t(digits.size()) - scale;
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) {
        out += zero;
        return;
    }
    out += is_negative ? negative : positive;
    auto start = out.size();
    append_big_endian(out, std::uint64_t(exponent) ^ (1ULL << 63));
    if (digits.size() % 2 != 0) digits += '0';
    for (std::size_t i = 0; i < digits.size(); i += 2)
        out += char((digits[i] - '0') * 10 + (digits[i + 1] - '0') + 1);
    out += '\0';
    if (is_negative)
        for (auto i = start; i < out.size(); ++i) out[i] = char(~out[i]);
}

bool take_decimal(std::string_view& encoded, char flip, std::string& value) {
    char sign = 0;
    if (!take_byte(encoded, flip, sign) || sign > positive) return false;
    if (sign == zero) {
        append_big_endian(value, std::int32_t(0));
        value += '\0';
        return true;
    }
    char mask = sign == negative ? char(~flip) : flip;
    if (encoded.size() < 8) return false;
    auto bits = load_big_endian<std::uint64_t>(encoded.data());
    if (mask != 0) bits = ~bits;
    auto exponent = std::int64_t(bits ^ (1ULL << 63));
    if (exponent > largest_exponent || exponent < -largest_exponent) return false;
    encoded.remove_prefix(8);
    std::string digits = sign == negative ? "-" : "";
    auto signs = std::int64_t(digits.size());
    char pair = 0;
    while (true) {
        if (!take_byte(encoded, mask, pair)) return false;
        if (pair == 0) break;
        if (pair < 0 || pair > 100) return false;
        digits += char('0' + (pair - 1) / 10);
        digits += char('0' + (pair - 1) % 10);
    }
    if (std::int64_t(digits.size()) == signs) return false;
    if (digits.back() == '0') digits.pop_back();
    auto scale = std::int64_t(digits.size()) - signs - exponent;
    if (scale < 0 && scale >= -most_zeros) {
        digits.append(std::size_t(-scale), '0');
        scale = 0;
    }
    auto unscaled = parse_varint(digits);
    if (!unscaled || scale < INT32_MIN || scale > INT32_MAX) return false;
    append_big_endian(value, std::int32_t(scale));
    value += *unscaled;
    return true;
}

const DataType& element_type(const DataType& type, std::size_t index) {
    return type.parameters[type.kind == Kind::map ? index % 2 : 0];
}

bool take_elements(std::string_view& encoded, const DataType& type, char flip, std::string& value) {
    std::string elements;
    std::size_t count = 0;
    char next = 0;
    while (take_byte(encoded, flip, next)) {
        if (next == end_of_parts) {
            auto step = type.kind == Kind::map ? 2u : 1u;
            begin_collection(value, count / step);
            value += elements;
            return count % step == 0;
        }
        if (next != value_part) return false;
        std::string element;
        if (!take_clustering(encoded, element_type(type, count), flip != 0, element)) return false;
        append_element(elements, element);
        ++count;
    }
    return false;
}

bool take_components(std::string_view& encoded, const DataType& type, char flip, std::string& value) {
    std::size_t count = 0;
    char next = 0;
    while (take_byte(encoded, flip, next)) {
        if (next == end_of_parts) {
            // A field that the type has been given since.
            for (; count < type.parameters.size(); ++count) append_component(value, std::nullopt);
            return true;
        }
        if (count >= type.parameters.size() || (next != null_part && next != value_part)) return false;
        std::optional<std::string> component;
        if (next == value_part) {
            component.emplace();
            if (!take_clustering(encoded, type.parameters[count], flip != 0, *component)) return false;
        }
        append_component(value, component);
        ++count;
    }
    return false;
}

bool take_vector(std::string_view& encoded, const DataType& type, char flip, std::string& value) {
    for (std::uint32_t i = 0; i < type.dimension; ++i) {
        std::string element;
        if (!take_clustering(encoded, type.parameters[0], flip != 0, element)) return false;
        append_vector_element(value, type.parameters[0], element);
    }
    return true;
}

}  // namespace

bool can_cluster_nested(const DataType& type) {
    if (type.kind == Kind::decimal) return true;
    if (!type.is_collection() && !type.is_tuple() && type.kind != Kind::vector) return false;
    return std::ranges::all_of(type.parameters, can_cluster);
}

void append_nested(std::string& out, const DataType& type, std::string_view value) {
    if (type.kind == Kind::decimal) return append_decimal(out, value);
    if (type.kind == Kind::vector) {
        // As many as the type says: nothing has to tell where they end.
        std::vector<std::string_view> elements;
        split_vector(type, value, elements);
        for (auto element : elements) append_clustering(out, type.parameters[0], false, element);
        return;
    }
    if (type.is_collection()) {
        std::vector<std::string_view> elements;
        split_collection(value, type.kind == Kind::map, elements);
        for (std::size_t i = 0; i < elements.size(); ++i) {
            out += value_part;
            append_clustering(out, element_type(type, i), false, elements[i]);
        }
    } else {
        std::vector<std::optional<std::string_view>> components;
        split_tuple(value, components);
        components.resize(std::min(components.size(), type.parameters.size()));
        while (!components.empty() && !components.back()) components.pop_back();
        for (std::size_t i = 0; i < components.size(); ++i) {
            out += components[i] ? value_part : null_part;
            if (components[i]) append_clustering(out, type.parameters[i], false, *components[i]);
        }
    }
    out += end_of_parts;
}

bool take_nested(std::string_view& encoded, const DataType& type, char flip, std::string& value) {
    if (type.kind == Kind::decimal) return take_decimal(encoded, flip, value);
    if (type.kind == Kind::vector) return take_vector(encoded, type, flip, value);
    return type.is_collection() ? take_elements(encoded, type, flip, value)
                                : take_components(encoded, type, flip, value);
}

}  // namespace penstock::store
