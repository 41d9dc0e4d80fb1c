#include "monitor/json_body.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace penstock::monitor {

namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

std::string_view name_of(dom::element_type type) {
    switch (type) {
        case dom::element_type::ARRAY:
            return "an array";
        case dom::element_type::OBJECT:
            return "an object";
        case dom::element_type::INT64:
        case dom::element_type::UINT64:
        case dom::element_type::DOUBLE:
            return "a number";
        case dom::element_type::STRING:
            return "a string";
        case dom::element_type::BOOL:
            return "a boolean";
        case dom::element_type::NULL_VALUE:
            return "null";
    }
    return "something else";
}

/// The On-Demand parser does not check how deep it goes.
constexpr int max_depth = 900;

/// Walks all of the document until the parser meets what is wrong with it.
simdjson::error_code walk(ondemand::value value, int depth = 0) {
    if (depth == max_depth) return simdjson::DEPTH_ERROR;
    ondemand::json_type type{};
    if (auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::object) {
        ondemand::object object;
        if (auto error = value.get_object().get(object)) return error;
        for (auto field : object) {
            std::string_view key;
            if (auto error = field.unescaped_key().get(key)) return error;
            ondemand::value inner;
            if (auto error = field.value().get(inner)) return error;
            if (auto error = walk(inner, depth + 1)) return error;
        }
        return simdjson::SUCCESS;
    }
    if (type == ondemand::json_type::array) {
        ondemand::array array;
        if (auto error = value.get_array().get(array)) return error;
        for (auto element : array) {
            ondemand::value inner;
            if (auto error = element.get(inner)) return error;
            if (auto error = walk(inner, depth + 1)) return error;
        }
        return simdjson::SUCCESS;
    }
    if (type == ondemand::json_type::string) {
        std::string_view text;
        return value.get_string().get(text);
    }
    if (type == ondemand::json_type::number) {
        ondemand::number number;
        return value.get_number().get(number);
    }
    if (type == ondemand::json_type::boolean) {
        bool flag = false;
        return value.get_bool().get(flag);
    }
    return value.is_null() ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
}

/// " at line 2, column 7", where the parser that keeps places stopped; empty when it cannot say.
std::string place_of_error(const simdjson::padded_string& text) {
    ondemand::parser parser;
    ondemand::document document;
    if (parser.iterate(text).get(document) != simdjson::SUCCESS) return {};
    ondemand::value value;
    if (document.get_value().get(value) == simdjson::SUCCESS) (void)walk(value);
    const char* stopped = nullptr;
    if (document.current_location().get(stopped) != simdjson::SUCCESS) return " at its end";
    const auto offset = stopped - text.data();
    if (offset < 0 || static_cast<std::size_t>(offset) > text.size()) return {};
    const std::string_view before(text.data(), static_cast<std::size_t>(offset));
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto line_start = before.rfind('\n');
    const auto column = line_start == std::string_view::npos ? before.size() + 1 : before.size() - line_start;
    return fmt::format(" at line {}, column {}", line, column);
}

std::unexpected<Error> expected(std::string_view path, std::string_view what, dom::element_type found) {
    return fail(Errc::invalid, "{}: expected {}, found {}", path, what, name_of(found));
}

}  // namespace

std::string JsonObject::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

std::optional<dom::element> JsonObject::at(std::string_view name) const {
    dom::element element;
    if (object_.at_key(name).get(element) != simdjson::SUCCESS) return std::nullopt;
    return element;
}

Result<> JsonObject::only(std::initializer_list<std::string_view> names) const {
    for (const auto field : object_) {
        if (std::ranges::find(names, field.key) != names.end()) continue;
        return fail(Errc::invalid, "{}: unknown field; expected one of {}", path_of(field.key),
                    fmt::join(names, ", "));
    }
    return {};
}

bool JsonObject::has(std::string_view name) const {
    return at(name).has_value();
}

Result<std::string> JsonObject::string(std::string_view name) const {
    auto value = TRY(optional_string(name));
    if (value) return std::move(*value);
    return fail(Errc::invalid, "{}: is missing; expected a string", path_of(name));
}

Result<std::optional<std::string>> JsonObject::optional_string(std::string_view name) const {
    const auto element = at(name);
    if (!element || element->is_null()) return std::nullopt;
    std::string_view text;
    if (element->get_string().get(text) != simdjson::SUCCESS) {
        return expected(path_of(name), "a string", element->type());
    }
    return std::string(text);
}

Result<std::optional<bool>> JsonObject::optional_bool(std::string_view name) const {
    const auto element = at(name);
    if (!element || element->is_null()) return std::nullopt;
    bool flag = false;
    if (element->get_bool().get(flag) != simdjson::SUCCESS) {
        return expected(path_of(name), "true or false", element->type());
    }
    return flag;
}

Result<std::optional<std::int64_t>> JsonObject::optional_integer(std::string_view name, std::int64_t least,
                                                                 std::int64_t most) const {
    const auto element = at(name);
    if (!element || element->is_null()) return std::nullopt;
    std::int64_t number = 0;
    if (element->get_int64().get(number) != simdjson::SUCCESS) {
        return expected(path_of(name), "a whole number", element->type());
    }
    if (number >= least && number <= most) return number;
    return fail(Errc::invalid, "{}: expected {} to {}, found {}", path_of(name), least, most, number);
}

Result<std::map<std::string, std::string>> JsonObject::strings(std::string_view name) const {
    std::map<std::string, std::string> all;
    const auto element = at(name);
    if (!element || element->is_null()) return all;
    dom::object object;
    if (element->get_object().get(object) != simdjson::SUCCESS) {
        return expected(path_of(name), "an object of strings", element->type());
    }
    for (const auto field : object) {
        std::string_view text;
        if (field.value.get_string().get(text) == simdjson::SUCCESS) {
            all.insert_or_assign(std::string(field.key), std::string(text));
        } else if (field.value.is_number() || field.value.is_bool()) {
            all.insert_or_assign(std::string(field.key), simdjson::minify(field.value));
        } else {
            return expected(fmt::format("{}.{}", path_of(name), field.key), "a string", field.value.type());
        }
    }
    return all;
}

Result<std::vector<JsonObject>> JsonObject::objects(std::string_view name, std::size_t most) const {
    const auto element = at(name);
    if (!element) return fail(Errc::invalid, "{}: is missing; expected an array", path_of(name));
    dom::array array;
    if (element->get_array().get(array) != simdjson::SUCCESS) {
        return expected(path_of(name), "an array of objects", element->type());
    }
    std::vector<JsonObject> all;
    for (const auto item : array) {
        if (all.size() == most) {
            return fail(Errc::invalid, "{}: more than {} entries; send them in several requests",
                        path_of(name), most);
        }
        auto path = fmt::format("{}[{}]", path_of(name), all.size());
        dom::object object;
        if (item.get_object().get(object) != simdjson::SUCCESS) {
            return expected(path, "an object", item.type());
        }
        all.emplace_back(object, std::move(path));
    }
    return all;
}

Result<std::optional<std::string>> JsonObject::optional_object_text(std::string_view name) const {
    const auto element = at(name);
    if (!element || element->is_null()) return std::nullopt;
    if (!element->is_object()) return expected(path_of(name), "an object", element->type());
    return simdjson::minify(*element);
}

Result<JsonBody> JsonBody::parse(std::string_view text) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return fail(Errc::invalid, "the body is empty; expected a JSON object");
    }
    JsonBody body;
    body.parser_ = std::make_unique<dom::parser>();
    const simdjson::padded_string padded(text);
    dom::element element;
    if (const auto error = body.parser_->parse(padded).get(element)) {
        const auto place = error == simdjson::DEPTH_ERROR ? "" : place_of_error(padded);
        return fail(Errc::invalid, "the body is not JSON{}: {}", place, simdjson::error_message(error));
    }
    dom::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) {
        return expected("the body", "a JSON object", element.type());
    }
    body.object_.emplace(object, "");
    return body;
}

bool is_json(std::string_view text) {
    simdjson::dom::parser parser;
    return parser.parse(simdjson::padded_string(text)).error() == simdjson::SUCCESS;
}

}  // namespace penstock::monitor
