#include "stream/decode/record_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/memory_files.h"
#include "registry/avro_encoder.h"
#include "registry/local_schemas.h"
#include "registry/wire_format.h"

namespace penstock::stream {
namespace {

using registry::SchemaKind;
using ::testing::HasSubstr;

class RecordTextTest : public ::testing::Test {
protected:
    RecordTextTest() { schemas_ = std::move(*registry::LocalSchemas::open("registry", files_)); }

    std::int32_t put(SchemaKind kind, std::string_view text, registry::References references = {}) {
        auto subject = fmt::format("s{}", ++subjects_);
        auto put = schemas_->add(subject, kind, text, std::move(references));
        EXPECT_TRUE(put) << put.error().text;
        return put ? put->id : 0;
    }
    static std::string wire(std::int32_t id, std::string_view value) {
        std::string out;
        registry::append_wire_header(out, id);
        return out + std::string(value);
    }
    /// The JSON, or what the problem is.
    std::string read(std::int32_t id, std::string_view value) {
        auto text = RecordText(schemas_.get()).read(wire(id, value));
        if (!text) return "not in the wire format";
        EXPECT_EQ(text->schema_id, id);
        EXPECT_NE(text->json.empty(), text->problem.empty());
        return text->json + text->problem;
    }

    io::MemoryFiles files_;
    std::unique_ptr<registry::LocalSchemas> schemas_;
    int subjects_ = 0;
};

TEST_F(RecordTextTest, AProtobufMessageOfManyEmptyOnesIsNotMade) {
    std::string schema = R"(syntax = "proto3"; message M { repeated B all = 1; } message B {)";
    for (int i = 1; i < 200; ++i) schema += fmt::format(" int32 f{0} = {0};", i);
    auto id = put(SchemaKind::protobuf, schema + "}");
    std::string some(1, '\0');
    for (int i = 0; i < 3; ++i) some += std::string("\x0a\0", 2);
    EXPECT_THAT(read(id, some), HasSubstr(R"("f199":0)"));
    for (int i = 0; i < 100'000; ++i) some += std::string("\x0a\0", 2);
    EXPECT_EQ(read(id, some),
              fmt::format("schema {}: a M that says to hold more than its bytes allow for", id));
}

TEST_F(RecordTextTest, Avro) {
    put(SchemaKind::avro, R"({"type":"enum","name":"Unit","symbols":["EUR","USD"]})");
    auto id = put(
        SchemaKind::avro,
        R"({"type":"record","name":"E","fields":[{"name":"id","type":"long"},{"name":"unit","type":"Unit"},
                      {"name":"day","type":{"type":"int","logicalType":"date"}},{"name":"tags","type":{"type":"map","values":"string"}}]})",
        {{"Unit", "s1", 1}});
    EXPECT_EQ(read(id, std::string_view("\x0e\x02\x04\x02\x02"
                                        "a\x02"
                                        "b\x00",
                                        9)),
              R"({"id":7,"unit":"USD","day":"1970-01-03","tags":{"a":"b"}})");
    EXPECT_THAT(read(id, "\x0e\x08"), HasSubstr(fmt::format("schema {}: not a record of its schema", id)));
    EXPECT_THAT(read(id, std::string_view("\x0e\x02\x04\x00x", 5)), HasSubstr("1 bytes follow its end"));
    EXPECT_EQ(read(put(SchemaKind::avro, R"("string")"), "\x04\"\n"), R"("\"\n")");
}
TEST_F(RecordTextTest, JsonSchema) {
    auto id = put(SchemaKind::json, R"({"type":"object"})");
    EXPECT_EQ(read(id, R"({"a": 1})"), R"({"a": 1})");
    EXPECT_THAT(read(id, "{"), HasSubstr("not valid JSON"));
}
TEST_F(RecordTextTest, Protobuf) {
    put(SchemaKind::protobuf, "syntax = \"proto3\"; package n; message Name { string text = 1; }");
    auto id = put(SchemaKind::protobuf,
                  R"(syntax = "proto3"; import "name.proto"; message Other {}
                     message Event { n.Name who = 1; repeated int64 sizes = 2; int32 unset_one = 3; message Inner { bool yes = 1; } })",
                  {{"name.proto", "s1", 1}});
    EXPECT_EQ(read(id, std::string_view("\x02\x02\x0a\x05\x0a\x03"
                                        "Ann\x12\x02\x01\x02",
                                        13)),
              R"({"who":{"text":"Ann"},"sizes":["1","2"],"unset_one":0})");
    EXPECT_EQ(read(id, std::string_view("\x04\x02\x00\x08\x01", 5)), R"({"yes":true})");
    EXPECT_EQ(read(id, std::string_view("\x00", 1)), "{}");
    EXPECT_THAT(read(id, "\x02\x06"), HasSubstr("its schema has no message 3; there are 2"));
    EXPECT_THAT(read(id, "\x02\x02\x0a\x05"), HasSubstr("not a Event of its schema"));
    EXPECT_THAT(read(id, ""), HasSubstr("does not begin with the index of a message"));
    EXPECT_THAT(read(id, "\x01"), HasSubstr("does not begin with the index of a message"));
}
TEST_F(RecordTextTest, ProtobufMessagesInOneAnotherAreBounded) {
    std::string text = "syntax = \"proto3\";";
    for (int i = 0; i < 5'000; ++i) text += fmt::format("message M{} {{ M{} a = 1; }}", i, i + 1);
    auto id = put(SchemaKind::protobuf, text + "message M5000 {}");
    EXPECT_THAT(read(id, std::string_view("\x00", 1)), HasSubstr("too deep in one another"));
}
TEST_F(RecordTextTest, WhatIsNotThere) {
    EXPECT_FALSE(RecordText(schemas_.get()).read("plain"));
    EXPECT_FALSE(RecordText(schemas_.get()).read(std::string_view("\0\0\0\1", 4)));
    EXPECT_FALSE(RecordText(schemas_.get()).read(std::string_view("\0\0\0\0\0\0\0\7", 8)));
    EXPECT_FALSE(RecordText(schemas_.get()).read(wire(-1, "x")));
    EXPECT_EQ(read(99, "x"), "schema 99: Schema 99 not found");
    EXPECT_EQ(RecordText(nullptr).read(wire(1, "x"))->problem, "schema 1: there is no schema registry");
}

}  // namespace
}  // namespace penstock::stream
