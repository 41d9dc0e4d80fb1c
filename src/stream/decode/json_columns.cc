#include "stream/decode/json_columns.h"

#include <charconv>

#include "base/check.h"
#include "stream/decode/cast_slot.h"
#include "stream/expr/cast.h"
#include "stream/expr/datetime.h"

namespace penstock::stream {

namespace {

using Kind = simdjson::ondemand::json_type;
constexpr std::size_t none = ~std::size_t(0);

bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// JSON's grammar of numbers.
bool is_number(std::string_view text) {
    std::size_t i = 0;
    auto at = [&](std::size_t n) { return n < text.size() ? text[n] : '\0'; };
    if (at(i) == '-') ++i;
    if (at(i) == '0')
        ++i;
    else if (is_digit(at(i)))
        while (is_digit(at(i))) ++i;
    else
        return false;
    if (at(i) == '.') {
        if (!is_digit(at(++i))) return false;
        while (is_digit(at(i))) ++i;
    }
    if (at(i) == 'e' || at(i) == 'E') {
        ++i;
        if (at(i) == '+' || at(i) == '-') ++i;
        if (!is_digit(at(i))) return false;
        while (is_digit(at(i))) ++i;
    }
    return i == text.size();
}

std::string_view shape_name(DataType::Shape shape) {
    switch (shape) {
        case DataType::Shape::object:
            return "an object";
        case DataType::Shape::map:
            return "an object";
        case DataType::Shape::array:
            return "an array";
        case DataType::Shape::scalar:
            return "a scalar";
    }
    return "?";
}

/// Whether the raw key, which ends at its quote, is name.
bool key_is(const char* key, std::string_view name) {
    std::size_t i = 0;
    while (i < name.size() && key[i] == name[i]) ++i;
    return i == name.size() && key[i] == '"';
}

}  // namespace

JsonColumns::JsonColumns(std::span<const ScanColumn> scan, const DataType& schema, bool strict)
    : strict_(strict) {
    nodes_.emplace_back().shape = DataType::Shape::object;
    if (strict) add_schema(0, schema);
    for (std::size_t i = 0; i < scan.size(); ++i) {
        if (scan[i].source != ColumnSource::payload) continue;
        nodes_[node_for(scan[i].path, schema)].leaves.push_back({i, scan[i].type, scan[i].from_text});
    }
}

std::size_t JsonColumns::child_of(std::size_t parent, const PathStep& step, DataType::Shape shape) {
    for (auto child : nodes_[parent].children)
        if (nodes_[child].step == step) return child;
    auto index = nodes_.size();
    auto& node = nodes_.emplace_back();
    node.step = step;
    node.shape = shape;
    node.path = nodes_[parent].path;
    node.path.push_back(step);
    nodes_[parent].children.push_back(index);
    return index;
}

std::size_t JsonColumns::node_for(const Path& path, const DataType& schema) {
    std::size_t node = 0;
    const DataType* type = &schema;
    for (const auto& step : path) {
        const DataType* inner = nullptr;
        for (const auto& field : type->fields)
            if (type->shape == DataType::Shape::object && field.name == step.name) inner = &field.type;
        if (!type->elements.empty()) inner = &type->elements[0];
        CHECK(inner != nullptr);  // the binder took the path from this schema
        type = inner;
        node = child_of(node, step, type->shape);
    }
    return node;
}

void JsonColumns::add_schema(std::size_t node, const DataType& type) {
    nodes_[node].closed = type.shape == DataType::Shape::object;
    if (!nodes_[node].closed) return;
    for (const auto& field : type.fields)
        add_schema(child_of(node, {field.name, -1}, field.type.shape), field.type);
}

bool JsonColumns::fail(std::string reason) {
    why_ = {std::move(reason), false, {}};
    return false;
}

bool JsonColumns::fail(simdjson::error_code error) {
    return fail(fmt::format("not valid JSON: {}", simdjson::error_message(error)));
}

bool JsonColumns::fail_type(std::size_t node, std::string_view expected, std::string_view found) {
    bool cut = found.size() > 60;
    why_ = {fmt::format("{}: expected {}, found {}{}", to_string(nodes_[node].path), expected,
                        found.substr(0, 60), cut ? "..." : ""),
            true, nodes_[node].path};
    return false;
}

bool JsonColumns::decode(std::string_view document, std::span<Slot> slots, std::size_t row, Arena& arena) {
    ++document_;
    slots_ = slots;
    row_ = row;
    arena_ = &arena;
    learning_ = nullptr;
    if (const auto* shape = shapes_.find(document)) {
        if (take_as(*shape, document)) return true;
        clear(0);
    } else {
        learning_ = shapes_.learn(document);
    }
    if (!walk(document)) return false;
    if (learning_ != nullptr) shapes_.keep();
    return true;
}

/// False where a walk has to decide: a value that does not fit, or a string with escapes.
bool JsonColumns::take_as(const JsonShape& shape, std::string_view document) {
    auto offsets = shapes_.offsets();
    for (const auto& value : shape.values()) {
        auto begin = offsets[value.first];
        if (value.last != value.first) {
            if (!take_nested_text(document.substr(begin, offsets[value.last] + 1 - begin), value.node))
                return false;
            continue;
        }
        // The last structural character closes the document, so there is one behind each value.
        Token token;
        if (!scan_token(trimmed(document.substr(begin, offsets[value.first + 1] - begin)), token) ||
            token.escaped || !write_scalar(token, value.node))
            return false;
    }
    return true;
}

bool JsonColumns::walk(std::string_view document) {
    simdjson::ondemand::document iterator;
    simdjson::padded_string_view padded(document.data(), document.size(), document.size() + 64);
    if (auto error = parser_.iterate(padded).get(iterator)) return fail(error);
    simdjson::ondemand::object object;
    if (auto error = iterator.get_object().get(object)) {
        if (error == simdjson::INCORRECT_TYPE) return fail("expected a JSON object");
        return fail(error);
    }
    if (!walk_object(object, 0)) return false;
    // Anything behind the object's end?
    if (iterator.current_location().error() != simdjson::OUT_OF_BOUNDS)
        return fail("not valid JSON: text after the object's end");
    return true;
}

std::size_t JsonColumns::find_child(const Node& node, const char* key, std::size_t& hint) const {
    // Documents of one kind have their fields in one order, so the next child is the likeliest.
    for (std::size_t i = 0; i < node.children.size(); ++i) {
        auto at = hint + i < node.children.size() ? hint + i : hint + i - node.children.size();
        if (key_is(key, nodes_[node.children[at]].step.name)) {
            hint = at + 1 < node.children.size() ? at + 1 : 0;
            return node.children[at];
        }
    }
    return none;
}

bool JsonColumns::walk_object(simdjson::ondemand::object& object, std::size_t index) {
    std::size_t hint = 0;
    for (auto&& item : object) {
        simdjson::ondemand::field field;
        if (auto error = std::move(item).get(field)) return fail(error);
        const char* key = field.key().raw();
        if (learning_ != nullptr) learning_->add_key(key - 1);
        auto child = find_child(nodes_[index], key, hint);
        if (child == none) {
            // A key with escapes is not spelled as its name.
            const char* end = key;
            while (*end != '"' && *end != '\\') ++end;
            if (*end == '\\') {
                std::string_view name;
                if (auto error = field.unescaped_key().get(name)) return fail(error);
                for (auto candidate : nodes_[index].children)
                    if (nodes_[candidate].step.name == name) child = candidate;
                if (child == none && nodes_[index].closed) return fail(fmt::format("unknown field {}", name));
            } else if (nodes_[index].closed) {
                return fail(fmt::format("unknown field {}", std::string_view(key, std::size_t(end - key))));
            }
            if (child == none) continue;
        }
        auto value = field.value();
        if (!take(value, child)) return false;
    }
    return true;
}

bool JsonColumns::walk_array(simdjson::ondemand::array& array, std::size_t index) {
    std::int64_t position = 0;
    for (auto&& item : array) {
        Value value;
        if (auto error = std::move(item).get(value)) return fail(error);
        for (auto child : nodes_[index].children)
            if (nodes_[child].step.index == position && !take(value, child)) return false;
        ++position;
    }
    return true;
}

void JsonColumns::clear(std::size_t index) {
    for (const auto& leaf : nodes_[index].leaves) slots_[leaf.column].clear(row_);
    for (auto child : nodes_[index].children) clear(child);
}

bool JsonColumns::take(Value& value, std::size_t index) {
    auto& node = nodes_[index];
    // Of a key that stands twice, the last value counts.
    if (node.seen == document_) {
        clear(index);
        if (learning_ != nullptr) learning_->spoil();
    }
    node.seen = document_;
    Kind kind;
    if (auto error = value.type().get(kind)) return fail(error);
    switch (kind) {
        case Kind::object:
            return take_object(value, index);
        case Kind::array:
            return take_array(value, index);
        case Kind::number:
        case Kind::string:
        case Kind::boolean:
        case Kind::null:
            return take_scalar(value, index);
    }
    return fail("not valid JSON");
}

bool JsonColumns::take_object(Value& value, std::size_t index) {
    const auto& node = nodes_[index];
    if (node.leaves.empty() && node.children.empty() && !node.closed) return true;
    if (node.shape == DataType::Shape::array) return fail_type(index, "an array", "an object");
    simdjson::ondemand::object object;
    if (auto error = value.get_object().get(object)) return fail(error);
    if (!node.leaves.empty()) {
        std::string_view text;
        if (auto error = object.raw_json().get(text)) return fail(error);
        text = trimmed(text);
        if (learning_ != nullptr) learning_->add_nested(text, index);
        if (!take_nested_text(text, index)) return false;
        if (node.children.empty() && !node.closed) return true;
        bool empty = false;
        if (auto error = object.reset().get(empty)) return fail(error);
    }
    if (node.shape == DataType::Shape::scalar) return true;
    return walk_object(object, index);
}

bool JsonColumns::take_array(Value& value, std::size_t index) {
    const auto& node = nodes_[index];
    if (node.leaves.empty() && node.children.empty()) return true;
    if (node.shape == DataType::Shape::object || node.shape == DataType::Shape::map)
        return fail_type(index, "an object", "an array");
    simdjson::ondemand::array array;
    if (auto error = value.get_array().get(array)) return fail(error);
    if (!node.leaves.empty()) {
        std::string_view text;
        if (auto error = array.raw_json().get(text)) return fail(error);
        text = trimmed(text);
        if (learning_ != nullptr) learning_->add_nested(text, index);
        if (!take_nested_text(text, index)) return false;
        if (node.children.empty()) return true;
        bool empty = false;
        if (auto error = array.reset().get(empty)) return fail(error);
    }
    return walk_array(array, index);
}

/// Objects and arrays where a column wants JSON, or text.
bool JsonColumns::take_nested_text(std::string_view text, std::size_t index) {
    for (const auto& leaf : nodes_[index].leaves) {
        if (leaf.type != TypeId::json && leaf.type != TypeId::string)
            return fail_type(index, to_string(leaf.type), text);
        slots_[leaf.column].set(row_, text);
    }
    return true;
}

bool JsonColumns::take_scalar(Value& value, std::size_t index) {
    Token token;
    if (learning_ != nullptr) learning_->add_value(value.raw_json_token().data(), index);
    if (!read_token(value, token)) return false;
    return write_scalar(token, index);
}

bool JsonColumns::write_scalar(const Token& token, std::size_t index) {
    if (token.kind == Token::Kind::null) {
        clear(index);
        return true;
    }
    const auto& node = nodes_[index];
    if (node.shape != DataType::Shape::scalar && (!node.leaves.empty() || !node.children.empty()))
        return fail_type(index, shape_name(node.shape), token.text);
    for (const auto& leaf : node.leaves)
        if (!write(leaf, token, index)) return false;
    return true;
}

bool JsonColumns::read_token(Value& value, Token& token) {
    if (!scan_token(trimmed(value.raw_json_token()), token)) return false;
    if (!token.escaped) return true;
    std::string_view unescaped;
    if (auto error = value.get_string().get(unescaped)) return fail(error);
    token.text = arena_->copy(unescaped);
    return true;
}

bool JsonColumns::scan_token(std::string_view text, Token& token) {
    if (text.empty()) return fail("not valid JSON");
    switch (text[0]) {
        case '"': {
            token.kind = Token::Kind::string;
            if (text.size() < 2 || text.back() != '"') return fail("not valid JSON: a string has no end");
            token.text = text.substr(1, text.size() - 2);
            token.escaped = std::memchr(token.text.data(), '\\', token.text.size()) != nullptr;
            return true;
        }
        case 'n':
            if (text != "null") break;
            token.kind = Token::Kind::null;
            return true;
        case 't':
        case 'f':
            if (text != "true" && text != "false") break;
            token.kind = Token::Kind::boolean;
            token.text = text;
            return true;
        default:
            if (!is_number(text)) break;
            token.kind = Token::Kind::number;
            token.text = text;
            return true;
    }
    return fail(fmt::format("not valid JSON: unexpected {}", text.substr(0, 40)));
}

/// A value of the schema's own type; anything may be text.
bool JsonColumns::write(const Leaf& leaf, const Token& token, std::size_t node) {
    if (leaf.from_text) return write_text(leaf, token.text, node);
    auto& slot = slots_[leaf.column];
    bool number = token.kind == Token::Kind::number;
    bool string = token.kind == Token::Kind::string;
    auto shown = [&] { return string ? fmt::format("'{}'", token.text) : std::string(token.text); };
    switch (leaf.type) {
        case TypeId::string:
        case TypeId::binary:
            slot.set(row_, token.text);
            return true;
        case TypeId::boolean:
            if (token.kind != Token::Kind::boolean) break;
            slot.set(row_, std::int64_t(token.text == "true"));
            return true;
        case TypeId::int32:
        case TypeId::int64: {
            auto value = number ? integer_of_text(token.text, leaf.type) : std::nullopt;
            if (!value) break;
            slot.set(row_, *value);
            return true;
        }
        case TypeId::float64: {
            auto value = number ? double_of_text(token.text) : std::nullopt;
            if (!value) break;
            slot.set(row_, *value);
            return true;
        }
        case TypeId::timestamp:
            if (number) {  // seconds
                auto seconds = integer_of_text(token.text, TypeId::int64);
                std::int64_t us = 0;
                if (!seconds || __builtin_mul_overflow(*seconds, std::int64_t(1'000'000), &us)) break;
                slot.set(row_, us);
                return true;
            }
            [[fallthrough]];
        case TypeId::date: {
            if (!string) break;
            auto value = leaf.type == TypeId::date ? parse_date(token.text) : parse_timestamp(token.text);
            if (!value) break;
            slot.set(row_, *value);
            return true;
        }
        case TypeId::json:
            break;
    }
    return fail_type(node, to_string(leaf.type), shown());
}

/// The scalar's text, cast to the leaf's type.
bool JsonColumns::write_text(const Leaf& leaf, std::string_view text, std::size_t node) {
    if (set_from_text(slots_[leaf.column], row_, leaf.type, text)) return true;
    return fail(fmt::format("{}: {}", to_string(nodes_[node].path), cast_reason(text, leaf.type)));
}

}  // namespace penstock::stream
