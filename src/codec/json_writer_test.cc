#include "codec/json_writer.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <limits>

namespace penstock::codec {
namespace {

std::string json_string_of(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

TEST(JsonWriter, NestsAndSeparates) {
    JsonWriter json;
    json.begin_object().field("name", "users").key("offsets").begin_array();
    json.value(1).value(std::int64_t{-2}).begin_object().end_object();
    json.end_array().field("internal", false).null_field("lag").end_object();
    EXPECT_EQ(json.take(), R"({"name":"users","offsets":[1,-2,{}],"internal":false,"lag":null})");
}

TEST(JsonWriter, WritesExtremeIntegers) {
    JsonWriter json;
    json.begin_array().value(INT64_MIN).value(INT64_MAX).value(UINT64_MAX).end_array();
    EXPECT_EQ(json.take(), "[-9223372036854775808,9223372036854775807,18446744073709551615]");
}

TEST(JsonWriter, WritesNumbersThatAreNotFiniteAsNull) {
    JsonWriter json;
    json.begin_array().value(1.5).value(std::numeric_limits<double>::quiet_NaN());
    json.value(std::numeric_limits<double>::infinity()).value(0.1).end_array();
    EXPECT_EQ(json.take(), "[1.5,null,null,0.1]");
}

TEST(JsonWriter, KeepsRawJsonAsItIs) {
    JsonWriter json;
    json.begin_object().raw_field("conf", R"({"a":[1]})").field("b", 1).end_object();
    EXPECT_EQ(json.take(), R"({"conf":{"a":[1]},"b":1})");
}

TEST(JsonWriter, OneValueIsATextOfItsOwn) {
    JsonWriter json;
    EXPECT_EQ(json.value("x").take(), "\"x\"");
}

TEST(JsonString, EscapesQuotesBackslashesAndControls) {
    EXPECT_EQ(json_string_of(std::string_view("a\"b\\c\n\r\t\0\x1f\x7f", 11)),
              "\"a\\\"b\\\\c\\n\\r\\t\\u0000\\u001f\\u007f\"");
}

TEST(JsonString, KeepsUtf8OfEveryLength) {
    EXPECT_EQ(json_string_of("é 日 😀 متن"), "\"é 日 😀 متن\"");
}

TEST(JsonString, ReplacesEachByteThatIsNotUtf8) {
    EXPECT_EQ(json_string_of("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
    EXPECT_EQ(json_string_of("\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                  // overlong
    EXPECT_EQ(json_string_of("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");  // a surrogate
    EXPECT_EQ(json_string_of("\xE6\x97"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                  // cut off
}

TEST(JsonString, AnyTwoBytesAreAValidJsonString) {
    simdjson::dom::parser parser;
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const std::string bytes{char(first), char(second)};
            ASSERT_FALSE(parser.parse(json_string_of(bytes)).error()) << first << " " << second;
        }
    }
}

TEST(JsonWriterDeath, RefusesAValueWithoutKeyInAnObject) {
    EXPECT_DEATH(
        {
            JsonWriter json;
            json.begin_object().value(1);
        },
        "key");
}

}  // namespace
}  // namespace penstock::codec
