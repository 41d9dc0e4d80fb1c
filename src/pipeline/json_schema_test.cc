#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "pipeline/keys.h"
#include "pipeline/testing/source_root.h"

namespace penstock::pipeline {
namespace {

/// The published schema is what the loader's own table says. After a change of the table, write it
/// anew with PENSTOCK_UPDATE=1 pipeline_test --gtest_filter=JsonSchema.*
TEST(JsonSchema, PublishedFileIsInStep) {
    auto path = source_root() / "docs/pipeline.schema.json";
    if (std::getenv("PENSTOCK_UPDATE") != nullptr)
        std::ofstream(path, std::ios::binary) << json_schema();
    std::ifstream in(path, std::ios::binary);
    std::string published(std::istreambuf_iterator<char>(in), {});
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

}  // namespace
}  // namespace penstock::pipeline
