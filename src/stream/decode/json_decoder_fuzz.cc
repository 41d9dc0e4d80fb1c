// Columns by one pass On-Demand against the same columns taken from simdjson's DOM: what the DOM accepts must
// give the same values.
#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "stream/decode/json_columns.h"
#include "stream/expr/cast.h"

namespace {

using namespace penstock;
using namespace penstock::stream;

std::vector<ScanColumn> scan() {
    auto column = [](Path path, TypeId type, bool from_text, DataType natural) {
        ScanColumn out;
        out.path = std::move(path);
        out.type = type;
        out.from_text = from_text;
        out.natural = std::move(natural);
        return out;
    };
    auto string = scalar_type(TypeId::string);
    return {column({{"a", -1}}, TypeId::string, false, string),
            column({{"b", -1}, {"c", -1}}, TypeId::int64, false, scalar_type(TypeId::int64)),
            column({{"b", -1}, {"d", -1}}, TypeId::string, true, string),
            column({{"e", -1}, {"", 1}}, TypeId::string, true, string),
            column({{"f", -1}}, TypeId::boolean, false, scalar_type(TypeId::boolean))};
}

DataType schema() {
    return *parse_ddl("a STRING, b STRUCT<c: BIGINT, d: STRING>, e ARRAY<STRING>, f BOOLEAN");
}

/// The last field of the name, as duplicates are settled.
std::optional<simdjson::dom::element> last(simdjson::dom::element from, const PathStep& step) {
    std::optional<simdjson::dom::element> out;
    if (step.index >= 0) {
        simdjson::dom::array array;
        simdjson::dom::element found;
        if (!from.get(array) && !array.at(std::size_t(step.index)).get(found)) out = found;
        return out;
    }
    simdjson::dom::object object;
    if (from.get(object)) return out;
    for (auto field : object)
        if (field.key == step.name) out = field.value;
    return out;
}

/// The element where the path leads; fits becomes false where something else than the schema's shape stands.
std::optional<simdjson::dom::element> follow(simdjson::dom::element from, const Path& path, bool& fits) {
    std::optional<simdjson::dom::element> at = from;
    for (const auto& step : path) {
        if (at->is_null()) return std::nullopt;
        if (step.index >= 0 ? !at->is_array() : !at->is_object()) {
            fits = false;
            return std::nullopt;
        }
        at = last(*at, step);
        if (!at) return std::nullopt;
    }
    if (at->is_null()) return std::nullopt;
    return at;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 100'000) return 0;
    static const auto columns = scan();
    // Exactly as many readable bytes as are promised.
    std::unique_ptr<char[]> bytes(new char[size + 64]());
    if (size > 0) std::memcpy(bytes.get(), data, size);
    std::string_view text(bytes.get(), size);
    JsonColumns decoder(columns, schema(), false);
    std::vector<Column> out(columns.size());
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        out[i].type = columns[i].type;
        slots.push_back(open_slot(out[i], 1));
    }
    Arena arena;
    bool accepted = decoder.decode(text, slots, 0, arena);
    CHECK(accepted || !decoder.why().reason.empty());

    simdjson::dom::parser parser;
    simdjson::dom::element document;
    if (parser.parse(text.data(), text.size()).get(document) || !document.is_object()) return 0;
    if (!accepted) return 0;  // a value of another type than its column
    for (std::size_t i = 0; i < columns.size(); ++i) {
        bool fits = true;
        auto element = follow(document, columns[i].path, fits);
        CHECK(fits || out[i].nulls[0]);
        if (!element) {
            CHECK(out[i].nulls[0]);
            continue;
        }
        CHECK(!out[i].nulls[0]);
        std::string_view string;
        std::int64_t integer = 0;
        bool boolean = false;
        switch (columns[i].type) {
            case TypeId::int64:
                CHECK(!element->get(integer) && integer == out[i].integers[0]);
                break;
            case TypeId::boolean:
                CHECK(!element->get(boolean) && boolean == (out[i].integers[0] != 0));
                break;
            default:
                if (!element->get(string)) CHECK(string == out[i].strings[0]);
        }
    }
    return 0;
}
