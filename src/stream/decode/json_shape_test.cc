// What a decoder that has seen other documents gives, against a new decoder's values of the same document.
#include "stream/decode/json_shape.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "stream/decode/json_columns.h"
#include "stream/expr/cast.h"

namespace penstock::stream {
namespace {

/// A record's bytes with what must be readable behind them.
struct Padded {
    explicit Padded(std::string_view text) : bytes(text), size(text.size()) { bytes.append(64, '\0'); }
    std::string_view view() const { return {bytes.data(), size}; }
    std::string bytes;
    std::size_t size;
};

ScanColumn column(Path path, TypeId type, bool from_text = false) {
    ScanColumn out;
    out.path = std::move(path);
    out.type = type;
    out.from_text = from_text;
    out.natural = scalar_type(type);
    return out;
}

const std::vector<ScanColumn>& columns() {
    static const std::vector<ScanColumn> out = {
        column({{"id", -1}}, TypeId::int64),
        column({{"name", -1}, {"first", -1}}, TypeId::string),
        column({{"name", -1}, {"a_very_long_name_of_a_field", -1}}, TypeId::string),
        column({{"tags", -1}, {"", 1}}, TypeId::string, true),
        column({{"extra", -1}}, TypeId::json),
        column({{"ok", -1}}, TypeId::boolean),
    };
    return out;
}

DataType schema() {
    return *parse_ddl(
        "id BIGINT, name STRUCT<first: STRING, a_very_long_name_of_a_field: STRING>, "
        "tags ARRAY<STRING>, extra JSON, ok BOOLEAN");
}

/// The row's values as one text, or the reason why there is none.
std::string decode(JsonColumns& decoder, std::string_view document) {
    Padded padded(document);
    std::vector<Column> out(columns().size());
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i].type = columns()[i].type;
        slots.push_back(open_slot(out[i], 1));
    }
    Arena arena;
    if (!decoder.decode(padded.view(), slots, 0, arena)) return "misfit: " + decoder.why().reason;
    std::string text;
    for (const auto& value : out) {
        text += text.empty() ? "" : "|";
        if (value.nulls[0] != 0)
            text += "null";
        else if (storage_of(value.type) == Storage::integers)
            text += std::to_string(value.integers[0]);
        else
            text += value.strings[0];
    }
    return text;
}

std::string decode_alone(std::string_view document, bool strict = false) {
    JsonColumns decoder(columns(), schema(), strict);
    return decode(decoder, document);
}

constexpr std::string_view first_document =
    R"({"id":1,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],)"
    R"("extra":{"a":[1,2]},"ok":true})";

TEST(JsonShape, ADocumentOfTheSameShapeGivesItsOwnValues) {
    JsonColumns decoder(columns(), schema(), false);
    EXPECT_EQ(decode(decoder, first_document), R"(1|Ann|x|q|{"a":[1,2]}|1)");
    EXPECT_EQ(decode(decoder, R"( { "id" : 22 , "name" : {"first":"Bo, {}:\"","last":null,)"
                              R"("a_very_long_name_of_a_field" : "" }, "tags":[ 1, 2.5 ],)"
                              R"("extra":{"b": ["c", null] }, "ok":false } )"),
              R"(22|Bo, {}:"||2.5|{"b": ["c", null] }|0)");
}

TEST(JsonShape, WhatDiffersIsWalked) {
    const std::vector<std::string> documents = {
        // Keys in another order, others of the same length, one that only its end tells apart.
        R"({"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"id":1,"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"ix":1,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":{"last":"Ann","first":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_fielD":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        // The same key twice, where the shape has another; with an escape.
        R"({"id":1,"name":{"first":"Ann","first":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":{"first":"Ann","\u006cast":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        // Nulls, other types, other brackets.
        R"({"id":null,"name":{"first":null,"last":"Lee","a_very_long_name_of_a_field":null},"tags":["p",null],"extra":{"a":[1,2]},"ok":null})",
        R"({"id":"1","name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1.5,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":["first","Ann","last","Lee","a_very_long_name_of_a_field","x"],"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":{"p":"q"},"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":null,"tags":null,"extra":null,"ok":true})",
        R"({})",
        // What is no JSON.
        R"({"id":,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true)",
        R"({"id":1,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true}})",
        R"({"id":1,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true} 1)",
        R"({"id":01,"name":{"first":"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":{"first":"Ann,"last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        R"({"id":1,"name":{first:"Ann","last":"Lee","a_very_long_name_of_a_field":"x"},"tags":["p","q"],"extra":{"a":[1,2]},"ok":true})",
        "{\"id\":1,\"name\":{\"first\":\"\xff\"}}",
        "",
    };
    for (const auto& document : documents) {
        JsonColumns decoder(columns(), schema(), false);
        decode(decoder, first_document);
        EXPECT_EQ(decode(decoder, document), decode_alone(document)) << document;
        EXPECT_EQ(decode(decoder, first_document), R"(1|Ann|x|q|{"a":[1,2]}|1)") << document;
        // A shape learned from it, if one was.
        EXPECT_EQ(decode(decoder, document), decode_alone(document)) << document;
    }
}

TEST(JsonShape, AnUnknownFieldIsStillOne) {
    JsonColumns decoder(columns(), schema(), true);
    EXPECT_EQ(decode(decoder, R"({"id":1,"ok":true})"), "1|null|null|null|null|1");
    EXPECT_EQ(decode(decoder, R"({"id":1,"no":true})"), "misfit: unknown field no");
}

/// Fields there or not, in two orders, with values of several kinds.
std::string random_document(std::mt19937& random) {
    auto one_of = [&](std::initializer_list<std::string_view> choices) {
        return std::string(choices.begin()[random() % choices.size()]);
    };
    std::vector<std::string> fields = {
        R"("id":)" + one_of({"1", "-20", "null", "1.5", "x"}),
        R"("name":{"first":)" + one_of({R"("Ann")", R"("B\n")", "null", "7"}) + "}",
        R"("tags":)" + one_of({"[]", R"(["a","b"])", R"(["a"])", "null", "{}"}),
        R"("extra":)" + one_of({R"({"a":1})", "[1,2]", "5", "null"}),
        R"("other":)" + one_of({R"({"id":1})", "[1,[2]]", "\"\"", "nul"}),
        R"("ok":)" + one_of({"true", "false", "null", "\"true\""}),
    };
    if (random() % 4 == 0) std::swap(fields[0], fields[random() % fields.size()]);
    std::string out;
    for (const auto& field : fields)
        if (random() % 8 != 0) out += (out.empty() ? "" : ",") + field;
    return "{" + out + "}";
}

TEST(JsonShape, DocumentsOfManyShapesGiveWhatANewDecoderGives) {
    std::mt19937 random(20261127);
    JsonColumns decoder(columns(), schema(), false);
    int misfits = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto document = random_document(random);
        auto expected = decode_alone(document);
        misfits += expected.starts_with("misfit") ? 1 : 0;
        ASSERT_EQ(decode(decoder, document), expected) << i << ": " << document;
    }
    EXPECT_GT(misfits, 1000);
    EXPECT_LT(misfits, 19'000);
}

TEST(JsonShapes, AShapeIsFoundAfterItWasLearnedAndNotLookedForWhereNoneRepeats) {
    JsonShapes shapes;
    Padded same(R"({"a":1})");
    ASSERT_EQ(shapes.find(same.view()), nullptr);
    auto* draft = shapes.learn(same.view());
    ASSERT_NE(draft, nullptr);
    draft->add_key(same.view().data() + 1);
    draft->add_value(same.view().data() + 5, 3);
    shapes.keep();
    const auto* shape = shapes.find(same.view());
    ASSERT_NE(shape, nullptr);
    ASSERT_EQ(shape->values().size(), 1u);
    EXPECT_EQ(shape->values()[0].first, 3u);
    EXPECT_EQ(shape->values()[0].node, 3u);

    int learned = 0;
    for (int i = 0; i < 10'000; ++i) {
        std::string array = R"({"a":[0)";
        for (int n = 0; n < i % 200; ++n) array += ",0";
        Padded other(array + "]}");
        if (shapes.find(other.view()) != nullptr) continue;
        if (shapes.learn(other.view()) == nullptr) continue;
        shapes.keep();
        ++learned;
    }
    EXPECT_LT(learned, 20);
}

}  // namespace
}  // namespace penstock::stream
