#include "store/number.h"

#include <gtest/gtest.h>

#include "store/uuid.h"
#include "store/value.h"

namespace penstock::store {

TEST(NumberTest, VarintsOfAnySizeRoundTrip) {
    for (const char* text :
         {"0", "1", "-1", "127", "128", "-128", "-129", "255", "256", "-256", "2147483648", "-2147483648",
          "4294967295", "4294967296", "-4294967296", "18446744073709551616", "-18446744073709551616",
          "123456789012345678901234567890", "-99999999999999999999999999999999999999"}) {
        auto bytes = parse_varint(text);
        ASSERT_TRUE(bytes) << text;
        EXPECT_EQ(varint_text(*bytes), text);
    }
    EXPECT_EQ(*parse_varint("128"), std::string("\0\x80", 2));
    EXPECT_EQ(*parse_varint("-128"), "\x80");
    EXPECT_EQ(varint_of(-129), *parse_varint("-129"));
    EXPECT_FALSE(parse_varint("12a"));
    EXPECT_FALSE(parse_varint(""));
}

TEST(NumberTest, DecimalsAsText) {
    for (const char* text : {"0", "1.50", "-0.001", "123456789.123456789123456789", "1E+3", "1E-10"})
        EXPECT_EQ(decimal_text(*parse_decimal(text)), text);
    EXPECT_EQ(compare_decimal(*parse_decimal("1.0"), *parse_decimal("1.00")), 0);
    EXPECT_LT(compare_decimal(*parse_decimal("-2"), *parse_decimal("-1.5")), 0);
    EXPECT_GT(compare_decimal(*parse_decimal("10"), *parse_decimal("9.99")), 0);
    EXPECT_LT(compare_decimal(*parse_decimal("0"), *parse_decimal("1e-50")), 0);
}

TEST(NumberTest, Durations) {
    for (const char* text : {"1y2mo3d4h5m6s7ms8us9ns", "89h4m48s", "-14mo", "P1Y2M3DT4H5M6S", "P3W"}) {
        auto duration = parse_duration(text);
        ASSERT_TRUE(duration) << text;
        auto again = parse_duration_bytes(duration_bytes(*duration));
        ASSERT_TRUE(again);
        EXPECT_EQ(duration_text(*again), duration_text(*duration));
    }
    EXPECT_EQ(duration_text(*parse_duration("P3W")), "21d");
    EXPECT_EQ(duration_text(*parse_duration("1h30m")), "1h30m");
    EXPECT_FALSE(parse_duration("1x"));
    EXPECT_FALSE(parse_duration("99999999999y"));
    EXPECT_FALSE(parse_duration_bytes("\xFF"));
}

TEST(UuidTest, TimesAndOrder) {
    auto a = time_uuid(1'700'000'000'000'000), b = time_uuid(1'700'000'000'000'000);
    EXPECT_LT(compare(Kind::timeuuid, a, b), 0);
    EXPECT_EQ(*uuid_time_us(a), 1'700'000'000'000'000);
    EXPECT_LT(compare(Kind::timeuuid, min_time_uuid(1000), max_time_uuid(1000)), 0);
    EXPECT_LT(compare(Kind::timeuuid, max_time_uuid(1000), min_time_uuid(1001)), 0);
    EXPECT_EQ(format_uuid(*parse_uuid("123E4567-e89b-42d3-a456-426614174000")),
              "123e4567-e89b-42d3-a456-426614174000");
    EXPECT_FALSE(parse_uuid("123e4567-e89b-42d3-a456-42661417400g"));
}

TEST(ValueTest, CollectionsThatLieAreRefused) {
    DataType list(Kind::list, {Kind::int_});
    EXPECT_TRUE(validate(list, std::string("\0\0\0\1\0\0\0\4\0\0\0\7", 12)));
    EXPECT_FALSE(validate(list, std::string("\x7F\xFF\xFF\xFF", 4)));
    EXPECT_FALSE(validate(list, std::string("\0\0\0\1\0\0\0\3abc", 11)));
    EXPECT_FALSE(validate(Kind::text, "\xC3"));
    EXPECT_FALSE(validate(Kind::text, "\xED\xA0\x80"));
    EXPECT_TRUE(validate(Kind::text, "Zo\xC3\xAB \xF0\x9F\x98\x80"));
    EXPECT_EQ(validate(Kind::int_, "abc").error().text, "Expected 4 or 0 byte int (3)");
}

TEST(DataTypeTest, TextRoundTrip) {
    for (const char* text :
         {"int", "frozen<list<text>>", "map<text, frozen<set<int>>>", "frozen<tuple<int, text>>"})
        EXPECT_EQ(to_string(*parse_data_type(text)), text);
    EXPECT_FALSE(parse_data_type("list<"));
    EXPECT_FALSE(parse_data_type("map<int>"));
    EXPECT_FALSE(parse_data_type("nonsense"));
}

}  // namespace penstock::store
