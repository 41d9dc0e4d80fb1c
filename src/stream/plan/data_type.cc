#include "stream/plan/data_type.h"

#include <algorithm>
#include <cctype>

#include "stream/sql/lexer.h"

namespace penstock::stream {

bool DataType::operator==(const DataType& other) const {
    if (shape != other.shape) return false;
    if (shape == Shape::scalar) return scalar == other.scalar;
    return fields == other.fields && elements == other.elements;
}

DataType scalar_type(TypeId type) {
    DataType out;
    out.scalar = type;
    return out;
}

namespace {

std::string name_text(const std::string& name) {
    bool plain = !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
                 std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
    if (plain) return name;
    std::string out = "`";
    for (char c : name) {
        if (c == '`') out += '`';
        out += c;
    }
    return out + '`';
}

using sql::Token;
using sql::TokenKind;

class DdlParser {
public:
    explicit DdlParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    SqlResult<DataType> columns() {
        DataType object;
        object.shape = DataType::Shape::object;
        TRY(fields(object, false));
        if (token().kind != TokenKind::end) return expected("a comma or the end");
        return object;
    }

private:
    const Token& token() const { return tokens_[next_]; }
    void advance() {
        if (next_ + 1 < tokens_.size()) ++next_;
    }
    bool accept(std::string_view symbol) {
        if (token().kind != TokenKind::symbol || token().text != symbol) return false;
        advance();
        return true;
    }
    bool accept_word(std::string_view word) {
        if (token().kind != TokenKind::word || !equals_ignoring_case(token().text, word)) return false;
        advance();
        return true;
    }
    std::unexpected<SqlError> expected(std::string_view what) const {
        return sql_fail(token().at, "expected {}, found {}", what,
                        token().kind == TokenKind::end ? "the end" : token().text);
    }

    SqlResult<> fields(DataType& object, bool inside) {
        do {
            if (token().kind != TokenKind::word && token().kind != TokenKind::quoted_word)
                return expected("a column name");
            auto at = token().at;
            NamedType field;
            field.name = token().text;
            advance();
            if (inside) accept(":");
            field.type = TRY(type());
            if (accept_word("not") && !accept_word("null")) return expected("NULL after NOT");
            if (accept_word("comment")) {
                if (token().kind != TokenKind::string) return expected("a comment in quotes");
                advance();
            }
            for (const auto& known : object.fields)
                if (equals_ignoring_case(known.name, field.name))
                    return sql_fail(at, "column {} is declared twice", field.name);
            object.fields.push_back(std::move(field));
        } while (accept(","));
        return {};
    }

    SqlResult<DataType> type() {
        if (++depth_ > 50) return sql_fail(token().at, "types nested deeper than 50");
        auto out = nested_type();
        --depth_;
        return out;
    }

    SqlResult<DataType> nested_type() {
        if (token().kind != TokenKind::word) return expected("a type such as STRING or BIGINT");
        auto name = token().text;
        auto at = token().at;
        advance();
        DataType out;
        if (equals_ignoring_case(name, "struct")) {
            out.shape = DataType::Shape::object;
            if (!accept("<")) return expected("<");
            TRY(fields(out, true));
        } else if (equals_ignoring_case(name, "array")) {
            out.shape = DataType::Shape::array;
            if (!accept("<")) return expected("<");
            out.elements.push_back(TRY(type()));
        } else if (equals_ignoring_case(name, "map")) {
            out.shape = DataType::Shape::map;
            if (!accept("<")) return expected("<");
            auto key = TRY(type());
            if (key.column_type() != TypeId::string) return sql_fail(at, "the keys of a MAP must be STRING");
            if (!accept(",")) return expected(",");
            out.elements.push_back(TRY(type()));
        } else {
            auto known = type_of_name(name);
            if (!known)
                return sql_fail(at, "unknown type {}{}", name,
                                suggestion(name, {"STRING", "INT", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP",
                                                  "DATE", "BINARY", "STRUCT", "ARRAY", "MAP"}));
            if (accept("(")) {
                while (token().kind == TokenKind::integer || accept(",")) advance();
                if (!accept(")")) return expected(")");
            }
            return scalar_type(*known);
        }
        if (!accept(">")) return expected(">");
        return out;
    }

    std::vector<Token> tokens_;
    std::size_t next_ = 0;
    int depth_ = 0;
};

/// In DDL a colon stands between a field's name and type; SQL's lexer knows only the double one.
std::string without_colons(std::string_view ddl) {
    std::string out(ddl);
    char quote = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        char& c = out[i];
        if (quote) {
            if (c == quote)
                quote = 0;
            else if (c == '\\' && quote != '`')
                ++i;
        } else if (c == '`' || c == '\'' || c == '"') {
            quote = c;
        } else if (c == ':') {
            c = ' ';
        }
    }
    return out;
}

}  // namespace

std::string to_string(const DataType& type) {
    std::string out;
    switch (type.shape) {
        case DataType::Shape::scalar:
            return std::string(to_string(type.scalar));
        case DataType::Shape::array:
            return "ARRAY<" + to_string(type.elements[0]) + ">";
        case DataType::Shape::map:
            return "MAP<STRING, " + to_string(type.elements[0]) + ">";
        case DataType::Shape::object:
            for (const auto& field : type.fields) {
                if (!out.empty()) out += ", ";
                out += name_text(field.name) + ": " + to_string(field.type);
            }
            return "STRUCT<" + out + ">";
    }
    return out;
}

std::string ddl_of(const DataType& object) {
    std::string out;
    for (const auto& field : object.fields) {
        if (!out.empty()) out += ", ";
        out += name_text(field.name) + " " + to_string(field.type);
    }
    return out;
}

SqlResult<DataType> parse_ddl(std::string_view ddl) {
    auto tokens = TRY(sql::tokenize(without_colons(ddl)));
    return DdlParser(std::move(tokens)).columns();
}

}  // namespace penstock::stream
