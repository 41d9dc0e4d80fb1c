// Checks JSON against as much of JSON Schema as openapi.json uses. For tests.
#pragma once

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::monitor::testing {

class JsonSchema {
public:
    using Element = simdjson::dom::element;
    using Object = simdjson::dom::object;

    /// document: openapi.json, whose #/components/schemas are referred to.
    explicit JsonSchema(Element document) : document_(document) {}

    /// What does not fit, one line each, with its path; empty when all does.
    std::vector<std::string> check(Element schema, Element value) {
        problems_.clear();
        check_at("$", schema, value);
        return problems_;
    }

private:
    void check_at(const std::string& path, Element schema, Element value) {
        std::string_view ref;
        if (schema["$ref"].get(ref) == simdjson::SUCCESS) {
            Element target;
            if (document_.at_pointer(ref.substr(1)).get(target) != simdjson::SUCCESS) {
                problems_.push_back(fmt::format("{}: {} does not exist", path, ref));
                return;
            }
            return check_at(path, target, value);
        }
        simdjson::dom::array any;
        if (schema["anyOf"].get(any) == simdjson::SUCCESS) return check_any(path, any, value);
        std::string_view type;
        if (schema["type"].get(type) == simdjson::SUCCESS && !fits(type, value)) {
            problems_.push_back(
                fmt::format("{}: expected {}, found {}", path, type, simdjson::minify(value)));
            return;
        }
        check_enum(path, schema, value);
        if (value.is_object()) check_object(path, schema, value.get_object());
        Element items;
        if (value.is_array() && schema["items"].get(items) == simdjson::SUCCESS) {
            std::size_t number = 0;
            for (const auto item : value.get_array()) {
                check_at(fmt::format("{}[{}]", path, number++), items, item);
            }
        }
    }

    void check_any(const std::string& path, simdjson::dom::array schemas, Element value) {
        const auto before = problems_;
        for (const auto schema : schemas) {
            problems_ = before;
            check_at(path, schema, value);
            if (problems_.size() == before.size()) return;
        }
    }

    void check_enum(const std::string& path, Element schema, Element value) {
        simdjson::dom::array values;
        if (schema["enum"].get(values) != simdjson::SUCCESS) return;
        const auto text = simdjson::minify(value);
        for (const auto one : values) {
            if (simdjson::minify(one) == text) return;
        }
        problems_.push_back(fmt::format("{}: {} is not in the enum", path, text));
    }

    void check_object(const std::string& path, Element schema, Object object) {
        simdjson::dom::array required;
        if (schema["required"].get(required) == simdjson::SUCCESS) {
            for (const std::string_view name : required) {
                if (object.at_key(name).error() != simdjson::SUCCESS) {
                    problems_.push_back(fmt::format("{}: {} is missing", path, name));
                }
            }
        }
        Object properties;
        const bool has_properties = schema["properties"].get(properties) == simdjson::SUCCESS;
        Element additional;
        const bool has_additional = schema["additionalProperties"].get(additional) == simdjson::SUCCESS;
        for (const auto field : object) {
            const auto inner = fmt::format("{}.{}", path, field.key);
            Element property;
            if (has_properties && properties.at_key(field.key).get(property) == simdjson::SUCCESS) {
                check_at(inner, property, field.value);
            } else if (has_additional && additional.is_object()) {
                check_at(inner, additional, field.value);
            } else if (has_additional) {
                problems_.push_back(fmt::format("{}: is not documented", inner));
            }
        }
    }

    static bool fits(std::string_view type, Element value) {
        if (type == "string") return value.is_string();
        if (type == "integer") return value.is_int64() || value.is_uint64();
        if (type == "number") return value.is_number();
        if (type == "boolean") return value.is_bool();
        if (type == "array") return value.is_array();
        if (type == "object") return value.is_object();
        return type == "null" && value.is_null();
    }

    Element document_;
    std::vector<std::string> problems_;
};

}  // namespace penstock::monitor::testing
