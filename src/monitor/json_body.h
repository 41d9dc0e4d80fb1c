// Request bodies: JSON taken apart with errors that name the field and say what was expected there.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::monitor {

/// An object within a body. Lives as long as the JsonBody it comes from. All errors are Errc::invalid.
class JsonObject {
public:
    JsonObject(simdjson::dom::object object, std::string path) : object_(object), path_(std::move(path)) {}

    /// An error for a field that is none of these.
    Result<> only(std::initializer_list<std::string_view> names) const;
    bool has(std::string_view name) const;
    /// Where the field stands: "records[2].value".
    std::string path_of(std::string_view name) const;
    Result<std::string> string(std::string_view name) const;
    /// Nothing when it is missing or null.
    Result<std::optional<std::string>> optional_string(std::string_view name) const;
    Result<std::optional<bool>> optional_bool(std::string_view name) const;
    Result<std::optional<std::int64_t>> optional_integer(std::string_view name, std::int64_t least,
                                                         std::int64_t most) const;
    /// An object of strings (numbers and booleans are taken as their text); empty when missing.
    Result<std::map<std::string, std::string>> strings(std::string_view name) const;
    Result<std::vector<JsonObject>> objects(std::string_view name, std::size_t most) const;
    /// The text of the object there; nothing when missing.
    Result<std::optional<std::string>> optional_object_text(std::string_view name) const;

private:
    std::optional<simdjson::dom::element> at(std::string_view name) const;

    simdjson::dom::object object_;
    std::string path_;
};

class JsonBody {
public:
    /// The body must be one JSON object. An error in its syntax is told with line and column.
    static Result<JsonBody> parse(std::string_view text);
    const JsonObject& object() const { return *object_; }

private:
    JsonBody() = default;
    std::unique_ptr<simdjson::dom::parser> parser_;
    std::optional<JsonObject> object_;
};

/// Whether text is one valid JSON value, so that it may stand within another.
bool is_json(std::string_view text);

}  // namespace penstock::monitor
