#include "store/value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/floor_divide.h"
#include "codec/json_writer.h"
#include "record/batch.h"
#include "store/bytes.h"
#include "store/calendar.h"
#include "store/clustering.h"
#include "store/number.h"
#include "store/uuid.h"
#include "store/vector_value.h"

namespace penstock::store {
namespace {

constexpr int max_depth = 150;

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x80) {
            ++i;
            continue;
        }
        int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        if (c < 0xC2 || c > 0xF4 || i + std::size_t(more) >= text.size()) return false;
        for (int k = 1; k <= more; ++k)
            if ((static_cast<unsigned char>(text[i + std::size_t(k)]) & 0xC0) != 0x80) return false;
        auto second = static_cast<unsigned char>(text[i + 1]);
        if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F) || (c == 0xF0 && second < 0x90) ||
            (c == 0xF4 && second > 0x8F))
            return false;
        i += std::size_t(more) + 1;
    }
    return true;
}

Result<> check_size(std::string_view value, std::size_t size, std::string_view what) {
    if (value.size() == size || value.empty()) return {};
    return fail(Errc::invalid, "Expected {} or 0 byte {} ({})", size, what, value.size());
}

Result<> validate_at(const DataType& type, std::string_view value, int depth);

Result<> validate_collection(const DataType& type, std::string_view value, int depth) {
    auto name = to_string(DataType(type.kind));
    if (value.size() < 4) return fail(Errc::invalid, "Not enough bytes to read a {}", name);
    if (value[0] < 0) return fail(Errc::invalid, "The data cannot be deserialized as a {}", name);
    std::vector<std::string_view> elements;
    if (!split_collection(value, type.kind == Kind::map, elements))
        return fail(Errc::invalid, "Not enough bytes to read a {}", name);
    for (std::size_t i = 0; i < elements.size(); ++i)
        TRY(validate_at(type.parameters[type.kind == Kind::map ? i % 2 : 0], elements[i], depth + 1));
    return {};
}

Result<> validate_tuple(const DataType& type, std::string_view value, int depth) {
    std::vector<std::optional<std::string_view>> components;
    if (!split_tuple(value, components)) return fail(Errc::invalid, "Not enough bytes to read a tuple");
    if (components.size() > type.parameters.size())
        return fail(Errc::invalid, "Invalid remaining data after end of {} value",
                    type.kind == Kind::udt ? "UDT" : "tuple");
    for (std::size_t i = 0; i < components.size(); ++i)
        if (components[i]) TRY(validate_at(type.parameters[i], *components[i], depth + 1));
    return {};
}

Result<> validate_vector(const DataType& type, std::string_view value, int depth) {
    std::vector<std::string_view> elements;
    if (value.empty()) return fail(Errc::invalid, "Invalid empty vector value");
    if (!split_vector(type, value, elements))
        return fail(Errc::invalid, "Not enough bytes to read a {}", to_string(type));
    for (auto element : elements) TRY(validate_at(type.parameters[0], element, depth + 1));
    return {};
}

Result<> validate_at(const DataType& type, std::string_view value, int depth) {
    if (depth > max_depth) return fail(Errc::invalid, "values are nested too deeply");
    switch (type.kind) {
        case Kind::ascii:
            for (char c : value)
                if (c < 0)
                    return fail(Errc::invalid, "Invalid byte for ascii: {}",
                                int(static_cast<signed char>(c)));
            return {};
        case Kind::text:
            if (!is_utf8(value)) return fail(Errc::invalid, "String didn't validate.");
            return {};
        case Kind::boolean:
            return check_size(value, 1, "value");
        case Kind::tinyint:
            return check_size(value, 1, "value");
        case Kind::smallint:
            return check_size(value, 2, "short");
        case Kind::int_:
            return check_size(value, 4, "int");
        case Kind::date:
            return check_size(value, 4, "long for date");
        case Kind::float_:
            return check_size(value, 4, "value for a float");
        case Kind::double_:
            return check_size(value, 8, "value for a double");
        case Kind::bigint:
        case Kind::counter:
            return check_size(value, 8, "long");
        case Kind::timestamp:
            return check_size(value, 8, "long for date");
        case Kind::time:
            return check_size(value, 8, "long for time");
        case Kind::uuid:
            if (value.size() != 16 && !value.empty())
                return fail(Errc::invalid, "UUID should be 16 or 0 bytes ({})", value.size());
            return {};
        case Kind::timeuuid:
            if (value.size() != 16 && !value.empty())
                return fail(Errc::invalid, "TimeUUID should be 16 or 0 bytes ({})", value.size());
            if (!value.empty() && (value[6] & 0xF0) != 0x10)
                return fail(Errc::invalid, "Invalid version for TimeUUID type.");
            return {};
        case Kind::inet:
            if (value.size() != 4 && value.size() != 16 && !value.empty())
                return fail(Errc::invalid, "Expected 4 or 16 byte inetaddress; got {}", value.size());
            return {};
        case Kind::decimal:
            if (!value.empty() && value.size() < 4)
                return fail(Errc::invalid, "Expected 0 or at least 4 bytes ({})", value.size());
            return {};
        case Kind::duration:
            if (value.size() < 3)
                return fail(Errc::invalid, "Expected at least 3 bytes for a duration ({})", value.size());
            if (!parse_duration_bytes(value)) return fail(Errc::invalid, "the bytes are not a duration");
            return {};
        case Kind::blob:
        case Kind::varint:
            return {};
        case Kind::list:
        case Kind::set:
        case Kind::map:
            return validate_collection(type, value, depth);
        case Kind::tuple:
        case Kind::udt:
            return validate_tuple(type, value, depth);
        case Kind::vector:
            return validate_vector(type, value, depth);
    }
    return {};
}

int sign_of(std::strong_ordering order) {
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

int compare_elements(const DataType& type, std::string_view a, std::string_view b) {
    std::vector<std::string_view> left, right;
    split_collection(a, type.kind == Kind::map, left);
    split_collection(b, type.kind == Kind::map, right);
    for (std::size_t i = 0; i < left.size() && i < right.size(); ++i)
        if (int order = compare(type.parameters[type.kind == Kind::map ? i % 2 : 0], left[i], right[i]))
            return order;
    return sign_of(left.size() <=> right.size());
}

int compare_vectors(const DataType& type, std::string_view a, std::string_view b) {
    std::vector<std::string_view> left, right;
    split_vector(type, a, left);
    split_vector(type, b, right);
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
        if (auto order = compare(type.parameters[0], left[i], right[i]); order != 0) return order;
    return sign_of(left.size() <=> right.size());
}

int compare_tuples(const DataType& type, std::string_view a, std::string_view b) {
    std::vector<std::optional<std::string_view>> left, right;
    split_tuple(a, left);
    split_tuple(b, right);
    for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
        if (left[i].has_value() != right[i].has_value()) return left[i] ? 1 : -1;
        if (!left[i]) continue;
        if (int order = compare(type.parameters[i], *left[i], *right[i])) return order;
    }
    return sign_of(left.size() <=> right.size());
}

std::int64_t integer_of(std::string_view value) {
    switch (value.size()) {
        case 1:
            return static_cast<signed char>(value[0]);
        case 2:
            return load_big_endian<std::int16_t>(value.data());
        case 4:
            return load_big_endian<std::int32_t>(value.data());
        case 8:
            return load_big_endian<std::int64_t>(value.data());
        default:
            return 0;
    }
}

double float_of(std::string_view value) {
    if (value.size() == 4) return std::bit_cast<float>(load_big_endian<std::uint32_t>(value.data()));
    if (value.size() == 8) return std::bit_cast<double>(load_big_endian<std::uint64_t>(value.data()));
    return 0;
}

std::int64_t days_of(std::string_view value) {
    return value.size() == 4
               ? std::int64_t(load_big_endian<std::uint32_t>(value.data())) - (std::int64_t(1) << 31)
               : 0;
}

std::string float_text(double value, bool single) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    // The shortest digits that are read back as the number, written as Java does: 1.0E10, 1.0E-4.
    auto shortest = single ? fmt::format("{}", std::abs(float(value))) : fmt::format("{}", std::abs(value));
    auto mantissa = shortest.substr(0, shortest.find('e'));
    auto point = std::min(mantissa.find('.'), mantissa.size());
    int exponent = int(point) - 1;
    if (mantissa.size() < shortest.size()) {
        auto from = mantissa.size() + (shortest[mantissa.size() + 1] == '+' ? 2 : 1);
        int power = 0;
        std::from_chars(shortest.data() + from, shortest.data() + shortest.size(), power);
        exponent += power;
    }
    std::string digits;
    for (char c : mantissa)
        if (c != '.') digits += c;
    auto zeros = std::min(digits.find_first_not_of('0'), digits.size());
    exponent -= int(zeros);
    digits.erase(0, zeros);
    while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
    if (digits.empty()) return std::signbit(value) ? "-0.0" : "0.0";
    std::string sign = value < 0 ? "-" : "";
    if (exponent >= 7 || exponent < -3) {
        auto fraction = digits.size() > 1 ? digits.substr(1) : "0";
        return sign + digits.substr(0, 1) + "." + fraction + "E" + std::to_string(exponent);
    }
    if (exponent < 0) return sign + "0." + std::string(std::size_t(-exponent - 1), '0') + digits;
    auto whole = std::size_t(exponent) + 1;
    if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
    return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

/// As Java has it: of IPv6 all groups are written.
std::string inet_text(std::string_view value) {
    char text[INET6_ADDRSTRLEN] = {};
    if (value.size() == 4) inet_ntop(AF_INET, value.data(), text, sizeof text);
    if (value.size() != 16) return text;
    std::string out;
    for (std::size_t i = 0; i < 16; i += 2)
        out += fmt::format("{}{:x}", i > 0 ? ":" : "", load_big_endian<std::uint16_t>(value.data() + i));
    return out;
}

std::string time_text(std::int64_t ns) {
    return fmt::format("{:02}:{:02}:{:02}.{:09}", ns / 3'600'000'000'000, ns / 60'000'000'000 % 60,
                       ns / 1'000'000'000 % 60, ns % 1'000'000'000);
}

std::string hex_text(std::string_view value) {
    std::string out = "0x";
    for (unsigned char c : value) out += fmt::format("{:02x}", c);
    return out;
}

}  // namespace

Result<> validate(const DataType& type, std::string_view value) {
    return validate_at(type, value, 0);
}

bool takes_values_of(const DataType& type, const DataType& other) {
    if (type.kind == other.kind || type.kind == Kind::blob) return true;
    switch (type.kind) {
        case Kind::text:
            return other.kind == Kind::ascii;
        case Kind::uuid:
            return other.kind == Kind::timeuuid;
        case Kind::bigint:
            return other.kind == Kind::timestamp;
        case Kind::timestamp:
        case Kind::time:
            return other.kind == Kind::bigint;
        case Kind::date:
            return other.kind == Kind::int_;
        case Kind::varint:
            return other.kind == Kind::int_ || other.kind == Kind::bigint || other.kind == Kind::timestamp;
        default:
            return false;
    }
}

int compare(const DataType& type, std::string_view a, std::string_view b) {
    if (type.kind == Kind::decimal) return compare_decimal(a, b);
    if (type.kind == Kind::varint) return compare_varint(a, b);
    if (type.is_collection()) return compare_elements(type, a, b);
    if (type.kind == Kind::vector) return compare_vectors(type, a, b);
    if (type.is_tuple()) return compare_tuples(type, a, b);
    if (type.kind == Kind::counter) return compare(Kind::bigint, a, b);
    if (!can_cluster(type) || type.is_text() || type.kind == Kind::blob) return sign_of(a.compare(b) <=> 0);
    std::string left, right;
    append_clustering(left, type, false, a);
    append_clustering(right, type, false, b);
    return sign_of(left.compare(right) <=> 0);
}

bool split_collection(std::string_view value, bool map, std::vector<std::string_view>& elements) {
    elements.clear();
    if (value.empty()) return true;
    ByteReader reader{value};
    auto count = reader.fixed<std::int32_t>();
    if (count < 0) return false;
    auto wanted = std::uint64_t(count) * (map ? 2 : 1);
    // Each element has four bytes at least: what is announced cannot make us allocate more than was sent.
    if (wanted * 4 > reader.rest.size()) return false;
    elements.reserve(wanted);
    for (std::uint64_t i = 0; i < wanted && reader.ok; ++i) {
        auto size = reader.fixed<std::int32_t>();
        if (size < 0) return false;
        elements.push_back(reader.bytes(std::size_t(size)));
    }
    return reader.ok && reader.rest.empty();
}

void begin_collection(std::string& out, std::size_t count) {
    append_big_endian(out, std::int32_t(count));
}

void append_element(std::string& out, std::string_view element) {
    append_big_endian(out, std::int32_t(element.size()));
    out += element;
}

bool split_tuple(std::string_view value, std::vector<std::optional<std::string_view>>& components) {
    components.clear();
    ByteReader reader{value};
    while (reader.ok && !reader.rest.empty()) {
        auto size = reader.fixed<std::int32_t>();
        if (size < 0)
            components.emplace_back();
        else
            components.emplace_back(reader.bytes(std::size_t(size)));
    }
    return reader.ok;
}

void append_component(std::string& out, const std::optional<std::string>& component) {
    if (component)
        append_element(out, *component);
    else
        append_big_endian(out, std::int32_t(-1));
}

bool collect_elements(const Row& row, const ColumnDefinition& column, std::string& out) {
    std::vector<const Cell*> cells;
    for (const auto& cell : row.cells)
        if (cell.column == column.id && cell.has_path) cells.push_back(&cell);
    if (cells.empty()) return false;
    const auto& type = column.type;
    if (type.kind == Kind::udt) {
        // Paths are the fields' numbers, in their order.
        std::size_t at = 0;
        for (std::uint16_t field = 0; field < type.parameters.size(); ++field) {
            std::string path;
            append_big_endian(path, field);
            if (at < cells.size() && cells[at]->path == path)
                append_element(out, cells[at++]->value);
            else
                append_component(out, std::nullopt);
        }
        return true;
    }
    // A list's paths are time uuids made by us; their order is their time.
    DataType path_type = type.kind == Kind::list ? DataType(Kind::timeuuid) : type.parameters[0];
    std::ranges::sort(cells,
                      [&](const Cell* a, const Cell* b) { return compare(path_type, a->path, b->path) < 0; });
    begin_collection(out, cells.size());
    for (const auto* cell : cells) {
        if (type.kind != Kind::list) append_element(out, cell->path);
        if (type.kind != Kind::set) append_element(out, cell->value);
    }
    return true;
}

std::string date_text(std::int64_t days) {
    constexpr std::int64_t last_without_sign = 9999;
    auto date = date_of_days(days);
    auto sign = date.year < 0 ? "-" : date.year > last_without_sign ? "+" : "";
    return fmt::format("{}{:04}-{:02}-{:02}", sign, std::abs(date.year), date.month, date.day);
}

std::string timestamp_text(std::int64_t ms) {
    constexpr std::int64_t day = 86'400'000;
    auto days = floor_divide(ms, day);
    auto rest = ms - days * day;
    return fmt::format("{} {:02}:{:02}:{:02}.{:03}Z", date_text(days), rest / 3'600'000, rest / 60'000 % 60,
                       rest / 1000 % 60, rest % 1000);
}

std::string value_as_text(const DataType& type, std::string_view value) {
    switch (type.kind) {
        case Kind::ascii:
        case Kind::text:
            return std::string(value);
        case Kind::blob:
            return hex_text(value);
        case Kind::boolean:
            return !value.empty() && value[0] != 0 ? "true" : "false";
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::int_:
        case Kind::bigint:
        case Kind::counter:
            return std::to_string(integer_of(value));
        case Kind::float_:
            return float_text(float_of(value), true);
        case Kind::double_:
            return float_text(float_of(value), false);
        case Kind::varint:
            return varint_text(value);
        case Kind::decimal:
            return value.empty() ? "" : decimal_text(value);
        case Kind::uuid:
        case Kind::timeuuid:
            return format_uuid(value);
        case Kind::inet:
            return inet_text(value);
        case Kind::date:
            return date_text(days_of(value));
        case Kind::time:
            return time_text(integer_of(value));
        case Kind::timestamp:
            return timestamp_text(integer_of(value));
        case Kind::duration: {
            auto duration = parse_duration_bytes(value);
            return duration ? duration_text(*duration) : "";
        }
        case Kind::list:
        case Kind::set:
        case Kind::map:
        case Kind::tuple:
        case Kind::udt:
        case Kind::vector:
            break;
    }
    std::string out;
    append_value_as_json(out, type, value);
    return out;
}

void append_json_name(std::string& out, std::string_view name) {
    bool plain = name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
    codec::append_json_string(out, plain ? std::string(name) : "\"" + std::string(name) + "\"");
}

void append_value_as_json(std::string& out, const DataType& type, std::string_view value) {
    switch (type.kind) {
        case Kind::boolean:
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::int_:
        case Kind::bigint:
        case Kind::counter:
        case Kind::varint:
        case Kind::decimal:
            out += value_as_text(type, value);
            return;
        case Kind::float_:
        case Kind::double_:
            // JSON has no NaN and no infinity; Cassandra prints null.
            out += std::isfinite(float_of(value)) ? value_as_text(type, value) : "null";
            return;
        case Kind::list:
        case Kind::set: {
            std::vector<std::string_view> elements;
            split_collection(value, false, elements);
            out += '[';
            for (std::size_t i = 0; i < elements.size(); ++i) {
                if (i > 0) out += ", ";
                append_value_as_json(out, type.parameters[0], elements[i]);
            }
            out += ']';
            return;
        }
        case Kind::map: {
            std::vector<std::string_view> elements;
            split_collection(value, true, elements);
            out += '{';
            for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
                if (i > 0) out += ", ";
                std::string key;
                append_value_as_json(key, type.parameters[0], elements[i]);
                if (key.starts_with('"'))
                    out += key;
                else
                    codec::append_json_string(out, key);  // JSON's keys are texts
                out += ": ";
                append_value_as_json(out, type.parameters[1], elements[i + 1]);
            }
            out += '}';
            return;
        }
        case Kind::vector: {
            std::vector<std::string_view> elements;
            split_vector(type, value, elements);
            out += '[';
            for (std::size_t i = 0; i < elements.size(); ++i) {
                if (i > 0) out += ", ";
                append_value_as_json(out, type.parameters[0], elements[i]);
            }
            out += ']';
            return;
        }
        case Kind::tuple:
        case Kind::udt: {
            std::vector<std::optional<std::string_view>> components;
            split_tuple(value, components);
            bool named = type.kind == Kind::udt;
            out += named ? '{' : '[';
            for (std::size_t i = 0; i < type.parameters.size(); ++i) {
                if (i > 0) out += ", ";
                if (named) {
                    append_json_name(out, type.user->fields[i]);
                    out += ": ";
                }
                if (i < components.size() && components[i])
                    append_value_as_json(out, type.parameters[i], *components[i]);
                else
                    out += "null";
            }
            out += named ? '}' : ']';
            return;
        }
        default:
            codec::append_json_string(out, value_as_text(type, value));
            return;
    }
}

void append_engine_value(Column& out, Arena& arena, const DataType& type, std::string_view value) {
    switch (engine_type_of(type)) {
        case TypeId::boolean:
            out.append_integer(!value.empty() && value[0] != 0);
            return;
        case TypeId::int32:
        case TypeId::int64:
            out.append_integer(integer_of(value));
            return;
        case TypeId::date:
            out.append_integer(days_of(value));
            return;
        case TypeId::timestamp: {
            std::int64_t us = 0;
            if (__builtin_mul_overflow(integer_of(value), std::int64_t(1000), &us)) return out.append_null();
            out.append_integer(us);
            return;
        }
        case TypeId::float64:
            out.append_float(float_of(value));
            return;
        case TypeId::binary:
            out.append_string(arena.copy(value));
            return;
        case TypeId::string:
        case TypeId::json:
            out.append_string(type.is_text() ? arena.copy(value) : arena.copy(value_as_text(type, value)));
            return;
    }
}

}  // namespace penstock::store
