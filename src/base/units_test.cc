#include "base/units.h"

#include <gtest/gtest.h>

namespace penstock {

TEST(UnitsTest, DurationsAsPeopleWriteThem) {
    EXPECT_EQ(parse_duration_us("60s"), 60'000'000);
    EXPECT_EQ(parse_duration_us("1h30m"), 5'400'000'000);
    EXPECT_EQ(parse_duration_us("7d"), 604'800'000'000);
    EXPECT_EQ(parse_duration_us("0.5 s"), 500'000);
    EXPECT_EQ(parse_duration_us("250ms"), 250'000);
}

TEST(UnitsTest, DurationErrorsSayWhatWasExpected) {
    for (auto bad : {"", "5", "s", "5 parsecs", "-1s", "5s x", "inf s", "1e400s"}) {
        auto got = parse_duration_us(bad);
        ASSERT_FALSE(got) << bad;
        EXPECT_NE(got.error().text.find("30s"), std::string::npos);
    }
}

TEST(UnitsTest, Sizes) {
    EXPECT_EQ(parse_size_bytes("100"), 100);
    EXPECT_EQ(parse_size_bytes("1 KB"), 1024);
    EXPECT_EQ(parse_size_bytes("1.5MiB"), 1'572'864);
    EXPECT_FALSE(parse_size_bytes("1 XB"));
}

TEST(UnitsTest, NumbersForPeople) {
    EXPECT_EQ(format_count(1234567), "1,234,567");
    EXPECT_EQ(format_count(-1234), "-1,234");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_bytes(1536), "1.5 KiB");
    EXPECT_EQ(format_duration_us(250'000), "250 ms");
    EXPECT_EQ(format_time_us(1'700'000'000'123'456), "2023-11-14T22:13:20.123Z");
    EXPECT_EQ(format_time_us(-1000), "1969-12-31T23:59:59.999Z");
}

}  // namespace penstock
