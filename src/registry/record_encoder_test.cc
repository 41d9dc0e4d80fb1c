#include "registry/record_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/memory_files.h"
#include "registry/local_schemas.h"

namespace penstock::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RecordEncoderTest : public testing::Test {
protected:
    RecordEncoderTest() { local_ = std::move(*LocalSchemas::open("registry", files_)); }

    /// What follows the header of the value's first schema, or why there is nothing.
    std::string encode(SchemaKind kind, std::string_view schema, std::string_view json) {
        auto registered = local_->put("t-value", kind, schema);
        if (!registered) return registered.error().text;
        auto encoder = RecordEncoder::make(*local_, *registered, {.refuse_unknown = true});
        if (!encoder) return encoder.error().text;
        auto bytes = encoder->encode(json);
        if (!bytes) return bytes.error().text;
        EXPECT_THAT(*bytes, StartsWith(std::string("\0\0\0\0\1", 5)));
        return bytes->substr(5);
    }

    io::MemoryFiles files_;
    std::unique_ptr<LocalSchemas> local_;
};

constexpr std::string_view avro = R"({"type":"record","name":"r","fields":[{"name":"id","type":"int"}]})";
constexpr std::string_view protobuf =
    "syntax = \"proto3\"; package shop;\n"
    "message Order { int32 id = 1; repeated string tags = 2; }\nmessage Other {}\n";

TEST_F(RecordEncoderTest, AvroAsItsSchemaSays) {
    EXPECT_EQ(encode(SchemaKind::avro, avro, R"({"id": 3})"), "\6");
}

TEST_F(RecordEncoderTest, ProtobufIsTheFirstMessageOfItsFile) {
    EXPECT_EQ(encode(SchemaKind::protobuf, protobuf, R"({"id": 3, "tags": ["a"]})"),
              std::string("\0\x08\3\x12\1a", 6));
}

TEST_F(RecordEncoderTest, JsonStaysAsItIs) {
    EXPECT_EQ(encode(SchemaKind::json, R"({"type":"object"})", R"({ "a": 1 })"), R"({ "a": 1 })");
}

TEST_F(RecordEncoderTest, WhatDoesNotFitIsToldWithItsPlace) {
    EXPECT_EQ(encode(SchemaKind::avro, avro, R"({"id": "x"})"),
              "does not fit schema 1 of t-value: id: expected a whole number, found \"x\"");
    EXPECT_THAT(encode(SchemaKind::avro, avro, R"({"id": 1, "iid": 2})"), HasSubstr("iid"));
    EXPECT_THAT(encode(SchemaKind::avro, avro, R"({"id": )"), StartsWith("not valid JSON"));
}

TEST_F(RecordEncoderTest, OfProtobufToo) {
    EXPECT_THAT(encode(SchemaKind::protobuf, protobuf, R"({"id": "x"})"),
                StartsWith("does not fit schema 1 of t-value: "));
    EXPECT_THAT(encode(SchemaKind::protobuf, protobuf, R"({"iid": 1})"), HasSubstr("iid"));
    EXPECT_THAT(encode(SchemaKind::protobuf, protobuf, "[1]"), StartsWith("does not fit"));
}

TEST_F(RecordEncoderTest, ProtobufWithoutMessagesHasNothingToWrite) {
    EXPECT_THAT(encode(SchemaKind::protobuf, "syntax = \"proto3\"; enum E { A = 0; }", "{}"),
                HasSubstr("no messages"));
}

}  // namespace
}  // namespace penstock::registry
