#include "store/cql/json_value.h"

#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "store/cql/term_value.h"
#include "store/value.h"
#include "store/vector_value.h"

namespace penstock::store::cql {
namespace {

using Element = simdjson::dom::element;

Result<std::string> value_of(const DataType& type, Element json, int depth);

/// JSON numbers keep their text; texts are read as CQL reads them.
Result<std::string> scalar(const DataType& type, Element json) {
    if (json.is_string()) {
        std::string_view text = json.get_string().value_unsafe();
        if (type.kind == Kind::blob) {
            Term term;
            term.kind = Term::Kind::blob;
            if (!text.starts_with("0x")) return fail(Errc::invalid, "a blob begins with 0x");
            term.text = text.substr(2);
            if (term.text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
                return fail(Errc::invalid, "a blob is hexadecimal digits");
            return TRY(evaluate(term, type, "[json]", {})).bytes;
        }
        return parse_text_value(type, text);
    }
    if (json.is_bool()) {
        if (type.kind != Kind::boolean)
            return fail(Errc::invalid, "Expected a value of type {}, but got a boolean", to_string(type));
        return std::string(1, json.get_bool().value_unsafe() ? '\x01' : '\0');
    }
    bool textual = type.kind == Kind::text || type.kind == Kind::ascii || type.kind == Kind::boolean ||
                   type.kind == Kind::uuid || type.kind == Kind::timeuuid || type.kind == Kind::inet;
    if (textual) return fail(Errc::invalid, "Expected a value of type {}, but got a number", to_string(type));
    auto text = simdjson::minify(json);
    bool whole = type.kind != Kind::double_ && type.kind != Kind::float_ && type.kind != Kind::decimal;
    if (whole && text.find_first_of(".eE") != std::string::npos)
        return fail(Errc::invalid, "Expected a whole number for type {}, got {}", to_string(type), text);
    return parse_text_value(type, text);
}

Result<std::string> array(const DataType& type, Element json, int depth) {
    std::vector<std::string> elements;
    std::string tuple;
    std::size_t index = 0;
    for (auto element : json.get_array().value_unsafe()) {
        if (type.is_tuple()) {
            if (index >= type.parameters.size())
                return fail(Errc::invalid, "too many elements for {}", to_string(type));
            std::optional<std::string> part;
            if (!element.is_null()) part = TRY(value_of(type.parameters[index], element, depth + 1));
            append_component(tuple, part);
            ++index;
            continue;
        }
        if (element.is_null()) return fail(Errc::invalid, "Invalid null element in {}", to_string(type));
        elements.push_back(TRY(value_of(type.parameters[0], element, depth + 1)));
    }
    if (type.kind == Kind::tuple) return tuple;
    if (type.kind == Kind::vector) {
        if (elements.size() != type.dimension)
            return fail(Errc::invalid, "Invalid vector of type {}; expected {} elements, but given {}",
                        to_string(type), type.dimension, elements.size());
        std::string vector;
        for (const auto& element : elements) append_vector_element(vector, type.parameters[0], element);
        return vector;
    }
    if (type.kind == Kind::set) {
        std::ranges::sort(
            elements, [&](const auto& a, const auto& b) { return compare(type.parameters[0], a, b) < 0; });
        elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
    }
    std::string out;
    begin_collection(out, elements.size());
    for (const auto& element : elements) append_element(out, element);
    return out;
}

/// "Name" in quotes keeps its case; without them names are in lower case, as in CQL.
std::string name_of(std::string_view key) {
    std::string name(key);
    if (name.size() > 2 && name.front() == '"' && name.back() == '"') return name.substr(1, name.size() - 2);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return name;
}

Result<std::string> fields(const DataType& type, Element json, int depth) {
    std::vector<std::optional<std::string>> values(type.parameters.size());
    for (auto [key, element] : json.get_object().value_unsafe()) {
        auto index = type.user->field(name_of(key));
        if (index < 0)
            return fail(Errc::invalid, "Unknown field '{}' in value of user defined type {}", key,
                        type.user->name);
        if (!element.is_null())
            values[std::size_t(index)] =
                TRY(value_of(type.parameters[std::size_t(index)], element, depth + 1));
    }
    std::string out;
    for (const auto& value : values) append_component(out, value);
    return out;
}

Result<std::string> object(const DataType& type, Element json, int depth) {
    if (type.kind == Kind::udt) return fields(type, json, depth);
    std::vector<std::pair<std::string, std::string>> entries;
    for (auto [key, element] : json.get_object().value_unsafe()) {
        if (element.is_null()) return fail(Errc::invalid, "Invalid null value in {}", to_string(type));
        auto key_bytes = TRY(parse_text_value(type.parameters[0], key));
        auto value = TRY(value_of(type.parameters[1], element, depth + 1));
        entries.emplace_back(std::move(key_bytes), std::move(value));
    }
    std::ranges::sort(entries, [&](const auto& a, const auto& b) {
        return compare(type.parameters[0], a.first, b.first) < 0;
    });
    std::string out;
    begin_collection(out, entries.size());
    for (const auto& [key, value] : entries) {
        append_element(out, key);
        append_element(out, value);
    }
    return out;
}

Result<std::string> value_of(const DataType& type, Element json, int depth) {
    if (depth > 16) return fail(Errc::invalid, "values are nested too deeply");
    bool wants_array = type.kind == Kind::list || type.kind == Kind::set || type.kind == Kind::tuple ||
                       type.kind == Kind::vector;
    bool wants_object = type.kind == Kind::map || type.kind == Kind::udt;
    if (wants_array != json.is_array() || wants_object != json.is_object())
        return fail(Errc::invalid, "Expected a value of type {}, but got {}", to_string(type),
                    simdjson::minify(json));
    if (json.is_array()) return array(type, json, depth);
    if (json.is_object()) return object(type, json, depth);
    return scalar(type, json);
}

}  // namespace

Result<std::optional<std::string>> parse_json_value(const DataType& type, std::string_view json) {
    simdjson::dom::parser parser;
    Element element;
    simdjson::padded_string padded(json);
    if (auto error = parser.parse(padded).get(element))
        return fail(Errc::invalid, "Could not decode JSON string '{}': {}", json,
                    simdjson::error_message(error));
    if (element.is_null()) return std::optional<std::string>();
    return std::optional(TRY(value_of(type, element, 0)));
}

Result<std::map<std::string, std::optional<std::string>>> parse_json_columns(const TableDefinition& table,
                                                                             std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::object fields;
    simdjson::padded_string padded(json);
    if (auto error = parser.parse(padded).get_object().get(fields))
        return fail(Errc::invalid, "Could not decode JSON string as a map: {}",
                    simdjson::error_message(error));
    std::map<std::string, std::optional<std::string>> out;
    for (auto [key, element] : fields) {
        auto name = name_of(key);
        const auto* column = table.find(name);
        if (column == nullptr)
            return fail(Errc::invalid, "JSON values map contains unrecognized column: {}", name);
        std::optional<std::string> value;
        if (!element.is_null()) {
            auto bytes = value_of(column->type, element, 0);
            if (!bytes) return fail("Error decoding JSON value for " + name, bytes.error());
            value = std::move(*bytes);
        }
        out[name] = std::move(value);
    }
    return out;
}

}  // namespace penstock::store::cql
