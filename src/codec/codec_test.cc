#include <gtest/gtest.h>

#include <random>

#include "codec/compression.h"
#include "codec/crc32c.h"
#include "codec/uuid.h"
#include "codec/varint.h"

namespace penstock::codec {
namespace {

std::string noise(std::size_t size, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::string bytes(size, '\0');
    for (auto& c : bytes) c = char(random());
    return bytes;
}

TEST(VarintTest, ExtremesRoundTrip) {
    for (std::int64_t value : {INT64_MIN, INT64_MIN + 1, std::int64_t(-64), std::int64_t(-1), std::int64_t(0),
                               std::int64_t(63), std::int64_t(64), INT64_MAX}) {
        char buffer[10];
        auto* end = write_zigzag(buffer, value);
        EXPECT_EQ(end - buffer, zigzag_size(value));
        std::int64_t got = 0;
        EXPECT_EQ(read_zigzag(buffer, end, got), end);
        EXPECT_EQ(got, value);
        EXPECT_EQ(read_zigzag(buffer, end - 1, got), nullptr) << value;
    }
}

TEST(VarintTest, MoreThanSixtyFourBitsAreRefused) {
    std::string eleven(10, '\xff');
    eleven += '\x01';
    std::uint64_t value = 0;
    EXPECT_EQ(read_varint(eleven.data(), eleven.data() + eleven.size(), value), nullptr);
    std::string overflow(9, '\xff');
    overflow += '\x02';
    EXPECT_EQ(read_varint(overflow.data(), overflow.data() + overflow.size(), value), nullptr);
}

TEST(Crc32cTest, KnownVectors) {  // RFC 3720 B.4
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
    EXPECT_EQ(crc32c(""), 0u);
}

TEST(Crc32cTest, HardwareEqualsPortableAtEverySizeAndSplit) {
    auto bytes = noise(40'000);
    for (std::size_t size : {1, 7, 8, 9, 255, 767, 768, 769, 5000, 12288, 12289, 40'000}) {
        auto part = std::string_view(bytes).substr(0, size);
        EXPECT_EQ(crc32c(part), crc32c_portable(part)) << size;
        auto cut = size / 3;
        EXPECT_EQ(crc32c(part.substr(cut), crc32c(part.substr(0, cut))), crc32c(part)) << size;
    }
}

class CompressionTest : public ::testing::TestWithParam<Compression> {};

TEST_P(CompressionTest, RoundTripsBehindWhatIsThere) {
    for (std::size_t size : {0, 1, 100, 70'000, 1'000'000}) {
        auto bytes = noise(size / 2) + std::string(size / 2, 'a');
        auto packed = compress(GetParam(), bytes);
        ASSERT_TRUE(packed) << packed.error().text;
        std::string out = "before";
        auto done = decompress(GetParam(), *packed, out, bytes.size());
        ASSERT_TRUE(done) << done.error().text;
        EXPECT_EQ(out, "before" + bytes);
    }
}

TEST_P(CompressionTest, StopsAtTheLimit) {
    auto packed = compress(GetParam(), std::string(10'000'000, 'a'));
    std::string out;
    auto done = decompress(GetParam(), *packed, out, 9'999'999);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::full);
    EXPECT_LE(out.size(), 10'000'000u);
}

TEST_P(CompressionTest, DamageAndTruncationNeverCrash) {
    auto packed = compress(GetParam(), noise(3000) + std::string(5000, 'b'));
    std::mt19937 random(7);
    for (std::size_t size = 0; size < packed->size(); size += 37) {
        std::string out;
        (void)decompress(GetParam(), std::string_view(*packed).substr(0, size), out, 100'000);
    }
    for (int i = 0; i < 500; ++i) {
        auto damaged = *packed;
        damaged[random() % damaged.size()] = char(random());
        std::string out;
        (void)decompress(GetParam(), damaged, out, 100'000);
    }
}

INSTANTIATE_TEST_SUITE_P(All, CompressionTest,
                         ::testing::Values(Compression::none, Compression::gzip, Compression::snappy,
                                           Compression::lz4, Compression::zstd),
                         [](const auto& info) { return std::string(to_string(info.param)); });

TEST(SnappyTest, RawBlocksAreUnderstood) {
    // Written by hand from the format description: length 5, a literal of 5 bytes.
    std::string_view raw("\x05\x10hello", 7);
    std::string out;
    ASSERT_TRUE(decompress(Compression::snappy, raw, out, 100));
    EXPECT_EQ(out, "hello");
}

TEST(UuidTest, TextRoundTrips) {
    std::array<std::uint8_t, 16> random{};
    for (std::size_t i = 0; i < 16; ++i) random[i] = std::uint8_t(i * 17);
    auto uuid = Uuid::from_random(random);
    EXPECT_EQ(uuid.text(), "00112233-4455-4677-8899-aabbccddeeff");
    EXPECT_EQ(*Uuid::parse(uuid.text()), uuid);
    EXPECT_FALSE(Uuid::parse("00112233-4455-4677-8899-aabbccddeef"));
    EXPECT_FALSE(Uuid::parse("00112233x4455-4677-8899-aabbccddeeff"));
    EXPECT_FALSE(Uuid::parse(""));
}

}  // namespace
}  // namespace penstock::codec
