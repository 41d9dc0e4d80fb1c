#include "monitor/json_body.h"

#include <gtest/gtest.h>

namespace penstock::monitor {
namespace {

std::string error_of(std::string_view text) {
    const auto body = JsonBody::parse(text);
    return body ? "" : body.error().text;
}

TEST(JsonBody, SaysWhereTheSyntaxIsWrong) {
    EXPECT_NE(error_of("{\"sql\": \"x\",\n \"b\": tru }").find("line 2, column 7"), std::string::npos)
        << error_of("{\"sql\": \"x\",\n \"b\": tru }");
    EXPECT_NE(error_of("{\"a\": [1, 2").find("not JSON"), std::string::npos);
    EXPECT_NE(error_of("{\"a\": \"\xff\"}").find("not JSON"), std::string::npos);
}

TEST(JsonBody, ExpectsAnObject) {
    EXPECT_EQ(error_of("[1]"), "the body: expected a JSON object, found an array");
    EXPECT_EQ(error_of(" \n"), "the body is empty; expected a JSON object");
}

TEST(JsonBody, RefusesDeepNestingWithoutCrashing) {
    const std::string deep(100'000, '[');
    EXPECT_NE(error_of("{\"a\":" + deep).find("not JSON"), std::string::npos);
}

TEST(JsonObject, NamesTheFieldAndWhatWasExpected) {
    const auto body = JsonBody::parse(R"({"name": 7, "count": "x", "many": 11, "config": {"a": []}})");
    ASSERT_TRUE(body);
    const auto& object = body->object();
    EXPECT_EQ(object.string("name").error().text, "name: expected a string, found a number");
    EXPECT_EQ(object.string("sql").error().text, "sql: is missing; expected a string");
    EXPECT_EQ(object.optional_integer("count", 1, 9).error().text,
              "count: expected a whole number, found a string");
    EXPECT_EQ(object.optional_integer("many", 1, 9).error().text, "many: expected 1 to 9, found 11");
    EXPECT_EQ(object.strings("config").error().text, "config.a: expected a string, found an array");
    EXPECT_EQ(object.only({"name", "count"}).error().text,
              "many: unknown field; expected one of name, count");
}

TEST(JsonObject, PutsPlacesInArraysBeforeTheName) {
    const auto body = JsonBody::parse(R"({"records": [{}, {"key": 1}]})");
    ASSERT_TRUE(body);
    const auto records = body->object().objects("records", 5);
    ASSERT_TRUE(records);
    EXPECT_EQ(records->at(1).string("key").error().text, "records[1].key: expected a string, found a number");
    EXPECT_FALSE(body->object().objects("records", 1));
}

TEST(JsonObject, TakesNumbersAndBooleansWhereTextIsMeant) {
    const auto body = JsonBody::parse(R"({"config": {"retention.ms": 1000, "on": true}})");
    ASSERT_TRUE(body);
    const auto config = body->object().strings("config");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->at("retention.ms"), "1000");
    EXPECT_EQ(config->at("on"), "true");
}

}  // namespace
}  // namespace penstock::monitor
