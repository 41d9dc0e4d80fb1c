// The JSON Schema of a pipeline file, written from the table of keys.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "pipeline/keys.h"

namespace penstock::pipeline {
namespace {

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string quoted_list(const std::vector<std::string_view>& words) {
    std::vector<std::string> all;
    for (auto word : words) all.push_back(in_quotes(word));
    return fmt::format("[{}]", fmt::join(all, ", "));
}

std::string reference(std::string_view section) {
    return fmt::format(R"("$ref": "#/$defs/{}")", section);
}

/// The members that say what values the key takes.
std::string type_of(const Key& key) {
    constexpr auto no_limit = std::numeric_limits<std::int32_t>::max();
    switch (key.type) {
        case KeyType::text:
        case KeyType::sql:
            return R"("type": "string", "minLength": 1)";
        case KeyType::any_text:
            return R"("type": "string")";
        case KeyType::integer:
            return fmt::format(R"("type": "integer", "minimum": {}, "maximum": {})", key.min,
                               key.max == no_limit ? no_limit : key.max);
        case KeyType::boolean:
            return R"("type": "boolean")";
        case KeyType::duration: {
            constexpr std::string_view one = "([0-9.]+ *(us|ms|s|min|m|h|d|w) *)+";
            if (key.name != "retention") return fmt::format(R"("type": "string", "pattern": "^{}$")", one);
            return fmt::format(R"("type": "string", "pattern": "^({}|forever)$")", one);
        }
        case KeyType::size:
            return R"("type": ["string", "integer"], "pattern": "^[0-9.]+ *(B|kB|KB|KiB|MB|MiB|GB|GiB|TB|TiB)?$", "minimum": 0)";
        case KeyType::rate:
            return R"("type": "string", "pattern": "^[0-9]+ +(records?|requests?) +per +.+$")";
        case KeyType::choice:
            return fmt::format(R"("enum": {})", quoted_list(words_of(key.of)));
        case KeyType::text_map:
            return R"("type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] })";
        case KeyType::text_list:
            return R"("type": "array", "items": { "type": ["string", "number", "boolean"] })";
        case KeyType::query_key:
            return R"("type": "array", "minItems": 1, "prefixItems": [{ "type": ["string", "array"], "items": { "type": "string" }, "minItems": 1 }], "items": { "type": "string" })";
        case KeyType::section:
            return reference(key.of);
        case KeyType::section_map:
            return fmt::format(R"("type": ["object", "null"], "additionalProperties": {{ {} }})",
                               reference(key.of));
    }
    return {};
}

std::string property(const Key& key) {
    auto out = fmt::format(R"({}: {{ "description": {}, {})", in_quotes(key.name), in_quotes(key.help),
                           type_of(key));
    if (!key.fallback.empty()) out += fmt::format(R"(, "default": {})", key.fallback);
    if (!key.example.empty()) out += fmt::format(R"(, "examples": [{}])", key.example);
    return out + " }";
}

std::string body(const Section& section, std::string_view indent) {
    std::vector<std::string> properties;
    std::vector<std::string_view> required;
    bool optional = section.exactly_one.empty();
    for (const auto& key : section.keys) {
        properties.push_back(fmt::format("\n{}    {}", indent, property(key)));
        if (key.required) required.push_back(key.name);
    }
    optional = optional && required.empty();
    auto out = fmt::format("{}\"description\": {},\n", indent, in_quotes(section.help));
    // A section without required keys may stand there empty: "users:" under topics.
    out += fmt::format("{}\"type\": {},\n", indent, optional ? R"(["object", "null"])" : R"("object")");
    out += fmt::format("{}\"additionalProperties\": false,\n", indent);
    if (!required.empty()) out += fmt::format("{}\"required\": {},\n", indent, quoted_list(required));
    if (!section.exactly_one.empty()) {
        std::vector<std::string> one;
        for (auto name : section.exactly_one)
            one.push_back(fmt::format(R"({{ "required": [{}] }})", in_quotes(name)));
        out += fmt::format("{}\"oneOf\": [{}],\n", indent, fmt::join(one, ", "));
    }
    return out + fmt::format("{}\"properties\": {{{}\n{}}}", indent, fmt::join(properties, ","), indent);
}

}  // namespace

std::string json_schema() {
    auto all = sections();
    std::string out =
        "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
        "  \"title\": \"Penstock pipeline\",\n";
    out += body(all.front(), "  ") + ",\n  \"$defs\": {";
    std::vector<std::string> definitions;
    for (const auto& section : all.subspan(1))
        definitions.push_back(
            fmt::format("\n    {}: {{\n{}\n    }}", in_quotes(section.name), body(section, "      ")));
    return out + fmt::format("{}\n  }}\n}}\n", fmt::join(definitions, ","));
}

}  // namespace penstock::pipeline
