#include "store/cql/class_type.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/hex.h"
#include "store/cql/token_stream.h"
#include "store/vector_value.h"

namespace penstock::store::cql {
namespace {

constexpr std::string_view package = "org.apache.cassandra.db.marshal.";
constexpr int most_nested = 100;

/// Classes with values and an order like those of a type that has a name in CQL.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> alike{
    {{"DateType", "timestamp"}, {"LegacyTimeUUIDType", "timeuuid"}, {"LexicalUUIDType", "uuid"}}};
constexpr std::array<std::string_view, 4> not_offered{"CompositeType", "DynamicCompositeType", "EmptyType",
                                                      "PartitionerDefinedOrder"};

struct Reader {
    std::string_view text;
    std::size_t at = 0;
    int depth = 0;

    void skip_blanks() {
        while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n')) ++at;
    }
    bool take(char c) {
        skip_blanks();
        if (at >= text.size() || text[at] != c) return false;
        ++at;
        return true;
    }
    std::string_view word() {
        skip_blanks();
        auto from = at;
        auto in_word = [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '+' || c == '.' || c == '_' || c == '&';
        };
        while (at < text.size() && in_word(static_cast<unsigned char>(text[at]))) ++at;
        return text.substr(from, at - from);
    }
    std::unexpected<Error> fault(std::string_view what) const {
        return fail(Errc::invalid, "{0}Cannot parse type {1}: Syntax error parsing '{1}' at char {2}: {3}",
                    syntax_prefix, text, at, what);
    }
    std::unexpected<Error> unknown(std::string_view name) const {
        auto whole = name.find('.') == std::string_view::npos ? std::string(package) + std::string(name)
                                                              : std::string(name);
        return fail(Errc::invalid, "{}Error setting type {}: Unable to find abstract-type class '{}'",
                    syntax_prefix, text, whole);
    }
    Result<> expect(char c) {
        if (take(c)) return {};
        if (at >= text.size()) return fault("unexpected end of string");
        return fault(fmt::format("unexpected character '{}'", text[at]));
    }

    Result<std::string> hex_name() {
        auto name = hex_bytes(word());
        if (!name || name->empty()) return fault("expected hexadecimal digits");
        return *std::move(name);
    }

    /// Behind "UserType(": its keyspace and name say which it is; the fields are those it has.
    Result<std::string> user_type() {
        auto out = quoted_name(word()) + ".";
        TRY(expect(','));
        out += quoted_name(TRY(hex_name()));
        while (take(',')) {
            TRY(hex_name());
            TRY(expect(':'));
            TRY(type());
        }
        TRY(expect(')'));
        return out;
    }

    /// Behind "VectorType(".
    Result<std::string> vector() {
        auto out = "vector<" + TRY(type());
        TRY(expect(','));
        out += ", " + std::string(word()) + ">";
        TRY(expect(')'));
        return out;
    }

    /// Behind "ListType(" and the like.
    Result<std::string> parameters(std::string out) {
        out += '<';
        do out += (out.back() == '<' ? "" : ", ") + TRY(type());
        while (take(','));
        TRY(expect(')'));
        return out + '>';
    }

    Result<std::string> type() {
        if (++depth > most_nested) return fault("nested too deeply");
        auto whole = word();
        auto name = whole;
        if (name.starts_with(package)) name.remove_prefix(package.size());
        auto out = TRY(named(whole, name));
        --depth;
        return out;
    }

    Result<std::string> named(std::string_view whole, std::string_view name) {
        if (name.empty()) return std::string("blob");
        if (std::ranges::find(not_offered, name) != not_offered.end())
            return fail(Errc::invalid, "the type '{}' is not offered", text);
        for (auto [of_class, same] : alike)
            if (name == of_class) return std::string(same);
        bool wraps = name == "ReversedType" || name == "FrozenType";
        auto kind = kind_of_class(name);
        if (!kind && !wraps) return unknown(whole);
        if (kind && DataType(*kind).kind != Kind::udt && !DataType(*kind).is_collection() &&
            *kind != Kind::tuple && *kind != Kind::vector)
            return to_string(DataType(*kind));
        TRY(expect('('));
        if (wraps) {
            auto inner = TRY(type());
            TRY(expect(')'));
            return name == "FrozenType" ? "frozen<" + inner + ">" : inner;
        }
        if (*kind == Kind::udt) return user_type();
        if (*kind == Kind::vector) return vector();
        return parameters(*kind == Kind::list  ? "list"
                          : *kind == Kind::set ? "set"
                          : *kind == Kind::map ? "map"
                                               : "tuple");
    }
};

}  // namespace

Result<ClassType> parse_class_type(std::string_view text) {
    Reader reader{text};
    Reader first{text};
    auto name = first.word();
    if (name.starts_with(package)) name.remove_prefix(package.size());
    ClassType out{TRY(reader.type()), name == "ReversedType"};
    // Parentheses without anything in them are none.
    if (reader.take('(')) TRY(reader.expect(')'));
    reader.skip_blanks();
    if (reader.at != text.size()) return reader.fault("unexpected character");
    return out;
}

}  // namespace penstock::store::cql
