#include "registry/avro_logical.h"

#include <algorithm>
#include <vector>

#include "base/units.h"
#include "registry/json_value.h"

namespace penstock::registry {
namespace {

int number_property(const AvroProperties& properties, std::string_view name, int otherwise) {
    for (const auto& [known, json] : properties) {
        if (known != name) continue;
        auto value = parse_int(json);
        return value && *value >= 0 && *value <= 1000 ? int(*value) : -1;
    }
    return otherwise;
}

}  // namespace

std::optional<std::string> text_property(const AvroProperties& properties, std::string_view name) {
    for (const auto& [known, json] : properties) {
        if (known != name) continue;
        auto document = JsonDocument::parse(json);
        if (document && document->root().is_string()) return document->root().string;
    }
    return std::nullopt;
}

std::string name_of(const AvroField& field) {
    return text_property(field.properties, name_property).value_or(field.name);
}

AvroLogical logical_of(const AvroType& type) {
    using Kind = AvroLogical::Kind;
    if (type.properties.empty()) return {};
    auto name = text_property(type.properties, "logicalType");
    if (!name) return {};
    bool is_int = type.kind == AvroKind::int_type;
    bool is_long = type.kind == AvroKind::long_type;
    if (*name == "date" && is_int) return {.kind = Kind::date};
    if ((*name == "timestamp-millis" || *name == "local-timestamp-millis") && is_long)
        return {.kind = Kind::timestamp_millis};
    if ((*name == "timestamp-micros" || *name == "local-timestamp-micros") && is_long)
        return {.kind = Kind::timestamp_micros};
    if ((*name == "timestamp-nanos" || *name == "local-timestamp-nanos") && is_long)
        return {.kind = Kind::timestamp_nanos};
    bool is_uuid = type.kind == AvroKind::string || (type.kind == AvroKind::fixed && type.size == 16);
    if (*name == "uuid" && is_uuid) return {.kind = Kind::uuid};
    if (*name == "decimal" && (type.kind == AvroKind::bytes || type.kind == AvroKind::fixed)) {
        int precision = number_property(type.properties, "precision", -1);
        int scale = number_property(type.properties, "scale", 0);
        if (precision > 0 && scale >= 0 && scale <= precision)
            return {.kind = Kind::decimal, .precision = precision, .scale = scale};
    }
    return {};
}

std::string decimal_text(std::string_view bytes, int scale) {
    bool negative = !bytes.empty() && (bytes[0] & 0x80) != 0;
    std::vector<std::uint8_t> magnitude(bytes.begin(), bytes.end());
    if (negative) {
        int carry = 1;
        for (auto at = magnitude.rbegin(); at != magnitude.rend(); ++at) {
            int sum = (~*at & 0xff) + carry;
            *at = std::uint8_t(sum);
            carry = sum >> 8;
        }
    }
    std::string digits;  // the lowest first
    auto is_zero = [&] { return std::ranges::all_of(magnitude, [](auto byte) { return byte == 0; }); };
    while (!is_zero()) {
        int rest = 0;
        for (auto& byte : magnitude) {
            int value = rest * 256 + byte;
            byte = std::uint8_t(value / 10);
            rest = value % 10;
        }
        digits += char('0' + rest);
    }
    while (digits.size() <= std::size_t(scale)) digits += '0';
    std::reverse(digits.begin(), digits.end());
    if (scale > 0) digits.insert(digits.size() - std::size_t(scale), 1, '.');
    bool is_nothing = digits.find_first_not_of("0.") == std::string::npos;
    return negative && !is_nothing ? "-" + digits : digits;
}

std::optional<std::string> decimal_bytes(std::string_view text, int precision, int scale) {
    bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    std::int64_t exponent = 0;
    if (auto e = text.find_first_of("eE"); e != std::string_view::npos) {
        auto written = text.substr(e + 1);
        if (written.starts_with('+')) written.remove_prefix(1);
        auto value = parse_int(written);
        if (!value || *value < -1000 || *value > 1000) return std::nullopt;
        exponent = *value;
        text = text.substr(0, e);
    }
    std::string digits;
    bool point = false;
    for (char c : text) {
        if (c == '.' && !point)
            point = true;
        else if (c >= '0' && c <= '9') {
            digits += c;
            if (point) --exponent;
        } else
            return std::nullopt;
    }
    if (digits.empty() || digits.size() > 1000) return std::nullopt;
    // Now the value is digits * 10^exponent; it must be a whole number of 10^-scale.
    for (exponent += scale; exponent > 0; --exponent) digits += '0';
    for (; exponent < 0; ++exponent) {
        if (digits.empty()) break;
        if (digits.back() != '0') return std::nullopt;
        digits.pop_back();
    }
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    if (digits.size() > std::size_t(precision)) return std::nullopt;
    std::vector<std::uint8_t> bytes{0};  // the lowest first
    for (char c : digits) {
        int carry = c - '0';
        for (auto& byte : bytes) {
            int value = byte * 10 + carry;
            byte = std::uint8_t(value & 0xff);
            carry = value >> 8;
        }
        if (carry > 0) bytes.push_back(std::uint8_t(carry));
    }
    if (bytes.back() & 0x80) bytes.push_back(0);
    if (negative && !digits.empty()) {
        int carry = 1;
        for (auto& byte : bytes) {
            int sum = (~byte & 0xff) + carry;
            byte = std::uint8_t(sum);
            carry = sum >> 8;
        }
        while (bytes.size() > 1 && bytes.back() == 0xff && (bytes[bytes.size() - 2] & 0x80)) bytes.pop_back();
    }
    return std::string(bytes.rbegin(), bytes.rend());
}

}  // namespace penstock::registry
