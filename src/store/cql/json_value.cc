#include "store/cql/json_value.h"

#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "store/canonical_value.h"
#include "store/cql/term_value.h"
#include "store/value.h"
#include "store/vector_value.h"

namespace penstock::store::cql {
namespace {

using Element = simdjson::dom::element;

Result<std::string> value_of(const DataType& type, Element json, int depth);

/// What was found instead, as Cassandra calls it: "Integer: 12".
std::string described(Element json) {
    auto as = [&](std::string_view name) { return fmt::format("{}: {}", name, simdjson::minify(json)); };
    switch (json.type()) {
        case simdjson::dom::element_type::STRING:
            return fmt::format("String: {}", json.get_string().value_unsafe());
        case simdjson::dom::element_type::BOOL:
            return as("Boolean");
        case simdjson::dom::element_type::ARRAY:
            return as("ArrayList");
        case simdjson::dom::element_type::DOUBLE:
            return as("Double");
        case simdjson::dom::element_type::UINT64:
            return as("BigInteger");
        case simdjson::dom::element_type::INT64: {
            auto number = json.get_int64().value_unsafe();
            return as(number >= INT32_MIN && number <= INT32_MAX ? "Integer" : "Long");
        }
        default:
            return as("LinkedHashMap");
    }
}

/// "an int value", what a value of the type is written as in JSON.
std::string_view expected(Kind kind) {
    switch (kind) {
        case Kind::ascii:
            return "an ascii string";
        case Kind::text:
            return "a UTF-8 string";
        case Kind::boolean:
            return "a boolean value";
        case Kind::tinyint:
            return "a byte value";
        case Kind::smallint:
            return "a short value";
        case Kind::int_:
            return "an int value";
        case Kind::bigint:
        case Kind::counter:
            return "a bigint value";
        case Kind::float_:
            return "a float value";
        case Kind::double_:
            return "a double value";
        case Kind::uuid:
            return "a string representation of a uuid";
        case Kind::timeuuid:
            return "a string representation of a timeuuid";
        case Kind::inet:
            return "a string representation of an inet value";
        case Kind::date:
            return "a string representation of a date value";
        case Kind::time:
            return "a string representation of a time value";
        case Kind::timestamp:
            return "a long or a datestring representation of a timestamp value";
        case Kind::duration:
            return "a string representation of a duration";
        case Kind::list:
        case Kind::vector:
            return "a list";
        case Kind::set:
            return "a list (representing a set)";
        case Kind::map:
        case Kind::udt:
            return "a map";
        case Kind::tuple:
            return "a list representation of a tuple";
        case Kind::varint:
        case Kind::decimal:
        case Kind::blob:
            break;
    }
    return "another value";
}

std::unexpected<Error> unexpected_value(const DataType& type, Element json) {
    return fail(Errc::invalid, "Expected {}, but got a {}", expected(type.kind), described(json));
}

Result<std::string> blob_of(std::string_view text) {
    auto invalid = [&](std::string_view why) {
        return fail(Errc::invalid, "Value '{}' is not a valid blob representation: {}", text, why);
    };
    if (!text.starts_with("0x"))
        return invalid(fmt::format("String representation of blob is missing 0x prefix: {}", text));
    auto digits = text.substr(2);
    bool hex = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    if (!hex || digits.size() % 2 != 0) return invalid(fmt::format("cannot parse '{}' as hex bytes", digits));
    Term term;
    term.kind = Term::Kind::blob;
    term.text = digits;
    return TRY(evaluate(term, Kind::blob, "[json]", {})).bytes;
}

/// Texts are read as CQL reads them; an empty one is an empty value where there are such values.
Result<std::string> value_of_text(const DataType& type, std::string_view text) {
    if (type.kind == Kind::blob) return blob_of(text);
    bool may_be_empty = type.kind != Kind::date && type.kind != Kind::time && type.kind != Kind::duration &&
                        type.kind != Kind::varint && type.kind != Kind::decimal;
    if (text.empty() && may_be_empty) return std::string();
    if (type.kind == Kind::boolean) {
        std::string lower;
        for (char c : text) lower += char(std::tolower(static_cast<unsigned char>(c)));
        if (lower != "true" && lower != "false")
            return fail(Errc::invalid, "Unable to make boolean from '{}'", text);
        return std::string(1, lower == "true" ? '\x01' : '\0');
    }
    auto value = parse_text_value(type, text);
    bool number = type.kind == Kind::decimal || type.kind == Kind::varint;
    if (!value && number)
        return fail(Errc::invalid, "Value '{}' is not a valid representation of a {} value", text,
                    to_string(type));
    return value;
}

/// JSON numbers keep their text.
Result<std::string> scalar(const DataType& type, Element json) {
    if (json.is_bool()) {
        if (type.kind != Kind::boolean) return unexpected_value(type, json);
        return std::string(1, json.get_bool().value_unsafe() ? '\x01' : '\0');
    }
    auto text = simdjson::minify(json);
    if (type.kind == Kind::blob)
        return fail(Errc::invalid, "Value '{}' is not a valid blob representation: it is no string", text);
    bool fraction = type.kind == Kind::double_ || type.kind == Kind::float_ || type.kind == Kind::decimal;
    bool whole = type.kind == Kind::tinyint || type.kind == Kind::smallint || type.kind == Kind::int_ ||
                 type.kind == Kind::bigint || type.kind == Kind::counter || type.kind == Kind::varint ||
                 type.kind == Kind::timestamp;
    if (!fraction && !whole) return unexpected_value(type, json);
    bool has_fraction = text.find_first_of(".eE") != std::string::npos;
    if (has_fraction && type.kind == Kind::varint) return value_of_text(type, text);
    if (has_fraction && whole) return unexpected_value(type, json);
    auto value = parse_text_value(type, text);
    if (!value) return unexpected_value(type, json);
    return value;
}

Result<std::string> tuple_of(const DataType& type, Element json, int depth) {
    std::string out;
    std::size_t index = 0;
    auto elements = json.get_array().value_unsafe();
    if (elements.size() != type.parameters.size())
        return fail(Errc::invalid, "Tuple {} items (expected {}): {}",
                    elements.size() > type.parameters.size() ? "contains extra" : "is missing",
                    type.parameters.size(), simdjson::minify(json));
    for (auto element : elements) {
        std::optional<std::string> part;
        if (!element.is_null()) part = TRY(value_of(type.parameters[index], element, depth + 1));
        append_component(out, part);
        ++index;
    }
    return out;
}

Result<std::string> array(const DataType& type, Element json, int depth) {
    if (type.kind == Kind::tuple) return tuple_of(type, json, depth);
    std::vector<std::string> elements;
    for (auto element : json.get_array().value_unsafe()) {
        if (element.is_null())
            return fail(Errc::invalid, "Invalid null element in {}", to_string(DataType(type.kind)));
        elements.push_back(TRY(value_of(type.parameters[0], element, depth + 1)));
    }
    std::string out;
    if (type.kind == Kind::vector) {
        if (elements.size() != type.dimension)
            return fail(Errc::invalid, "Invalid vector of type {}; expected {} elements, but given {}",
                        to_string(type), type.dimension, elements.size());
        for (const auto& element : elements) append_vector_element(out, type.parameters[0], element);
        return out;
    }
    begin_collection(out, elements.size());
    for (const auto& element : elements) append_element(out, element);
    return canonical(type, out);
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

/// Where a list or a map is wanted there may be one as JSON inside a text, as keys of maps have to be.
Result<std::string> value_inside_text(const DataType& type, std::string_view text, int depth) {
    if (type.parameters.empty()) return value_of_text(type, text);
    simdjson::dom::parser parser;
    Element json;
    simdjson::padded_string padded(text);
    if (auto error = parser.parse(padded).get(json))
        return fail(Errc::invalid, "Could not decode JSON string '{}': {}", text,
                    simdjson::error_message(error));
    return value_of(type, json, depth + 1);
}

Result<std::string> object(const DataType& type, Element json, int depth) {
    if (type.kind == Kind::udt) return fields(type, json, depth);
    std::vector<std::pair<std::string, std::string>> entries;
    for (auto [key, element] : json.get_object().value_unsafe()) {
        if (element.is_null()) return fail(Errc::invalid, "Invalid null value in map");
        auto key_bytes = TRY(value_inside_text(type.parameters[0], key, depth));
        auto value = TRY(value_of(type.parameters[1], element, depth + 1));
        entries.emplace_back(std::move(key_bytes), std::move(value));
    }
    std::string out;
    begin_collection(out, entries.size());
    for (const auto& [key, value] : entries) {
        append_element(out, key);
        append_element(out, value);
    }
    return canonical(type, out);
}

Result<std::string> value_of(const DataType& type, Element json, int depth) {
    if (depth > 16) return fail(Errc::invalid, "values are nested too deeply");
    bool wants_array = type.kind == Kind::list || type.kind == Kind::set || type.kind == Kind::tuple ||
                       type.kind == Kind::vector;
    bool wants_object = type.kind == Kind::map || type.kind == Kind::udt;
    if (json.is_string()) return value_inside_text(type, json.get_string().value_unsafe(), depth);
    if (wants_array != json.is_array() || wants_object != json.is_object())
        return unexpected_value(type, json);
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
    auto parsed = parser.parse(padded);
    if (parsed.error() == simdjson::SUCCESS && parsed.is_null())
        return fail(Errc::invalid, "Got null for INSERT JSON values");
    if (auto error = parsed.get_object().get(fields))
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
