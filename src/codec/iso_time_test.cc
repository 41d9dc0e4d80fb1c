#include "codec/iso_time.h"

#include <gtest/gtest.h>

namespace penstock::codec {
namespace {

TEST(IsoTime, ReadsDates) {
    EXPECT_EQ(parse_iso_date("1970-01-01"), 0);
    EXPECT_EQ(parse_iso_date("2024-02-29"), 19782);
    EXPECT_EQ(parse_iso_date("1969-12-31"), -1);
    for (auto wrong : {"2023-02-29", "2023-13-01", "2023-1-1", "2023-01-01 ", "20230101", ""})
        EXPECT_FALSE(parse_iso_date(wrong)) << wrong;
}

TEST(IsoTime, ReadsTimestamps) {
    EXPECT_EQ(parse_iso_timestamp("1970-01-01T00:00:01Z"), 1'000'000);
    EXPECT_EQ(parse_iso_timestamp("1970-01-01 00:00"), 0);
    EXPECT_EQ(parse_iso_timestamp("1970-01-01T01:00:00.5+01:00"), 500'000);
    EXPECT_EQ(parse_iso_timestamp("1970-01-01T00:00:00.123456789-0130"), 5'400'123'456);
    EXPECT_EQ(parse_iso_timestamp("1969-12-31T23:59:59.999Z"), -1000);
    for (auto wrong : {"1970-01-01", "1970-01-01T24:00:00Z", "1970-01-01T00:60Z", "1970-01-01T00:00:00.Z",
                       "1970-01-01T00:00:00+19:00", "1970-01-01T00:00:00Zz", "1970-01-01T0:00"})
        EXPECT_FALSE(parse_iso_timestamp(wrong)) << wrong;
}

}  // namespace
}  // namespace penstock::codec
