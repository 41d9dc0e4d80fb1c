#include "registry/json_value.h"

#include <simdjson.h>

#include <algorithm>
#include <set>

#include "codec/json_writer.h"

namespace penstock::registry {

/// Copies simdjson's tree into one that outlives its parser.
class JsonTreeBuilder {
public:
    explicit JsonTreeBuilder(std::deque<JsonValue>& values) : values_(values) {}

    Result<const JsonValue*> build(simdjson::dom::element element, int depth) {
        if (depth > JsonDocument::max_depth)
            return fail(Errc::invalid, "nested deeper than {} levels", JsonDocument::max_depth);
        auto& value = values_.emplace_back();
        switch (element.type()) {
            case simdjson::dom::element_type::NULL_VALUE:
                break;
            case simdjson::dom::element_type::BOOL:
                value.kind = JsonValue::Kind::boolean;
                value.boolean = element.get_bool().value_unsafe();
                break;
            case simdjson::dom::element_type::STRING:
                value.kind = JsonValue::Kind::string;
                value.string = element.get_string().value_unsafe();
                break;
            case simdjson::dom::element_type::INT64:
            case simdjson::dom::element_type::UINT64:
            case simdjson::dom::element_type::DOUBLE:
                fill_number(element, value);
                break;
            case simdjson::dom::element_type::ARRAY:
                value.kind = JsonValue::Kind::array;
                for (auto item : element.get_array().value_unsafe())
                    value.items.push_back(TRY(build(item, depth + 1)));
                break;
            case simdjson::dom::element_type::OBJECT:
                TRY(fill_object(element, value, depth));
                break;
        }
        value.hash = hash_of(value);
        return &value;
    }

private:
    static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
        auto x = (a ^ (b + 0x9E3779B97F4A7C15ULL + (a << 6) + (a >> 2))) * 0xBF58476D1CE4E5B9ULL;
        return x ^ (x >> 31);
    }
    static std::uint64_t hash_of(const JsonValue& value) {
        std::hash<std::string_view> text;
        // 1 and 1.0 are equal.
        if (value.is_number()) return mix(7, std::hash<double>()(value.number));
        auto hash = mix(std::uint64_t(value.kind) + 11, value.boolean ? 1 : 0);
        hash = mix(hash, text(value.string));
        for (const auto* item : value.items) hash = mix(hash, item->hash);
        std::uint64_t sum = 0;  // the order of members does not count
        for (const auto& [name, member] : value.members) sum += mix(text(name), member->hash);
        return mix(hash, sum);
    }

    static void fill_number(simdjson::dom::element element, JsonValue& value) {
        value.kind = element.is_int64() ? JsonValue::Kind::integer : JsonValue::Kind::number;
        if (element.is_int64()) value.integer = element.get_int64().value_unsafe();
        value.number = element.get_double().value_unsafe();
        value.string = simdjson::minify(element);
    }

    Result<> fill_object(simdjson::dom::element element, JsonValue& value, int depth) {
        value.kind = JsonValue::Kind::object;
        std::set<std::string_view> names;
        for (auto member : element.get_object().value_unsafe()) {
            if (!names.insert(member.key).second)
                return fail(Errc::invalid, "the name '{}' stands twice in one object", member.key);
            value.members.emplace_back(std::string(member.key), TRY(build(member.value, depth + 1)));
        }
        return {};
    }

    std::deque<JsonValue>& values_;
};

namespace {

void write(const JsonValue& value, codec::JsonWriter& out) {
    switch (value.kind) {
        case JsonValue::Kind::null:
            out.null();
            break;
        case JsonValue::Kind::boolean:
            out.value(value.boolean);
            break;
        case JsonValue::Kind::integer:
        case JsonValue::Kind::number:
            out.raw(value.string);
            break;
        case JsonValue::Kind::string:
            out.value(value.string);
            break;
        case JsonValue::Kind::array:
            out.begin_array();
            for (const auto* item : value.items) write(*item, out);
            out.end_array();
            break;
        case JsonValue::Kind::object:
            out.begin_object();
            for (const auto& [name, member] : value.members) {
                out.key(name);
                write(*member, out);
            }
            out.end_object();
            break;
    }
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
    for (const auto& [key, value] : members)
        if (key == name) return value;
    return nullptr;
}

std::string JsonValue::text() const {
    codec::JsonWriter out;
    write(*this, out);
    return out.take();
}

bool JsonValue::equals(const JsonValue& other) const {
    if (this == &other) return true;
    if (hash != other.hash) return false;
    if (is_number() && other.is_number()) return number == other.number;
    if (kind != other.kind || boolean != other.boolean || string != other.string) return false;
    if (items.size() != other.items.size() || members.size() != other.members.size()) return false;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (!items[i]->equals(*other.items[i])) return false;
    using Member = std::pair<std::string_view, const JsonValue*>;
    std::vector<Member> mine(members.begin(), members.end()),
        theirs(other.members.begin(), other.members.end());
    auto by_name = [](const Member& a, const Member& b) { return a.first < b.first; };
    std::sort(mine.begin(), mine.end(), by_name);
    std::sort(theirs.begin(), theirs.end(), by_name);
    for (std::size_t i = 0; i < mine.size(); ++i)
        if (mine[i].first != theirs[i].first || !mine[i].second->equals(*theirs[i].second)) return false;
    return true;
}

Result<JsonDocument> JsonDocument::parse(std::string_view text, std::size_t bytes_allowed) {
    if (text.size() > bytes_allowed)
        return fail(Errc::invalid, "{} bytes long; at most {} are allowed", text.size(), bytes_allowed);
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    auto error = parser.parse(simdjson::padded_string(text)).get(element);
    if (error) return fail(Errc::invalid, "not valid JSON: {}", simdjson::error_message(error));
    JsonDocument document;
    document.root_ = TRY(JsonTreeBuilder(document.values_).build(element, 1));
    return document;
}

}  // namespace penstock::registry
