#include "registry/avro_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::registry {
namespace {

using ::testing::HasSubstr;

std::string hex(std::string_view bytes) {
    std::string out;
    for (unsigned char c : bytes) out += fmt::format("{:02x}", unsigned(c));
    return out;
}

/// The bytes of a JSON value by a schema, or why not.
std::string encoded(std::string_view schema_text, std::string_view json, AvroEncoderOptions options = {}) {
    auto schema = AvroSchema::parse(schema_text);
    if (!schema) return "schema: " + schema.error().text;
    simdjson::dom::parser parser;
    simdjson::dom::element value;
    if (parser.parse(json.data(), json.size()).get(value)) return "not JSON";
    AvroEncoder encoder(schema->root(), options);
    std::string out = "x";
    if (!encoder.encode(value, out)) {
        EXPECT_EQ(out, "x") << "what was begun is taken back";
        return encoder.why();
    }
    return hex(out.substr(1));
}

// The bytes are those that fastavro 1.13 writes for the same values.
TEST(AvroEncoder, WritesEveryKind) {
    EXPECT_EQ(encoded(R"("long")", "-3"), "05");
    EXPECT_EQ(encoded(R"("long")", "3.0"), "06");
    EXPECT_EQ(encoded(R"("int")", "2147483648"), "expected an int of 32 bits, found 2147483648");
    EXPECT_EQ(encoded(R"("double")", "1"), "000000000000f03f");
    EXPECT_EQ(encoded(R"("float")", "1.5"), "0000c03f");
    EXPECT_EQ(encoded(R"("boolean")", "true"), "01");
    EXPECT_EQ(encoded(R"("string")", R"("foo")"), "06666f6f");
    EXPECT_EQ(encoded(R"("bytes")", R"("foo")"), "06666f6f");
    EXPECT_EQ(encoded(R"({"type":"enum","name":"E","symbols":["A","B"]})", R"("B")"), "02");
    EXPECT_EQ(encoded(R"({"type":"array","items":"long"})", "[3,27]"), "04063600");
    EXPECT_EQ(encoded(R"({"type":"array","items":"long"})", "[]"), "00");
    EXPECT_EQ(encoded(R"({"type":"map","values":"long"})", R"({"a":1})"), "0202610200");
    EXPECT_EQ(encoded(R"({"type":"fixed","name":"F","size":2})", R"("ab")"), "6162");
    EXPECT_EQ(encoded(R"({"type":"fixed","name":"F","size":2})", R"("abc")"),
              R"(expected 2 bytes, found "abc")");
}

TEST(AvroEncoder, TakesTheBranchThatFitsBest) {
    constexpr auto numbers = R"(["null","long","double","string"])";
    EXPECT_EQ(encoded(numbers, "null"), "00");
    EXPECT_EQ(encoded(numbers, "1"), "0202");
    EXPECT_EQ(encoded(numbers, "1.5"), "04000000000000f83f");
    EXPECT_EQ(encoded(numbers, R"("1")"), "060231");
    EXPECT_EQ(encoded(numbers, "[]"), "expected null or long or double or string, found []");
    constexpr auto records = R"([{"type":"record","name":"A","fields":[{"name":"a","type":"long"}]},
        {"type":"record","name":"B","fields":[{"name":"b","type":"long"}]}])";
    EXPECT_EQ(encoded(records, R"({"b":1})"), "0202");
}

TEST(AvroEncoder, WritesLogicalTypes) {
    EXPECT_EQ(encoded(R"({"type":"int","logicalType":"date"})", R"("1970-01-03")"), "04");
    EXPECT_EQ(encoded(R"({"type":"long","logicalType":"timestamp-millis"})", R"("1970-01-01T00:00:01.5Z")"),
              "b817");
    EXPECT_EQ(encoded(R"({"type":"long","logicalType":"timestamp-millis"})", "1500"), "b817");
    EXPECT_EQ(
        encoded(R"({"type":"long","logicalType":"timestamp-micros"})", R"("1970-01-01T00:00:00.000001Z")"),
        "02");
    EXPECT_THAT(encoded(R"({"type":"int","logicalType":"date"})", R"("soon")"),
                HasSubstr("expected an ISO date"));
    constexpr auto decimal = R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})";
    EXPECT_EQ(encoded(decimal, R"("12.34")"), "0404d2");
    EXPECT_EQ(encoded(decimal, "-12.3"), "04fb32");
    EXPECT_EQ(encoded(decimal, "0"), "0200");
    EXPECT_THAT(encoded(decimal, "123.4"), HasSubstr("a decimal of 4 digits"));
    EXPECT_THAT(encoded(decimal, "0.001"), HasSubstr("2 of them behind the point"));
    EXPECT_EQ(
        encoded(R"({"type":"fixed","name":"D","size":4,"logicalType":"decimal","precision":4,"scale":0})",
                "-2"),
        "fffffffe");
    EXPECT_EQ(encoded(R"({"type":"fixed","name":"U","size":16,"logicalType":"uuid"})",
                      R"("00112233-4455-6677-8899-aabbccddeeff")"),
              "00112233445566778899aabbccddeeff");
    EXPECT_EQ(encoded(R"("bytes")", R"("0xCAFE")", {.hex_bytes = true}), "04cafe");
}

TEST(AvroEncoder, FillsInWhatIsMissing) {
    constexpr auto schema = R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"},
        {"name":"b","type":"string","default":"x"},{"name":"c","type":["long","null"]},
        {"name":"d","type":"bytes","default":"\u00ff"}]})";
    EXPECT_EQ(encoded(schema, R"({"a":1})"),
              "020278"
              "02"
              "02ff");
    EXPECT_EQ(encoded(schema, R"({"c":5,"b":"y","a":1})"),
              "020279"
              "000a"
              "02ff");
    EXPECT_EQ(encoded(schema, R"({"b":"y"})"), "a: is missing, and the schema has no default for it");
    EXPECT_EQ(encoded(schema, R"({"a":1,"z":2})"),
              "020278"
              "02"
              "02ff");
    EXPECT_EQ(encoded(schema, R"({"a":1,"z":2})", {.refuse_unknown = true}), "z: there is no such field");
    EXPECT_EQ(encoded(schema, R"({"a":{"q":1}})"), R"(a: expected a whole number, found {"q":1})");
}

TEST(AvroDecimal, TextAndBytes) {
    EXPECT_EQ(decimal_text(std::string("\x04\xd2"), 2), "12.34");
    EXPECT_EQ(decimal_text("\xfb\x2e", 2), "-12.34");
    EXPECT_EQ(decimal_text(std::string("\x00", 1), 2), "0.00");
    EXPECT_EQ(decimal_text("", 0), "0");
    EXPECT_EQ(decimal_text("\xff", 3), "-0.001");
    for (std::string text :
         {"0.00", "1.00", "-1.00", "-1.28", "1.27", "1.28", "-327.68", "99999999999999999999.99"}) {
        auto bytes = decimal_bytes(text, 30, 2);
        ASSERT_TRUE(bytes) << text;
        EXPECT_EQ(decimal_text(*bytes, 2), text);
    }
    EXPECT_EQ(decimal_text(*decimal_bytes("1.5e3", 10, 1), 1), "1500.0");
    for (auto wrong : {"", "-", "1.2.3", "1e", "1e99999", "abc", "1,5"})
        EXPECT_FALSE(decimal_bytes(wrong, 10, 2)) << wrong;
}

}  // namespace
}  // namespace penstock::registry
