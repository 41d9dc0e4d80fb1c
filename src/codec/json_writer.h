// Writes JSON text. Always valid JSON, whatever strings it is given.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::codec {

/// Appends text as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, one for each byte.
void append_json_string(std::string& out, std::string_view text);

/// Commas and nesting are the writer's own business:
///   JsonWriter json;
///   json.begin_object().field("name", topic.name).key("partitions").begin_array();
///   for (auto& p : partitions) json.value(p.end_offset);
///   return json.end_array().end_object().take();
/// A call that cannot stand where it is made (a value without a key in an object, an end without its begin)
/// breaks an invariant of ours: CHECK. Not thread-safe.
class JsonWriter {
public:
    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_array();
    JsonWriter& end_array();
    JsonWriter& key(std::string_view name);

    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
    JsonWriter& value(bool flag);
    /// The shortest text that reads back as the same number; what is not finite is written as null.
    JsonWriter& value(double number);
    template <std::integral Integer>
    JsonWriter& value(Integer number) {
        if constexpr (std::is_signed_v<Integer>)
            return integer(static_cast<std::int64_t>(number));
        else
            return unsigned_integer(static_cast<std::uint64_t>(number));
    }
    JsonWriter& null();
    /// json must be one valid JSON value.
    JsonWriter& raw(std::string_view json);

    template <class Value>
    JsonWriter& field(std::string_view name, Value&& of) {
        return key(name).value(std::forward<Value>(of));
    }
    JsonWriter& raw_field(std::string_view name, std::string_view json) { return key(name).raw(json); }
    JsonWriter& null_field(std::string_view name) { return key(name).null(); }

    std::size_t size() const { return out_.size(); }
    /// The whole text. Every begin must have met its end.
    std::string take();

private:
    enum class Place : std::uint8_t { array_first, array_next, object_first, object_next, after_key };
    void before_value();
    JsonWriter& integer(std::int64_t number);
    JsonWriter& unsigned_integer(std::uint64_t number);

    std::string out_;
    std::vector<Place> places_;
};

}  // namespace penstock::codec
