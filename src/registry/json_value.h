// A JSON text as a tree with stable addresses: schemas are compared node by node. Bounded in bytes
// and depth.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace penstock::registry {

struct JsonValue {
    enum class Kind { null, boolean, integer, number, string, array, object };

    Kind kind = Kind::null;
    bool boolean = false;
    std::int64_t integer = 0;  ///< Kind::integer
    double number = 0;         ///< Kind::integer and Kind::number
    std::string string;        ///< Kind::string; of a number its text
    std::vector<const JsonValue*> items;
    std::vector<std::pair<std::string, const JsonValue*>> members;  ///< in the text's order, names differ

    std::uint64_t hash = 0;  ///< of the whole value; equal values have equal ones

    bool is_object() const { return kind == Kind::object; }
    bool is_array() const { return kind == Kind::array; }
    bool is_string() const { return kind == Kind::string; }
    bool is_number() const { return kind == Kind::integer || kind == Kind::number; }
    const JsonValue* find(std::string_view name) const;  ///< nullptr when absent, or no object
    /// Without white space; members in their order.
    std::string text() const;
    /// Equal as JSON: the order of members does not count.
    bool equals(const JsonValue& other) const;
};

class JsonDocument {
public:
    static constexpr std::size_t max_bytes = 1024 * 1024;
    static constexpr int max_depth = 64;

    /// Errc::invalid says what is wrong and where.
    static Result<JsonDocument> parse(std::string_view text, std::size_t bytes_allowed = max_bytes);
    const JsonValue& root() const { return *root_; }

    JsonDocument(JsonDocument&&) = default;
    JsonDocument& operator=(JsonDocument&&) = default;

private:
    friend class JsonTreeBuilder;
    JsonDocument() = default;
    std::deque<JsonValue> values_;  // a deque: addresses stay
    const JsonValue* root_ = nullptr;
};

}  // namespace penstock::registry
