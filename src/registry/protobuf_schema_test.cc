#include "registry/protobuf_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/base64.h"
#include "registry/compatibility.h"

namespace penstock::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string canonical(std::string_view text, const ReferencedSchemas& referenced = {}) {
    auto schema = canonical_schema(SchemaKind::protobuf, text, referenced);
    return schema ? *schema : "error: " + schema.error().text;
}

TEST(ProtobufSchema, TextWithoutCommentsAndInOneOrder) {
    constexpr std::string_view once = R"(syntax = "proto3";

package shop;

enum State {
  NEW = 0;
}

message Order {
  int64 id = 1;
  repeated string tags = 2;
  map<string, .shop.State> states = 3;
  optional double price = 4;
}

)";
    EXPECT_EQ(canonical(R"(// Orders.
syntax = 'proto3'; package shop;
message Order { int64 id=1; repeated string tags=2; map<string,State> states = 3; /* { */ optional double price=4; }
enum State { NEW = 0; })"),
              once);
    EXPECT_EQ(canonical(once), once);
}
TEST(ProtobufSchema, SerializedIsTheSame) {
    constexpr std::string_view text =
        "syntax = \"proto2\"; message A { required int32 a = 1 [default = 5]; extensions 100 to 200; }";
    auto schema = ProtobufSchema::parse(text);
    ASSERT_TRUE(schema) << schema.error().text;
    EXPECT_EQ(canonical(schema->serialized()), canonical(text));
}
TEST(ProtobufSchema, ImportsAreReferencesOrKnown) {
    ReferencedSchemas referenced{
        {"name.proto", "syntax = \"proto3\"; package n; message Name { string text = 1; }"},
        {"person.proto", "syntax = \"proto3\"; import \"name.proto\"; message Person { n.Name name = 1; }"}};
    auto text =
        R"(syntax = "proto3"; import "person.proto"; import "google/protobuf/timestamp.proto"; import "confluent/meta.proto";
        message Event { Person who = 1; google.protobuf.Timestamp at = 2 [(confluent.field_meta).doc = "when"]; })";
    EXPECT_THAT(canonical(text, referenced),
                HasSubstr(".google.protobuf.Timestamp at = 2 [(.confluent.field_meta) = {"));
    EXPECT_EQ(canonical(text), "error: import \"person.proto\": none of the references has this name");
    EXPECT_EQ(canonical(text, {referenced[1]}),
              "error: import \"name.proto\": none of the references has this name");
    EXPECT_EQ(canonical("import \"a\";", {{"a", "import \"b\";"}, {"b", "import \"a\";"}}),
              "error: a imports itself");
}
TEST(ProtobufSchema, SaysWhatIsWrongAndWhere) {
    EXPECT_EQ(canonical("syntax = \"proto3\";\nmessage A { int32 a }"),
              "error: line 2, column 21: Missing field number.");
    EXPECT_EQ(canonical("message A { optional B b = 1; }"), "error: schema A.b: \"B\" is not defined.");
    EXPECT_EQ(
        canonical("syntax = \"proto9\";"),
        "error: line 1, column 10: Unrecognized syntax identifier \"proto9\".  This parser only recognizes "
        "\"proto2\" and \"proto3\".");
    EXPECT_THAT(canonical("AAAA"), HasSubstr("a FileDescriptorProto in base64"));
    EXPECT_THAT(canonical(R"({"type":"record"})"), HasSubstr("error: line 1, column 1"));
}
TEST(ProtobufSchema, DepthIsBounded) {
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += "message A {";
    EXPECT_EQ(canonical(text), "error: nested deeper than 64 levels");
    EXPECT_EQ(canonical("message A { option (o) = { a" + std::string(100, '<')),
              "error: nested deeper than 64 levels");
    // In a comment and in a text brackets are none; a quote in a comment begins no text.
    auto brackets = std::string(100, '{');
    EXPECT_THAT(canonical("// it's " + brackets + "\nmessage A {\n  /* " + brackets +
                          " */ optional string a = 1 [default = '" + brackets + "'];\n}"),
                HasSubstr("message A {"));
    // What looks as if it closed something, or hid it, does not deceive.
    auto deep = [](std::string_view before, std::string_view level) {
        std::string all(before);
        for (int i = 0; i < 50'000; ++i) all += level;
        return canonical(all);
    };
    for (auto closer : {">", "]", "}", "option (o) = { > ] };"})
        EXPECT_THAT(deep("", fmt::format("message A {{ {} ;", closer)), HasSubstr("error: ")) << closer;
    EXPECT_THAT(deep(std::string(60'000, '}'), "message A {"), HasSubstr("error: "));
    EXPECT_EQ(deep("/*/ \" */", "message A {"), "error: nested deeper than 64 levels");
    EXPECT_EQ(deep("option a = \"\\\n", "message A {"), "error: nested deeper than 64 levels");
    // A descriptor may not bring options that are texts still.
    constexpr std::string_view open_option(
        "\x0a\x01"
        "a\x42\x11\xba\x3e\x0e\x12\x05\x0a\x01"
        "o\x10\x01\x42\x05"
        "a:<<<",
        22);
    EXPECT_THAT(canonical(codec::encode_base64(open_option)), HasSubstr("options that are not interpreted"));
}

TEST(ProtobufSchema, RangesAreBounded) {
    auto reserved = [](int count) {
        std::string text = "message A {";
        for (int i = 1; i <= count; ++i) text += fmt::format(" reserved {};", 2 * i);
        return canonical(text + " }");
    };
    EXPECT_THAT(reserved(1000), HasSubstr("reserved 2, 4, 6,"));
    EXPECT_EQ(reserved(1001), "error: more than 1000 ranges of numbers that are reserved or for extensions");
}

/// "TYPE path" of what stands in the way when the reader's fields follow the writer's.
std::vector<std::string> compare(std::string_view reader, std::string_view writer) {
    auto found = differences(SchemaKind::protobuf, {std::string(reader)}, {std::string(writer)});
    if (!found) return {"error: " + found.error().text};
    std::vector<std::string> out;
    for (const auto& one : *found) out.push_back(one.type + " " + one.path);
    return out;
}
std::vector<std::string> fields(std::string_view reader, std::string_view writer) {
    auto file = [](std::string_view body) {
        return fmt::format("syntax = \"proto3\"; enum E {{ Z = 0; }} message M {{ {} }}", body);
    };
    return compare(file(reader), file(writer));
}

TEST(ProtobufCompatibility, FieldsComeAndGo) {
    EXPECT_THAT(fields("int32 a = 1; string b = 2;", "int32 a = 1;"), IsEmpty());
    EXPECT_THAT(fields("", "int32 a = 1;"), IsEmpty());
    EXPECT_THAT(fields("int32 renamed = 1;", "int32 a = 1;"), IsEmpty());
    EXPECT_THAT(compare("message M { required int32 a = 1; }", "message M { }"),
                ElementsAre("REQUIRED_FIELD_ADDED #/M/1"));
    EXPECT_THAT(compare("message M { }", "message M { required int32 a = 1; }"),
                ElementsAre("REQUIRED_FIELD_REMOVED #/M/1"));
}
TEST(ProtobufCompatibility, TypesOfOneGroupAreReadAsEachOther) {
    EXPECT_THAT(fields("int64 a = 1;", "uint32 a = 1;"), IsEmpty());
    EXPECT_THAT(fields("E a = 1;", "bool a = 1;"), IsEmpty());
    EXPECT_THAT(fields("bytes a = 1;", "string a = 1;"), IsEmpty());
    EXPECT_THAT(fields("sfixed32 a = 1;", "fixed32 a = 1;"), IsEmpty());
    EXPECT_THAT(fields("sint32 a = 1;", "int32 a = 1;"), ElementsAre("FIELD_SCALAR_KIND_CHANGED #/M/1"));
    EXPECT_THAT(fields("string a = 1;", "int32 a = 1;"), ElementsAre("FIELD_SCALAR_KIND_CHANGED #/M/1"));
    EXPECT_THAT(fields("double a = 1;", "float a = 1;"), ElementsAre("FIELD_SCALAR_KIND_CHANGED #/M/1"));
    EXPECT_THAT(fields("M a = 1;", "int32 a = 1;"), ElementsAre("FIELD_KIND_CHANGED #/M/1"));
    EXPECT_THAT(fields("map<string, int32> a = 1;", "M a = 1;"), ElementsAre("FIELD_KIND_CHANGED #/M/1"));
    EXPECT_THAT(fields("map<string, string> a = 1;", "map<string, int32> a = 1;"),
                ElementsAre("FIELD_SCALAR_KIND_CHANGED #/M/1"));
}
TEST(ProtobufCompatibility, Labels) {
    EXPECT_THAT(fields("repeated int32 a = 1;", "optional int32 a = 1;"),
                ElementsAre("FIELD_NUMERIC_LABEL_CHANGED #/M/1"));
    EXPECT_THAT(fields("repeated string a = 1;", "optional string a = 1;"), IsEmpty());
    EXPECT_THAT(fields("optional int32 a = 1;", "int32 a = 1;"), IsEmpty());
}
TEST(ProtobufCompatibility, Oneofs) {
    EXPECT_THAT(fields("oneof o { int32 a = 1; int32 b = 2; }", "oneof o { int32 a = 1; }"), IsEmpty());
    EXPECT_THAT(fields("oneof o { int32 a = 1; }", "oneof o { int32 a = 1; int32 b = 2; }"),
                ElementsAre("ONEOF_FIELD_REMOVED #/M/o/2"));
    EXPECT_THAT(fields("", "oneof o { int32 a = 1; int32 b = 2; }"), IsEmpty());
    EXPECT_THAT(fields("int32 a = 1;", "oneof o { int32 a = 1; int32 b = 2; }"),
                ElementsAre("ONEOF_FIELD_REMOVED #/M/o/2"));
    EXPECT_THAT(fields("oneof o { int32 a = 1; }", "int32 a = 1;"), IsEmpty());
    EXPECT_THAT(fields("oneof o { int32 a = 1; int32 b = 2; }", "int32 a = 1; int32 b = 2;"),
                ElementsAre("MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o"));
    EXPECT_THAT(fields("oneof o { int32 a = 1; int32 b = 2; }", "oneof o { int32 a = 1; } int32 b = 2;"),
                ElementsAre("FIELD_MOVED_TO_EXISTING_ONEOF #/M/o"));
}
TEST(ProtobufCompatibility, Messages) {
    EXPECT_THAT(compare("package a;", "package b;"), ElementsAre("PACKAGE_CHANGED #/"));
    EXPECT_THAT(compare("", "message A {}"), ElementsAre("MESSAGE_REMOVED #/A"));
    EXPECT_THAT(compare("message B {} message A {}", "message A {}"), IsEmpty());
    EXPECT_THAT(compare("message A {}", "message A { message B {} enum C { X = 0; } }"),
                ElementsAre("MESSAGE_REMOVED #/A/B"));
    EXPECT_THAT(compare("message A {} message B {} message M { optional B a = 1; }",
                        "message A {} message B {} message M { optional A a = 1; }"),
                ElementsAre("FIELD_NAMED_TYPE_CHANGED #/M/1"));
    EXPECT_THAT(compare("message M { optional M next = 1; optional int32 n = 2; }",
                        "message M { optional M next = 1; optional string n = 2; }"),
                ElementsAre("FIELD_SCALAR_KIND_CHANGED #/M/2"));
}
TEST(ProtobufCompatibility, MessagesOfReferencesAreCompared) {
    auto with = [](std::string_view field) {
        return SchemaText{"syntax = \"proto3\"; import \"n\"; message M { N n = 1; }",
                          {{"n", fmt::format("syntax = \"proto3\"; message N {{ {} }}", field)}}};
    };
    auto found = *differences(SchemaKind::protobuf, with("string a = 1;"), with("int32 a = 1;"));
    ASSERT_EQ(found.size(), 2);
    EXPECT_EQ(found[0].path + found[0].type, "#/M/1/1FIELD_SCALAR_KIND_CHANGED");
    EXPECT_EQ(found[1].path + found[1].type, "#/M/1FIELD_NAMED_TYPE_CHANGED");
    EXPECT_THAT(*differences(SchemaKind::protobuf, with("int64 a = 1;"), with("int32 a = 1;")), IsEmpty());
}
TEST(ProtobufCompatibility, DepthIsBounded) {
    auto chain = [](std::string_view last) {
        std::string text = "syntax = \"proto3\";";
        for (int i = 0; i < 5'000; ++i) text += fmt::format("message M{} {{ M{} a = 1; }}", i, i + 1);
        return text + fmt::format("message M5000 {{ {} a = 1; }}", last);
    };
    auto found = compare(chain("int32"), chain("int64"));
    ASSERT_FALSE(found.empty());
    EXPECT_THAT(found[0], HasSubstr("TOO_LARGE"));
}

}  // namespace
}  // namespace penstock::registry
