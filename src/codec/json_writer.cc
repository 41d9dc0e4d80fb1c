#include "codec/json_writer.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/check.h"

namespace penstock::codec {

namespace {

/// The length of the well-formed UTF-8 sequence that text starts with (Unicode 15, table 3-7), or 0.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const auto continues = [&](std::size_t at) { return (byte(at) & 0xC0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;
    if (first < 0xE0) return continues(1) ? 2 : 0;
    if (first < 0xF0) {
        if (first == 0xE0 && byte(1) < 0xA0) return 0;
        if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogates
        return continues(1) && continues(2) ? 3 : 0;
    }
    if (first > 0xF4) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
}

void append_escaped(std::string& out, unsigned char byte) {
    switch (byte) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out.reserve(out.size() + text.size() + 2);
    out += '"';
    std::size_t plain = 0;  // start of the stretch that needs no change
    std::size_t at = 0;
    const auto flush = [&] { out += text.substr(plain, at - plain); };
    while (at < text.size()) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\') {
            ++at;
            continue;
        }
        if (byte < 0x80) {
            flush();
            append_escaped(out, byte);
            plain = ++at;
            continue;
        }
        if (const auto length = utf8_length(text.substr(at)); length > 0) {
            at += length;
            continue;
        }
        flush();
        out += "\xEF\xBF\xBD";
        plain = ++at;
    }
    flush();
    out += '"';
}

void JsonWriter::before_value() {
    if (places_.empty()) {
        CHECK(out_.empty());
        return;
    }
    switch (places_.back()) {
        case Place::array_first:
            places_.back() = Place::array_next;
            return;
        case Place::array_next:
            out_ += ',';
            return;
        case Place::after_key:
            places_.back() = Place::object_next;
            return;
        case Place::object_first:
        case Place::object_next:
            break;
    }
    const bool has_key = false;
    CHECK(has_key);
}

JsonWriter& JsonWriter::key(std::string_view name) {
    CHECK(!places_.empty());
    CHECK(places_.back() == Place::object_first || places_.back() == Place::object_next);
    if (places_.back() == Place::object_next) out_ += ',';
    append_json_string(out_, name);
    out_ += ':';
    places_.back() = Place::after_key;
    return *this;
}

JsonWriter& JsonWriter::begin_object() {
    before_value();
    out_ += '{';
    places_.push_back(Place::object_first);
    return *this;
}

JsonWriter& JsonWriter::end_object() {
    CHECK(!places_.empty());
    CHECK(places_.back() == Place::object_first || places_.back() == Place::object_next);
    places_.pop_back();
    out_ += '}';
    return *this;
}

JsonWriter& JsonWriter::begin_array() {
    before_value();
    out_ += '[';
    places_.push_back(Place::array_first);
    return *this;
}

JsonWriter& JsonWriter::end_array() {
    CHECK(!places_.empty());
    CHECK(places_.back() == Place::array_first || places_.back() == Place::array_next);
    places_.pop_back();
    out_ += ']';
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
    before_value();
    append_json_string(out_, text);
    return *this;
}

JsonWriter& JsonWriter::value(bool flag) {
    return raw(flag ? "true" : "false");
}

JsonWriter& JsonWriter::value(double number) {
    if (!std::isfinite(number)) return null();
    before_value();
    fmt::format_to(std::back_inserter(out_), "{}", number);
    return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t number) {
    before_value();
    fmt::format_to(std::back_inserter(out_), "{}", number);
    return *this;
}

JsonWriter& JsonWriter::unsigned_integer(std::uint64_t number) {
    before_value();
    fmt::format_to(std::back_inserter(out_), "{}", number);
    return *this;
}

JsonWriter& JsonWriter::null() {
    return raw("null");
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    before_value();
    out_ += json;
    return *this;
}

std::string JsonWriter::take() {
    CHECK(places_.empty());
    return std::move(out_);
}

}  // namespace penstock::codec
