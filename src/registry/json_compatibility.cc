#include "registry/json_compatibility.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/ascii_case.h"

namespace penstock::registry {
namespace {

constexpr std::array type_names{"null", "boolean", "integer", "number", "string", "array", "object"};
using Types = unsigned;  // a bit for each of type_names
using Names = std::set<std::string_view>;

Types type_bit(std::string_view name) {
    for (std::size_t i = 0; i < type_names.size(); ++i)
        if (name == type_names[i]) return 1U << i;
    return 0;
}

bool is_schema(const JsonValue& value) {
    return value.is_object() || value.kind == JsonValue::Kind::boolean;
}
bool is_true(const JsonValue& value) {
    return value.kind == JsonValue::Kind::boolean && value.boolean;
}
bool is_false(const JsonValue& value) {
    return value.kind == JsonValue::Kind::boolean && !value.boolean;
}

Types types_of(const JsonValue& schema) {
    const auto* type = schema.find("type");
    if (type == nullptr) return (1U << type_names.size()) - 1;
    auto types = type->is_string() ? type_bit(type->string) : 0U;
    for (const auto* item : type->items) types |= type_bit(item->string);
    if ((types & type_bit("number")) != 0) types |= type_bit("integer");
    return types;
}

class Checker {
public:
    Result<> check(const JsonValue& schema, const std::string& path) {
        if (schema.kind == JsonValue::Kind::boolean) return {};
        if (!schema.is_object()) return wrong(path, "expected a schema: an object, true or false");
        TRY(check_type(schema, path));
        for (auto keyword : {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}) {
            const auto* map = schema.find(keyword);
            if (map == nullptr) continue;
            auto at = fmt::format("{}/{}", path, keyword);
            if (!map->is_object()) return wrong(at, "expected an object of schemas");
            for (const auto& [name, value] : map->members) TRY(check(*value, fmt::format("{}/{}", at, name)));
        }
        for (auto keyword : {"additionalProperties", "items", "additionalItems", "not", "contains",
                             "propertyNames", "if", "then", "else"}) {
            const auto* value = schema.find(keyword);
            if (value == nullptr || (value->is_array() && std::string_view(keyword) == "items")) continue;
            TRY(check(*value, fmt::format("{}/{}", path, keyword)));
        }
        for (auto keyword : {"allOf", "anyOf", "oneOf", "prefixItems", "items"}) {
            const auto* list = schema.find(keyword);
            if (list == nullptr || (!list->is_array() && std::string_view(keyword) == "items")) continue;
            if (!list->is_array())
                return wrong(fmt::format("{}/{}", path, keyword), "expected an array of schemas");
            for (std::size_t i = 0; i < list->items.size(); ++i)
                TRY(check(*list->items[i], fmt::format("{}/{}/{}", path, keyword, i)));
        }
        return check_values(schema, path);
    }

private:
    static std::unexpected<Error> wrong(const std::string& path, std::string_view text) {
        return fail(Errc::invalid, "{}: {}", path.empty() ? "/" : path, text);
    }

    static Result<> check_type(const JsonValue& schema, const std::string& path) {
        const auto* type = schema.find("type");
        if (type == nullptr) return {};
        std::vector<const JsonValue*> names{type};
        if (type->is_array()) names = type->items;
        for (const auto* name : names) {
            bool known = name->is_string() &&
                         std::find(type_names.begin(), type_names.end(), name->string) != type_names.end();
            if (!known)
                return wrong(path + "/type",
                             "expected null, boolean, integer, number, string, array or object, or "
                             "a list of them");
        }
        return {};
    }

    static Result<> check_values(const JsonValue& schema, const std::string& path) {
        for (auto keyword :
             {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}) {
            const auto* value = schema.find(keyword);
            if (value != nullptr && (!value->is_number() || value->number < 0))
                return wrong(fmt::format("{}/{}", path, keyword), "expected a number of 0 or more");
        }
        for (auto keyword : {"minimum", "maximum", "multipleOf"}) {
            const auto* value = schema.find(keyword);
            if (value != nullptr && !value->is_number())
                return wrong(fmt::format("{}/{}", path, keyword), "expected a number");
        }
        if (const auto* required = schema.find("required");
            required != nullptr && required->kind != JsonValue::Kind::boolean) {
            bool right =
                required->is_array() && std::all_of(required->items.begin(), required->items.end(),
                                                    [](const JsonValue* v) { return v->is_string(); });
            if (!right) return wrong(path + "/required", "expected an array of strings");
        }
        if (const auto* list = schema.find("enum"); list != nullptr && !list->is_array())
            return wrong(path + "/enum", "expected an array");
        if (const auto* to = schema.find("$ref"); to != nullptr && !to->is_string())
            return wrong(path + "/$ref", "expected a string");
        if (const auto* pattern = schema.find("pattern"); pattern != nullptr && !pattern->is_string())
            return wrong(path + "/pattern", "expected a string");
        return {};
    }
};

/// Walks both schemas at once. A pair that is being compared already is taken as accepted.
class Comparison {
public:
    Comparison(const JsonValue& reader, const JsonValue& writer)
        : reader_root_(reader), writer_root_(writer) {}

    void compare(const JsonValue& reader_in, const JsonValue& writer_in, const std::string& path) {
        const auto* reader = resolve(reader_root_, reader_in);
        const auto* writer = resolve(writer_root_, writer_in);
        if (reader == nullptr || writer == nullptr) {
            if (!reader_in.equals(writer_in))
                add("REFERENCE_CHANGED", path,
                    "A reference at path '{path}' in the {reader} schema leads out of the schema "
                    "and differs",
                    "");
            return;
        }
        if (!spend(1, path)) return;
        if (is_true(*reader) || is_false(*writer)) return;
        if (reader->is_object() && reader->members.empty()) return;
        if (is_false(*reader))
            return add("TYPE_NARROWED", path, "The {reader} schema at path '{path}' allows nothing any more",
                       "");
        if (!under_way_.emplace(reader, writer).second) return;
        compare_schemas(*reader, is_true(*writer) ? anything_ : *writer, path);
        under_way_.erase({reader, writer});
    }

    std::vector<Difference> take() {
        if (steps_ > most_steps) add("TOO_LARGE", exhausted_at_, "The schemas are too large to compare", "");
        return std::move(found_);
    }

private:
    static constexpr std::size_t most_steps = 200'000;

    /// Bounds the work: schemas with many alternatives could keep a processor busy for ever. What
    /// is too much to compare is refused.
    bool spend(std::size_t steps, const std::string& path) {
        bool before = steps_ <= most_steps;
        steps_ += steps;
        if (steps_ <= most_steps) return true;
        if (before) exhausted_at_ = path;
        return false;
    }

    void add(std::string type, const std::string& path, std::string text, std::string info) {
        auto at = "#" + (path.empty() ? std::string("/") : path);
        auto mark = text.find("{path}");
        if (mark != std::string::npos) text.replace(mark, 6, at);
        found_.push_back({std::move(type), at, std::move(text), std::move(info)});
    }

    /// Follows $ref inside the schema ("#/definitions/a"); nullptr when it leads elsewhere.
    static const JsonValue* resolve(const JsonValue& root, const JsonValue& schema) {
        const auto* at = &schema;
        for (int hops = 0; hops < 32; ++hops) {
            const auto* reference = at->find("$ref");
            if (reference == nullptr) return at;
            std::string_view pointer = reference->string;
            if (!pointer.starts_with("#")) return nullptr;
            at = &root;
            pointer.remove_prefix(1);
            while (!pointer.empty() && at != nullptr) {
                if (pointer[0] != '/') return nullptr;
                pointer.remove_prefix(1);
                auto part = pointer.substr(0, pointer.find('/'));
                pointer.remove_prefix(part.size());
                at = at->find(part);
            }
            if (at == nullptr) return nullptr;
        }
        return nullptr;
    }

    bool accepts(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
        auto before = std::move(found_);
        found_.clear();
        compare(reader, writer, path);
        bool accepted = found_.empty();
        found_ = std::move(before);
        return accepted;
    }

    static const JsonValue* alternatives(const JsonValue& schema) {
        if (const auto* any = schema.find("anyOf")) return any;
        return schema.find("oneOf");
    }

    void compare_schemas(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
        if (reader.equals(writer) && !holds_reference(reader)) return;
        if (const auto* list = alternatives(writer)) {
            // Any of them may have been written.
            for (const auto* one : list->items) compare(reader, *one, path);
            return;
        }
        if (const auto* list = writer.find("allOf")) {
            // Each of them holds, so it is enough that one of them is accepted.
            for (const auto* one : list->items)
                if (accepts(reader, *one, path)) return;
        }
        if (const auto* list = reader.find("allOf"))
            for (const auto* one : list->items) compare(*one, writer, path);
        if (const auto* list = alternatives(reader)) {
            bool any = std::any_of(list->items.begin(), list->items.end(),
                                   [&](const JsonValue* one) { return accepts(*one, writer, path); });
            if (!any)
                add("COMBINED_TYPE_SUBSCHEMAS_CHANGED", path,
                    "None of the alternatives at path '{path}' in the {reader} schema accepts what "
                    "the {writer} schema allows",
                    "");
        }
        auto before = found_.size();
        compare_types(reader, writer, path);
        if (found_.size() > before) return;
        compare_values(reader, writer, path);
        auto types = types_of(writer);
        auto holds = [&](std::string_view name) { return (types & type_bit(name)) != 0; };
        if (holds("integer")) compare_numbers(reader, writer, path);
        if (holds("string")) compare_strings(reader, writer, path);
        if (holds("array")) compare_arrays(reader, writer, path);
        if (holds("object")) compare_objects(reader, writer, path);
        for (auto keyword :
             {"not", "if", "then", "else", "contains", "propertyNames", "dependencies", "dependentSchemas",
              "dependentRequired", "unevaluatedProperties", "unevaluatedItems", "patternProperties"})
            same_or_gone(reader, writer, keyword, path);
    }

    static bool holds_reference(const JsonValue& value) {
        if (value.find("$ref") != nullptr) return true;
        return std::any_of(value.members.begin(), value.members.end(),
                           [](const auto& m) { return holds_reference(*m.second); }) ||
               std::any_of(value.items.begin(), value.items.end(),
                           [](const JsonValue* v) { return holds_reference(*v); });
    }

    void same_or_gone(const JsonValue& reader, const JsonValue& writer, std::string_view keyword,
                      const std::string& path) {
        const auto* mine = reader.find(keyword);
        const auto* theirs = writer.find(keyword);
        if (mine == nullptr || (theirs != nullptr && mine->equals(*theirs))) return;
        add("KEYWORD_CHANGED", fmt::format("{}/{}", path, keyword),
            "The keyword at path '{path}' in the {reader} schema was added or changed", std::string(keyword));
    }

    void compare_types(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
        auto mine = types_of(reader), theirs = types_of(writer);
        auto refused = theirs & ~mine;
        if (refused == 0) return;
        std::string_view first;
        for (auto name : type_names)
            if (first.empty() && (refused & type_bit(name)) != 0) first = name;
        add(refused == theirs ? "TYPE_CHANGED" : "TYPE_NARROWED", path,
            "A type at path '{path}' is different between the {reader} schema and the {writer} "
            "schema",
            fmt::format("the {{reader}} schema does not accept {}", first));
    }

    void compare_values(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
        auto values = [](const JsonValue& schema) -> std::optional<std::vector<const JsonValue*>> {
            if (const auto* one = schema.find("const")) return std::vector{one};
            if (const auto* list = schema.find("enum")) return list->items;
            return std::nullopt;
        };
        auto mine = values(reader);
        if (!mine) return;
        auto theirs = values(writer);
        if (theirs && !spend(mine->size() * theirs->size() / 100, path)) return;
        auto known = [&](const JsonValue* value) {
            return std::any_of(mine->begin(), mine->end(),
                               [&](const JsonValue* v) { return v->equals(*value); });
        };
        if (theirs && std::all_of(theirs->begin(), theirs->end(), known)) return;
        add(theirs ? "ENUM_ARRAY_NARROWED" : "ENUM_ARRAY_ADDED", path,
            "An enum at path '{path}' in the {reader} schema does not hold all that the {writer} "
            "schema allows",
            "");
    }

    /// A lower bound may fall, an upper bound may rise, any may go.
    void bound(const JsonValue& reader, const JsonValue& writer, std::string_view keyword, bool upper_bound,
               const std::string& path) {
        const auto* mine = reader.find(keyword);
        if (mine == nullptr || !mine->is_number()) return;
        const auto* theirs = writer.find(keyword);
        bool wider = theirs != nullptr && theirs->is_number() &&
                     (upper_bound ? mine->number >= theirs->number : mine->number <= theirs->number);
        if (wider || (!upper_bound && std::string_view(keyword).starts_with("min") && keyword != "minimum" &&
                      mine->number == 0))
            return;
        add(fmt::format("{}_{}", upper_case(keyword),
                        theirs == nullptr ? "ADDED"
                        : upper_bound     ? "DECREASED"
                                          : "INCREASED"),
            fmt::format("{}/{}", path, keyword),
            "The bound at path '{path}' in the {reader} schema is narrower than in the {writer} "
            "schema",
            mine->text());
    }

    void compare_numbers(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
        for (auto keyword : {"minimum", "exclusiveMinimum"}) bound(reader, writer, keyword, false, path);
        for (auto keyword : {"maximum", "exclusiveMaximum"}) bound(reader, writer, keyword, true, path);
        for (auto keyword : {"exclusiveMinimum", "exclusiveMaximum"}) {  // draft 4: a boolean
            const auto* mine = reader.find(keyword);
            if (mine != nullptr && is_true(*mine)) same_or_gone(reader, writer, keyword, path);
        }
        same_or_gone(reader, writer, "multipleOf", path);
    }

    void compare_strings(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
        bound(reader, writer, "minLength", false, path);
        bound(reader, writer, "maxLength", true, path);
        same_or_gone(reader, writer, "pattern", path);
    }

    void compare_arrays(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
        bound(reader, writer, "minItems", false, path);
        bound(reader, writer, "maxItems", true, path);
        if (const auto* unique = reader.find("uniqueItems"); unique != nullptr && is_true(*unique))
            same_or_gone(reader, writer, "uniqueItems", path);
        const auto* mine = reader.find("items");
        const auto* theirs = writer.find("items");
        bool tuples = (mine != nullptr && mine->is_array()) || (theirs != nullptr && theirs->is_array()) ||
                      reader.find("prefixItems") || writer.find("prefixItems");
        if (tuples) {
            for (auto keyword : {"items", "prefixItems", "additionalItems"})
                same_or_gone(reader, writer, keyword, path);
        } else if (mine != nullptr) {
            compare(*mine, theirs != nullptr ? *theirs : anything_, path + "/items");
        }
    }

    static Names required_of(const JsonValue& schema) {
        Names names;
        const auto* required = schema.find("required");
        if (required != nullptr)
            for (const auto* item : required->items) names.insert(item->string);
        return names;
    }
    static std::map<std::string_view, const JsonValue*> properties_of(const JsonValue& schema) {
        const auto* properties = schema.find("properties");
        if (properties == nullptr) return {};
        return {properties->members.begin(), properties->members.end()};
    }

    void compare_objects(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
        bound(reader, writer, "minProperties", false, path);
        bound(reader, writer, "maxProperties", true, path);
        auto mine = properties_of(reader), theirs = properties_of(writer);
        if (!spend(mine.size() + theirs.size(), path)) return;
        const auto* my_rest = reader.find("additionalProperties");
        const auto* their_rest = writer.find("additionalProperties");

        auto my_required = required_of(reader), their_required = required_of(writer);
        if (!spend(my_required.size() + their_required.size(), path)) return;
        for (const auto& name : my_required) {
            if (their_required.contains(name)) continue;
            auto property = mine.find(name);
            if (property != mine.end() && property->second->find("default") != nullptr) continue;
            add("REQUIRED_ATTRIBUTE_ADDED", fmt::format("{}/required/{}", path, name),
                "The {reader} schema has a required property at path '{path}' that is not required "
                "in the {writer} schema",
                std::string(name));
        }
        for (const auto& [name, property] : mine) {
            auto at = fmt::format("{}/properties/{}", path, name);
            auto their = theirs.find(name);
            if (their != theirs.end()) {
                compare(*property, *their->second, at);
            } else if (their_rest == nullptr || is_true(*their_rest)) {
                bool takes_all = is_true(*property) || (property->is_object() && property->members.empty());
                if (!takes_all)
                    add("PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", at,
                        "The {reader} schema has a property at path '{path}' that the {writer} "
                        "schema, "
                        "which has an open content model, allows with any value",
                        std::string(name));
            } else if (!is_false(*their_rest)) {
                compare(*property, *their_rest, at);
            }
        }
        if (my_rest == nullptr || is_true(*my_rest)) return;
        for (const auto& [name, property] : theirs) {
            if (mine.contains(name)) continue;
            auto at = fmt::format("{}/properties/{}", path, name);
            if (is_false(*my_rest))
                add("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", at,
                    "The {reader} schema has a closed content model and is missing a property at "
                    "path '{path}' "
                    "of the {writer} schema",
                    std::string(name));
            else
                compare(*my_rest, *property, at);
        }
        auto at = path + "/additionalProperties";
        if (their_rest != nullptr && is_false(*their_rest)) return;
        if (is_false(*my_rest))
            add("ADDITIONAL_PROPERTIES_REMOVED", at,
                "The {reader} schema allows no further properties at path '{path}', the {writer} "
                "schema does",
                "");
        else
            compare(*my_rest, their_rest != nullptr ? *their_rest : anything_, at);
    }

    const JsonValue& reader_root_;
    const JsonValue& writer_root_;
    const JsonValue anything_{.kind = JsonValue::Kind::object};
    std::vector<Difference> found_;
    std::set<std::pair<const JsonValue*, const JsonValue*>> under_way_;
    std::size_t steps_ = 0;
    std::string exhausted_at_;
};

}  // namespace

Result<> check_json_schema(const JsonValue& schema) {
    if (!is_schema(schema)) return fail(Errc::invalid, "/: expected a schema: an object, true or false");
    return Checker().check(schema, "");
}

std::vector<Difference> json_differences(const JsonValue& reader, const JsonValue& writer) {
    Comparison comparison(reader, writer);
    comparison.compare(reader, writer, "");
    return comparison.take();
}

}  // namespace penstock::registry
