#include "net/http_target.h"

#include <cstdint>

#include "base/hex.h"

namespace penstock::net {
namespace {

/// The length of the UTF-8 character that starts text, 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t at) { return at < text.size() ? std::uint8_t(text[at]) : 0u; };
    auto continues = [&](std::size_t at) { return (byte(at) & 0xC0) == 0x80; };
    unsigned first = byte(0);
    if (first < 0x80) return text.empty() ? 0 : 1;
    if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if (!continues(1) || !continues(2)) return 0;
        if (first == 0xE0 && byte(1) < 0xA0) return 0;
        if (first == 0xED && byte(1) > 0x9F) return 0;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (!continues(1) || !continues(2) || !continues(3)) return 0;
        if (first == 0xF0 && byte(1) < 0x90) return 0;
        if (first == 0xF4 && byte(1) > 0x8F) return 0;
        return 4;
    }
    return 0;
}

/// "." or ".." between slashes, which may have been encoded.
bool has_dot_part(std::string_view segment) {
    while (true) {
        auto slash = segment.find('/');
        auto part = segment.substr(0, slash);
        if (part == "." || part == "..") return true;
        if (slash == std::string_view::npos) return false;
        segment.remove_prefix(slash + 1);
    }
}

Result<std::string> decode_part(std::string_view text, bool plus_is_blank) {
    auto decoded = TRY(percent_decode(text, plus_is_blank));
    if (decoded.find('\0') != std::string::npos)
        return fail(Errc::invalid, "the request target holds a NUL (%00)");
    if (!is_utf8(decoded)) return fail(Errc::invalid, "the request target is not UTF-8");
    return decoded;
}

Result<> parse_query(std::string_view text, HttpTarget& into) {
    while (!text.empty()) {
        auto end = text.find('&');
        auto pair = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (pair.empty()) continue;
        auto equals = pair.find('=');
        auto name = TRY(decode_part(pair.substr(0, equals), true));
        std::string value;
        if (equals != std::string_view::npos) value = TRY(decode_part(pair.substr(equals + 1), true));
        into.query.emplace_back(std::move(name), std::move(value));
    }
    return {};
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail(Errc::invalid, "'%' at position {} is not followed by two hexadecimal digits",
                            i + 1);
            out += char(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (char c : text) {
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved) {
            out += c;
        } else {
            out += '%';
            out += digits[std::uint8_t(c) >> 4];
            out += digits[std::uint8_t(c) & 15];
        }
    }
    return out;
}

Result<HttpTarget> parse_http_target(std::string_view target) {
    HttpTarget parsed;
    if (target == "*") {
        parsed.path = "*";
        return parsed;
    }
    // The absolute form, which proxies send.
    if (auto scheme = target.find("://"); scheme != std::string_view::npos && target.front() != '/') {
        target.remove_prefix(scheme + 3);
        auto end = target.find_first_of("/?#");
        target.remove_prefix(end == std::string_view::npos ? target.size() : end);
    }
    target = target.substr(0, target.find('#'));
    auto question = target.find('?');
    auto path = target.substr(0, question);
    if (path.empty()) path = "/";
    if (path.front() != '/') return fail(Errc::invalid, "the request target must begin with '/'");
    parsed.path = TRY(decode_part(path, false));
    auto rest = path.substr(1);
    while (!rest.empty()) {
        auto slash = rest.find('/');
        parsed.segments.push_back(TRY(decode_part(rest.substr(0, slash), false)));
        if (has_dot_part(parsed.segments.back()))
            return fail(Errc::invalid, "the path must not hold '.' or '..'");
        rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    }
    if (question != std::string_view::npos) {
        auto query = parse_query(target.substr(question + 1), parsed);
        if (!query) return fail(std::move(query.error()));
    }
    return parsed;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        auto length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace penstock::net
