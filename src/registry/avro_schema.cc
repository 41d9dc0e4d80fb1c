#include "registry/avro_schema.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "codec/json_writer.h"

namespace penstock::registry {
namespace {

constexpr std::array primitives{std::pair{std::string_view("null"), AvroKind::null_type},
                                std::pair{std::string_view("boolean"), AvroKind::boolean},
                                std::pair{std::string_view("int"), AvroKind::int_type},
                                std::pair{std::string_view("long"), AvroKind::long_type},
                                std::pair{std::string_view("float"), AvroKind::float_type},
                                std::pair{std::string_view("double"), AvroKind::double_type},
                                std::pair{std::string_view("bytes"), AvroKind::bytes},
                                std::pair{std::string_view("string"), AvroKind::string}};

std::optional<AvroKind> primitive_of(std::string_view name) {
    for (const auto& [known, kind] : primitives)
        if (known == name) return kind;
    return std::nullopt;
}

bool is_name(std::string_view text) {
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    auto right = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
    return !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), right);
}

bool is_full_name(std::string_view text) {
    while (true) {
        auto dot = text.find('.');
        if (!is_name(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

/// Whether a default's JSON is a value of its type; a union takes a value of any of its branches.
/// Bounded: unions of records in one another could be tried for ever; what takes too long counts as
/// no value of the type.
class DefaultCheck {
public:
    bool fits(const AvroType& type, const JsonValue& value) {
        constexpr int most_steps = 200'000;
        if (++steps_ > most_steps) return false;
        switch (type.kind) {
            case AvroKind::null_type:
                return value.kind == JsonValue::Kind::null;
            case AvroKind::boolean:
                return value.kind == JsonValue::Kind::boolean;
            case AvroKind::int_type:
                return value.kind == JsonValue::Kind::integer &&
                       value.integer >= std::numeric_limits<std::int32_t>::min() &&
                       value.integer <= std::numeric_limits<std::int32_t>::max();
            case AvroKind::long_type:
                return value.kind == JsonValue::Kind::integer;
            case AvroKind::float_type:
            case AvroKind::double_type:
                return value.is_number();
            case AvroKind::bytes:
            case AvroKind::string:
            case AvroKind::fixed:
                return value.is_string();
            case AvroKind::enumeration:
                return value.is_string() && is_symbol(type, value.string);
            case AvroKind::array:
                return value.is_array() &&
                       std::all_of(value.items.begin(), value.items.end(),
                                   [&](const JsonValue* item) { return fits(*type.element, *item); });
            case AvroKind::map:
                return value.is_object() &&
                       std::all_of(value.members.begin(), value.members.end(),
                                   [&](const auto& member) { return fits(*type.element, *member.second); });
            case AvroKind::union_type:
                return std::any_of(type.branches.begin(), type.branches.end(),
                                   [&](const AvroType* branch) { return fits(*branch, value); });
            case AvroKind::record:
                steps_ += int(value.members.size());
                return value.is_object() &&
                       std::all_of(type.fields.begin(), type.fields.end(), [&](const AvroField& field) {
                           const auto* member = value.find(field.name);
                           return member != nullptr ? fits(*field.type, *member)
                                                    : field.default_json.has_value();
                       });
        }
        return false;
    }

private:
    bool is_symbol(const AvroType& type, std::string_view text) {
        steps_ += int(type.symbols.size() / 100);
        return std::find(type.symbols.begin(), type.symbols.end(), text) != type.symbols.end();
    }

    int steps_ = 0;
};

class Parser {
public:
    explicit Parser(std::deque<AvroType>& types) : types_(types) {}

    Result<const AvroType*> parse(const JsonValue& json, std::string_view space, const std::string& path) {
        if (json.is_string()) return by_name(json.string, space, path);
        if (json.is_array()) return union_of(json, space, path);
        if (!json.is_object()) return wrong(path, "expected a type: a name, an object or an array");
        const auto* type = json.find("type");
        if (type == nullptr) return wrong(path, "expected the attribute 'type'");
        if (!type->is_string()) return parse(*type, space, path + "/type");
        const auto& name = type->string;
        if (name == "record" || name == "error") return record(json, space, path, name == "error");
        if (name == "enum") return enumeration(json, space, path);
        if (name == "fixed") return fixed(json, space, path);
        if (name == "array") return container(json, AvroKind::array, "items", space, path);
        if (name == "map") return container(json, AvroKind::map, "values", space, path);
        if (auto kind = primitive_of(name)) return primitive(json, *kind);
        return by_name(name, space, path + "/type");
    }

private:
    template <class... Args>
    static std::unexpected<Error> wrong(const std::string& path, fmt::format_string<Args...> text,
                                        Args&&... args) {
        return fail(Errc::invalid, "{}: {}", path.empty() ? "/" : path,
                    fmt::format(text, std::forward<Args>(args)...));
    }

    Result<const AvroType*> by_name(std::string_view name, std::string_view space, const std::string& path) {
        if (auto kind = primitive_of(name)) return plain(*kind);
        auto full = name.find('.') == std::string_view::npos && !space.empty()
                        ? fmt::format("{}.{}", space, name)
                        : std::string(name);
        auto known = named_.find(full);
        if (known == named_.end()) known = named_.find(std::string(name));
        if (known != named_.end()) return known->second;
        if (name == "record" || name == "enum" || name == "fixed" || name == "array" || name == "map")
            return wrong(path, "'{}' needs attributes of its own: expected an object with \"type\": \"{}\"",
                         name, name);
        return wrong(path, "unknown type '{}'", name);
    }

    const AvroType* plain(AvroKind kind) {
        auto& shared = plain_[kind];
        if (shared == nullptr) {
            auto& type = types_.emplace_back();
            type.kind = kind;
            shared = &type;
        }
        return shared;
    }

    Result<const AvroType*> primitive(const JsonValue& json, AvroKind kind) {
        auto properties = properties_of(json, {"type"});
        if (properties.empty()) return plain(kind);
        auto& type = types_.emplace_back();
        type.kind = kind;
        type.properties = std::move(properties);
        return &type;
    }

    static AvroProperties properties_of(const JsonValue& json,
                                        std::initializer_list<std::string_view> known) {
        AvroProperties properties;
        for (const auto& [name, value] : json.members)
            if (std::find(known.begin(), known.end(), name) == known.end())
                properties.emplace_back(name, value->text());
        return properties;
    }

    static Result<std::optional<std::string>> text_of(const JsonValue& json, std::string_view name,
                                                      const std::string& path) {
        const auto* value = json.find(name);
        if (value == nullptr) return std::nullopt;
        if (!value->is_string()) return wrong(path, "'{}': expected a string", name);
        return value->string;
    }

    static Result<std::vector<std::string>> names_of(const JsonValue& json, std::string_view attribute,
                                                     const std::string& path) {
        std::vector<std::string> names;
        const auto* value = json.find(attribute);
        if (value == nullptr) return names;
        if (!value->is_array()) return wrong(path, "'{}': expected an array of strings", attribute);
        for (const auto* item : value->items) {
            if (!item->is_string() || !is_full_name(item->string))
                return wrong(path, "'{}': expected names of letters, digits and '_'", attribute);
            names.push_back(item->string);
        }
        return names;
    }

    /// A new named type; known by its name from here on, so that it may name itself.
    Result<AvroType*> named(const JsonValue& json, AvroKind kind, std::string_view space,
                            const std::string& path) {
        auto name = TRY(text_of(json, "name", path));
        if (!name) return wrong(path, "expected the attribute 'name'");
        auto declared = TRY(text_of(json, "namespace", path));
        auto& type = types_.emplace_back();
        type.kind = kind;
        auto dot = name->rfind('.');
        type.name = dot == std::string::npos ? *name : name->substr(dot + 1);
        type.space = dot != std::string::npos ? name->substr(0, dot)
                     : declared               ? *declared
                                              : std::string(space);
        if (!is_name(type.name) || (!type.space.empty() && !is_full_name(type.space)))
            return wrong(path, "'{}' is not a name; expected letters, digits and '_', not a digit first",
                         type.full_name());
        if (primitive_of(type.name) && type.space.empty())
            return wrong(path, "'{}' is the name of a primitive type", type.name);
        if (!named_.emplace(type.full_name(), &type).second)
            return wrong(path, "the type '{}' is defined twice", type.full_name());
        type.doc = TRY(text_of(json, "doc", path));
        for (auto& alias : TRY(names_of(json, "aliases", path))) {
            bool relative = alias.find('.') == std::string::npos && !type.space.empty();
            type.aliases.push_back(relative ? type.space + "." + alias : alias);
        }
        return &type;
    }

    Result<const AvroType*> record(const JsonValue& json, std::string_view space, const std::string& path,
                                   bool is_error) {
        auto* type = TRY(named(json, AvroKind::record, space, path));
        type->is_error = is_error;
        const auto* fields = json.find("fields");
        if (fields == nullptr || !fields->is_array())
            return wrong(path, "record '{}': expected an array 'fields'", type->full_name());
        std::set<std::string> names;
        for (std::size_t i = 0; i < fields->items.size(); ++i) {
            auto at = fmt::format("{}/fields/{}", path, i);
            auto field = TRY(this->field(*fields->items[i], type->space, at));
            if (!names.insert(field.name).second)
                return wrong(at, "the field '{}' is defined twice", field.name);
            type->fields.push_back(std::move(field));
        }
        type->properties = properties_of(json, {"type", "name", "namespace", "doc", "aliases", "fields"});
        // Defaults are checked last: one may be of the record's own type.
        for (std::size_t i = 0; i < type->fields.size(); ++i) {
            const auto* value = fields->items[i]->find("default");
            const auto& field = type->fields[i];
            if (value == nullptr || defaults_.fits(*field.type, *value)) continue;
            return wrong(fmt::format("{}/fields/{}", path, i),
                         "the default {} of the field '{}' is no value of its type {}", value->text(),
                         field.name, to_string(field.type->kind));
        }
        return type;
    }

    Result<AvroField> field(const JsonValue& json, std::string_view space, const std::string& path) {
        if (!json.is_object()) return wrong(path, "expected an object with 'name' and 'type'");
        AvroField field;
        auto name = TRY(text_of(json, "name", path));
        if (!name || !is_name(*name))
            return wrong(path, "expected a 'name' of letters, digits and '_', not a digit first");
        field.name = *name;
        const auto* type = json.find("type");
        if (type == nullptr) return wrong(path, "the field '{}' has no 'type'", field.name);
        field.type = TRY(parse(*type, space, path + "/type"));
        field.doc = TRY(text_of(json, "doc", path));
        if (const auto* value = json.find("default")) field.default_json = value->text();
        if (auto order = TRY(text_of(json, "order", path))) field.order = *order;
        if (field.order != "ascending" && field.order != "descending" && field.order != "ignore")
            return wrong(path, "'order': expected ascending, descending or ignore, found '{}'", field.order);
        field.aliases = TRY(names_of(json, "aliases", path));
        field.properties = properties_of(json, {"name", "type", "doc", "default", "order", "aliases"});
        return field;
    }

    Result<const AvroType*> enumeration(const JsonValue& json, std::string_view space,
                                        const std::string& path) {
        auto* type = TRY(named(json, AvroKind::enumeration, space, path));
        const auto* symbols = json.find("symbols");
        if (symbols == nullptr || !symbols->is_array())
            return wrong(path, "enum '{}': expected an array 'symbols'", type->full_name());
        type->symbols = TRY(names_of(json, "symbols", path));
        std::set<std::string> seen;
        for (const auto& symbol : type->symbols) {
            if (!is_name(symbol)) return wrong(path, "'{}' is not a symbol", symbol);
            if (!seen.insert(symbol).second) return wrong(path, "the symbol '{}' stands twice", symbol);
        }
        type->default_symbol = TRY(text_of(json, "default", path));
        if (type->default_symbol && !seen.contains(*type->default_symbol))
            return wrong(path, "the default '{}' is none of the symbols", *type->default_symbol);
        type->properties =
            properties_of(json, {"type", "name", "namespace", "doc", "aliases", "symbols", "default"});
        return type;
    }

    Result<const AvroType*> fixed(const JsonValue& json, std::string_view space, const std::string& path) {
        auto* type = TRY(named(json, AvroKind::fixed, space, path));
        const auto* size = json.find("size");
        if (size == nullptr || size->kind != JsonValue::Kind::integer || size->integer < 0)
            return wrong(path, "fixed '{}': expected a 'size' of 0 or more", type->full_name());
        type->size = size->integer;
        type->properties = properties_of(json, {"type", "name", "namespace", "doc", "aliases", "size"});
        return type;
    }

    Result<const AvroType*> container(const JsonValue& json, AvroKind kind, std::string_view attribute,
                                      std::string_view space, const std::string& path) {
        const auto* element = json.find(attribute);
        if (element == nullptr)
            return wrong(path, "{}: expected the attribute '{}'", to_string(kind), attribute);
        auto& type = types_.emplace_back();
        type.kind = kind;
        type.element = TRY(parse(*element, space, fmt::format("{}/{}", path, attribute)));
        type.properties = properties_of(json, {"type", attribute});
        return &type;
    }

    Result<const AvroType*> union_of(const JsonValue& json, std::string_view space, const std::string& path) {
        auto& type = types_.emplace_back();
        type.kind = AvroKind::union_type;
        std::set<std::string> seen;
        for (std::size_t i = 0; i < json.items.size(); ++i) {
            auto at = fmt::format("{}/{}", path, i);
            const auto* branch = TRY(parse(*json.items[i], space, at));
            if (branch->kind == AvroKind::union_type) return wrong(at, "a union may not hold a union");
            auto name = branch->is_named() ? branch->full_name() : std::string(to_string(branch->kind));
            if (!seen.insert(name).second) return wrong(at, "'{}' stands twice in the union", name);
            type.branches.push_back(branch);
        }
        return &type;
    }

    std::deque<AvroType>& types_;
    DefaultCheck defaults_;
    std::map<std::string, const AvroType*> named_;
    std::map<AvroKind, const AvroType*> plain_;
};

class Writer {
public:
    /// written: the full names of types that are defined elsewhere.
    explicit Writer(std::set<std::string> written) : written_(std::move(written)) {}

    std::string write(const AvroType& root) {
        type(root, "");
        return out_.take();
    }

private:
    void properties(const AvroProperties& all) {
        for (const auto& [name, json] : all) out_.raw_field(name, json);
    }
    void aliases(const std::vector<std::string>& all, std::string_view space) {
        if (all.empty()) return;
        out_.key("aliases").begin_array();
        for (const auto& alias : all) {
            auto dot = alias.rfind('.');
            bool relative = dot != std::string::npos && std::string_view(alias).substr(0, dot) == space;
            out_.value(relative ? alias.substr(dot + 1) : alias);
        }
        out_.end_array();
    }
    void name_of(const AvroType& type, const std::string& space) {
        out_.field("name", type.name);
        if (type.space != space) out_.field("namespace", type.space);
        if (type.doc) out_.field("doc", *type.doc);
    }

    void type(const AvroType& type, const std::string& space) {
        if (type.is_named() && !written_.insert(type.full_name()).second) {
            out_.value(type.space == space ? type.name : type.full_name());
            return;
        }
        switch (type.kind) {
            case AvroKind::union_type:
                out_.begin_array();
                for (const auto* branch : type.branches) this->type(*branch, space);
                out_.end_array();
                return;
            case AvroKind::record:
                record(type, space);
                return;
            case AvroKind::enumeration:
                enumeration(type, space);
                return;
            case AvroKind::fixed:
                out_.begin_object().field("type", "fixed");
                name_of(type, space);
                out_.field("size", type.size);
                break;
            case AvroKind::array:
            case AvroKind::map:
                out_.begin_object()
                    .field("type", to_string(type.kind))
                    .key(type.kind == AvroKind::array ? "items" : "values");
                this->type(*type.element, space);
                break;
            case AvroKind::null_type:
            case AvroKind::boolean:
            case AvroKind::int_type:
            case AvroKind::long_type:
            case AvroKind::float_type:
            case AvroKind::double_type:
            case AvroKind::bytes:
            case AvroKind::string:
                if (type.properties.empty()) {
                    out_.value(to_string(type.kind));
                    return;
                }
                out_.begin_object().field("type", to_string(type.kind));
                break;
        }
        properties(type.properties);
        aliases(type.aliases, type.space);
        out_.end_object();
    }

    void record(const AvroType& type, const std::string& space) {
        out_.begin_object().field("type", type.is_error ? "error" : "record");
        name_of(type, space);
        out_.key("fields").begin_array();
        for (const auto& field : type.fields) {
            out_.begin_object().field("name", field.name).key("type");
            this->type(*field.type, type.space);
            if (field.doc) out_.field("doc", *field.doc);
            if (field.default_json) out_.raw_field("default", *field.default_json);
            if (field.order != "ascending") out_.field("order", field.order);
            aliases(field.aliases, "");
            properties(field.properties);
            out_.end_object();
        }
        out_.end_array();
        properties(type.properties);
        aliases(type.aliases, type.space);
        out_.end_object();
    }

    void enumeration(const AvroType& type, const std::string& space) {
        out_.begin_object().field("type", "enum");
        name_of(type, space);
        out_.key("symbols").begin_array();
        for (const auto& symbol : type.symbols) out_.value(symbol);
        out_.end_array();
        if (type.default_symbol) out_.field("default", *type.default_symbol);
        properties(type.properties);
        aliases(type.aliases, type.space);
        out_.end_object();
    }

    codec::JsonWriter out_;
    std::set<std::string> written_;
};

}  // namespace

std::string_view to_string(AvroKind kind) {
    for (const auto& [name, known] : primitives)
        if (known == kind) return name;
    switch (kind) {
        case AvroKind::record:
            return "record";
        case AvroKind::enumeration:
            return "enum";
        case AvroKind::array:
            return "array";
        case AvroKind::map:
            return "map";
        case AvroKind::union_type:
            return "union";
        case AvroKind::fixed:
            return "fixed";
        case AvroKind::null_type:
        case AvroKind::boolean:
        case AvroKind::int_type:
        case AvroKind::long_type:
        case AvroKind::float_type:
        case AvroKind::double_type:
        case AvroKind::bytes:
        case AvroKind::string:
            break;
    }
    return "?";
}

Result<AvroSchema> AvroSchema::parse(std::string_view text, const ReferencedSchemas& referenced) {
    AvroSchema schema;
    Parser parser(schema.types_);
    for (const auto& other : referenced) {
        auto json = TRY(JsonDocument::parse(other.text));
        auto parsed = parser.parse(json.root(), "", "");
        if (!parsed) return fail(fmt::format("the reference {}", other.name), std::move(parsed.error()));
    }
    schema.referenced_ = schema.types_.size();
    auto json = TRY(JsonDocument::parse(text));
    schema.root_ = TRY(parser.parse(json.root(), "", ""));
    return schema;
}

std::string AvroSchema::text() const {
    std::set<std::string> elsewhere;
    for (std::size_t i = 0; i < referenced_; ++i)
        if (types_[i].is_named()) elsewhere.insert(types_[i].full_name());
    return Writer(std::move(elsewhere)).write(*root_);
}

Result<AvroSchema> avro_schema(Schemas& schemas, const RegisteredSchema& schema) {
    return AvroSchema::parse(schema.text, TRY(referenced_schemas(schemas, schema)));
}

}  // namespace penstock::registry
