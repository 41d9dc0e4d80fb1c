// Any bytes give a pipeline or problems, each at a place that the file has, and rendering them
// never fails.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pipeline/load.h"
#include "pipeline/text_place.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::pipeline;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto loaded = load_text(text, "fuzz.yaml");
    if (loaded.pipeline.has_value() != loaded.problems.empty()) std::abort();
    for (const auto& problem : loaded.problems) {
        if (problem.place.line < 0 || problem.place.column < 0 || problem.text.empty()) std::abort();
        if (render(problem, loaded.source_text).empty()) std::abort();
    }
    if (!loaded.pipeline) return 0;
    for (const auto& query : loaded.pipeline->queries) {
        for (int line = 1; line < 5; ++line) {
            auto place = place_in_file(query.sql, line, 1);
            if (place.line < 1 || place.column < 1) std::abort();
        }
    }
    return 0;
}
