#include "stream/expr/nested.h"

#include <simdjson.h>

#include "base/units.h"

namespace penstock::stream {

namespace {

std::optional<std::string> field_text(simdjson::dom::parser& parser, std::string_view json,
                                      const Vector& step, bool as_text) {
    simdjson::dom::element document, found;
    if (parser.parse(json.data(), json.size()).get(document)) return std::nullopt;
    if (storage_of(step.column->type) == Storage::integers) {
        simdjson::dom::array array;
        if (document.get(array) || array.at(std::size_t(step.column->integers[0])).get(found))
            return std::nullopt;
    } else {
        simdjson::dom::object object;
        if (document.get(object) || object.at_key(step.column->strings[0]).get(found)) return std::nullopt;
    }
    if (found.is_null()) return std::nullopt;
    std::string_view text;
    if (as_text && !found.get(text)) return std::string(text);
    return simdjson::minify(found);
}

}  // namespace

void json_field_kernel(Evaluation& e, const Expression& call, std::span<const Vector> args, Column& out) {
    simdjson::dom::parser parser;
    bool as_text = call.type == TypeId::string;
    map_rows<std::string_view, std::string_view>(
        e, args.first(1), out, [&](std::string_view json) -> std::optional<std::string_view> {
            auto text = field_text(parser, json, args[1], as_text);
            if (!text) return std::nullopt;
            return e.arena->copy(*text);
        });
}

void window_struct_kernel(Evaluation& e, const Expression&, std::span<const Vector> args, Column& out) {
    map_rows<std::string_view, std::int64_t, std::int64_t>(
        e, args, out, [&](std::int64_t start, std::int64_t end) {
            return e.arena->copy(
                fmt::format(R"({{"start":"{}","end":"{}"}})", format_time_us(start), format_time_us(end)));
        });
}

}  // namespace penstock::stream
