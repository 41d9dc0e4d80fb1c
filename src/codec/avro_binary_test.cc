#include "codec/avro_binary.h"

#include <gtest/gtest.h>

namespace penstock::codec {
namespace {

TEST(AvroBinary, WritesWhatTheSpecificationShows) {
    auto of = [](std::int64_t value) {
        std::string out;
        append_avro_long(out, value);
        return out;
    };
    EXPECT_EQ(of(0), std::string("\x00", 1));
    EXPECT_EQ(of(-1), "\x01");
    EXPECT_EQ(of(1), "\x02");
    EXPECT_EQ(of(-64), "\x7f");
    EXPECT_EQ(of(64), "\x80\x01");
    std::string text;
    append_avro_bytes(text, "foo");
    EXPECT_EQ(text,
              "\x06"
              "foo");
}

TEST(AvroBinary, ReadsBackWhatItWrote) {
    std::string out;
    append_avro_long(out, INT64_MIN);
    append_avro_long(out, INT32_MAX);
    append_avro_boolean(out, true);
    append_avro_float(out, 1.5F);
    append_avro_double(out, -0.1);
    append_avro_bytes(out, "a");
    AvroReader reader(out);
    std::int64_t big = 0;
    std::int32_t small = 0;
    bool flag = false;
    float single = 0;
    double number = 0;
    std::string_view bytes;
    EXPECT_TRUE(reader.read_long(big) && reader.read_int(small) && reader.read_boolean(flag) &&
                reader.read_float(single) && reader.read_double(number) && reader.read_bytes(bytes));
    EXPECT_EQ(big, INT64_MIN);
    EXPECT_EQ(small, INT32_MAX);
    EXPECT_TRUE(flag);
    EXPECT_EQ(single, 1.5F);
    EXPECT_EQ(number, -0.1);
    EXPECT_EQ(bytes, "a");
    EXPECT_EQ(reader.left(), 0);
}

TEST(AvroBinary, RefusesWhatIsCutOrTooLarge) {
    std::int64_t value = 0;
    std::int32_t small = 0;
    std::string_view bytes;
    bool flag = false;
    double number = 0;
    EXPECT_FALSE(AvroReader("").read_long(value));
    EXPECT_FALSE(AvroReader("\x80").read_long(value));
    EXPECT_FALSE(AvroReader("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").read_long(value));
    EXPECT_FALSE(AvroReader("\x80\x80\x80\x80\x20").read_int(small)) << "2^32";
    EXPECT_FALSE(AvroReader("\x08"
                            "abc")
                     .read_bytes(bytes));
    EXPECT_FALSE(AvroReader("\x01").read_bytes(bytes)) << "a negative length";
    EXPECT_FALSE(AvroReader("\x02").read_boolean(flag));
    EXPECT_FALSE(AvroReader("1234567").read_double(number));
}

TEST(AvroBinary, ReadsTheHeadsOfBlocks) {
    std::int64_t items = 0, bytes = 0;
    AvroReader plain("\x04");
    EXPECT_TRUE(plain.read_block(items, bytes));
    EXPECT_EQ(items, 2);
    EXPECT_EQ(bytes, -1);
    AvroReader sized("\x03\x0c");
    EXPECT_TRUE(sized.read_block(items, bytes));
    EXPECT_EQ(items, 2);
    EXPECT_EQ(bytes, 6);
    EXPECT_FALSE(AvroReader("\x03").read_block(items, bytes));
    EXPECT_FALSE(AvroReader("\x03\x01").read_block(items, bytes));
}

}  // namespace
}  // namespace penstock::codec
