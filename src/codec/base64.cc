#include "codec/base64.h"

#include <algorithm>
#include <cstdint>

namespace penstock::codec {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        auto count = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < count ? std::uint8_t(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k) out += k <= count ? alphabet[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        std::size_t missing = i + 4 == text.size() ? padding : 0;
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            auto value = k < 4 - missing ? alphabet.find(text[i + k]) : 0;
            if (value == std::string_view::npos) return std::nullopt;
            group = group << 6 | std::uint32_t(value);
        }
        // Bits that no byte takes must be zero.
        if ((missing == 1 && (group & 0xff) != 0) || (missing == 2 && (group & 0xffff) != 0))
            return std::nullopt;
        for (std::size_t k = 0; k < 3 - missing; ++k) out += char(group >> (16 - 8 * k) & 0xff);
    }
    return out;
}

}  // namespace penstock::codec
