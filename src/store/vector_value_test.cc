#include "store/vector_value.h"

#include <gtest/gtest.h>

namespace penstock::store {
namespace {

TEST(VectorValue, ElementsWithAndWithoutLengths) {
    for (const auto* text : {"vector<smallint, 3>", "vector<text, 3>", "vector<blob, 3>"}) {
        auto type = *parse_data_type(text);
        EXPECT_EQ(to_string(type), text);
        for (std::size_t size : {0u, 1u, 127u, 128u, 16383u, 16384u, 3000000u}) {
            std::vector<std::string> wanted{std::string(size, 'a'), "", std::string(size, 'b')};
            std::string bytes;
            for (const auto& one : wanted) append_vector_element(bytes, type.parameters[0], one);
            std::vector<std::string_view> got;
            ASSERT_TRUE(split_vector(type, bytes, got)) << text << size;
            EXPECT_EQ(std::vector<std::string>(got.begin(), got.end()), wanted);
            EXPECT_FALSE(split_vector(type, bytes + "x", got));
            EXPECT_FALSE(split_vector(type, std::string_view(bytes).substr(0, bytes.size() - 1), got));
        }
    }
    // As Cassandra writes lengths: one byte up to 127, then as many leading ones as bytes follow.
    std::string bytes;
    append_vector_element(bytes, Kind::blob, std::string(300, 'x'));
    EXPECT_EQ(bytes.substr(0, 2), std::string("\x81\x2C"));
    auto floats = *parse_data_type("vector<float, 2>");
    std::vector<std::string_view> got;
    EXPECT_TRUE(split_vector(floats, std::string(8, '\0'), got));
    EXPECT_FALSE(split_vector(floats, std::string(12, '\0'), got));
    EXPECT_EQ(marshal_class(floats),
              "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 2)");
    EXPECT_EQ(kind_of_class("FloatType"), Kind::float_);
    EXPECT_EQ(kind_of_class("VectorType"), Kind::vector);
    EXPECT_FALSE(kind_of_class("Float"));
    for (const auto* text : {"vector<float>", "vector<float, 0>", "vector<float, -1>", "vector<float, x>",
                             "vector<float, 2", "vector<float, 99999999999999999999>"})
        EXPECT_FALSE(parse_data_type(text)) << text;
}

}  // namespace
}  // namespace penstock::store
