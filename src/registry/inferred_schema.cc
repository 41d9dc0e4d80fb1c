#include "registry/inferred_schema.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "codec/json_writer.h"
#include "registry/avro_logical.h"

namespace penstock::registry {
namespace {

std::string json_string(std::string_view text) {
    std::string out;
    codec::append_json_string(out, text);
    return out;
}

bool has_only(const JsonValue& json, std::initializer_list<std::string_view> names) {
    return std::ranges::all_of(json.members, [&](const auto& member) {
        return std::find(names.begin(), names.end(), member.first) != names.end();
    });
}

std::string text_of(const JsonValue& json, std::string_view name) {
    const auto* value = json.find(name);
    return value != nullptr && value->is_string() ? value->string : std::string();
}

}  // namespace

std::string avro_name_of(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool right = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        out += right ? c : '_';
    }
    if (out.empty() || (out[0] >= '0' && out[0] <= '9')) out.insert(0, 1, '_');
    return out;
}

InferredSchema::InferredSchema(std::string_view topic) : title_(topic) {
    root_.name = avro_name_of(topic);
    head_ = fmt::format(R"("type":"record","name":{})", json_string(root_.name));
}

// ---- From the data

InferredSchema::Field& InferredSchema::new_field(Record& record, std::string_view name) {
    ++fields_;
    Field field;
    field.name = name;
    field.avro_name = avro_name_of(name);
    auto taken = [&] { return std::ranges::find(record.fields, field.avro_name, &Field::avro_name); };
    for (int number = 2; taken() != record.fields.end(); ++number)
        field.avro_name = fmt::format("{}_{}", avro_name_of(name), number);
    record.fields.push_back(std::move(field));
    return record.fields.back();
}

void InferredSchema::add_fixed(std::string_view name, std::string_view avro_type) {
    new_field(root_, name).fixed = avro_type;
}

bool InferredSchema::take_fixed(const InferredSchema& other) {
    bool more = false;
    for (const auto& field : other.root_.fields) {
        bool known = std::ranges::find(root_.fields, field.name, &Field::name) != root_.fields.end();
        if (known || field.fixed.empty()) continue;
        add_fixed(field.name, field.fixed);
        more = true;
    }
    return more;
}

Result<bool> InferredSchema::add(simdjson::dom::element document) {
    simdjson::dom::object object;
    if (document.get_object().get(object)) return fail(Errc::invalid, "expected an object");
    return add_members(root_, object, 0);
}

Result<bool> InferredSchema::add_members(Record& record, simdjson::dom::object object, int depth) {
    bool changed = false;
    std::size_t hint = 0;
    for (auto [name, value] : object) {
        auto at = record.fields.end();
        for (std::size_t i = 0; i < record.fields.size(); ++i) {
            auto index = (hint + i) % record.fields.size();
            if (record.fields[index].name != name) continue;
            at = record.fields.begin() + std::ptrdiff_t(index);
            hint = index + 1;
            break;
        }
        if (at == record.fields.end()) {
            if (value.is_null()) continue;  // a type comes with the first value that has one
            if (fields_ >= max_fields)
                return fail(Errc::invalid, "{}: the topic's schema has {} fields already, as many as it may",
                            name, max_fields);
            changed = true;
            new_field(record, name);
            at = record.fields.end() - 1;
        }
        if (!at->verbatim.empty() || !at->fixed.empty()) continue;
        auto index = at - record.fields.begin();
        auto inner_name = fmt::format("{}_{}", record.name, at->avro_name);
        auto more = TRY(add_value(record.fields[std::size_t(index)].shape, value, inner_name, depth + 1));
        changed = changed || more;
    }
    return changed;
}

Result<bool> InferredSchema::add_value(Shape& shape, simdjson::dom::element value, const std::string& name,
                                       int depth) {
    if (depth > max_depth) return fail(Errc::invalid, "nested deeper than {} levels", max_depth);
    auto see = [](bool& flag) { return !std::exchange(flag, true); };
    using Type = simdjson::dom::element_type;
    switch (value.type()) {
        case Type::NULL_VALUE:
            return see(shape.null);
        case Type::BOOL:
            return see(shape.boolean);
        case Type::INT64:
        case Type::UINT64:
            return shape.real ? false : see(shape.whole);
        case Type::DOUBLE:
            return see(shape.real);
        case Type::STRING:
            return see(shape.text);
        case Type::OBJECT: {
            bool first = shape.record.empty();
            if (first) shape.record.push_back({.name = name, .fields = {}});
            auto more = TRY(add_members(shape.record[0], value.get_object().value_unsafe(), depth));
            return first || more;
        }
        case Type::ARRAY: {
            bool changed = shape.element.empty();
            if (changed) shape.element.emplace_back();
            for (auto item : value.get_array().value_unsafe()) {
                auto more = TRY(add_value(shape.element[0], item, name + "_item", depth + 1));
                changed = changed || more;
            }
            return changed;
        }
    }
    return false;
}

// ---- As Avro

std::string InferredSchema::avro_text() const {
    return avro_record(root_, head_);
}

std::string InferredSchema::avro_record(const Record& record, const std::string& head) {
    std::string out = "{" + head + R"(,"fields":[)";
    bool first = true;
    for (const auto& field : record.fields) {
        auto text = avro_field(field);
        if (text.empty()) continue;
        if (!std::exchange(first, false)) out += ',';
        out += text;
    }
    return out + "]}";
}

std::string InferredSchema::avro_field(const Field& field) {
    if (!field.verbatim.empty()) return field.verbatim;
    auto type = field.fixed.empty() ? avro_branches(field.shape, true) : field.fixed;
    auto out = fmt::format(R"({{"name":{},"type":{},"default":null)", json_string(field.avro_name), type);
    if (field.avro_name != field.name)
        out += fmt::format(R"(,"{}":{})", name_property, json_string(field.name));
    return out + "}";
}

/// A union; of an array's elements the only type, when there is one.
std::string InferredSchema::avro_branches(const Shape& shape, bool nullable) {
    std::vector<std::string> branches;
    // Of an empty array nothing is known.
    if (nullable || shape.null || shape.is_empty()) branches.emplace_back(R"("null")");
    if (shape.boolean) branches.emplace_back(R"("boolean")");
    if (shape.real)
        branches.emplace_back(R"("double")");
    else if (shape.whole)
        branches.emplace_back(R"("long")");
    if (shape.text) branches.emplace_back(R"("string")");
    for (const auto& record : shape.record)
        branches.push_back(
            avro_record(record, fmt::format(R"("type":"record","name":{})", json_string(record.name))));
    for (const auto& element : shape.element)
        branches.push_back(fmt::format(R"({{"type":"array","items":{}}})", avro_branches(element, false)));
    if (branches.size() == 1) return branches[0];
    return fmt::format("[{}]", fmt::join(branches, ","));
}

std::optional<InferredSchema> InferredSchema::read_avro(std::string_view text) {
    auto document = JsonDocument::parse(text);
    if (!document) return std::nullopt;
    const auto& json = document->root();
    const auto* fields = json.find("fields");
    if (text_of(json, "type") != "record" || fields == nullptr || !fields->is_array()) return std::nullopt;
    InferredSchema out;
    out.title_ = out.root_.name = text_of(json, "name");
    for (const auto& [name, value] : json.members)
        if (name != "fields")
            out.head_ +=
                fmt::format("{}{}:{}", out.head_.empty() ? "" : ",", json_string(name), value->text());
    for (const auto* item : fields->items) {
        Field field;
        field.avro_name = text_of(*item, "name");
        auto own_name = text_of(*item, name_property);
        field.name = own_name.empty() ? field.avro_name : own_name;
        auto fields_before = out.fields_++;
        if (!out.read_avro_field(*item, field, 0)) {
            out.fields_ = fields_before + 1;
            field.shape = {};
            field.verbatim = item->text();
        }
        out.root_.fields.push_back(std::move(field));
    }
    return out;
}

bool InferredSchema::read_avro_field(const JsonValue& json, Field& field, int depth) {
    const auto* type = json.find("type");
    const auto* otherwise = json.find("default");
    if (depth > max_depth || !has_only(json, {"name", "type", "default", name_property})) return false;
    if (otherwise == nullptr || otherwise->kind != JsonValue::Kind::null || type == nullptr) return false;
    // A field that has only ever been an empty value is "null" alone.
    if (type->is_string()) return type->string == "null";
    if (!type->is_array() || type->items.empty() || type->items[0]->string != "null") return false;
    return std::all_of(type->items.begin() + 1, type->items.end(), [&](const JsonValue* branch) {
        return read_avro_branch(*branch, field.shape, depth);
    });
}

bool InferredSchema::read_avro_branch(const JsonValue& json, Shape& shape, int depth) {
    if (json.is_string()) {
        const std::array<std::pair<std::string_view, bool*>, 5> known{{{"null", &shape.null},
                                                                       {"boolean", &shape.boolean},
                                                                       {"long", &shape.whole},
                                                                       {"double", &shape.real},
                                                                       {"string", &shape.text}}};
        for (const auto& [name, flag] : known)
            if (name == json.string) return *flag = true;
        return false;
    }
    auto type = text_of(json, "type");
    if (type == "record" && has_only(json, {"type", "name", "fields"})) {
        shape.record.push_back({.name = text_of(json, "name"), .fields = {}});
        return read_avro_fields(json, shape.record[0], depth + 1);
    }
    const auto* items = json.find("items");
    if (type != "array" || items == nullptr || !has_only(json, {"type", "items"})) return false;
    auto& element = shape.element.emplace_back();
    if (!items->is_array()) return read_avro_branch(*items, element, depth + 1);
    return std::ranges::all_of(
        items->items, [&](const JsonValue* branch) { return read_avro_branch(*branch, element, depth + 1); });
}

bool InferredSchema::read_avro_fields(const JsonValue& json, Record& record, int depth) {
    const auto* fields = json.find("fields");
    if (fields == nullptr || !fields->is_array()) return false;
    return std::ranges::all_of(fields->items, [&](const JsonValue* item) {
        Field field;
        field.avro_name = text_of(*item, "name");
        auto own_name = text_of(*item, name_property);
        field.name = own_name.empty() ? field.avro_name : own_name;
        ++fields_;
        bool ours = read_avro_field(*item, field, depth);
        record.fields.push_back(std::move(field));
        return ours;
    });
}

// ---- As JSON Schema. Closed objects: in Confluent's reading of compatibility only those may get further
// members.

std::string InferredSchema::json_text() const {
    return fmt::format(
        R"({{"$schema":"http://json-schema.org/draft-07/schema#","title":{},"type":"object",{}}})",
        json_string(title_), json_properties(root_));
}

std::string InferredSchema::json_properties(const Record& record) {
    std::string out = R"("properties":{)";
    for (const auto& field : record.fields)
        out += fmt::format("{}{}:{}", out.ends_with('{') ? "" : ",", json_string(field.name),
                           json_shape(field.shape));
    return out + R"(},"additionalProperties":false)";
}

std::string InferredSchema::json_shape(const Shape& shape) {
    std::string types = R"("null")";
    std::string more;
    if (shape.boolean) types += R"(,"boolean")";
    if (shape.real)
        types += R"(,"number")";
    else if (shape.whole)
        types += R"(,"integer")";
    if (shape.text) types += R"(,"string")";
    if (!shape.record.empty()) {
        types += R"(,"object")";
        more += "," + json_properties(shape.record[0]);
    }
    if (!shape.element.empty()) {
        types += R"(,"array")";
        more += fmt::format(R"(,"items":{})", json_shape(shape.element[0]));
    }
    return fmt::format(R"({{"type":[{}]{}}})", types, more);
}

std::optional<InferredSchema> InferredSchema::read_json(std::string_view text) {
    auto document = JsonDocument::parse(text);
    if (!document || !document->root().is_object()) return std::nullopt;
    const auto& json = document->root();
    InferredSchema out(text_of(json, "title"));
    if (!has_only(json, {"$schema", "title", "type", "properties", "additionalProperties"}))
        return std::nullopt;
    if (text_of(json, "type") != "object" || !out.read_json_object(json, out.root_, 0)) return std::nullopt;
    return out;
}

bool InferredSchema::read_json_object(const JsonValue& json, Record& record, int depth) {
    const auto* properties = json.find("properties");
    const auto* more = json.find("additionalProperties");
    if (properties == nullptr || !properties->is_object() || more == nullptr ||
        more->kind != JsonValue::Kind::boolean || more->boolean)
        return false;
    for (const auto& [name, value] : properties->members) {
        auto& field = new_field(record, name);
        auto inner_name = fmt::format("{}_{}", record.name, field.avro_name);
        if (!read_json_shape(*value, field.shape, inner_name, depth + 1)) return false;
    }
    return true;
}

bool InferredSchema::read_json_shape(const JsonValue& json, Shape& shape, const std::string& name,
                                     int depth) {
    const auto* types = json.find("type");
    if (depth > max_depth || types == nullptr || !types->is_array() ||
        !has_only(json, {"type", "properties", "additionalProperties", "items"}))
        return false;
    for (const auto* type : types->items) {
        if (type->string == "null")
            shape.null = true;
        else if (type->string == "boolean")
            shape.boolean = true;
        else if (type->string == "integer")
            shape.whole = true;
        else if (type->string == "number")
            shape.real = true;
        else if (type->string == "string")
            shape.text = true;
        else if (type->string == "object") {
            shape.record.push_back({.name = name, .fields = {}});
            if (!read_json_object(json, shape.record[0], depth)) return false;
        } else if (type->string == "array") {
            const auto* items = json.find("items");
            auto& element = shape.element.emplace_back();
            if (items == nullptr || !read_json_shape(*items, element, name + "_item", depth + 1))
                return false;
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace penstock::registry
