#include "stream/decode/avro_columns.h"

#include <simdjson.h>

#include "base/units.h"
#include "codec/json_writer.h"
#include "registry/avro_encoder.h"

namespace penstock::stream {

namespace {

using registry::AvroField;
using registry::AvroKind;
using registry::AvroLogical;
using registry::AvroType;

constexpr std::size_t none = PathTree::none;
constexpr int max_depth = 64;

bool is_nested(AvroKind kind) {
    return kind == AvroKind::record || kind == AvroKind::array || kind == AvroKind::map;
}

const AvroField* field_named(const AvroType* record, std::string_view name) {
    if (record == nullptr || record->kind != AvroKind::record) return nullptr;
    for (const auto& field : record->fields)
        if (registry::name_of(field) == name) return &field;
    return nullptr;
}

/// The branch of a reader's union that stands for a writer's type.
const AvroType* matching(const AvroType* reader, const AvroType& writer) {
    if (reader == nullptr || reader->kind != AvroKind::union_type) return reader;
    for (const auto* branch : reader->branches)
        if (branch->kind == writer.kind) return branch;
    return nullptr;
}

}  // namespace

AvroColumns::AvroColumns(const PathTree& tree, std::shared_ptr<const registry::AvroSchema> writer,
                         std::shared_ptr<const registry::AvroSchema> reader)
    : tree_(tree), writer_(std::move(writer)), reader_(std::move(reader)) {
    const auto& type = writer_->root();
    std::size_t node = 0;
    // A value that is no record is the one column of its topic.
    if (type.kind != AvroKind::record) node = tree_[0].children.empty() ? none : tree_[0].children[0];
    root_ = node == none ? none : compile(type, reader_ ? &reader_->root() : nullptr, node);
}

std::size_t AvroColumns::inner_step(const Type& type, const Type* reader, std::size_t node) {
    const auto& at = tree_[node];
    return at.leaves.empty() && at.children.empty() ? none : compile(type, reader, node);
}

std::size_t AvroColumns::compile(const Type& writer, const Type* reader, std::size_t node) {
    reader = matching(reader, writer);
    Step step;
    step.type = &writer;
    step.node = node;
    step.logical = registry::logical_of(writer);
    switch (writer.kind) {
        case AvroKind::record:
            compile_record(step, reader);
            break;
        case AvroKind::array:
        case AvroKind::map:
            for (auto child : tree_[node].children) {
                bool by_index = tree_[child].step.index >= 0;
                if (by_index != (writer.kind == AvroKind::array)) continue;
                const Type* element = reader && reader->kind == writer.kind ? reader->element : nullptr;
                step.children.emplace_back(child, inner_step(*writer.element, element, child));
            }
            break;
        case AvroKind::union_type:
            for (const auto* branch : writer.branches) step.inner.push_back(compile(*branch, reader, node));
            break;
        case AvroKind::null_type:
        case AvroKind::boolean:
        case AvroKind::int_type:
        case AvroKind::long_type:
        case AvroKind::float_type:
        case AvroKind::double_type:
        case AvroKind::bytes:
        case AvroKind::string:
        case AvroKind::enumeration:
        case AvroKind::fixed:
            break;
    }
    steps_.push_back(std::move(step));
    return steps_.size() - 1;
}

void AvroColumns::compile_record(Step& step, const Type* reader) {
    step.inner.assign(step.type->fields.size(), none);
    for (auto child : tree_[step.node].children) {
        const auto& wanted = tree_[child].step;
        if (wanted.index >= 0) continue;
        const auto* own = field_named(reader, wanted.name);
        const auto* written = field_named(step.type, wanted.name);
        // The reader may know the field by another name: the writer's may be among its aliases.
        if (written == nullptr && own != nullptr)
            for (const auto& alias : own->aliases)
                if (written == nullptr) written = field_named(step.type, alias);
        if (written != nullptr) {
            auto index = std::size_t(written - step.type->fields.data());
            step.inner[index] = inner_step(*written->type, own ? own->type : nullptr, child);
        } else if (own != nullptr && own->default_json) {
            auto bytes = registry::avro_default(*own->type, *own->default_json);
            auto inner = bytes ? inner_step(*own->type, own->type, child) : none;
            if (inner != none) step.defaults.emplace_back(inner, std::move(*bytes));
        }
    }
}

bool AvroColumns::fail(std::string reason) {
    why_ = {std::move(reason), false, {}};
    return false;
}

bool AvroColumns::fail_type(std::size_t node, std::string_view expected, std::string_view found) {
    why_ = another_type(tree_[node].path, expected, found);
    return false;
}

bool AvroColumns::cut_short(const Type& type) {
    return fail(fmt::format("not a record of its schema: expected a value of type {}", to_string(type.kind)));
}

/// Values of no bytes (null, a record without fields) can be told to be there in any number.
bool AvroColumns::spend(std::int64_t work) {
    work_left_ -= work;
    return work_left_ >= 0 ||
           fail("not a record of its schema: it says to hold more values than its bytes allow for");
}

/// A block may say how many bytes it takes, and then who skips it trusts that: so does nobody else find less
/// or more in it.
bool AvroColumns::block_ends(std::int64_t bytes, std::size_t left_before, std::size_t left) {
    return bytes < 0 || left_before - left == std::uint64_t(bytes) ||
           fail(fmt::format("not a record of its schema: a block says to take {} bytes and takes {}", bytes,
                            left_before - left));
}

bool AvroColumns::decode(std::string_view value, std::span<Slot> slots, std::size_t row, Arena& arena) {
    slots_ = slots;
    row_ = row;
    begin(value, arena);
    Reader in(value);
    return (root_ == none ? skip(in, writer_->root(), 0) : take(in, root_)) && ends(in);
}

bool AvroColumns::write_json(std::string_view value, Arena& arena, std::string& out) {
    begin(value, arena);
    Reader in(value);
    return render(in, writer_->root(), out, 0) && ends(in);
}

void AvroColumns::begin(std::string_view value, Arena& arena) {
    arena_ = &arena;
    work_left_ = 100'000 + 16 * std::int64_t(value.size());
}

bool AvroColumns::ends(const Reader& in) {
    return in.left() == 0 ||
           fail(fmt::format("not a record of its schema: {} bytes follow its end", in.left()));
}

bool AvroColumns::take(Reader& in, std::size_t index) {
    const auto& step = steps_[index];
    if (!spend(1)) return false;
    switch (step.type->kind) {
        case AvroKind::null_type:
            return true;
        case AvroKind::union_type:
            return take_union(in, step);
        case AvroKind::record:
            return take_text_of(in, step) && take_record(in, step);
        case AvroKind::array:
        case AvroKind::map:
            return take_text_of(in, step) && take_items(in, step);
        case AvroKind::boolean:
        case AvroKind::int_type:
        case AvroKind::long_type:
        case AvroKind::float_type:
        case AvroKind::double_type:
        case AvroKind::bytes:
        case AvroKind::string:
        case AvroKind::enumeration:
        case AvroKind::fixed:
            return take_scalar(in, step);
    }
    return false;
}

/// Nested values where a column wants JSON, or text.
bool AvroColumns::take_text_of(Reader& in, const Step& step) {
    const auto& node = tree_[step.node];
    for (auto child : node.children)
        if ((tree_[child].step.index >= 0) != (step.type->kind == AvroKind::array))
            return fail_type(step.node, tree_[child].step.index >= 0 ? "an array" : "an object",
                             to_string(step.type->kind));
    if (node.leaves.empty()) return true;
    auto ahead = in;
    std::string text;
    if (!render(ahead, *step.type, text, 0)) return false;
    auto kept = arena_->copy(text);
    for (const auto& leaf : node.leaves) {
        if (leaf.type != TypeId::json && leaf.type != TypeId::string)
            return fail_type(step.node, to_string(leaf.type), text);
        slots_[leaf.column].set(row_, kept);
    }
    return true;
}

bool AvroColumns::take_record(Reader& in, const Step& step) {
    for (std::size_t i = 0; i < step.inner.size(); ++i) {
        bool done = step.inner[i] == none ? skip(in, *step.type->fields[i].type, 0) : take(in, step.inner[i]);
        if (!done) return false;
    }
    for (const auto& [inner, bytes] : step.defaults) {
        Reader standing_in(arena_->copy(bytes));
        if (!take(standing_in, inner)) return false;
    }
    return true;
}

bool AvroColumns::take_items(Reader& in, const Step& step) {
    bool is_map = step.type->kind == AvroKind::map;
    std::int64_t position = 0;
    while (true) {
        std::int64_t items = 0, bytes = 0;
        if (!in.read_block(items, bytes)) return cut_short(*step.type);
        if (items == 0) return true;
        auto left_before = in.left();
        for (; items > 0; --items, ++position) {
            std::string_view key;
            if (!spend(1)) return false;
            if (is_map && !in.read_bytes(key)) return cut_short(*step.type);
            auto inner = none;
            for (const auto& [child, its_step] : step.children) {
                const auto& wanted = tree_[child].step;
                if (is_map ? wanted.name == key : wanted.index == position) inner = its_step;
            }
            if (inner == none ? !skip(in, *step.type->element, 0) : !take(in, inner)) return false;
        }
        if (!block_ends(bytes, left_before, in.left())) return false;
    }
}

bool AvroColumns::take_union(Reader& in, const Step& step) {
    std::int64_t branch = 0;
    if (!in.read_long(branch) || branch < 0 || std::size_t(branch) >= step.inner.size())
        return cut_short(*step.type);
    return take(in, step.inner[std::size_t(branch)]);
}

bool AvroColumns::take_scalar(Reader& in, const Step& step) {
    Scalar scalar;
    if (!read_scalar(in, *step.type, step.logical, scalar)) return false;
    const auto& node = tree_[step.node];
    if (!node.children.empty()) {
        bool array = tree_[node.children[0]].step.index >= 0;
        return fail_type(step.node, array ? "an array" : "an object", text_of(scalar, *arena_));
    }
    for (const auto& leaf : node.leaves)
        if (!write(leaf, scalar, step.node)) return false;
    return true;
}

bool AvroColumns::read_scalar(Reader& in, const Type& type, const AvroLogical& logical, Scalar& scalar) {
    using Kind = Scalar::Kind;
    switch (type.kind) {
        case AvroKind::boolean: {
            bool value = false;
            if (!in.read_boolean(value)) return cut_short(type);
            scalar.kind = Kind::boolean;
            scalar.integer = value;
            return true;
        }
        case AvroKind::int_type: {
            std::int32_t value = 0;
            if (!in.read_int(value)) return cut_short(type);
            scalar.kind = logical.kind == AvroLogical::Kind::date ? Kind::date : Kind::integer;
            scalar.integer = value;
            return true;
        }
        case AvroKind::long_type: {
            if (!in.read_long(scalar.integer)) return cut_short(type);
            scalar.kind = Kind::integer;
            if (logical.kind == AvroLogical::Kind::none) return true;
            scalar.kind = Kind::timestamp;
            if (logical.kind == AvroLogical::Kind::timestamp_nanos)
                scalar.integer = scalar.integer / 1000 - (scalar.integer % 1000 < 0 ? 1 : 0);
            if (logical.kind == AvroLogical::Kind::timestamp_millis &&
                __builtin_mul_overflow(scalar.integer, std::int64_t(1000), &scalar.integer))
                return fail("a timestamp-millis is beyond what a TIMESTAMP can be");
            return true;
        }
        case AvroKind::float_type: {
            float value = 0;
            if (!in.read_float(value)) return cut_short(type);
            scalar.kind = Kind::real;
            scalar.real = double(value);
            return true;
        }
        case AvroKind::double_type:
            if (!in.read_double(scalar.real)) return cut_short(type);
            scalar.kind = Kind::real;
            return true;
        case AvroKind::enumeration: {
            std::int32_t value = 0;
            if (!in.read_int(value) || value < 0 || std::size_t(value) >= type.symbols.size())
                return cut_short(type);
            scalar.kind = Kind::text;
            scalar.text = type.symbols[std::size_t(value)];
            return true;
        }
        case AvroKind::string:
            if (!in.read_bytes(scalar.text)) return cut_short(type);
            scalar.kind = Kind::text;
            if (simdjson::validate_utf8(scalar.text.data(), scalar.text.size())) return true;
            return fail("not a record of its schema: a string is not UTF-8");
        case AvroKind::bytes:
        case AvroKind::fixed: {
            bool whole = type.kind == AvroKind::bytes ? in.read_bytes(scalar.text)
                                                      : in.read_fixed(std::uint64_t(type.size), scalar.text);
            if (!whole) return cut_short(type);
            scalar.kind = Kind::bytes;
            if (logical.kind == AvroLogical::Kind::decimal) {
                if (scalar.text.size() > registry::max_decimal_bytes)
                    return fail(fmt::format("a decimal of {} bytes", scalar.text.size()));
                scalar.kind = Kind::decimal;
                scalar.text = arena_->copy(registry::decimal_text(scalar.text, logical.scale));
            } else if (logical.kind == AvroLogical::Kind::uuid) {
                std::string text;
                for (std::size_t i = 0; i < scalar.text.size(); ++i)
                    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                                        unsigned(std::uint8_t(scalar.text[i])));
                scalar.kind = Kind::text;
                scalar.text = arena_->copy(text);
            }
            return true;
        }
        case AvroKind::null_type:
        case AvroKind::record:
        case AvroKind::array:
        case AvroKind::map:
        case AvroKind::union_type:
            break;
    }
    return cut_short(type);
}

bool AvroColumns::write(const PathTree::Leaf& leaf, const Scalar& scalar, std::size_t node) {
    auto wrong = set_leaf(leaf, tree_[node].path, slots_[leaf.column], row_, scalar, *arena_);
    if (wrong) why_ = std::move(*wrong);
    return !wrong;
}

// What nobody asked for.

bool AvroColumns::skip(Reader& in, const Type& type, int depth) {
    if (!spend(1)) return false;
    if (depth > max_depth) return fail("not a record of its schema: nested deeper than 64 levels");
    std::int64_t number = 0;
    std::string_view bytes;
    switch (type.kind) {
        case AvroKind::null_type:
            return true;
        case AvroKind::boolean:
            return in.read_fixed(1, bytes) || cut_short(type);
        case AvroKind::int_type:
        case AvroKind::long_type:
        case AvroKind::enumeration:
            return in.read_long(number) || cut_short(type);
        case AvroKind::float_type:
            return in.read_fixed(4, bytes) || cut_short(type);
        case AvroKind::double_type:
            return in.read_fixed(8, bytes) || cut_short(type);
        case AvroKind::bytes:
        case AvroKind::string:
            return in.read_bytes(bytes) || cut_short(type);
        case AvroKind::fixed:
            return in.read_fixed(std::uint64_t(type.size), bytes) || cut_short(type);
        case AvroKind::record:
            for (const auto& field : type.fields)
                if (!skip(in, *field.type, depth + 1)) return false;
            return true;
        case AvroKind::array:
        case AvroKind::map:
            return skip_items(in, type, depth);
        case AvroKind::union_type:
            if (!in.read_long(number) || number < 0 || std::size_t(number) >= type.branches.size())
                return cut_short(type);
            return skip(in, *type.branches[std::size_t(number)], depth + 1);
    }
    return false;
}

bool AvroColumns::skip_items(Reader& in, const Type& type, int depth) {
    while (true) {
        std::int64_t items = 0, size = 0;
        std::string_view bytes;
        if (!in.read_block(items, size)) return cut_short(type);
        if (items == 0) return true;
        if (size >= 0) {
            if (!in.read_fixed(std::uint64_t(size), bytes)) return cut_short(type);
            continue;
        }
        for (; items > 0; --items) {
            if (type.kind == AvroKind::map && !in.read_bytes(bytes)) return cut_short(type);
            if (!skip(in, *type.element, depth + 1)) return false;
        }
    }
}

// Nested values as JSON.

bool AvroColumns::render(Reader& in, const Type& type, std::string& out, int depth) {
    if (!spend(1)) return false;
    if (depth > max_depth) return fail("not a record of its schema: nested deeper than 64 levels");
    std::int64_t branch = 0;
    switch (type.kind) {
        case AvroKind::null_type:
            out += "null";
            return true;
        case AvroKind::union_type:
            if (!in.read_long(branch) || branch < 0 || std::size_t(branch) >= type.branches.size())
                return cut_short(type);
            return render(in, *type.branches[std::size_t(branch)], out, depth + 1);
        case AvroKind::record: {
            char before = '{';
            for (const auto& field : type.fields) {
                out += before;
                before = ',';
                codec::append_json_string(out, registry::name_of(field));
                out += ':';
                if (!render(in, *field.type, out, depth + 1)) return false;
            }
            out += before == '{' ? "{}" : "}";
            return true;
        }
        case AvroKind::array:
        case AvroKind::map:
            return render_items(in, type, out, depth);
        default: {
            Scalar scalar;
            if (!read_scalar(in, type, registry::logical_of(type), scalar)) return false;
            append_json(out, scalar);
            return true;
        }
    }
}

bool AvroColumns::render_items(Reader& in, const Type& type, std::string& out, int depth) {
    bool is_map = type.kind == AvroKind::map;
    out += is_map ? '{' : '[';
    bool first = true;
    while (true) {
        std::int64_t items = 0, bytes = 0;
        if (!in.read_block(items, bytes)) return cut_short(type);
        if (items == 0) break;
        auto left_before = in.left();
        for (; items > 0; --items) {
            if (!first) out += ',';
            first = false;
            std::string_view key;
            if (is_map) {
                if (!in.read_bytes(key)) return cut_short(type);
                codec::append_json_string(out, key);
                out += ':';
            }
            if (!render(in, *type.element, out, depth + 1)) return false;
        }
        if (!block_ends(bytes, left_before, in.left())) return false;
    }
    out += is_map ? '}' : ']';
    return true;
}

// Columns of schemas.

namespace {

/// A type that holds itself, or much of other types, has no end as columns: from some depth or number of
/// types on it is JSON.
DataType type_of(const AvroType& type, int depth, int& types_left) {
    if (depth > 12 || --types_left < 0)
        return scalar_type(is_nested(type.kind) ? TypeId::json : TypeId::string);
    DataType out;
    switch (type.kind) {
        case AvroKind::boolean:
            return scalar_type(TypeId::boolean);
        case AvroKind::int_type:
        case AvroKind::long_type: {
            auto logical = registry::logical_of(type).kind;
            if (logical == AvroLogical::Kind::none) return scalar_type(TypeId::int64);
            return scalar_type(logical == AvroLogical::Kind::date ? TypeId::date : TypeId::timestamp);
        }
        case AvroKind::float_type:
        case AvroKind::double_type:
            return scalar_type(TypeId::float64);
        case AvroKind::bytes:
        case AvroKind::fixed: {
            auto logical = registry::logical_of(type);
            if (logical.kind == AvroLogical::Kind::uuid) return scalar_type(TypeId::string);
            if (logical.kind != AvroLogical::Kind::decimal) return scalar_type(TypeId::binary);
            if (logical.scale == 0 && logical.precision <= 18) return scalar_type(TypeId::int64);
            // A DOUBLE keeps 15 digits as they are.
            return scalar_type(logical.precision <= 15 ? TypeId::float64 : TypeId::string);
        }
        case AvroKind::null_type:
        case AvroKind::string:
        case AvroKind::enumeration:
            return scalar_type(TypeId::string);
        case AvroKind::record:
            out.shape = DataType::Shape::object;
            for (const auto& field : type.fields)
                out.fields.push_back({registry::name_of(field), type_of(*field.type, depth + 1, types_left)});
            return out;
        case AvroKind::array:
        case AvroKind::map:
            out.shape = type.kind == AvroKind::array ? DataType::Shape::array : DataType::Shape::map;
            out.elements.push_back(type_of(*type.element, depth + 1, types_left));
            return out;
        case AvroKind::union_type: {
            std::optional<DataType> all;
            for (const auto* branch : type.branches) {
                if (branch->kind == AvroKind::null_type) continue;
                auto one = type_of(*branch, depth + 1, types_left);
                all = all ? merged(*all, one) : std::move(one);
            }
            return all ? std::move(*all) : scalar_type(TypeId::string);
        }
    }
    return scalar_type(TypeId::string);
}

}  // namespace

DataType columns_of(const registry::AvroSchema& schema) {
    int types_left = 20'000;
    auto type = type_of(schema.root(), 0, types_left);
    if (type.shape == DataType::Shape::object) return type;
    DataType out;
    out.shape = DataType::Shape::object;
    out.fields.push_back({"value", std::move(type)});
    return out;
}

DataType merged(const DataType& a, const DataType& b) {
    using Shape = DataType::Shape;
    if (a == b) return a;
    if (a.shape != b.shape) return scalar_type(TypeId::string);
    if (a.shape == Shape::scalar) {
        auto number = [](TypeId type) { return type == TypeId::int64 || type == TypeId::float64; };
        bool both = number(a.scalar) && number(b.scalar);
        return scalar_type(both ? TypeId::float64 : TypeId::string);
    }
    DataType out = a;
    if (a.shape != Shape::object) {
        out.elements[0] = merged(a.elements[0], b.elements[0]);
        return out;
    }
    for (const auto& field : b.fields) {
        auto same = std::ranges::find(out.fields, field.name, &NamedType::name);
        if (same == out.fields.end())
            out.fields.push_back(field);
        else
            same->type = merged(same->type, field.type);
    }
    return out;
}

namespace {

std::string unknown_in(const AvroType& type, const DataType& columns, const std::string& path, int depth,
                       int& types_left) {
    if (depth > 12 || --types_left < 0) return {};
    switch (type.kind) {
        case AvroKind::record:
            if (columns.shape != DataType::Shape::object) return {};
            for (const auto& field : type.fields) {
                auto name = registry::name_of(field);
                auto known = std::ranges::find(columns.fields, name, &NamedType::name);
                if (known == columns.fields.end()) return fmt::format("{}{}", path, name);
                auto inner = unknown_in(*field.type, known->type, fmt::format("{}{}.", path, name), depth + 1,
                                        types_left);
                if (!inner.empty()) return inner;
            }
            return {};
        case AvroKind::array:
        case AvroKind::map:
            if (columns.elements.empty()) return {};
            return unknown_in(*type.element, columns.elements[0], path, depth + 1, types_left);
        case AvroKind::union_type:
            for (const auto* branch : type.branches) {
                auto inner = unknown_in(*branch, columns, path, depth + 1, types_left);
                if (!inner.empty()) return inner;
            }
            return {};
        default:
            return {};
    }
}

}  // namespace

std::string AvroColumns::unknown_field(const registry::AvroSchema& writer, const DataType& columns) {
    int types_left = 20'000;
    auto name = unknown_in(writer.root(), columns, "", 0, types_left);
    return name.empty() ? name : "unknown field " + name;
}

}  // namespace penstock::stream
