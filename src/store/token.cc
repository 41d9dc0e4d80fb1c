#include "store/token.h"

#include <bit>
#include <cstring>

namespace penstock::store {
namespace {

constexpr std::uint64_t c1 = 0x87c37b91114253d5ULL;
constexpr std::uint64_t c2 = 0x4cf5ad432745937fULL;

std::uint64_t block_at(const char* at) {
    std::uint64_t value;
    std::memcpy(&value, at, sizeof value);
    if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
    return value;
}

std::uint64_t mix(std::uint64_t k) {
    k ^= k >> 33;
    k *= 0xff51afd7ed558ccdULL;
    k ^= k >> 33;
    k *= 0xc4ceb9fe1a85ec53ULL;
    return k ^ (k >> 33);
}

/// The tail's bytes are sign-extended, unlike in the reference MurmurHash3: Cassandra's Java bytes are
/// signed, and drivers compute tokens the same way.
std::uint64_t tail_of(const char* at, std::size_t size) {
    std::uint64_t k = 0;
    for (std::size_t i = 0; i < size; ++i)
        k ^= std::uint64_t(std::int64_t(static_cast<signed char>(at[i]))) << (8 * i);
    return k;
}

}  // namespace

std::int64_t token_of(std::string_view key) {
    if (key.empty()) return INT64_MIN;
    std::uint64_t h1 = 0, h2 = 0;
    const char* at = key.data();
    for (auto blocks = key.size() / 16; blocks > 0; --blocks, at += 16) {
        h1 ^= std::rotl(block_at(at) * c1, 31) * c2;
        h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= std::rotl(block_at(at + 8) * c2, 33) * c1;
        h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    auto left = key.size() & 15;
    if (left > 8) h2 ^= std::rotl(tail_of(at + 8, left - 8) * c2, 33) * c1;
    if (left > 0) h1 ^= std::rotl(tail_of(at, left < 8 ? left : 8) * c1, 31) * c2;
    h1 ^= key.size();
    h2 ^= key.size();
    h1 += h2;
    h2 += h1;
    h1 = mix(h1);
    h2 = mix(h2);
    h1 += h2;
    auto token = std::int64_t(h1);
    return token == INT64_MIN ? INT64_MAX : token;
}

}  // namespace penstock::store
