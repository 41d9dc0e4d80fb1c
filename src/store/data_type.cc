#include "store/data_type.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace penstock::store {
namespace {

constexpr std::array<std::pair<std::string_view, Kind>, 26> simple_names{{
    {"ascii", Kind::ascii},         {"bigint", Kind::bigint},   {"blob", Kind::blob},
    {"boolean", Kind::boolean},     {"counter", Kind::counter}, {"decimal", Kind::decimal},
    {"double", Kind::double_},      {"float", Kind::float_},    {"int", Kind::int_},
    {"timestamp", Kind::timestamp}, {"uuid", Kind::uuid},       {"text", Kind::text},
    {"varchar", Kind::text},        {"varint", Kind::varint},   {"timeuuid", Kind::timeuuid},
    {"inet", Kind::inet},           {"date", Kind::date},       {"time", Kind::time},
    {"smallint", Kind::smallint},   {"tinyint", Kind::tinyint}, {"duration", Kind::duration},
    {"list", Kind::list},           {"map", Kind::map},         {"set", Kind::set},
    {"tuple", Kind::tuple},         {"vector", Kind::vector},
}};

std::string_view name_of(Kind kind) {
    for (const auto& [name, of] : simple_names)
        if (of == kind) return name;
    return "?";
}

constexpr std::int64_t max_dimension = INT32_MAX;
/// So that a type's text cannot exhaust the stack.
constexpr int max_depth = 150;

struct TypeParser {
    std::string_view text;
    const UserTypes& user_types;
    std::size_t at = 0;
    int depth = 0;

    void skip_spaces() {
        while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
    }
    bool take(char c) {
        skip_spaces();
        if (at >= text.size() || text[at] != c) return false;
        ++at;
        return true;
    }
    /// "Name" keeps its case.
    std::string word(bool& quoted) {
        skip_spaces();
        std::string out;
        quoted = at < text.size() && text[at] == '"';
        if (quoted) {
            for (++at; at < text.size(); ++at) {
                if (text[at] == '"' && (at + 1 >= text.size() || text[at + 1] != '"')) break;
                if (text[at] == '"') ++at;
                out += text[at];
            }
            if (at < text.size()) ++at;
            return out;
        }
        while (at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_'))
            out += char(std::tolower(static_cast<unsigned char>(text[at++])));
        return out;
    }

    /// Behind "vector".
    Result<DataType> vector(DataType out) {
        if (!take('<')) return fail(Errc::invalid, "expected '<' after vector in type {}", text);
        out.parameters.push_back(frozen(TRY(type())));
        if (!take(',')) return fail(Errc::invalid, "expected ',' and a dimension in type {}", text);
        skip_spaces();
        std::int64_t dimension = 0;
        auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), dimension);
        if (error != std::errc()) return fail(Errc::invalid, "expected a dimension in type {}", text);
        at = std::size_t(end - text.data());
        if (dimension <= 0)
            return fail(Errc::invalid, "vectors may only have positive dimensions; given {}", dimension);
        if (dimension > max_dimension)
            return fail(Errc::invalid, "vectors have at most {} dimensions; given {}", max_dimension,
                        dimension);
        out.dimension = std::uint32_t(dimension);
        if (!take('>')) return fail(Errc::invalid, "expected '>' in type {}", text);
        --depth;
        return out;
    }

    Result<DataType> type() {
        if (++depth > max_depth) return fail(Errc::invalid, "type {} is nested too deeply", text);
        bool quoted = false;
        auto name = word(quoted);
        if (name == "frozen" && !quoted) {
            if (!take('<')) return fail(Errc::invalid, "expected '<' after frozen in type {}", text);
            auto inner = TRY(type());
            if (!take('>')) return fail(Errc::invalid, "expected '>' in type {}", text);
            --depth;
            if (!inner.is_collection() && !inner.is_tuple())
                return fail(Errc::invalid,
                            "syntax: frozen<> is only allowed on collections, tuples, and user-defined types "
                            "(got {})",
                            to_string(inner));
            return frozen(std::move(inner));
        }
        auto kind = quoted ? std::nullopt : kind_of_name(name);
        if (!kind && user_types && !name.empty()) {
            std::string keyspace;
            if (take('.')) keyspace = std::exchange(name, word(quoted));
            --depth;
            return user_types(keyspace, name);
        }
        if (!kind) return fail(Errc::invalid, "Unknown type {}", name.empty() ? text : name);
        DataType out(*kind);
        if (out.kind == Kind::vector) return vector(std::move(out));
        auto wanted = out.kind == Kind::map ? 2u : out.is_collection() ? 1u : 0u;
        if (wanted > 0 || out.kind == Kind::tuple) {
            if (!take('<')) return fail(Errc::invalid, "expected '<' after {} in type {}", name, text);
            do out.parameters.push_back(TRY(type()));
            while (take(','));
            if (!take('>')) return fail(Errc::invalid, "expected '>' in type {}", text);
            if (wanted > 0 && out.parameters.size() != wanted)
                return fail(Errc::invalid, "{} takes {} type parameter(s)", name, wanted);
        }
        --depth;
        return out;
    }
};

}  // namespace

int UserTypeName::field(std::string_view wanted) const {
    auto at = std::ranges::find(fields, wanted);
    return at == fields.end() ? -1 : int(at - fields.begin());
}

bool DataType::operator==(const DataType& other) const {
    if (kind != other.kind || frozen != other.frozen || dimension != other.dimension ||
        parameters != other.parameters)
        return false;
    if (kind != Kind::udt) return true;
    return user == other.user || (user && other.user && *user == *other.user);
}

DataType frozen(DataType type) {
    if (type.is_collection() || type.kind == Kind::udt) type.frozen = true;
    for (auto& parameter : type.parameters) parameter = frozen(std::move(parameter));
    return type;
}

std::string quoted_name(std::string_view name) {
    bool plain = !name.empty() && (std::islower(static_cast<unsigned char>(name[0])) != 0) &&
                 std::ranges::all_of(name, [](unsigned char c) {
                     return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
                 });
    if (plain) return std::string(name);
    std::string out = "\"";
    for (char c : name) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + "\"";
}

bool has_duration(const DataType& type) {
    return type.kind == Kind::duration || std::ranges::any_of(type.parameters, has_duration);
}

std::string to_string(const DataType& type) {
    std::string out(type.kind == Kind::udt && type.user ? quoted_name(type.user->name)
                                                        : std::string(name_of(type.kind)));
    if (!type.parameters.empty() && type.kind != Kind::udt) {
        out += '<';
        for (std::size_t i = 0; i < type.parameters.size(); ++i) {
            if (i > 0) out += ", ";
            out += to_string(type.parameters[i]);
        }
        if (type.kind == Kind::vector) out += fmt::format(", {}", type.dimension);
        out += '>';
    }
    // Cassandra writes tuples frozen in its schema tables, and so do we.
    if (type.frozen || type.kind == Kind::tuple) out = "frozen<" + out + ">";
    return out;
}

std::optional<Kind> kind_of_name(std::string_view name) {
    for (const auto& [known, kind] : simple_names) {
        if (known.size() == name.size() && std::ranges::equal(known, name, [](char a, char b) {
                return a == char(std::tolower(static_cast<unsigned char>(b)));
            }))
            return kind;
    }
    return std::nullopt;
}

Result<DataType> parse_data_type(std::string_view text) {
    return parse_data_type(text, {});
}

Result<DataType> parse_data_type(std::string_view text, const UserTypes& user_types) {
    TypeParser parser{text, user_types};
    auto type = TRY(parser.type());
    parser.skip_spaces();
    if (parser.at != text.size()) return fail(Errc::invalid, "cannot read type {}", text);
    return type;
}

DataType type_of(TypeId type) {
    switch (type) {
        case TypeId::boolean:
            return Kind::boolean;
        case TypeId::int32:
            return Kind::int_;
        case TypeId::int64:
            return Kind::bigint;
        case TypeId::float64:
            return Kind::double_;
        case TypeId::string:
        case TypeId::json:
            return Kind::text;
        case TypeId::binary:
            return Kind::blob;
        case TypeId::date:
            return Kind::date;
        case TypeId::timestamp:
            return Kind::timestamp;
    }
    return Kind::text;
}

TypeId engine_type_of(const DataType& type) {
    switch (type.kind) {
        case Kind::boolean:
            return TypeId::boolean;
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::int_:
            return TypeId::int32;
        case Kind::bigint:
        case Kind::counter:
            return TypeId::int64;
        case Kind::float_:
        case Kind::double_:
            return TypeId::float64;
        case Kind::blob:
            return TypeId::binary;
        case Kind::date:
            return TypeId::date;
        case Kind::timestamp:
            return TypeId::timestamp;
        case Kind::ascii:
        case Kind::text:
        case Kind::uuid:
        case Kind::timeuuid:
        case Kind::inet:
        case Kind::time:
        case Kind::varint:
        case Kind::decimal:
        case Kind::duration:
            return TypeId::string;
        case Kind::list:
        case Kind::set:
        case Kind::map:
        case Kind::udt:
        case Kind::vector:
        case Kind::tuple:
            return TypeId::json;
    }
    return TypeId::string;
}

}  // namespace penstock::store
