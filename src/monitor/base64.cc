#include "monitor/base64.h"

#include <cstdint>

namespace penstock::monitor {

namespace {
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

std::string to_base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    const auto byte = [&](std::size_t at) -> std::uint32_t {
        return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
    };
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        out += alphabet[group >> 18];
        out += alphabet[group >> 12 & 63];
        out += at + 1 < bytes.size() ? alphabet[group >> 6 & 63] : '=';
        out += at + 2 < bytes.size() ? alphabet[group & 63] : '=';
    }
    return out;
}

Result<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return fail(Errc::invalid, "not base64: its length {} is no multiple of 4", text.size());
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    const auto digits = text.substr(0, text.size() - padding);
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t group = 0;
    int bits = 0;
    for (std::size_t at = 0; at < digits.size(); ++at) {
        const auto digit = alphabet.find(digits[at]);
        if (digit == std::string_view::npos) {
            return fail(Errc::invalid, "not base64: character {} is none of its alphabet", at + 1);
        }
        group = group << 6 | static_cast<std::uint32_t>(digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(group >> bits & 0xFF);
        }
    }
    return out;
}

}  // namespace penstock::monitor
