#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "pipeline/keys.h"
#include "pipeline/load.h"
#include "pipeline/testing/keys_reference.h"
#include "pipeline/testing/source_root.h"
#include "pipeline/text_place.h"

namespace penstock::pipeline {
namespace {

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

/// The published schema is what the loader's own table says. After a change of the table, write it
/// anew with PENSTOCK_UPDATE=1 pipeline_test --gtest_filter=JsonSchema.*
TEST(JsonSchema, PublishedFileIsInStep) {
    auto path = source_root() / "docs/pipeline.schema.json";
    if (std::getenv("PENSTOCK_UPDATE") != nullptr) std::ofstream(path, std::ios::binary) << json_schema();
    auto published = read(path);
    EXPECT_TRUE(published == json_schema())
        << "run with PENSTOCK_UPDATE=1 to write docs/pipeline.schema.json anew";
}

TEST(JsonSchema, IsJsonAndHoldsEverySectionAndKey) {
    simdjson::dom::parser parser;
    simdjson::dom::element schema;
    ASSERT_EQ(parser.parse(simdjson::padded_string(json_schema())).get(schema), simdjson::SUCCESS);
    bool file = true;
    for (const auto& section : sections()) {
        auto pointer = file ? std::string() : "/$defs/" + std::string(section.name);
        simdjson::dom::object properties;
        ASSERT_EQ(schema.at_pointer(pointer + "/properties").get(properties), simdjson::SUCCESS)
            << section.name;
        EXPECT_EQ(properties.size(), section.keys.size());
        for (const auto& key : section.keys)
            EXPECT_EQ(properties[key.name].error(), simdjson::SUCCESS) << key.name;
        file = false;
    }
}

TEST(JsonSchema, ReferenceIsInStep) {
    constexpr std::string_view begin = "<!-- keys: begin -->\n", end = "<!-- keys: end -->";
    auto path = source_root() / "docs/pipeline.md";
    auto text = read(path);
    auto from = text.find(begin), to = text.find(end);
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);
    auto now = text.substr(0, from + begin.size()) + keys_reference() + "\n" + text.substr(to);
    if (std::getenv("PENSTOCK_UPDATE") != nullptr) {
        std::ofstream(path, std::ios::binary) << now;
        text = now;
    }
    EXPECT_TRUE(text == now) << "run with PENSTOCK_UPDATE=1 to write the keys in docs/pipeline.md anew";
}

/// Every block of YAML in the reference is a whole pipeline and loads.
TEST(Reference, ExamplesLoad) {
    auto text = read(source_root() / "docs/pipeline.md");
    constexpr std::string_view fence = "```yaml\n";
    int blocks = 0;
    for (auto at = text.find(fence); at != std::string::npos; at = text.find(fence, at + 1)) {
        auto block = text.substr(at + fence.size(), text.find("```", at + fence.size()) - at - fence.size());
        auto loaded = load_text(block, "docs/pipeline.md");
        for (const auto& problem : loaded.problems) ADD_FAILURE() << render(problem, block);
        ++blocks;
    }
    EXPECT_GE(blocks, 5);
}

}  // namespace
}  // namespace penstock::pipeline
