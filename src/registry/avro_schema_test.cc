#include "registry/avro_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::registry {
namespace {

std::string canonical(std::string_view text) {
    auto schema = AvroSchema::parse(text);
    return schema ? schema->text() : "error: " + schema.error().text;
}

TEST(AvroSchema, Primitives) {
    EXPECT_EQ(canonical(R"("string")"), R"("string")");
    EXPECT_EQ(canonical(R"( { "type" : "long" } )"), R"("long")");
    EXPECT_EQ(canonical(R"({"type":"long","logicalType":"timestamp-micros"})"),
              R"({"type":"long","logicalType":"timestamp-micros"})");
    EXPECT_EQ(canonical(R"({"type":{"type":"int"}})"), R"("int")");
}
TEST(AvroSchema, RecordInOneOrderOfAttributes) {
    EXPECT_EQ(
        canonical(R"({"fields":[{"default":null,"type":["null","int"],"name":"a","doc":"d"}],
                            "namespace":"n.s","extra":[1,{"x":2.5}],"name":"R","type":"record","aliases":["Old"]})"),
        R"({"type":"record","name":"R","namespace":"n.s","fields":[{"name":"a","type":["null","int"],"doc":"d","default":null}],)"
        R"("extra":[1,{"x":2.5}],"aliases":["Old"]})");
}
TEST(AvroSchema, FullNameIsNameAndNamespace) {
    EXPECT_EQ(canonical(R"({"type":"fixed","name":"a.b.F","size":4})"),
              canonical(R"({"type":"fixed","name":"F","namespace":"a.b","size":4})"));
}
TEST(AvroSchema, NamesAreUsedAgain) {
    EXPECT_EQ(
        canonical(
            R"({"type":"record","name":"a.Node","fields":[{"name":"next","type":["null","Node"]},
                            {"name":"other","type":{"type":"enum","name":"b.E","symbols":["X"]}},{"name":"again","type":"b.E"}]})"),
        R"({"type":"record","name":"Node","namespace":"a","fields":[{"name":"next","type":["null","Node"]},)"
        R"({"name":"other","type":{"type":"enum","name":"E","namespace":"b","symbols":["X"]}},{"name":"again","type":"b.E"}]})");
}
TEST(AvroSchema, CanonicalTextIsItsOwn) {
    auto once = canonical(
        R"({"type":"record","name":"R","fields":[{"name":"m","type":{"type":"map","values":{"type":"array","items":"R"}}}]})");
    EXPECT_EQ(canonical(once), once);
}

struct Wrong {
    const char* schema;
    const char* message;
};
class AvroSchemaErrors : public testing::TestWithParam<Wrong> {};
TEST_P(AvroSchemaErrors, NamesThePlace) {
    EXPECT_EQ(canonical(GetParam().schema), "error: " + std::string(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(
    All, AvroSchemaErrors,
    testing::Values(
        Wrong{R"("strin")", "/: unknown type 'strin'"},
        Wrong{R"(5)", "/: expected a type: a name, an object or an array"},
        Wrong{R"({"name":"a"})", "/: expected the attribute 'type'"},
        Wrong{R"({"type":"record","fields":[]})", "/: expected the attribute 'name'"},
        Wrong{R"({"type":"record","name":"1a","fields":[]})",
              "/: '1a' is not a name; expected letters, digits and '_', not a digit first"},
        Wrong{R"({"type":"record","name":"R"})", "/: record 'R': expected an array 'fields'"},
        Wrong{R"({"type":"record","name":"R","fields":[{"name":"a"}]})",
              "/fields/0: the field 'a' has no 'type'"},
        Wrong{
            R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]})",
            "/fields/1: the field 'a' is defined twice"},
        Wrong{R"({"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]})",
              "/fields/0: the default \"x\" of the field 'a' is no value of its type int"},
        Wrong{R"({"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"nix"}}]})",
              "/fields/0/type/items: unknown type 'nix'"},
        Wrong{R"(["int","int"])", "/1: 'int' stands twice in the union"},
        Wrong{R"([["int"]])", "/0: a union may not hold a union"},
        Wrong{R"({"type":"enum","name":"E","symbols":["A","A"]})", "/: the symbol 'A' stands twice"},
        Wrong{R"({"type":"enum","name":"E","symbols":["A"],"default":"B"})",
              "/: the default 'B' is none of the symbols"},
        Wrong{R"({"type":"fixed","name":"F"})", "/: fixed 'F': expected a 'size' of 0 or more"},
        Wrong{R"(["null",{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}])",
              "/2: the type 'F' is defined twice"},
        Wrong{R"("record")",
              "/: 'record' needs attributes of its own: expected an object with \"type\": "
              "\"record\""},
        Wrong{R"({"type":"int","type":"long"})", "the name 'type' stands twice in one object"}));

TEST(AvroSchema, NotJson) {
    EXPECT_EQ(canonical("{").rfind("error: not valid JSON", 0), 0u);
}
TEST(AvroSchema, NestedTooDeep) {
    std::string text = R"("int")";
    for (int i = 0; i < 100; ++i) text = R"({"type":"array","items":)" + text + "}";
    EXPECT_EQ(canonical(text), "error: nested deeper than 64 levels");
}
TEST(AvroSchema, DefaultThatFitsNoWayEnds) {
    // Each level of the default may be one of two records: 2 to the power of 50 ways to try.
    std::string value = "5";
    std::string names;
    for (int i = 0; i < 8; ++i) names += fmt::format(R"(,"R{}")", i);
    auto records =
        std::string(R"({"type":"record","name":"R0","fields":[{"name":"n","type":["null","R0"]}]})");
    for (int i = 0; i < 50; ++i) value = R"({"n":)" + value + "}";
    std::string fields = fmt::format(R"({{"name":"a","type":{}}})", records);
    for (int i = 1; i < 8; ++i)
        fields += fmt::format(R"(,{{"name":"a{0}","type":{{"type":"record","name":"R{0}","fields":)"
                              R"([{{"name":"n","type":["null","R0","R{0}"]}}]}}}})",
                              i);
    fields += fmt::format(R"(,{{"name":"d","type":["null"{}],"default":{}}})", names, value);
    auto text = fmt::format(R"({{"type":"record","name":"Top","fields":[{}]}})", fields);
    EXPECT_THAT(canonical(text), testing::HasSubstr("is no value of its type union"));
}
TEST(AvroSchema, DefaultsOfEveryType) {
    for (auto field :
         {R"("type":"null","default":null)", R"("type":"boolean","default":true)",
          R"("type":"long","default":-1)", R"("type":"double","default":1)",
          R"("type":"bytes","default":"\u00ff")", R"("type":["null","string"],"default":"x")",
          R"("type":{"type":"array","items":"int"},"default":[1,2])",
          R"("type":{"type":"map","values":"int"},"default":{"a":1})",
          R"("type":{"type":"record","name":"I","fields":[{"name":"x","type":"int"}]},"default":{"x":1})"}) {
        auto text = fmt::format(R"({{"type":"record","name":"R","fields":[{{"name":"a",{}}}]}})", field);
        EXPECT_TRUE(AvroSchema::parse(text)) << text;
    }
}

}  // namespace
}  // namespace penstock::registry
