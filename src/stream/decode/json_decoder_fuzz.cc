// Columns by one pass On-Demand against the same columns taken from simdjson's DOM: what the DOM accepts must
// give the same values. And by shapes: a decoder that has seen other documents must give what a new one
// gives.
#include <simdjson.h>

#include <algorithm>
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

struct Decoded {
    explicit Decoded(std::size_t count) : columns(count) {}
    bool accepted = false;
    std::vector<Column> columns;
    Arena arena;
};

/// Of a text with 64 readable bytes behind it.
std::unique_ptr<Decoded> decode(JsonColumns& decoder, std::string_view text,
                                const std::vector<ScanColumn>& columns) {
    auto out = std::make_unique<Decoded>(columns.size());
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        out->columns[i].type = columns[i].type;
        slots.push_back(open_slot(out->columns[i], 1));
    }
    out->accepted = decoder.decode(text, slots, 0, out->arena);
    CHECK(out->accepted || !decoder.why().reason.empty());
    return out;
}

void check_same(const Decoded& one, const Decoded& other) {
    CHECK(one.accepted == other.accepted);
    if (!one.accepted) return;
    for (std::size_t i = 0; i < one.columns.size(); ++i) {
        CHECK(one.columns[i].nulls[0] == other.columns[i].nulls[0]);
        if (one.columns[i].nulls[0]) continue;
        CHECK(one.columns[i].integers == other.columns[i].integers);
        CHECK(one.columns[i].strings == other.columns[i].strings);
    }
}

/// The documents that line ends separate, by one decoder and each by a new one.
void check_shapes(std::string_view text, const std::vector<ScanColumn>& columns) {
    JsonColumns used(columns, schema(), false);
    for (int count = 0; !text.empty() && count < 20; ++count) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        std::string padded(line);
        padded.append(64, '\0');
        std::string_view document(padded.data(), line.size());
        JsonColumns fresh(columns, schema(), false);
        auto expected = decode(fresh, document, columns);
        check_same(*expected, *decode(used, document, columns));
        check_same(*expected, *decode(fresh, document, columns));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 100'000) return 0;
    static const auto columns = scan();
    // Exactly as many readable bytes as are promised.
    std::unique_ptr<char[]> bytes(new char[size + 64]());
    if (size > 0) std::memcpy(bytes.get(), data, size);
    std::string_view text(bytes.get(), size);
    check_shapes(text, columns);
    JsonColumns decoder(columns, schema(), false);
    auto decoded = decode(decoder, text, columns);
    const auto& out = decoded->columns;

    simdjson::dom::parser parser;
    simdjson::dom::element document;
    if (parser.parse(text.data(), text.size()).get(document) || !document.is_object()) return 0;
    if (!decoded->accepted) return 0;  // a value of another type than its column
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
