// Variable-length integers: seven bits to a byte, the lowest first (LEB128); zigzag for signed ones.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::codec {

constexpr std::uint64_t zigzag(std::int64_t value) {
    return (std::uint64_t(value) << 1) ^ std::uint64_t(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
    return std::int64_t(value >> 1) ^ -std::int64_t(value & 1);
}

/// Writes at most 10 bytes at out; returns the byte after them.
inline char* write_varint(char* out, std::uint64_t value) {
    while (value >= 0x80) {
        *out++ = char(value | 0x80);
        value >>= 7;
    }
    *out++ = char(value);
    return out;
}
inline char* write_zigzag(char* out, std::int64_t value) {
    return write_varint(out, zigzag(value));
}

inline void append_varint(std::string& out, std::uint64_t value) {
    char buffer[10];
    out.append(buffer, std::size_t(write_varint(buffer, value) - buffer));
}

constexpr int varint_size(std::uint64_t value) {
    int size = 1;
    while (value >= 0x80) {
        value >>= 7;
        ++size;
    }
    return size;
}
constexpr int zigzag_size(std::int64_t value) {
    return varint_size(zigzag(value));
}

/// Reads from [at, end); returns the byte after it, nullptr when the bytes end within it or it has over 64
/// bits.
inline const char* read_varint(const char* at, const char* end, std::uint64_t& value) {
    if (at < end && !(*at & 0x80)) [[likely]] {
        value = std::uint8_t(*at);
        return at + 1;
    }
    std::uint64_t result = 0;
    for (int shift = 0; at < end && shift < 70; shift += 7) {
        auto byte = std::uint8_t(*at++);
        if (shift == 63 && byte > 1) return nullptr;
        result |= std::uint64_t(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            value = result;
            return at;
        }
    }
    return nullptr;
}
inline const char* read_zigzag(const char* at, const char* end, std::int64_t& value) {
    std::uint64_t raw = 0;
    at = read_varint(at, end, raw);
    value = unzigzag(raw);
    return at;
}

}  // namespace penstock::codec
