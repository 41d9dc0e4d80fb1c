#include "app/commands/json_document.h"

namespace penstock::app {

JsonValue JsonValue::operator[](std::string_view field) const {
    simdjson::dom::element found;
    if (!there_ || !element_.is_object() || element_.at_key(field).get(found) || found.is_null()) return {};
    return JsonValue(found);
}

std::vector<JsonValue> JsonValue::items() const {
    std::vector<JsonValue> all;
    simdjson::dom::array array;
    if (!there_ || element_.get_array().get(array)) return all;
    for (auto item : array) all.push_back(item.is_null() ? JsonValue() : JsonValue(item));
    return all;
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::fields() const {
    std::vector<std::pair<std::string, JsonValue>> all;
    simdjson::dom::object object;
    if (!there_ || element_.get_object().get(object)) return all;
    for (auto [name, value] : object)
        all.emplace_back(std::string(name), value.is_null() ? JsonValue() : JsonValue(value));
    return all;
}

std::string JsonValue::text() const {
    std::string_view view;
    if (!there_) return {};
    if (!element_.get_string().get(view)) return std::string(view);
    return json();
}

std::int64_t JsonValue::integer() const {
    std::int64_t value = 0;
    if (!there_ || element_.get_int64().get(value)) return std::int64_t(number());
    return value;
}

double JsonValue::number() const {
    double value = 0;
    if (!there_ || element_.get_double().get(value)) return 0;
    return value;
}

bool JsonValue::flag() const {
    bool value = false;
    return there_ && !element_.get_bool().get(value) && value;
}

std::string JsonValue::json() const {
    return there_ ? simdjson::minify(element_) : "null";
}

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
    JsonDocument document;
    document.parser_ = std::make_unique<simdjson::dom::parser>();
    simdjson::dom::element root;
    if (auto error = document.parser_->parse(text.data(), text.size()).get(root))
        return fail(Errc::corrupt, "not JSON: {}", simdjson::error_message(error));
    if (!root.is_null()) document.root_ = JsonValue(root);
    return document;
}

}  // namespace penstock::app
