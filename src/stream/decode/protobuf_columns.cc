#include "stream/decode/protobuf_columns.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <optional>

#include "codec/json_writer.h"
#include "registry/protobuf_index.h"

namespace penstock::stream {
namespace {

namespace pb = google::protobuf;
using codec::ProtobufField;

constexpr int max_depth = 64;
/// A type that holds itself, or much of other types, has no end as columns: from here on it is JSON.
constexpr int max_columns_depth = 12;
constexpr int max_columns_types = 20'000;

bool is_message(const pb::FieldDescriptor& field) {
    return field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
}

}  // namespace

ProtobufColumns::ProtobufColumns(const PathTree& tree, registry::ProtobufSchema schema,
                                 const DataType* declared)
    : tree_(tree), schema_(std::move(schema)), declared_(declared) {}

bool ProtobufColumns::fail(std::string reason) {
    why_ = {std::move(reason), false, {}};
    return false;
}

bool ProtobufColumns::fail_type(std::size_t node, std::string_view expected, std::string_view found) {
    why_ = another_type(tree_[node].path, expected, found);
    return false;
}

bool ProtobufColumns::decode(std::string_view value, std::span<Slot> slots, std::size_t row, Arena& arena) {
    slots_ = slots;
    row_ = row;
    arena_ = &arena;
    work_left_ = 100'000 + 16 * std::int64_t(value.size());
    auto type = registry::take_message_index(schema_.file(), value);
    if (!type) return fail(std::move(type.error().text));
    if (declared_ != nullptr && !unknown_field(**type).empty())
        return fail("unknown field " + unknown_field(**type));
    return take_message(**type, value, 0, 0);
}

/// Every field of every message costs, also when it is not there: what nobody sent can be told of a great
/// many messages without bytes.
bool ProtobufColumns::read(ProtobufMessage& message, const Type& type, std::string_view bytes, int depth) {
    if (depth > max_depth) return fail("not a message of its schema: nested deeper than 64 levels");
    work_left_ -= 1 + type.field_count();
    if (work_left_ < 0)
        return fail("not a message of its schema: it says to hold more values than its bytes allow for");
    return message.read(type, bytes) || fail(fmt::format("not a {} of its schema", type.full_name()));
}

bool ProtobufColumns::take_message(const Type& type, std::string_view bytes, std::size_t node, int depth) {
    ProtobufMessage message;
    if (!read(message, type, bytes, depth)) return false;
    for (auto child : tree_[node].children) {
        const auto& step = tree_[child].step;
        if (step.index >= 0) return fail_type(node, "an array", type.full_name());
        const auto* field = type.FindFieldByName(step.name);
        if (field != nullptr && !take_field(*field, message.of(*field), child, depth)) return false;
    }
    return true;
}

bool ProtobufColumns::take_field(const Field& field, Occurrences all, std::size_t node, int depth) {
    if (field.is_map() || field.is_repeated()) {
        if (!tree_[node].leaves.empty()) {
            std::string text;
            if (!render_field(field, all, text, depth) || !take_text(text, node)) return false;
        }
        return field.is_map() ? take_entries(field, all, node, depth) : take_items(field, all, node, depth);
    }
    if (is_message(field))
        return all.empty() || take_inner(*field.message_type(), joined(all, *arena_), node, depth);
    if (!all.empty()) return take_one(field, all.back(), node, depth);
    return field.has_presence() || take_scalar(default_of(field, *arena_), node);
}

bool ProtobufColumns::take_one(const Field& field, const ProtobufField& at, std::size_t node, int depth) {
    if (is_message(field)) return take_inner(*field.message_type(), at.bytes, node, depth);
    SchemaValue value;
    if (!scalar_of(field, at, *arena_, value))
        return fail(fmt::format("not a message of its schema: {} is not UTF-8", field.full_name()));
    return take_scalar(value, node);
}

bool ProtobufColumns::take_inner(const Type& type, std::string_view bytes, std::size_t node, int depth) {
    switch (well_known(type)) {
        case WellKnown::timestamp:
        case WellKnown::duration:
        case WellKnown::wrapper: {
            SchemaValue value;
            if (!well_known_scalar(type, bytes, *arena_, value))
                return fail(fmt::format("{}: not a {}", to_string(tree_[node].path), type.full_name()));
            return take_scalar(value, node);
        }
        case WellKnown::value:
        case WellKnown::list:
        case WellKnown::object:
            if (!tree_[node].children.empty())
                return fail(fmt::format("{}: a {} is read whole, as its JSON", to_string(tree_[node].path),
                                        type.full_name()));
            break;
        case WellKnown::none:
            break;
    }
    if (!tree_[node].leaves.empty()) {
        std::string text;
        if (!render_message(type, bytes, text, depth + 1) || !take_text(text, node)) return false;
    }
    return tree_[node].children.empty() || take_message(type, bytes, node, depth + 1);
}

bool ProtobufColumns::take_items(const Field& field, Occurrences all, std::size_t node, int depth) {
    const auto& children = tree_[node].children;
    for (auto child : children)
        if (tree_[child].step.index < 0) return fail_type(node, "an object", "an array");
    if (children.empty()) return true;
    std::int64_t index = 0;
    bool failed = false;
    bool whole = for_each_item(field, all, [&](const ProtobufField& item) {
        for (auto child : children)
            if (tree_[child].step.index == index) failed = failed || !take_one(field, item, child, depth);
        ++index;
        return !failed;
    });
    if (failed) return false;
    return whole ||
           fail(fmt::format("not a message of its schema: {} ends within a value", field.full_name()));
}

/// The text of the key of one of a map's entries.
bool ProtobufColumns::read_key(const Field& map, std::string_view entry, std::string_view& text, int depth) {
    const auto& key = *map.message_type()->map_key();
    ProtobufMessage message;
    if (!read(message, *map.message_type(), entry, depth)) return false;
    auto all = message.of(key);
    auto value = default_of(key, *arena_);
    if (!all.empty() && !scalar_of(key, all.back(), *arena_, value))
        return fail(fmt::format("not a message of its schema: a key of {} is not UTF-8", map.full_name()));
    text = text_of(value, *arena_);
    return true;
}

bool ProtobufColumns::take_entries(const Field& field, Occurrences all, std::size_t node, int depth) {
    const auto& children = tree_[node].children;
    if (children.empty()) return true;
    const auto& entry = *field.message_type();
    // The last one of a key counts.
    std::map<std::size_t, std::string_view> chosen;
    for (const auto& each : all) {
        std::string_view text;
        if (!read_key(field, each.bytes, text, depth + 1)) return false;
        for (auto child : children)
            if (tree_[child].step.index < 0 && tree_[child].step.name == text) chosen[child] = each.bytes;
    }
    for (auto child : children) {
        if (tree_[child].step.index >= 0) return fail_type(node, "an array", "an object");
        auto found = chosen.find(child);
        if (found == chosen.end()) continue;
        ProtobufMessage message;
        if (!read(message, entry, found->second, depth + 1)) return false;
        const auto& value = *entry.map_value();
        if (!take_field(value, message.of(value), child, depth + 1)) return false;
    }
    return true;
}

bool ProtobufColumns::take_scalar(const SchemaValue& value, std::size_t node) {
    const auto& at = tree_[node];
    if (!at.children.empty())
        return fail_type(node, tree_[at.children[0]].step.index >= 0 ? "an array" : "an object",
                         text_of(value, *arena_));
    for (const auto& leaf : at.leaves) {
        auto wrong = set_leaf(leaf, at.path, slots_[leaf.column], row_, value, *arena_);
        if (!wrong) continue;
        why_ = std::move(*wrong);
        return false;
    }
    return true;
}

bool ProtobufColumns::take_text(std::string_view json, std::size_t node) {
    auto kept = arena_->copy(json);
    for (const auto& leaf : tree_[node].leaves) {
        if (leaf.type != TypeId::json && leaf.type != TypeId::string)
            return fail_type(node, to_string(leaf.type), json);
        slots_[leaf.column].set(row_, kept);
    }
    return true;
}

// Nested values as JSON.

bool ProtobufColumns::render_message(const Type& type, std::string_view bytes, std::string& out, int depth) {
    auto kind = well_known(type);
    if (kind == WellKnown::value) return render_value(type, bytes, out, depth);
    if (kind == WellKnown::timestamp || kind == WellKnown::duration || kind == WellKnown::wrapper) {
        SchemaValue value;
        if (!well_known_scalar(type, bytes, *arena_, value))
            return fail(fmt::format("not a {} of its schema", type.full_name()));
        append_json(out, value);
        return true;
    }
    ProtobufMessage message;
    if (!read(message, type, bytes, depth)) return false;
    // What stands for an object or a list is one.
    if (kind == WellKnown::list || kind == WellKnown::object)
        return render_field(*type.field(0), message.of(*type.field(0)), out, depth);
    char before = '{';
    for (int i = 0; i < type.field_count(); ++i) {
        const auto& field = *type.field(i);
        auto all = message.of(field);
        if (all.empty() && field.has_presence()) continue;
        out += before;
        before = ',';
        codec::append_json_string(out, field.name());
        out += ':';
        if (!render_field(field, all, out, depth)) return false;
    }
    out += before == '{' ? "{}" : "}";
    return true;
}

bool ProtobufColumns::render_field(const Field& field, Occurrences all, std::string& out, int depth) {
    if (field.is_map()) return render_entries(field, all, out, depth);
    if (field.is_repeated()) {
        char before = '[';
        bool failed = false;
        bool whole = for_each_item(field, all, [&](const ProtobufField& item) {
            out += before;
            before = ',';
            failed = !render_one(field, item, out, depth);
            return !failed;
        });
        out += before == '[' ? "[]" : "]";
        if (failed) return false;
        return whole ||
               fail(fmt::format("not a message of its schema: {} ends within a value", field.full_name()));
    }
    if (is_message(field)) return render_message(*field.message_type(), joined(all, *arena_), out, depth + 1);
    if (!all.empty()) return render_one(field, all.back(), out, depth);
    append_json(out, default_of(field, *arena_));
    return true;
}

bool ProtobufColumns::render_one(const Field& field, const ProtobufField& at, std::string& out, int depth) {
    if (is_message(field)) return render_message(*field.message_type(), at.bytes, out, depth + 1);
    SchemaValue value;
    if (!scalar_of(field, at, *arena_, value))
        return fail(fmt::format("not a message of its schema: {} is not UTF-8", field.full_name()));
    append_json(out, value);
    return true;
}

bool ProtobufColumns::render_entries(const Field& field, Occurrences all, std::string& out, int depth) {
    const auto& entry = *field.message_type();
    // The last one of a key counts.
    std::map<std::string_view, std::string_view> entries;
    for (const auto& each : all) {
        std::string_view text;
        if (!read_key(field, each.bytes, text, depth + 1)) return false;
        entries[text] = each.bytes;
    }
    char before = '{';
    for (const auto& [text, bytes] : entries) {
        out += before;
        before = ',';
        codec::append_json_string(out, text);
        out += ':';
        ProtobufMessage its;
        if (!read(its, entry, bytes, depth + 1)) return false;
        const auto& value = *entry.map_value();
        if (!render_field(value, its.of(value), out, depth + 1)) return false;
    }
    out += before == '{' ? "{}" : "}";
    return true;
}

/// google.protobuf.Value: one of its members, or nothing, which is null.
bool ProtobufColumns::render_value(const Type& type, std::string_view bytes, std::string& out, int depth) {
    constexpr int null_value = 1;
    ProtobufMessage message;
    if (!read(message, type, bytes, depth)) return false;
    for (int i = 0; i < type.field_count(); ++i) {
        const auto& field = *type.field(i);
        auto all = message.of(field);
        if (!all.empty() && field.number() != null_value) return render_field(field, all, out, depth);
    }
    out += "null";
    return true;
}

// Columns of schemas.

namespace {

DataType type_of(const pb::FieldDescriptor& field, int depth, int& types_left);

DataType type_of(const pb::Descriptor& message, int depth, int& types_left) {
    switch (well_known(message)) {
        case WellKnown::timestamp:
            return scalar_type(TypeId::timestamp);
        case WellKnown::duration:
            return scalar_type(TypeId::string);
        case WellKnown::wrapper:
            return type_of(*message.field(0), depth, types_left);
        case WellKnown::value:
        case WellKnown::list:
        case WellKnown::object:
            return scalar_type(TypeId::json);
        case WellKnown::none:
            break;
    }
    if (depth > max_columns_depth || types_left < 0) return scalar_type(TypeId::json);
    DataType out;
    out.shape = DataType::Shape::object;
    for (int i = 0; i < message.field_count(); ++i)
        out.fields.push_back({message.field(i)->name(), type_of(*message.field(i), depth + 1, types_left)});
    return out;
}

DataType single_type_of(const pb::FieldDescriptor& field, int depth, int& types_left) {
    using Type = pb::FieldDescriptor;
    switch (field.cpp_type()) {
        case Type::CPPTYPE_INT32:
        case Type::CPPTYPE_INT64:
        case Type::CPPTYPE_UINT32:
        case Type::CPPTYPE_UINT64:
            return scalar_type(TypeId::int64);
        case Type::CPPTYPE_DOUBLE:
        case Type::CPPTYPE_FLOAT:
            return scalar_type(TypeId::float64);
        case Type::CPPTYPE_BOOL:
            return scalar_type(TypeId::boolean);
        case Type::CPPTYPE_ENUM:
            return scalar_type(TypeId::string);
        case Type::CPPTYPE_STRING:
            return scalar_type(field.type() == Type::TYPE_BYTES ? TypeId::binary : TypeId::string);
        case Type::CPPTYPE_MESSAGE:
            return type_of(*field.message_type(), depth, types_left);
    }
    return scalar_type(TypeId::string);
}

DataType type_of(const pb::FieldDescriptor& field, int depth, int& types_left) {
    if (--types_left < 0 || depth > max_columns_depth) {
        bool nested = field.is_repeated() || is_message(field);
        return scalar_type(nested ? TypeId::json : TypeId::string);
    }
    if (!field.is_repeated()) return single_type_of(field, depth, types_left);
    DataType out;
    out.shape = field.is_map() ? DataType::Shape::map : DataType::Shape::array;
    const auto& item = field.is_map() ? *field.message_type()->map_value() : field;
    out.elements.push_back(single_type_of(item, depth + 1, types_left));
    return out;
}

DataType columns_of(const pb::Descriptor& message) {
    int types_left = max_columns_types;
    DataType out;
    out.shape = DataType::Shape::object;
    for (int i = 0; i < message.field_count(); ++i)
        out.fields.push_back({message.field(i)->name(), type_of(*message.field(i), 1, types_left)});
    return out;
}

/// The first field that the columns do not have; empty: there is none.
std::string unknown_in(const pb::Descriptor& message, const DataType& columns, const std::string& path,
                       int depth, int& types_left) {
    if (columns.shape != DataType::Shape::object || depth > max_columns_depth) return {};
    for (int i = 0; i < message.field_count(); ++i) {
        const auto& field = *message.field(i);
        if (--types_left < 0) return {};
        auto known = std::ranges::find(columns.fields, field.name(), &NamedType::name);
        if (known == columns.fields.end()) return path + field.name();
        const auto* item = field.is_map() ? field.message_type()->map_value() : &field;
        bool nested = field.is_repeated() && !known->type.elements.empty();
        if (!is_message(*item) || well_known(*item->message_type()) != WellKnown::none) continue;
        auto inner = unknown_in(*item->message_type(), nested ? known->type.elements[0] : known->type,
                                path + field.name() + ".", depth + 1, types_left);
        if (!inner.empty()) return inner;
    }
    return {};
}

}  // namespace

const std::string& ProtobufColumns::unknown_field(const Type& type) {
    auto known = unknown_.find(&type);
    if (known == unknown_.end()) {
        int types_left = max_columns_types;
        known = unknown_.emplace(&type, unknown_in(type, *declared_, "", 0, types_left)).first;
    }
    return known->second;
}

DataType columns_of(const registry::ProtobufSchema& schema, std::string_view value) {
    auto type = registry::take_message_index(schema.file(), value);
    return type ? columns_of(**type) : DataType{DataType::Shape::object};
}

DataType columns_of(const registry::ProtobufSchema& schema) {
    const auto& file = schema.file();
    return file.message_type_count() == 0 ? DataType{DataType::Shape::object}
                                          : columns_of(*file.message_type(0));
}

}  // namespace penstock::stream
