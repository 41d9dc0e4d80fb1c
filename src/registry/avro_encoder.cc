#include "registry/avro_encoder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/avro_binary.h"
#include "codec/iso_time.h"

namespace penstock::registry {
namespace {

using simdjson::dom::element_type;

constexpr int max_depth = 64;
/// Unions of records in one another could be tried for ever.
constexpr std::int64_t max_work = 1'000'000;

/// How well a JSON value of the kind goes into the type: 2: as it is, 1: it may, 0: it cannot.
int fit(const AvroType& type, const AvroLogical& logical, element_type value) {
    bool plain = logical.kind == AvroLogical::Kind::none;
    switch (type.kind) {
        case AvroKind::null_type:
            return value == element_type::NULL_VALUE ? 2 : 0;
        case AvroKind::boolean:
            return value == element_type::BOOL ? 2 : 0;
        case AvroKind::int_type:
        case AvroKind::long_type:
            if (value == element_type::INT64 || value == element_type::UINT64) return plain ? 2 : 1;
            return value == element_type::STRING && !plain ? 2 : 0;
        case AvroKind::float_type:
        case AvroKind::double_type:
            if (value == element_type::DOUBLE) return 2;
            return value == element_type::INT64 || value == element_type::UINT64 ? 1 : 0;
        case AvroKind::string:
        case AvroKind::enumeration:
            return value == element_type::STRING ? (plain && type.kind == AvroKind::string ? 1 : 2) : 0;
        case AvroKind::bytes:
        case AvroKind::fixed:
            if (value == element_type::STRING) return 1;
            return logical.kind == AvroLogical::Kind::decimal &&
                           (value == element_type::INT64 || value == element_type::DOUBLE)
                       ? 1
                       : 0;
        case AvroKind::record:
        case AvroKind::map:
            return value == element_type::OBJECT ? 2 : 0;
        case AvroKind::array:
            return value == element_type::ARRAY ? 2 : 0;
        case AvroKind::union_type:
            return 0;
    }
    return 0;
}

std::string shown(simdjson::dom::element value) {
    auto text = simdjson::minify(value);
    return text.size() <= 60 ? text : text.substr(0, 60) + "...";
}

std::optional<std::string> bytes_of_hex(std::string_view text) {
    if (!text.starts_with("0x") || text.size() % 2 != 0) return std::nullopt;
    std::string out;
    auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    for (std::size_t i = 2; i < text.size(); i += 2) {
        int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out += char(high * 16 + low);
    }
    return out;
}

std::optional<std::string> bytes_of_characters(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto c = std::uint8_t(text[i]);
        if (c < 0x80) {
            out += char(c);
        } else if ((c == 0xC2 || c == 0xC3) && i + 1 < text.size()) {
            out += char((c & 3) << 6 | (std::uint8_t(text[++i]) & 0x3f));
        } else {
            return std::nullopt;
        }
    }
    return out;
}

/// A time of the type, in its own unit, from an ISO text.
std::optional<std::int64_t> time_of(const AvroLogical& logical, std::string_view text) {
    using Kind = AvroLogical::Kind;
    if (logical.kind == Kind::date) {
        if (text.size() > 10) {
            auto us = codec::parse_iso_timestamp(text);
            if (us) text = text.substr(0, 10);
        }
        return codec::parse_iso_date(text);
    }
    auto us = codec::parse_iso_timestamp(text);
    if (!us && logical.kind != Kind::none) {
        auto days = codec::parse_iso_date(text);
        if (days) us = *days * 86'400'000'000;
    }
    if (!us) return std::nullopt;
    if (logical.kind == Kind::timestamp_micros) return us;
    if (logical.kind == Kind::timestamp_millis) return *us / 1000 - (*us % 1000 < 0 ? 1 : 0);
    if (logical.kind == Kind::timestamp_nanos) {
        std::int64_t nanos = 0;
        if (!__builtin_mul_overflow(*us, std::int64_t(1000), &nanos)) return nanos;
    }
    return std::nullopt;
}

}  // namespace

bool AvroEncoder::encode(Element value, std::string& out) {
    auto size = out.size();
    path_.clear();
    why_.clear();
    work_left_ = max_work;
    if (write(root_, value, out, 0)) return true;
    out.resize(size);
    return false;
}

std::string AvroEncoder::path_text() const {
    return fmt::format("{}", fmt::join(path_, "."));
}

bool AvroEncoder::refuse(std::string_view expected, Element found) {
    why_ = fmt::format("{}{}expected {}, found {}", path_text(), path_.empty() ? "" : ": ", expected,
                       shown(found));
    return false;
}

const AvroLogical& AvroEncoder::logical(const AvroType& type) {
    auto found = logical_.find(&type);
    if (found == logical_.end()) found = logical_.emplace(&type, logical_of(type)).first;
    return found->second;
}

bool AvroEncoder::write(const AvroType& type, Element value, std::string& out, int depth) {
    if (depth > max_depth) return refuse("at most 64 levels", value);
    if (--work_left_ < 0) return refuse("a value that its schema's unions can be tried on", value);
    switch (type.kind) {
        case AvroKind::null_type:
            return value.is_null() || refuse("null", value);
        case AvroKind::boolean:
            if (!value.is_bool()) return refuse("a boolean", value);
            codec::append_avro_boolean(out, value.get_bool().value_unsafe());
            return true;
        case AvroKind::int_type:
        case AvroKind::long_type:
            return write_whole(type, value, out);
        case AvroKind::float_type:
        case AvroKind::double_type: {
            double number = 0;
            if (value.get_double().get(number)) return refuse("a number", value);
            if (type.kind == AvroKind::double_type) {
                codec::append_avro_double(out, number);
                return true;
            }
            if (std::fabs(number) > double(std::numeric_limits<float>::max()))
                return refuse("a float", value);
            codec::append_avro_float(out, float(number));
            return true;
        }
        case AvroKind::string: {
            std::string_view text;
            if (value.get_string().get(text)) return refuse("a string", value);
            codec::append_avro_bytes(out, text);
            return true;
        }
        case AvroKind::enumeration: {
            std::string_view text;
            auto symbol = type.symbols.end();
            if (!value.get_string().get(text)) symbol = std::ranges::find(type.symbols, text);
            if (symbol == type.symbols.end()) return refuse("a symbol of " + type.full_name(), value);
            codec::append_avro_long(out, symbol - type.symbols.begin());
            return true;
        }
        case AvroKind::bytes:
        case AvroKind::fixed:
            return write_bytes(type, value, out);
        case AvroKind::record:
            return write_record(type, value, out, depth);
        case AvroKind::array:
            return write_array(type, value, out, depth);
        case AvroKind::map:
            return write_map(type, value, out, depth);
        case AvroKind::union_type:
            return write_union(type, value, out, depth);
    }
    return false;
}

bool AvroEncoder::write_whole(const AvroType& type, Element value, std::string& out) {
    std::int64_t number = 0;
    std::string_view text;
    const auto& meaning = logical(type);
    if (!value.get_string().get(text) && meaning.kind != AvroLogical::Kind::none) {
        auto time = time_of(meaning, text);
        if (!time) return refuse("an ISO date or time", value);
        number = *time;
    } else if (value.get_int64().get(number)) {
        double real = 0;
        bool whole = !value.get_double().get(real) && std::trunc(real) == real && std::fabs(real) < 9e18;
        if (!whole || value.is_uint64()) return refuse("a whole number", value);
        number = std::int64_t(real);
    }
    bool narrow = type.kind == AvroKind::int_type;
    if (narrow && (number < INT32_MIN || number > INT32_MAX)) return refuse("an int of 32 bits", value);
    codec::append_avro_long(out, number);
    return true;
}

bool AvroEncoder::write_bytes(const AvroType& type, Element value, std::string& out) {
    const auto& meaning = logical(type);
    if (meaning.kind == AvroLogical::Kind::decimal && !options_.bytes_as_characters)
        return write_decimal(type, meaning, value, out);
    std::string_view text;
    if (value.get_string().get(text)) return refuse("bytes as a string", value);
    std::optional<std::string> converted;
    if (options_.bytes_as_characters) {
        converted = bytes_of_characters(text);
        if (!converted) return refuse("characters up to U+00FF", value);
    } else if (meaning.kind == AvroLogical::Kind::uuid) {
        std::string hex = "0x";
        for (char c : text)
            if (c != '-') hex += c;
        converted = bytes_of_hex(hex);
    } else if (options_.hex_bytes) {
        converted = bytes_of_hex(text);
    }
    std::string_view bytes = converted ? std::string_view(*converted) : text;
    if (type.kind == AvroKind::bytes) {
        codec::append_avro_bytes(out, bytes);
        return true;
    }
    if (std::int64_t(bytes.size()) != type.size) return refuse(fmt::format("{} bytes", type.size), value);
    out += bytes;
    return true;
}

bool AvroEncoder::write_decimal(const AvroType& type, const AvroLogical& meaning, Element value,
                                std::string& out) {
    std::string_view text;
    std::string number;
    if (value.get_string().get(text)) {
        if (!value.is_number()) return refuse("a decimal", value);
        number = simdjson::minify(value);
        text = number;
    }
    auto bytes = decimal_bytes(text, meaning.precision, meaning.scale);
    if (!bytes)
        return refuse(fmt::format("a decimal of {} digits, {} of them behind the point", meaning.precision,
                                  meaning.scale),
                      value);
    if (type.kind == AvroKind::bytes) {
        codec::append_avro_bytes(out, *bytes);
        return true;
    }
    if (std::int64_t(bytes->size()) > type.size)
        return refuse(fmt::format("at most {} bytes", type.size), value);
    char sign = (*bytes)[0] & 0x80 ? '\xff' : '\0';
    out.append(std::size_t(type.size) - bytes->size(), sign);
    out += *bytes;
    return true;
}

const std::vector<std::string>& AvroEncoder::names_of(const AvroType& record) {
    auto found = names_.find(&record);
    if (found != names_.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& field : record.fields) names.push_back(name_of(field));
    return names_.emplace(&record, std::move(names)).first->second;
}

bool AvroEncoder::write_record(const AvroType& type, Element value, std::string& out, int depth) {
    simdjson::dom::object object;
    if (value.get_object().get(object)) return refuse("an object", value);
    const auto& names = names_of(type);
    std::vector<std::optional<Element>> members(names.size());
    // Documents of one kind have their members in one order, so the next field is the likeliest.
    std::size_t hint = 0;
    for (auto [name, member] : object) {
        std::size_t at = 0;
        for (; at < names.size(); ++at) {
            auto field = (hint + at) % names.size();
            if (names[field] != name) continue;
            members[field] = member;
            hint = field + 1;
            break;
        }
        work_left_ -= std::int64_t(at);
        if (at == names.size() && options_.refuse_unknown && !member.is_null()) {
            path_.emplace_back(name);
            why_ = fmt::format("{}: there is no such field", path_text());
            path_.pop_back();
            return false;
        }
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& field = type.fields[i];
        if (!members[i]) {
            if (write_missing(field, out)) continue;
            why_ = fmt::format("{}: is missing, and the schema has no default for it", names[i]);
            return false;
        }
        path_.push_back(names[i]);
        bool done = write(*field.type, *members[i], out, depth + 1);
        path_.pop_back();
        if (!done) return false;
    }
    return true;
}

bool AvroEncoder::write_missing(const AvroField& field, std::string& out) {
    auto known = defaults_.find(&field);
    if (known == defaults_.end()) {
        std::string bytes;
        if (field.default_json) {
            auto made = avro_default(*field.type, *field.default_json);
            if (!made) return false;
            bytes = std::move(*made);
        } else {
            const auto& branches = field.type->branches;
            auto null = std::ranges::find(branches, AvroKind::null_type, &AvroType::kind);
            if (field.type->kind != AvroKind::null_type && null == branches.end()) return false;
            if (field.type->kind == AvroKind::union_type)
                codec::append_avro_long(bytes, null - branches.begin());
        }
        known = defaults_.emplace(&field, std::move(bytes)).first;
    }
    out += known->second;
    return true;
}

bool AvroEncoder::write_array(const AvroType& type, Element value, std::string& out, int depth) {
    simdjson::dom::array array;
    if (value.get_array().get(array)) return refuse("an array", value);
    // simdjson's own count ends at 16,777,215.
    std::int64_t count = 0;
    for (auto item : array) {
        (void)item;
        ++count;
    }
    if (count > 0) codec::append_avro_long(out, count);
    std::size_t index = 0;
    for (auto item : array) {
        path_.push_back(std::to_string(index++));
        bool done = write(*type.element, item, out, depth + 1);
        path_.pop_back();
        if (!done) return false;
    }
    codec::append_avro_long(out, 0);
    return true;
}

bool AvroEncoder::write_map(const AvroType& type, Element value, std::string& out, int depth) {
    simdjson::dom::object object;
    if (value.get_object().get(object)) return refuse("an object", value);
    std::int64_t count = 0;
    for (auto member : object) {
        (void)member;
        ++count;
    }
    if (count > 0) codec::append_avro_long(out, count);
    for (auto [name, member] : object) {
        codec::append_avro_bytes(out, name);
        path_.emplace_back(name);
        bool done = write(*type.element, member, out, depth + 1);
        path_.pop_back();
        if (!done) return false;
    }
    codec::append_avro_long(out, 0);
    return true;
}

bool AvroEncoder::write_union(const AvroType& type, Element value, std::string& out, int depth) {
    auto size = out.size();
    std::string why;
    for (int wanted : {2, 1}) {
        for (std::size_t i = 0; i < type.branches.size(); ++i) {
            const auto& branch = *type.branches[i];
            if (fit(branch, logical(branch), value.type()) != wanted) continue;
            codec::append_avro_long(out, std::int64_t(i));
            if (write(branch, value, out, depth + 1)) return true;
            out.resize(size);
            if (why.empty()) why = why_;
        }
    }
    if (!why.empty()) {
        why_ = std::move(why);
        return false;
    }
    std::string expected;
    for (const auto* branch : type.branches)
        expected += fmt::format("{}{}", expected.empty() ? "" : " or ", to_string(branch->kind));
    return refuse(expected, value);
}

Result<std::string> avro_default(const AvroType& type, std::string_view default_json) {
    simdjson::dom::parser parser;
    simdjson::dom::element value;
    if (parser.parse(default_json.data(), default_json.size()).get(value))
        return fail(Errc::invalid, "the default '{}' is not JSON", default_json);
    AvroEncoder encoder(type, {.bytes_as_characters = true});
    std::string bytes;
    if (!encoder.encode(value, bytes)) return fail(Errc::invalid, "the default: {}", encoder.why());
    return bytes;
}

}  // namespace penstock::registry
