#include "stream/decode/protobuf_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/protobuf_text.h"
#include "stream/plan/data_type.h"
#include "stream/testing/one_row.h"

namespace penstock::stream {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view everything = R"(syntax = "proto3"; package shop;
import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto"; import "google/protobuf/struct.proto";
message Order {
  int32 id = 1; optional int64 n = 2; float ratio = 3; string name = 4;
  enum Kind { A = 0; B = 1; } Kind kind = 5;
  message Address { string city = 1; repeated double geo = 2; Address next = 3; } Address address = 6;
  map<string, Address> homes = 7; map<int32, string> tags = 8; repeated Address all = 9;
  google.protobuf.Timestamp at = 10; google.protobuf.Duration took = 11; google.protobuf.Int64Value boxed = 12;
  google.protobuf.Struct extra = 13; bytes raw = 14; bool ok = 15;
  uint64 big = 16; sint32 low = 17; fixed32 f = 18; sfixed64 g = 19; repeated string words = 20;
  oneof choice { string left = 21; int32 right = 22; }
}
message Other { int64 id = 1; message Inner { int32 x = 1; } })";

constexpr std::string_view one_of_all = R"({"id":-7,"n":"5","ratio":1.5,"name":"Ann","kind":"B",
  "address":{"city":"Ghent","geo":[51.05,3.72],"next":{"city":"Gent"}},
  "homes":{"a":{"city":"x"},"b":{"city":"y","geo":[1]}},"tags":{"7":"seven","-1":"minus"},
  "all":[{"city":"p"},{"city":"q"}],"at":"2024-02-29T12:00:00.000001Z","took":"-1.500s","boxed":"9",
  "extra":{"a":[1,null,{"b":"c"}],"d":true},"raw":"w78=","ok":true,"big":"18446744073709551615","low":-3,"f":4,
  "g":"-5","words":["u","v"],"right":2})";

registry::ProtobufSchema parsed(std::string_view text) {
    auto schema = registry::ProtobufSchema::parse(text);
    EXPECT_TRUE(schema) << schema.error().text;
    return std::move(*schema);
}

/// Of the file's first message, with its index, as libprotobuf writes it.
std::string bytes_of(std::string_view schema, std::string_view json) {
    auto bytes = registry::ProtobufText(parsed(schema)).bytes(json, true);
    EXPECT_TRUE(bytes) << bytes.error().text;
    return bytes ? *bytes : "";
}

using testing::column;
ScanColumn column(std::string name, TypeId type, bool from_text = false) {
    return column(Path{{std::move(name), -1}}, type, from_text);
}

/// The row's values as text, or why there is none.
std::string decoded(const std::vector<ScanColumn>& scan, std::string_view schema, std::string_view bytes,
                    const DataType* declared = nullptr) {
    PathTree tree(scan);
    ProtobufColumns columns(tree, parsed(schema), declared);
    return testing::text_of_row(scan, columns, bytes);
}
std::string of_all(std::vector<ScanColumn> scan) {
    return decoded(scan, everything, bytes_of(everything, one_of_all));
}

TEST(ProtobufColumns, ReadsEveryType) {
    EXPECT_EQ(
        of_all({column("id", TypeId::int64), column("n", TypeId::int64), column("ratio", TypeId::float64),
                column("name", TypeId::string), column("kind", TypeId::string), column("ok", TypeId::boolean),
                column("raw", TypeId::binary)}),
        "-7 | 5 | 1.5 | Ann | B | true | 0xc3bf");
    EXPECT_EQ(of_all({column("low", TypeId::int64), column("f", TypeId::int64), column("g", TypeId::int64),
                      column("big", TypeId::string), column("big", TypeId::float64)}),
              "-3 | 4 | -5 | 18446744073709551615 | 1.8446744073709552E19");
    EXPECT_EQ(of_all({column("at", TypeId::timestamp), column("took", TypeId::string),
                      column("boxed", TypeId::int64), column("left", TypeId::string),
                      column("right", TypeId::int64)}),
              "2024-02-29 12:00:00.000001 | -1.500s | 9 | NULL | 2");
}

TEST(ProtobufColumns, ReachesIntoMessagesListsAndMaps) {
    EXPECT_EQ(of_all({column({{"address", -1}, {"city", -1}}, TypeId::string),
                      column({{"address", -1}, {"geo", -1}, {"", 1}}, TypeId::float64),
                      column({{"address", -1}, {"next", -1}, {"city", -1}}, TypeId::string),
                      column({{"homes", -1}, {"b", -1}, {"city", -1}}, TypeId::string),
                      column({{"homes", -1}, {"z", -1}, {"city", -1}}, TypeId::string),
                      column({{"tags", -1}, {"-1", -1}}, TypeId::string),
                      column({{"all", -1}, {"", 1}, {"city", -1}}, TypeId::string),
                      column({{"words", -1}, {"", 2}}, TypeId::string), column("none", TypeId::string)}),
              "Ghent | 3.72 | Gent | y | NULL | minus | q | NULL | NULL");
}

TEST(ProtobufColumns, NestedValuesAreJsonWhereAColumnWantsThem) {
    EXPECT_EQ(of_all({column("address", TypeId::json), column("all", TypeId::json),
                      column("words", TypeId::json), column("tags", TypeId::json)}),
              R"({"city":"Ghent","geo":[51.05,3.72],"next":{"city":"Gent","geo":[]}} | )"
              R"([{"city":"p","geo":[]},{"city":"q","geo":[]}] | ["u","v"] | {"-1":"minus","7":"seven"})");
    EXPECT_EQ(of_all({column("extra", TypeId::json)}), R"({"a":[1.0,null,{"b":"c"}],"d":true})");
    EXPECT_EQ(of_all({column("homes", TypeId::string)}),
              R"({"a":{"city":"x","geo":[]},"b":{"city":"y","geo":[1.0]}})");
}

TEST(ProtobufColumns, WhatIsNotThereIsNullOrTheDefaultOfItsType) {
    EXPECT_EQ(
        decoded(
            {column("id", TypeId::int64), column("n", TypeId::int64), column("name", TypeId::string),
             column("kind", TypeId::string), column("address", TypeId::json), column("boxed", TypeId::int64),
             column("words", TypeId::json), column("at", TypeId::timestamp), column("ok", TypeId::boolean)},
            everything, std::string(1, '\0')),
        "0 | NULL |  | A | NULL | NULL | [] | NULL | false");
    constexpr std::string_view old =
        R"(syntax = "proto2"; message M { optional int32 a = 1 [default = 4]; })";
    EXPECT_EQ(decoded({column("a", TypeId::int64)}, old, std::string(1, '\0')), "NULL");
}

TEST(ProtobufColumns, TurnsValuesIntoTheColumnsTypesOrSaysWhyNot) {
    EXPECT_EQ(of_all({column("id", TypeId::float64), column("id", TypeId::string),
                      column("name", TypeId::string, true), column("at", TypeId::date)}),
              "-7.0 | -7 | Ann | 2024-02-29");
    EXPECT_EQ(of_all({column("name", TypeId::int64)}), "no: name: expected BIGINT, found 'Ann'");
    EXPECT_EQ(of_all({column("name", TypeId::int64, true)}), "no: name: cannot cast 'Ann' to BIGINT");
    EXPECT_EQ(of_all({column("big", TypeId::int64)}), "no: big: expected BIGINT, found 18446744073709551615");
    EXPECT_EQ(of_all({column({{"name", -1}, {"x", -1}}, TypeId::int64)}),
              "no: name: expected an object, found Ann");
    EXPECT_EQ(of_all({column({{"words", -1}, {"x", -1}}, TypeId::int64)}),
              "no: words: expected an object, found an array");
    EXPECT_THAT(of_all({column("all", TypeId::int64)}), StartsWith("no: all: expected BIGINT, found [{"));
    EXPECT_EQ(of_all({column({{"extra", -1}, {"a", -1}}, TypeId::string)}),
              "no: extra: a google.protobuf.Struct is read whole, as its JSON");
}

TEST(ProtobufColumns, TheIndexSaysWhichMessage) {
    EXPECT_EQ(decoded({column("id", TypeId::int64)}, everything, std::string("\2\2\x08\x09", 4)), "9");
    EXPECT_EQ(decoded({column("x", TypeId::int64)}, everything, std::string("\4\2\0\x08\3", 5)), "3");
    EXPECT_EQ(decoded({column("x", TypeId::int64)}, everything, std::string("\2\6", 2)),
              "no: its schema has no message 3; there are 2");
    EXPECT_THAT(decoded({column("x", TypeId::int64)}, everything, ""), StartsWith("no: does not begin with"));
}

TEST(ProtobufColumns, PackedAndUnpackedAreTheSame) {
    constexpr std::string_view list = R"(syntax = "proto3"; message M { repeated int32 a = 1; })";
    std::vector<ScanColumn> scan{column("a", TypeId::json), column({{"a", -1}, {"", 2}}, TypeId::int64)};
    EXPECT_EQ(decoded(scan, list, std::string("\0\x0a\2\1\2\x08\3", 7)), "[1,2,3] | 3");
    EXPECT_EQ(decoded(scan, list, std::string("\0\x0a\1\x80", 4)),
              "no: not a message of its schema: M.a ends "
              "within a value");
}

TEST(ProtobufColumns, TheLastOneCountsAndPartsOfAMessageAreOne) {
    constexpr std::string_view two =
        R"(syntax = "proto3"; message M { int32 a = 1; M m = 2; map<string, int32> k = 3;
        oneof o { int32 x = 4; string y = 5; } })";
    EXPECT_EQ(decoded({column("a", TypeId::int64)}, two, std::string("\0\x08\1\x08\2", 5)), "2");
    EXPECT_EQ(decoded({column({{"m", -1}, {"a", -1}}, TypeId::int64), column("m", TypeId::json)}, two,
                      std::string("\0\x12\2\x08\5\x12\0", 7)),
              R"(5 | {"a":5,"k":{}})");
    EXPECT_EQ(decoded({column("k", TypeId::json), column({{"k", -1}, {"a", -1}}, TypeId::int64)}, two,
                      std::string("\0\x1a\5\x0a\1a\x10\1\x1a\5\x0a\1a\x10\2", 15)),
              R"({"a":2} | 2)");
    EXPECT_EQ(decoded({column("x", TypeId::int64), column("y", TypeId::string)}, two,
                      std::string("\0\x20\1\x2a\1z", 6)),
              "NULL | z");
}

TEST(ProtobufColumns, UnknownFieldsAndGroupsArePassedOver) {
    constexpr std::string_view one = R"(syntax = "proto3"; message M { int32 a = 1; })";
    auto of = [&](std::string_view bytes) {
        return decoded({column("a", TypeId::int64)}, one, '\0' + std::string(bytes));
    };
    EXPECT_EQ(of(std::string_view("\x23\x2b\x08\7\x2c\x24\x08\1", 8)), "1") << "a group in a group";
    EXPECT_EQ(of(std::string_view("\x7a\1x\x08\1", 5)), "1");
    EXPECT_EQ(of(std::string_view("\x0a\1x", 3)), "0") << "another wire type";
    EXPECT_EQ(of(std::string_view("\x23\x08\1", 3)), "no: not a M of its schema") << "a group without an end";
    EXPECT_EQ(of(std::string_view("\x24", 1)), "no: not a M of its schema") << "an end without its group";
    EXPECT_EQ(of(std::string_view("\0\1", 2)), "no: not a M of its schema") << "no field has the number 0";
}

TEST(ProtobufColumns, EveryCutIsRefusedOrIsAMessageToo) {
    auto bytes = bytes_of(everything, one_of_all);
    registry::ProtobufText text(parsed(everything));
    for (std::size_t size = 1; size < bytes.size(); ++size) {
        auto cut = std::string_view(bytes).substr(0, size);
        auto found = decoded({column("id", TypeId::int64)}, everything, cut);
        EXPECT_EQ(text.json(cut).has_value(), !found.starts_with("no: ")) << size << found;
    }
}

TEST(ProtobufColumns, TextMustBeUtf8) {
    constexpr std::string_view one = R"(syntax = "proto3"; message M { string a = 1; })";
    EXPECT_EQ(decoded({column("a", TypeId::string)}, one, std::string("\0\x0a\1\xff", 4)),
              "no: not a message of its schema: M.a is not UTF-8");
}

TEST(ProtobufColumns, WorkIsBounded) {
    constexpr std::string_view tree = R"(syntax = "proto3"; message M { repeated M all = 1; M next = 2; })";
    std::string wide(1, '\0');
    for (int i = 0; i < 200'000; ++i) wide += std::string("\x0a\0", 2);
    EXPECT_THAT(decoded({column("all", TypeId::json)}, tree, wide), StartsWith("[{"));
    std::string fields = R"(syntax = "proto3"; message M { repeated B all = 1; } message B {)";
    for (int i = 1; i < 200; ++i) fields += fmt::format(" int32 f{0} = {0};", i);
    EXPECT_THAT(decoded({column("all", TypeId::json)}, fields + "}", wide),
                HasSubstr("more values than its bytes allow for"));
    std::string deep;
    for (int i = 0; i < 100; ++i) {
        std::string size;
        codec::append_varint(size, deep.size());
        deep = "\x12" + size + deep;
    }
    EXPECT_THAT(decoded({column("next", TypeId::json)}, tree, '\0' + deep), HasSubstr("deeper than 64"));
}

TEST(ProtobufColumns, ColumnsOfASchema) {
    EXPECT_EQ(ddl_of(columns_of(parsed(R"(syntax = "proto3"; import "google/protobuf/timestamp.proto";
        import "google/protobuf/wrappers.proto"; import "google/protobuf/struct.proto";
        message M { int32 a = 1; uint64 b = 2; float c = 3; bytes d = 4; repeated string e = 5; map<int32, I> f = 6;
          message I { bool x = 1; } I g = 7; google.protobuf.Timestamp h = 8; google.protobuf.StringValue i = 9;
          google.protobuf.Value j = 10; E k = 11; } enum E { Z = 0; })"))),
              "a BIGINT, b BIGINT, c DOUBLE, d BINARY, e ARRAY<STRING>, f MAP<STRING, STRUCT<x: BOOLEAN>>, "
              "g STRUCT<x: BOOLEAN>, h TIMESTAMP, i STRING, j JSON, k STRING");
    EXPECT_EQ(ddl_of(columns_of(parsed(everything), std::string("\4\2\0", 3))), "x BIGINT");
    EXPECT_EQ(ddl_of(columns_of(parsed(everything), "")), "");
    EXPECT_EQ(ddl_of(columns_of(parsed("syntax = \"proto3\"; enum E { A = 0; }"))), "");
    EXPECT_FALSE(columns_of(parsed(R"(syntax = "proto3"; message L { L a = 1; L b = 2; L c = 3; L d = 4; })"))
                     .fields.empty())
        << "a type that holds itself has an end";
}

TEST(ProtobufColumns, DeclaredColumnsMayBeAllThatThereIs) {
    auto declared = *parse_ddl("id BIGINT, x STRUCT<y: BIGINT>");
    auto of = [&](std::string_view schema) {
        return decoded({column("id", TypeId::int64)}, schema, std::string("\0\x08\1", 3), &declared);
    };
    EXPECT_EQ(of(R"(syntax = "proto3"; message M { int32 id = 1; })"), "1");
    EXPECT_EQ(of(R"(syntax = "proto3"; message M { int32 id = 1; int32 z = 2; })"), "no: unknown field z");
    EXPECT_EQ(of(R"(syntax = "proto3"; message M { int32 id = 1; X x = 2; } message X { int32 w = 1; })"),
              "no: unknown field x.w");
}

}  // namespace
}  // namespace penstock::stream
