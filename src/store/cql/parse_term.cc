#include <charconv>

#include "store/cql/class_type.h"
#include "store/cql/token_stream.h"

namespace penstock::store::cql {
namespace {

Term literal(Term::Kind kind, std::string text) {
    Term out;
    out.kind = kind;
    out.text = std::move(text);
    return out;
}

Result<Term> collection(TokenStream& in) {
    Term out;
    if (in.accept("[")) {
        out.kind = Term::Kind::list;
        if (in.accept("]")) return out;
        do out.items.push_back(TRY(parse_term(in)));
        while (in.accept(","));
        TRY(in.expect("]"));
        return out;
    }
    TRY(in.expect("{"));
    bool constant = in.is_word("null") || in.is_word("true") || in.is_word("false") || in.is_word("nan") ||
                    in.is_word("infinity");
    bool name = in.peek().kind == TokenKind::quoted_name || (in.peek().kind == TokenKind::word && !constant);
    bool field = name && in.is(":", 1);
    if (field) {
        out.kind = Term::Kind::udt;
        do {
            out.names.push_back(TRY(in.name()));
            TRY(in.expect(":"));
            out.items.push_back(TRY(parse_term(in)));
        } while (in.accept(","));
        TRY(in.expect("}"));
        return out;
    }
    out.kind = Term::Kind::set;
    if (in.accept("}")) return out;
    do {
        out.items.push_back(TRY(parse_term(in)));
        bool first = out.items.size() == 1;
        if (first && in.is(":")) out.kind = Term::Kind::map;
        if (out.kind == Term::Kind::map) {
            TRY(in.expect(":"));
            out.items.push_back(TRY(parse_term(in)));
        }
    } while (in.accept(","));
    TRY(in.expect("}"));
    return out;
}

/// "(int) x" is a cast, "(1, 2)" a tuple.
Result<Term> parenthesis(TokenStream& in) {
    bool is_cast = in.peek(1).kind == TokenKind::word && kind_of_name(in.peek(1).text) &&
                   (in.is(")", 2) || in.is("<", 2));
    is_cast = is_cast || (in.is_word("frozen", 1) && in.is("<", 2));
    TRY(in.expect("("));
    Term out;
    if (is_cast) {
        out.kind = Term::Kind::cast;
        auto type = TRY(parse_type_text(in));
        out.type = TRY(parse_data_type(type));
        TRY(in.expect(")"));
        out.items.push_back(TRY(parse_term(in)));
        return out;
    }
    out.kind = Term::Kind::tuple;
    do out.items.push_back(TRY(parse_term(in)));
    while (in.accept(","));
    TRY(in.expect(")"));
    return out;
}

Result<Term> marker(TokenStream& in) {
    Term out;
    out.kind = Term::Kind::marker;
    if (in.accept("?")) {
        out.marker = in.add_marker("");
        return out;
    }
    TRY(in.expect(":"));
    if (in.peek().kind == TokenKind::word)
        out.text = in.take().text;
    else
        out.text = TRY(in.name());
    out.marker = in.add_marker(out.text);
    return out;
}

Result<Term> function(TokenStream& in) {
    Term out;
    out.kind = Term::Kind::function;
    out.text = in.take().text;
    if (in.accept(".")) out.text = in.take().text;  // system.now()
    TRY(in.expect("("));
    if (in.accept(")")) return out;
    if (out.text == "cast") {
        out.items.push_back(TRY(parse_term(in)));
        TRY(in.expect_word("as"));
        out.text = "cast_as_" + TRY(parse_type_text(in));
        TRY(in.expect(")"));
        return out;
    }
    do out.items.push_back(TRY(parse_term(in)));
    while (in.accept(","));
    TRY(in.expect(")"));
    return out;
}

Term operation(std::string op, Term left, Term right) {
    Term out;
    out.kind = Term::Kind::operation;
    out.text = std::move(op);
    out.items.push_back(std::move(left));
    out.items.push_back(std::move(right));
    return out;
}

/// What comes is a value, and not the name of a column as in "l = [1] + l".
bool begins_term(const TokenStream& in, std::size_t ahead) {
    const auto& token = in.peek(ahead);
    if (token.kind == TokenKind::quoted_name || token.kind == TokenKind::end) return false;
    if (token.kind == TokenKind::symbol)
        return token.text == "?" || token.text == ":" || token.text == "[" || token.text == "{" ||
               token.text == "(" || token.text == "-";
    if (token.kind != TokenKind::word) return true;
    bool constant = token.text == "null" || token.text == "true" || token.text == "false" ||
                    token.text == "nan" || token.text == "infinity";
    return constant || in.is("(", ahead + 1) || (in.is(".", ahead + 1) && in.is("(", ahead + 3));
}

Result<Term> one_term(TokenStream& in) {
    const auto& token = in.peek();
    switch (token.kind) {
        case TokenKind::string:
            return literal(Term::Kind::string, in.take().text);
        case TokenKind::integer:
            return literal(Term::Kind::integer, in.take().text);
        case TokenKind::number:
            return literal(Term::Kind::number, in.take().text);
        case TokenKind::blob:
            return literal(Term::Kind::blob, in.take().text);
        case TokenKind::uuid:
            return literal(Term::Kind::uuid, in.take().text);
        case TokenKind::duration:
            return literal(Term::Kind::duration, in.take().text);
        case TokenKind::word: {
            if (token.text == "null") return in.take(), Term{};
            if (token.text == "true" || token.text == "false")
                return literal(Term::Kind::boolean, in.take().text);
            if (token.text == "nan") return in.take(), literal(Term::Kind::number, "NaN");
            if (token.text == "infinity") return in.take(), literal(Term::Kind::number, "Infinity");
            bool call = in.is("(", 1) || (in.is(".", 1) && in.is("(", 3));
            if (call) return function(in);
            return in.no_alternative();
        }
        case TokenKind::symbol:
            break;
        case TokenKind::quoted_name:
        case TokenKind::end:
            return in.no_alternative();
    }
    if (token.text == "-") {
        in.take();
        const auto& next = in.peek();
        bool number = next.kind == TokenKind::integer || next.kind == TokenKind::number ||
                      next.kind == TokenKind::duration || next.text == "nan" || next.text == "infinity";
        if (number) {
            auto out = TRY(one_term(in));
            out.text = "-" + out.text;
            return out;
        }
        Term out;
        out.kind = Term::Kind::operation;
        out.text = "-";
        out.items.push_back(TRY(parse_operand(in)));
        return out;
    }
    if (token.text == "?" || token.text == ":") return marker(in);
    if (token.text == "[" || token.text == "{") return collection(in);
    if (token.text == "(") return parenthesis(in);
    return in.no_alternative();
}

Result<Operator> comparison(TokenStream& in) {
    if (in.accept("=")) return Operator::eq;
    if (in.accept("!=")) return Operator::ne;
    if (in.accept("<=")) return Operator::le;
    if (in.accept(">=")) return Operator::ge;
    if (in.accept("<")) return Operator::lt;
    if (in.accept(">")) return Operator::gt;
    return in.no_alternative();
}

/// Behind IN: (a, b), ?, :name.
Result<> in_values(TokenStream& in, Relation& out) {
    out.op = Operator::in;
    if (in.is("?") || in.is(":")) {
        out.in_marker = true;
        out.values.push_back(TRY(parse_term(in)));
        return {};
    }
    TRY(in.expect("("));
    if (in.accept(")")) return {};
    do out.values.push_back(TRY(parse_term(in)));
    while (in.accept(","));
    return in.expect(")");
}

Result<Relation> relation(TokenStream& in) {
    Relation out;
    if (in.is_word("token") && in.is("(", 1)) {
        in.take();
        in.take();
        out.kind = Relation::Kind::token;
        do out.columns.push_back(TRY(in.name()));
        while (in.accept(","));
        TRY(in.expect(")"));
        out.op = TRY(comparison(in));
        out.values.push_back(TRY(parse_term(in)));
        return out;
    }
    if (in.accept("(")) {
        out.kind = Relation::Kind::tuple;
        do out.columns.push_back(TRY(in.name()));
        while (in.accept(","));
        TRY(in.expect(")"));
    } else {
        out.columns.push_back(TRY(in.name()));
        if (in.accept("[")) {
            out.kind = Relation::Kind::element;
            out.element = TRY(parse_term(in));
            TRY(in.expect("]"));
        } else if (in.accept(".")) {
            out.kind = Relation::Kind::field;
            out.field = TRY(in.name());
        }
    }
    if (in.accept_word("in")) {
        TRY(in_values(in, out));
        out.single_in = out.op == Operator::in && !out.in_marker && out.values.size() == 1 &&
                        out.kind != Relation::Kind::element && out.kind != Relation::Kind::field;
        if (out.single_in) out.op = Operator::eq;
        return out;
    }
    if (in.is_word("like") && out.kind != Relation::Kind::column) return in.no_alternative();
    if (in.accept_word("like")) {
        out.op = Operator::like;
    } else if (in.accept_word("contains")) {
        out.op = in.accept_word("key") ? Operator::contains_key : Operator::contains;
    } else if (in.accept_word("is")) {
        TRY(in.expect_word("not"));
        TRY(in.expect_word("null"));
        out.op = Operator::not_null;
        return out;
    } else {
        out.op = TRY(comparison(in));
    }
    out.values.push_back(TRY(parse_term(in)));
    return out;
}

}  // namespace

Result<Term> parse_operand(TokenStream& in) {
    if (++in.depth > max_nesting)
        return fail(Errc::invalid, "{}values are nested too deeply", place_of(in.peek()));
    auto out = one_term(in);
    --in.depth;
    return out;
}

Result<Term> parse_term(TokenStream& in) {
    auto product = [&]() -> Result<Term> {
        auto out = TRY(parse_operand(in));
        while ((in.is("*") || in.is("/") || in.is("%")) && begins_term(in, 1)) {
            auto op = in.take().text;
            out = operation(op, std::move(out), TRY(parse_operand(in)));
        }
        return out;
    };
    auto out = TRY(product());
    while ((in.is("+") || in.is("-")) && begins_term(in, 1)) {
        auto op = in.take().text;
        out = operation(op, std::move(out), TRY(product()));
    }
    return out;
}

namespace {

/// Of a vector.
Result<std::string> dimension(TokenStream& in) {
    std::string sign = in.accept("-") ? "-" : "";
    if (in.peek().kind != TokenKind::integer) return in.mismatch("INTEGER");
    auto text = sign + in.take().text;
    std::int32_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
        return fail(Errc::invalid, "{}the dimension {} of a vector does not fit 32 bits", syntax_prefix,
                    text);
    return text;
}

}  // namespace

Result<std::string> parse_type_text(TokenStream& in) {
    if (++in.depth > max_nesting)
        return fail(Errc::invalid, "{}types are nested too deeply", place_of(in.peek()));
    if (in.peek().kind == TokenKind::string) {
        --in.depth;
        return TRY(parse_class_type(in.take().text)).text;
    }
    // A type's name may be a word that is reserved elsewhere: set.
    auto part = [&]() -> Result<std::string> {
        bool quoted = in.peek().kind == TokenKind::quoted_name;
        auto text = in.peek().kind == TokenKind::word ? in.take().text : TRY(in.name());
        return quoted ? quoted_name(text) : text;
    };
    auto out = TRY(part());
    if (in.accept(".")) out += "." + TRY(part());
    if (in.accept("<")) {
        out += '<';
        bool vector = out == "vector<";
        do {
            bool first = out.back() == '<';
            if (vector && !first)
                out += ", " + TRY(dimension(in));
            else
                out += (first ? "" : ", ") + TRY(parse_type_text(in));
        } while (in.accept(","));
        TRY(in.expect(">"));
        out += '>';
    }
    --in.depth;
    return out;
}

Result<std::vector<Relation>> parse_relations(TokenStream& in) {
    std::vector<Relation> out;
    do out.push_back(TRY(relation(in)));
    while (in.accept_word("and"));
    return out;
}

}  // namespace penstock::store::cql
