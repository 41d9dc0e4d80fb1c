// JSON that a server answered with, read leniently: what is missing reads as empty, zero, or false.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::app {

/// A value within a document; valid as long as the document.
class JsonValue {
public:
    JsonValue() = default;
    explicit JsonValue(simdjson::dom::element element) : element_(element), there_(true) {}

    bool there() const { return there_; }  ///< neither missing nor null
    JsonValue operator[](std::string_view field) const;
    std::vector<JsonValue> items() const;                           ///< of an array
    std::vector<std::pair<std::string, JsonValue>> fields() const;  ///< of an object
    std::string text() const;  ///< a string as it is, anything else as JSON
    std::int64_t integer() const;
    double number() const;
    bool flag() const;
    std::string json() const;  ///< on one line
    bool is_string() const { return there_ && element_.is_string(); }
    bool is_number() const { return there_ && element_.is_number(); }

private:
    simdjson::dom::element element_;
    bool there_ = false;
};

class JsonDocument {
public:
    /// Errc::corrupt when it is not JSON.
    static Result<JsonDocument> parse(std::string_view text);
    JsonValue root() const { return root_; }

private:
    std::unique_ptr<simdjson::dom::parser> parser_;
    JsonValue root_;
};

}  // namespace penstock::app
