#include "codec/uuid.h"

namespace penstock::codec {
namespace {

constexpr bool dash_before(std::size_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string Uuid::text() const {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (dash_before(i)) out += '-';
        out += digits[bytes[i] >> 4];
        out += digits[bytes[i] & 15];
    }
    return out;
}

Result<Uuid> Uuid::parse(std::string_view text) {
    Uuid uuid;
    auto bad = [&] { return fail(Errc::invalid, "'{}' is not a UUID", text); };
    std::size_t at = 0;
    for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
        if (dash_before(i) && (at >= text.size() || text[at++] != '-')) return bad();
        if (at + 2 > text.size()) return bad();
        int high = digit(text[at]), low = digit(text[at + 1]);
        if (high < 0 || low < 0) return bad();
        uuid.bytes[i] = std::uint8_t(high * 16 + low);
        at += 2;
    }
    if (at != text.size()) return bad();
    return uuid;
}

Uuid Uuid::from_random(std::array<std::uint8_t, 16> random) {
    random[6] = std::uint8_t((random[6] & 0x0f) | 0x40);
    random[8] = std::uint8_t((random[8] & 0x3f) | 0x80);
    return {random};
}

}  // namespace penstock::codec
