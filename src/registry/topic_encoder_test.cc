#include "registry/topic_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/memory_files.h"
#include "registry/local_schemas.h"
#include "registry/wire_format.h"

namespace penstock::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Drift = pipeline::TopicSpec::Drift;

class TopicEncoderTest : public testing::Test {
protected:
    TopicEncoderTest() { local_ = std::move(*LocalSchemas::open("registry", files_)); }

    TopicEncoder& encoder(Drift drift = Drift::evolve, SchemaKind kind = SchemaKind::avro,
                          std::string declared = {}) {
        encoder_ = std::make_unique<TopicEncoder>(
            *local_, TopicEncoderOptions{
                         .topic = "t", .kind = kind, .on_drift = drift, .declared = std::move(declared)});
        return *encoder_;
    }
    /// The id and length of each record, or why it was refused.
    std::vector<std::string> encode(std::vector<std::string_view> documents) {
        auto encoded = encoder_->encode(documents);
        if (!encoded) return {"error: " + encoded.error().text};
        std::vector<std::string> out;
        for (const auto& one : *encoded)
            out.push_back(one.refused.empty() ? fmt::format("{}+{}", *wire_schema_id(one.bytes),
                                                            one.bytes.size() - wire_header_bytes)
                                              : one.refused);
        return out;
    }
    std::string latest() {
        auto schema = local_->get("t-value", -1);
        return schema ? schema->text : schema.error().text;
    }

    io::MemoryFiles files_;
    std::unique_ptr<LocalSchemas> local_;
    std::unique_ptr<TopicEncoder> encoder_;
};

TEST_F(TopicEncoderTest, TheSchemaFollowsTheData) {
    encoder();
    EXPECT_THAT(encode({R"({"a":1})"}), ElementsAre("1+2"));
    EXPECT_EQ(
        latest(),
        R"({"type":"record","name":"t","fields":[{"name":"a","type":["null","long"],"default":null}]})");
    EXPECT_THAT(encode({R"({"a":2})", R"({"a":null,"b":null})"}), ElementsAre("1+2", "1+1"));
    EXPECT_THAT(encode({R"({"a":3,"b":{"c":"x"}})", R"({"a":1.5})"}), ElementsAre("2+13", "2+10"));
    EXPECT_THAT(latest(), HasSubstr(R"({"name":"a","type":["null","double"],"default":null})"));
    EXPECT_THAT(latest(), HasSubstr(R"({"type":"record","name":"t_b")"));
    EXPECT_THAT(*local_->versions("t-value"), ElementsAre(1, 2));
}

TEST_F(TopicEncoderTest, AnotherProcessGoesOnWithTheSameSchema) {
    encoder();
    EXPECT_THAT(encode({R"({"a":1,"tags":["x"],"o":{"b":true},"none":[]})"}), ElementsAre("1+12"));
    encoder();
    EXPECT_THAT(encode({R"({"a":1,"tags":["x"],"o":{"b":true},"none":[]})"}), ElementsAre("1+12"));
    EXPECT_THAT(encode({R"({"tags":[1]})"}), ElementsAre("2+8"));
    EXPECT_THAT(*local_->versions("t-value"), ElementsAre(1, 2));
}

TEST_F(TopicEncoderTest, NamesThatAvroDoesNotAllowAreKeptBeside) {
    encoder();
    EXPECT_THAT(encode({R"({"first-name":"x","first name":"y","1st":1})"}), ElementsAre("1+8"));
    EXPECT_THAT(latest(), HasSubstr(R"("name":"first_name_2")"));
    EXPECT_THAT(latest(), HasSubstr(R"("penstock.name":"first name")"));
    encoder();
    EXPECT_THAT(encode({R"({"first-name":"x","first name":"y","1st":1})"}), ElementsAre("1+8"));
}

TEST_F(TopicEncoderTest, FreezeKeepsTheFirstSchema) {
    encoder(Drift::freeze);
    EXPECT_THAT(encode({R"({"a":1})"}), ElementsAre("1+2"));
    EXPECT_THAT(
        encode({R"({"a":1,"b":2})", R"({"a":"x"})"}),
        ElementsAre("1+2",
                    HasSubstr(R"(does not fit schema 1 of t-value: a: expected null or long, found "x")")));
}

TEST_F(TopicEncoderTest, DeadLetterRefusesWhatIsNew) {
    encoder(Drift::dead_letter);
    EXPECT_THAT(encode({R"({"a":1})"}), ElementsAre("1+2"));
    EXPECT_THAT(encode({R"({"a":1,"b":2})"}), ElementsAre(HasSubstr("b: there is no such field")));
}

TEST_F(TopicEncoderTest, ADeclaredSchemaIsRegisteredAsItIs) {
    encoder(Drift::evolve, SchemaKind::avro,
            R"({"type":"record","name":"t","fields":[{"name":"a","type":["null","int"],"default":null}]})");
    EXPECT_THAT(encode({R"({"a":1,"b":2})", "{}", R"({"a":1.5})"}),
                ElementsAre("1+2", "1+1", HasSubstr("expected null or int, found 1.5")));
}

TEST_F(TopicEncoderTest, SomebodyElsesSchemaIsWidenedOnlyByFields) {
    ASSERT_TRUE(
        local_->add("t-value", SchemaKind::avro,
                    R"({"type":"record","name":"T","namespace":"x","fields":[{"name":"a","type":"int"}]})"));
    encoder();
    EXPECT_THAT(encode({R"({"a":1})"}), ElementsAre("1+1"));
    EXPECT_THAT(encode({R"({"a":1,"b":true})", R"({"a":"x"})"}),
                ElementsAre("2+3", HasSubstr("a: expected a whole number")));
    EXPECT_THAT(latest(), HasSubstr(R"("namespace":"x")"));
    EXPECT_THAT(latest(), HasSubstr(R"({"name":"a","type":"int"})"));
}

TEST_F(TopicEncoderTest, WhatTheRegistryRefusesIsADeadLetter) {
    ASSERT_TRUE(local_->add("t-value", SchemaKind::avro, R"({"type":"record","name":"t","fields":[]})"));
    ASSERT_TRUE(local_->set_mode("t-value", Mode::read_only));
    encoder();
    EXPECT_THAT(encode({R"({"a":1})", "{}"}),
                ElementsAre(HasSubstr("the registry refused a wider one"), "1+0"));
    ASSERT_TRUE(local_->set_mode("t-value", std::nullopt));
    EXPECT_THAT(encode({R"({"a":1})"}), ElementsAre("2+2"));
}

TEST_F(TopicEncoderTest, WhatIsNoObjectIsRefused) {
    encoder();
    EXPECT_THAT(encode({"[1]", "{", R"({"a":1})"}),
                ElementsAre(HasSubstr("expected an object"), HasSubstr("not valid JSON"), "1+2"));
    EXPECT_THAT(encode({R"({"n":18446744073709551615})"}), ElementsAre(HasSubstr("expected a whole number")));
}

TEST_F(TopicEncoderTest, JsonSchemaFollowsTheData) {
    encoder(Drift::evolve, SchemaKind::json);
    EXPECT_THAT(encode({R"({"a":1})"}), ElementsAre("1+7"));
    EXPECT_THAT(encode({R"({"a":1,"b":[{"c":"x"}]})"}), ElementsAre("2+23"));
    EXPECT_THAT(latest(), HasSubstr(R"("additionalProperties":false)"));
    encoder(Drift::dead_letter, SchemaKind::json);
    EXPECT_THAT(encode({R"({"b":[{"c":"x"}]})", R"({"b":[{"d":"x"}]})"}),
                ElementsAre("2+17", HasSubstr("does not fit schema 2")));
}

TEST_F(TopicEncoderTest, TheSubjectsTypeMustBeTheTopics) {
    ASSERT_TRUE(local_->add("t-value", SchemaKind::json, R"({"type":"object"})"));
    encoder();
    EXPECT_THAT(encode({"{}"}), ElementsAre(HasSubstr("holds JSON schemas, and the topic's format is AVRO")));
}

}  // namespace
}  // namespace penstock::registry
