#include "registry/compatibility.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// "TYPE at path" of each difference.
std::vector<std::string> compare(SchemaKind kind, std::string_view reader, std::string_view writer) {
    auto r = canonical_schema(kind, reader), w = canonical_schema(kind, writer);
    if (!r || !w) return {"error: " + (r ? w.error().text : r.error().text)};
    std::vector<std::string> out;
    for (const auto& found : *differences(kind, {*r}, {*w})) out.push_back(found.type + " " + found.path);
    return out;
}
std::vector<std::string> avro(std::string_view reader, std::string_view writer) {
    return compare(SchemaKind::avro, reader, writer);
}
std::vector<std::string> json(std::string_view reader, std::string_view writer) {
    return compare(SchemaKind::json, reader, writer);
}
std::string record(std::string_view fields, std::string_view more = "") {
    return fmt::format(R"({{"type":"record","name":"R"{},"fields":[{}]}})", more, fields);
}

TEST(AvroCompatibility, Promotions) {
    EXPECT_THAT(avro(R"("long")", R"("int")"), IsEmpty());
    EXPECT_THAT(avro(R"("double")", R"("float")"), IsEmpty());
    EXPECT_THAT(avro(R"("float")", R"("long")"), IsEmpty());
    EXPECT_THAT(avro(R"("bytes")", R"("string")"), IsEmpty());
    EXPECT_THAT(avro(R"("string")", R"("bytes")"), IsEmpty());
    EXPECT_THAT(avro(R"("int")", R"("long")"), ElementsAre("TYPE_MISMATCH /"));
    EXPECT_THAT(avro(R"("string")", R"("int")"), ElementsAre("TYPE_MISMATCH /"));
}
TEST(AvroCompatibility, FieldAddedWithAndWithoutDefault) {
    auto old = record(R"({"name":"a","type":"int"})");
    EXPECT_THAT(avro(record(R"({"name":"a","type":"int"},{"name":"b","type":"int","default":0})"), old),
                IsEmpty());
    EXPECT_THAT(avro(record(R"({"name":"a","type":"int"},{"name":"b","type":"int"})"), old),
                ElementsAre("READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"));
}
TEST(AvroCompatibility, FieldRemoved) {
    EXPECT_THAT(avro(record(""), record(R"({"name":"a","type":"int"})")), IsEmpty());
}
TEST(AvroCompatibility, FieldRenamedWithAlias) {
    auto old = record(R"({"name":"a","type":"int"})");
    EXPECT_THAT(avro(record(R"({"name":"b","type":"long","aliases":["a"]})"), old), IsEmpty());
    EXPECT_THAT(avro(record(R"({"name":"b","type":"long"})"), old),
                ElementsAre("READER_FIELD_MISSING_DEFAULT_VALUE /fields/0"));
}
TEST(AvroCompatibility, RecordRenamedWithAlias) {
    auto old = R"({"type":"record","name":"n.Old","fields":[]})";
    EXPECT_THAT(avro(record(""), old), ElementsAre("NAME_MISMATCH /name"));
    EXPECT_THAT(avro(record("", R"(,"aliases":["n.Old"])"), old), IsEmpty());
}
TEST(AvroCompatibility, FieldTypeChanged) {
    EXPECT_THAT(avro(record(R"({"name":"a","type":"int"})"), record(R"({"name":"a","type":"string"})")),
                ElementsAre("TYPE_MISMATCH /fields/0/type"));
}
TEST(AvroCompatibility, Unions) {
    EXPECT_THAT(avro(R"(["null","int"])", R"("int")"), IsEmpty());
    EXPECT_THAT(avro(R"(["null","long"])", R"("int")"), IsEmpty());
    EXPECT_THAT(avro(R"(["null","string"])", R"("int")"), ElementsAre("MISSING_UNION_BRANCH /"));
    EXPECT_THAT(avro(R"("int")", R"(["int"])"), IsEmpty());
    EXPECT_THAT(avro(R"("int")", R"(["null","int"])"), ElementsAre("TYPE_MISMATCH /"));
    EXPECT_THAT(avro(R"(["null","int","string"])", R"(["null","int"])"), IsEmpty());
    EXPECT_THAT(avro(R"(["null","int"])", R"(["null","int","string"])"),
                ElementsAre("MISSING_UNION_BRANCH /"));
}
TEST(AvroCompatibility, Enumerations) {
    auto symbols = [](std::string_view list, std::string_view more = "") {
        return fmt::format(R"({{"type":"enum","name":"E","symbols":[{}]{}}})", list, more);
    };
    EXPECT_THAT(avro(symbols(R"("A","B")"), symbols(R"("A")")), IsEmpty());
    EXPECT_THAT(avro(symbols(R"("A")"), symbols(R"("A","B")")), ElementsAre("MISSING_ENUM_SYMBOLS /symbols"));
    EXPECT_THAT(avro(symbols(R"("A")", R"(,"default":"A")"), symbols(R"("A","B")")), IsEmpty());
}
TEST(AvroCompatibility, FixedArraysAndMaps) {
    EXPECT_THAT(avro(R"({"type":"fixed","name":"F","size":4})", R"({"type":"fixed","name":"F","size":5})"),
                ElementsAre("FIXED_SIZE_MISMATCH /size"));
    EXPECT_THAT(avro(R"({"type":"array","items":"long"})", R"({"type":"array","items":"int"})"), IsEmpty());
    EXPECT_THAT(avro(R"({"type":"map","values":"int"})", R"({"type":"map","values":"string"})"),
                ElementsAre("TYPE_MISMATCH /values"));
}
TEST(AvroCompatibility, RecursiveRecord) {
    auto list = record(R"({"name":"next","type":["null","R"]})");
    EXPECT_THAT(avro(list, list), IsEmpty());
}

TEST(JsonCompatibility, TypesWidenAndNarrow) {
    EXPECT_THAT(json(R"({"type":"number"})", R"({"type":"integer"})"), IsEmpty());
    EXPECT_THAT(json(R"({"type":["string","null"]})", R"({"type":"string"})"), IsEmpty());
    EXPECT_THAT(json(R"({"type":"integer"})", R"({"type":"number"})"), ElementsAre("TYPE_NARROWED #/"));
    EXPECT_THAT(json(R"({"type":"string"})", R"({"type":"integer"})"), ElementsAre("TYPE_CHANGED #/"));
    EXPECT_THAT(json("{}", R"({"type":"string"})"), IsEmpty());
    EXPECT_THAT(json(R"({"type":"string"})", "true"), ElementsAre("TYPE_NARROWED #/"));
}
TEST(JsonCompatibility, PropertyAddedToOpenAndClosedModel) {
    auto open = R"({"type":"object","properties":{"a":{"type":"string"}}})";
    auto open_more = R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}})";
    EXPECT_THAT(json(open_more, open), ElementsAre("PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b"));
    auto closed = R"({"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false})";
    auto closed_more =
        R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"additionalProperties":false})";
    EXPECT_THAT(json(closed_more, closed), IsEmpty());
    EXPECT_THAT(json(closed, closed_more),
                ElementsAre("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/b"));
    EXPECT_THAT(json(open, open_more), IsEmpty());
    EXPECT_THAT(json(closed, open), ElementsAre("ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"));
}
TEST(JsonCompatibility, Required) {
    auto without = R"({"type":"object","properties":{"a":{"type":"string"}}})";
    auto with = R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})";
    auto with_default =
        R"({"type":"object","properties":{"a":{"type":"string","default":""}},"required":["a"]})";
    EXPECT_THAT(json(with, without), ElementsAre("REQUIRED_ATTRIBUTE_ADDED #/required/a"));
    EXPECT_THAT(json(with_default, without), IsEmpty());
    EXPECT_THAT(json(without, with), IsEmpty());
}
TEST(JsonCompatibility, BoundsAndValues) {
    EXPECT_THAT(json(R"({"type":"string","maxLength":5})", R"({"type":"string","maxLength":9})"),
                ElementsAre("MAXLENGTH_DECREASED #/maxLength"));
    EXPECT_THAT(json(R"({"type":"string","maxLength":9})", R"({"type":"string","maxLength":5})"), IsEmpty());
    EXPECT_THAT(json(R"({"type":"integer","minimum":1})", R"({"type":"integer"})"),
                ElementsAre("MINIMUM_ADDED #/minimum"));
    EXPECT_THAT(json(R"({"enum":["a","b"]})", R"({"enum":["a"]})"), IsEmpty());
    EXPECT_THAT(json(R"({"enum":["a"]})", R"({"enum":["a","b"]})"), ElementsAre("ENUM_ARRAY_NARROWED #/"));
}
TEST(JsonCompatibility, ItemsReferencesAndAlternatives) {
    EXPECT_THAT(json(R"({"type":"array","items":{"type":"number"}})",
                     R"({"type":"array","items":{"type":"integer"}})"),
                IsEmpty());
    EXPECT_THAT(json(R"({"type":"array","items":{"type":"integer"}})",
                     R"({"type":"array","items":{"type":"number"}})"),
                ElementsAre("TYPE_NARROWED #/items"));
    auto tree =
        R"({"$ref":"#/definitions/t","definitions":{"t":{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/definitions/t"}}}}}})";
    EXPECT_THAT(json(tree, tree), IsEmpty());
    EXPECT_THAT(json(R"({"anyOf":[{"type":"string"},{"type":"integer"}]})", R"({"type":"integer"})"),
                IsEmpty());
    EXPECT_THAT(json(R"({"oneOf":[{"type":"string"}]})", R"({"type":"integer"})"),
                ElementsAre("COMBINED_TYPE_SUBSCHEMAS_CHANGED #/"));
    EXPECT_THAT(json(R"({"type":"string"})", R"({"anyOf":[{"type":"string"},{"type":"integer"}]})"),
                ElementsAre("TYPE_CHANGED #/"));
}
TEST(JsonCompatibility, SchemasThatAreNone) {
    EXPECT_THAT(json("5", "{}"), ElementsAre("error: /: expected a schema: an object, true or false"));
    EXPECT_THAT(json(R"({"properties":{"a":{"type":"text"}}})", "{}"),
                ElementsAre("error: /properties/a/type: expected null, boolean, integer, number, "
                            "string, array or object, or a list of them"));
}

TEST(AvroCompatibility, UnionsInUnionsEnd) {
    // Every record of the one holds a union of all of them, and so on: n to the power of the depth
    // ways to try.
    auto schema = [](std::string_view last) {
        std::string branches;
        for (int i = 0; i < 12; ++i) {
            std::string fields;
            for (int k = 0; k <= i; ++k)
                fields += fmt::format(
                    R"({}{{"name":"f{}","type":[{}]}})", k > 0 ? "," : "", k, i == 0 ? "\"null\"" : [&] {
                        std::string names;
                        for (int n = 0; n < i; ++n) names += fmt::format("{}\"R{}\"", n > 0 ? "," : "", n);
                        return names;
                    }());
            if (i == 0) fields = fmt::format(R"({{"name":"f0","type":"{}"}})", last);
            branches += fmt::format(R"({}{{"type":"record","name":"R{}","fields":[{}]}})", i > 0 ? "," : "",
                                    i, fields);
        }
        return "[" + branches + "]";
    };
    auto found = avro(schema("int"), schema("string"));
    EXPECT_FALSE(found.empty());
}
TEST(JsonCompatibility, AlternativesInAlternativesEnd) {
    auto schema = [](std::string_view last) {
        std::string definitions = fmt::format(R"("d0":{})", last);
        for (int i = 1; i < 30; ++i) {
            auto below = fmt::format(R"({{"$ref":"#/definitions/d{}"}})", i - 1);
            definitions += fmt::format(
                R"(,"d{0}":{{"anyOf":[{{"type":"array","items":{1}}},{{"type":"array","items":{1},"minItems":1}},)"
                R"({{"type":"array","maxItems":5,"items":{1}}}]}})",
                i, below);
        }
        return fmt::format(R"({{"$ref":"#/definitions/d29","definitions":{{{}}}}})", definitions);
    };
    EXPECT_FALSE(json(schema(R"({"type":"string"})"), schema(R"({"type":"integer"})")).empty());
}

TEST(JsonCompatibility, ReferencesToOtherSchemas) {
    auto with = [](std::string_view other, std::string_view reference = "other.json#/definitions/a") {
        return SchemaText{
            fmt::format(R"({{"type":"object","properties":{{"x":{{"$ref":"{}"}}}}}})", reference),
            {{"other.json", std::string(other)}}};
    };
    auto types = [&](const SchemaText& reader, const SchemaText& writer) {
        std::vector<std::string> out;
        for (const auto& found : *differences(SchemaKind::json, reader, writer)) out.push_back(found.type);
        return out;
    };
    auto number = R"({"definitions":{"a":{"type":"number"}}})",
         integer = R"({"definitions":{"a":{"type":"integer"}}})";
    EXPECT_THAT(types(with(number), with(integer)), IsEmpty());
    EXPECT_THAT(types(with(integer), with(number)), ElementsAre("TYPE_NARROWED"));
    // Within what is referred to, "#" is its own root.
    auto inner = R"({"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"type":"number"}}})";
    EXPECT_THAT(types(with(inner), with(integer)), IsEmpty());
    EXPECT_THAT(types(with(R"({"$id":"urn:o","type":"string"})", "urn:o"), with(integer)),
                ElementsAre("TYPE_CHANGED"));
    EXPECT_THAT(types(with(integer, "elsewhere.json"), with(number, "elsewhere.json")), IsEmpty());
}

std::vector<std::string> at_level(CompatibilityLevel level, std::string_view now,
                                  const std::vector<std::string>& before) {
    std::vector<EarlierSchema> earlier;
    for (const auto& text : before)
        earlier.push_back({std::int32_t(earlier.size()) + 1, SchemaKind::avro, {text}});
    return *incompatibilities(level, SchemaKind::avro, {std::string(now)}, earlier);
}

TEST(CompatibilityLevels, BackwardForwardAndFull) {
    auto old = record(R"({"name":"a","type":"int"})");
    auto adds = record(R"({"name":"a","type":"int"},{"name":"b","type":"int"})");
    EXPECT_FALSE(at_level(CompatibilityLevel::backward, adds, {old}).empty());
    EXPECT_THAT(at_level(CompatibilityLevel::forward, adds, {old}), IsEmpty());
    EXPECT_FALSE(at_level(CompatibilityLevel::full, adds, {old}).empty());
    EXPECT_THAT(at_level(CompatibilityLevel::none, adds, {old}), IsEmpty());
    EXPECT_THAT(at_level(CompatibilityLevel::backward, old, {adds}), IsEmpty());
    EXPECT_FALSE(at_level(CompatibilityLevel::forward, old, {adds}).empty());
}
TEST(CompatibilityLevels, TransitiveLooksAtAll) {
    auto first = record(R"({"name":"a","type":"string"})");
    auto second = record("");
    auto third = record(R"({"name":"a","type":"int","default":0})");
    EXPECT_THAT(at_level(CompatibilityLevel::backward, third, {first, second}), IsEmpty());
    EXPECT_FALSE(at_level(CompatibilityLevel::backward_transitive, third, {first, second}).empty());
}
TEST(CompatibilityLevels, MessagesNameTheVersionAndTheLevel) {
    EXPECT_THAT(
        at_level(CompatibilityLevel::backward, record(R"({"name":"b","type":"int"})"), {record("")}),
        ElementsAre("{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The "
                    "field 'b' at path '/fields/0' in the new schema has no "
                    "default value and is missing in the old schema', additionalInfo:'b'}",
                    "{oldSchemaVersion: 1}", R"({oldSchema: '{"type":"record","name":"R","fields":[]}'})",
                    "{compatibility: 'BACKWARD'}"));
}

}  // namespace
}  // namespace penstock::registry
