#include "store/uuid.h"

#include <xxhash.h>

#include <atomic>
#include <random>

#include "store/bytes.h"

namespace penstock::store {
namespace {

constexpr std::int64_t gregorian_offset_us = 12'219'292'800'000'000;  // 1582-10-15 to 1970-01-01

std::uint64_t random_bits() {
    thread_local std::mt19937_64 engine{[] {
        std::random_device device;
        return (std::uint64_t(device()) << 32) | device();
    }()};
    return engine();
}

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = char(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string uuid_of(std::uint64_t high, std::uint64_t low) {
    std::string out;
    append_big_endian(out, high);
    append_big_endian(out, low);
    return out;
}

std::uint64_t version1_bits(std::uint64_t ticks) {
    return (ticks << 32) | ((ticks >> 16) & 0xFFFF'0000ULL) | 0x1000 | ((ticks >> 48) & 0xFFF);
}

}  // namespace

std::optional<std::string> parse_uuid(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    std::string out;
    out.reserve(16);
    for (std::size_t i = 0; i < 36;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i++] != '-') return std::nullopt;
            continue;
        }
        int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out += char(high * 16 + low);
        i += 2;
    }
    return out;
}

std::string format_uuid(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        auto byte = static_cast<unsigned char>(bytes[i]);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

std::string random_uuid() {
    auto high = (random_bits() & ~0xF000ULL) | 0x4000;
    auto low = (random_bits() & ~(3ULL << 62)) | (2ULL << 62);
    return uuid_of(high, low);
}

std::string time_uuid(std::int64_t now_us) {
    // Ticks of 100 ns; never the same twice in one process, and the node part is random for each process.
    static std::atomic<std::uint64_t> last{0};
    static const std::uint64_t node =
        (random_bits() & 0x3FFF'FFFF'FFFF'FFFFULL) | (2ULL << 62) | (1ULL << 40);
    auto ticks = std::uint64_t(now_us + gregorian_offset_us) * 10;
    auto before = last.load();
    std::uint64_t next;
    do next = std::max(ticks, before + 1);
    while (!last.compare_exchange_weak(before, next));
    return uuid_of(version1_bits(next), node);
}

std::string min_time_uuid(std::int64_t ms) {
    return uuid_of(version1_bits(std::uint64_t(ms * 1000 + gregorian_offset_us) * 10),
                   0x8080'8080'8080'8080ULL);
}

std::string max_time_uuid(std::int64_t ms) {
    return uuid_of(version1_bits(std::uint64_t((ms + 1) * 1000 + gregorian_offset_us) * 10 - 1),
                   0x7F7F'7F7F'7F7F'7F7FULL);
}

std::optional<std::int64_t> uuid_time_us(std::string_view bytes) {
    if (bytes.size() != 16) return std::nullopt;
    auto high = load_big_endian<std::uint64_t>(bytes.data());
    if (((high >> 12) & 0xF) != 1) return std::nullopt;
    auto ticks = ((high & 0xFFF) << 48) | ((high << 16) & 0x0000'FFFF'0000'0000ULL) | (high >> 32);
    return std::int64_t(ticks / 10) - gregorian_offset_us;
}

std::string name_uuid(std::string_view text) {
    auto hash = XXH3_128bits(text.data(), text.size());
    return uuid_of((hash.high64 & ~0xF000ULL) | 0x3000, (hash.low64 & ~(3ULL << 62)) | (2ULL << 62));
}

}  // namespace penstock::store
