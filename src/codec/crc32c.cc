// The hardware way runs three independent checksums side by side, as the crc32 instruction takes three cycles
// but one can start every cycle, and joins them by multiplying with x^(8 * block) modulo the polynomial, done
// by tables.
#include "codec/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace penstock::codec {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // reversed bits

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
        tables[0][i] = crc;
    }
    for (std::size_t t = 1; t < 8; ++t)
        for (std::size_t i = 0; i < 256; ++i)
            tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
    return tables;
}

constexpr Tables tables = make_tables();

constexpr std::uint32_t step(std::uint32_t crc, std::uint8_t byte) {
    return (crc >> 8) ^ tables[0][(crc ^ byte) & 0xff];
}

std::uint64_t load(const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

#if defined(__x86_64__)

/// table[k][b]: the checksum state b << 8k after `bytes` zero bytes.
using Shift = std::array<std::array<std::uint32_t, 256>, 4>;

Shift make_shift(std::size_t bytes) {
    // State is linear in its bits, so the shift of each bit gives the shift of every state.
    std::array<std::uint32_t, 32> bits{};
    for (std::size_t bit = 0; bit < 32; ++bit) {
        std::uint32_t state = std::uint32_t(1) << bit;
        for (std::size_t i = 0; i < bytes; ++i) state = step(state, 0);
        bits[bit] = state;
    }
    Shift shift{};
    for (std::size_t k = 0; k < 4; ++k)
        for (std::size_t b = 0; b < 256; ++b)
            for (std::size_t bit = 0; bit < 8; ++bit)
                if (b & (std::size_t(1) << bit)) shift[k][b] ^= bits[8 * k + bit];
    return shift;
}

std::uint32_t apply(const Shift& shift, std::uint32_t crc) {
    return shift[0][crc & 0xff] ^ shift[1][(crc >> 8) & 0xff] ^ shift[2][(crc >> 16) & 0xff] ^
           shift[3][crc >> 24];
}

template <std::size_t block>
__attribute__((target("sse4.2"))) void three_streams(const char*& at, std::size_t& left, std::uint64_t& crc) {
    static const Shift shift = make_shift(block);
    while (left >= 3 * block) {
        std::uint64_t first = crc, second = 0, third = 0;
        for (std::size_t i = 0; i < block; i += 8) {
            first = _mm_crc32_u64(first, load(at + i));
            second = _mm_crc32_u64(second, load(at + block + i));
            third = _mm_crc32_u64(third, load(at + 2 * block + i));
        }
        auto joined = apply(shift, std::uint32_t(first)) ^ std::uint32_t(second);
        crc = apply(shift, joined) ^ std::uint32_t(third);
        at += 3 * block;
        left -= 3 * block;
    }
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_hardware(std::string_view bytes,
                                                                std::uint32_t before) {
    std::uint64_t crc = ~before;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    three_streams<4096>(at, left, crc);
    three_streams<256>(at, left, crc);
    for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load(at));
    auto narrow = std::uint32_t(crc);
    for (; left > 0; ++at, --left) narrow = _mm_crc32_u8(narrow, std::uint8_t(*at));
    return ~narrow;
}

#endif

}  // namespace

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before) {
    std::uint32_t crc = ~before;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint32_t next = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            auto byte = std::uint8_t(at[i]);
            if (i < 4) byte = std::uint8_t(byte ^ (crc >> (8 * i)));
            next ^= tables[7 - i][byte];
        }
        crc = next;
    }
    for (; left > 0; ++at, --left) crc = step(crc, std::uint8_t(*at));
    return ~crc;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
#if defined(__x86_64__)
    static const bool hardware = __builtin_cpu_supports("sse4.2");
    if (hardware) return crc32c_hardware(bytes, before);
#endif
    return crc32c_portable(bytes, before);
}

}  // namespace penstock::codec
