#include <algorithm>

#include "store/cql/term_value.h"
#include "store/cql/token_stream.h"

namespace penstock::store::cql {
namespace {

Result<Selector> selector(TokenStream& in);
Result<Selector> one_selector(TokenStream& in);

/// c, c.field, c[key], c[from..to]
bool is_part_of_column(const Selector& selector) {
    return selector.kind == Selector::Kind::column ||
           ((selector.kind == Selector::Kind::field || selector.kind == Selector::Kind::element ||
             selector.kind == Selector::Kind::slice) &&
            selector.arguments[0].kind == Selector::Kind::column);
}

Result<Selector> function_selector(TokenStream& in) {
    Selector out;
    out.name = in.take().text;
    if (in.accept(".")) out.name = in.take().text;
    TRY(in.expect("("));
    if (out.name == "cast") {
        out.kind = Selector::Kind::cast;
        out.arguments.push_back(TRY(selector(in)));
        TRY(in.expect_word("as"));
        auto type = TRY(parse_type_text(in));
        out.type = TRY(parse_data_type(type));
        TRY(in.expect(")"));
        out.written = "cast(" + out.arguments[0].written + " as " + to_string(out.type) + ")";
        return out;
    }
    bool count_all = out.name == "count" &&
                     (in.is("*") || (in.peek().kind == TokenKind::integer && in.peek().text == "1"));
    if (count_all) {
        in.take();
        TRY(in.expect(")"));
        out.kind = Selector::Kind::count_rows;
        out.written = "count";
        return out;
    }
    out.kind = out.name == "writetime" || out.name == "maxwritetime" ? Selector::Kind::writetime
               : out.name == "ttl"                                   ? Selector::Kind::ttl
                                                                     : Selector::Kind::function;
    if (!in.is(")")) {
        do out.arguments.push_back(TRY(selector(in)));
        while (in.accept(","));
    }
    TRY(in.expect(")"));
    if (out.kind != Selector::Kind::function &&
        (out.arguments.size() != 1 || !is_part_of_column(out.arguments[0])))
        return fail(Errc::invalid, "{}{} takes one column", place_of(in.peek()), out.name);
    out.written = (out.kind == Selector::Kind::function ? "system." : "") + out.name + "(";
    for (std::size_t i = 0; i < out.arguments.size(); ++i)
        out.written += (i > 0 ? ", " : "") + out.arguments[i].written;
    out.written += ")";
    return out;
}

Selector operation(std::string op, Selector left, Selector right) {
    Selector out;
    out.kind = Selector::Kind::operation;
    out.written = left.written + " " + op + " " + right.written;
    out.name = std::move(op);
    out.arguments.push_back(std::move(left));
    out.arguments.push_back(std::move(right));
    return out;
}

/// (a, b), [a, b], {a, b}, behind the bracket. first: when that was read already.
Result<Selector> collected(TokenStream& in, std::string kind, std::string_view open, std::string_view close,
                           std::optional<Selector> first = {}) {
    Selector out;
    out.kind = Selector::Kind::collect;
    out.name = std::move(kind);
    out.written = open;
    do {
        if (!first) first = TRY(selector(in));
        out.arguments.push_back(std::move(*first));
        first.reset();
        if (in.is(":")) return fail(Errc::invalid, "Cannot infer type for a map in selection clause");
        out.written += (out.arguments.size() > 1 ? ", " : "") + out.arguments.back().written;
    } while (in.accept(","));
    TRY(in.expect(close));
    out.written += close;
    bool literals = std::ranges::all_of(
        out.arguments, [](const Selector& argument) { return argument.kind == Selector::Kind::literal; });
    if (!literals) return out;
    out.literal.kind = out.name == "tuple"  ? Term::Kind::tuple
                       : out.name == "list" ? Term::Kind::list
                                            : Term::Kind::set;
    for (auto& argument : out.arguments) out.literal.items.push_back(std::move(argument.literal));
    out.arguments.clear();
    out.kind = Selector::Kind::literal;
    return out;
}

/// (a + b), or a tuple of values.
Result<Selector> in_parentheses(TokenStream& in) {
    bool is_type = in.peek(1).kind == TokenKind::word && kind_of_name(in.peek(1).text) &&
                   (in.is(")", 2) || in.is("<", 2));
    if (is_type) {
        auto start = in.peek().offset;
        in.take();
        Selector out;
        auto type = TRY(parse_type_text(in));
        out.type = TRY(parse_data_type(type));
        TRY(in.expect(")"));
        auto inner = TRY(one_selector(in));
        if (inner.kind == Selector::Kind::literal) {
            out.kind = Selector::Kind::literal;
            out.literal.kind = Term::Kind::cast;
            out.literal.type = out.type;
            out.literal.items.push_back(std::move(inner.literal));
            out.written = in.written(start);
            return out;
        }
        out.kind = Selector::Kind::hint;
        out.written = "(" + to_string(out.type) + ")" + inner.written;
        out.arguments.push_back(std::move(inner));
        return out;
    }
    in.take();
    // Read once, whichever it is: each level that is read twice doubles the time of all levels in it.
    auto inner = TRY(selector(in));
    if (!in.accept(")")) return collected(in, "tuple", "(", ")", std::move(inner));
    inner.written = "(" + inner.written + ")";
    return inner;
}

/// a.field, a[key], a[from..to]
Result<Selector> modified(TokenStream& in, Selector out) {
    while (in.is(".") || in.is("[")) {
        Selector outer;
        if (in.accept(".")) {
            outer.kind = Selector::Kind::field;
            outer.name = TRY(in.name());
            outer.written = out.written + "." + outer.name;
        } else {
            in.take();
            std::string inside;
            outer.kind = Selector::Kind::element;
            if (!in.is("..")) {
                outer.literal = TRY(parse_term(in));
                inside = term_text(outer.literal);
            }
            if (in.accept("..")) {
                outer.kind = Selector::Kind::slice;
                inside += "..";
                if (!in.is("]")) {
                    outer.literal_to = TRY(parse_term(in));
                    inside += term_text(outer.literal_to);
                }
            }
            TRY(in.expect("]"));
            outer.written = out.written + "[" + inside + "]";
        }
        outer.arguments.push_back(std::move(out));
        out = std::move(outer);
    }
    return out;
}

Result<Selector> one_selector(TokenStream& in) {
    if (in.is("(")) return in_parentheses(in);
    if (in.is("[") && !in.is("]", 1)) {
        in.take();
        return collected(in, "list", "[", "]");
    }
    if (in.is("{") && !in.is("}", 1)) {
        in.take();
        return collected(in, "set", "{", "}");
    }
    bool negated = in.is("-") && in.peek(1).kind != TokenKind::integer &&
                   in.peek(1).kind != TokenKind::number && in.peek(1).kind != TokenKind::duration &&
                   !in.is_word("nan", 1) && !in.is_word("infinity", 1);
    if (negated) {
        in.take();
        Selector out;
        out.kind = Selector::Kind::operation;
        out.name = "-";
        if (++in.depth > max_nesting)
            return fail(Errc::invalid, "{}functions are nested too deeply", place_of(in.peek()));
        out.arguments.push_back(TRY(one_selector(in)));
        --in.depth;
        out.written = "-" + out.arguments[0].written;
        return out;
    }
    bool word = in.peek().kind == TokenKind::word;
    if (word && (in.is("(", 1) || (in.is(".", 1) && in.is("(", 3))))
        return modified(in, TRY(function_selector(in)));
    Selector out;
    bool name = in.peek().kind == TokenKind::quoted_name ||
                (word && in.peek().text != "null" && in.peek().text != "true" && in.peek().text != "false" &&
                 in.peek().text != "nan" && in.peek().text != "infinity");
    if (name) {
        out.name = TRY(in.name());
        out.written = out.name;
        return modified(in, std::move(out));
    }
    auto start = in.peek().offset;
    out.kind = Selector::Kind::literal;
    out.literal = TRY(parse_operand(in));
    out.written = out.literal.kind == Term::Kind::null ? "NULL" : in.written(start);
    return out;
}

Result<Selector> selector(TokenStream& in) {
    if (++in.depth > max_nesting)
        return fail(Errc::invalid, "{}functions are nested too deeply", place_of(in.peek()));
    auto product = [&]() -> Result<Selector> {
        auto out = TRY(one_selector(in));
        while (in.is("*") || in.is("/") || in.is("%")) {
            auto op = in.take().text;
            out = operation(op, std::move(out), TRY(one_selector(in)));
        }
        return out;
    };
    auto out = TRY(product());
    while (in.is("+") || in.is("-")) {
        auto op = in.take().text;
        out = operation(op, std::move(out), TRY(product()));
    }
    --in.depth;
    return out;
}

Result<Using> parse_using(TokenStream& in) {
    Using out;
    if (!in.accept_word("using")) return out;
    do {
        if (in.accept_word("timestamp"))
            out.timestamp = TRY(in.int_value());
        else if (in.accept_word("ttl"))
            out.ttl = TRY(in.int_value());
        else
            return in.no_alternative();
    } while (in.accept_word("and"));
    return out;
}

/// IF EXISTS, or conditions on columns.
Result<> parse_conditions(TokenStream& in, bool& if_exists, std::vector<Relation>& conditions) {
    if (!in.accept_word("if")) return {};
    if (in.accept_word("exists")) {
        if_exists = true;
        return {};
    }
    conditions = TRY(parse_relations(in));
    return {};
}

/// SET c = v, c[k] = v, c = c + v, c = v + c, c = c - v, c += v, c -= v.
Result<Assignment> assignment(TokenStream& in) {
    Assignment out;
    out.column = TRY(in.name());
    if (in.accept("[")) {
        out.kind = Assignment::Kind::set_element;
        out.element = TRY(parse_term(in));
        TRY(in.expect("]"));
        TRY(in.expect("="));
        out.value = TRY(parse_term(in));
        return out;
    }
    if (in.accept(".")) {
        out.kind = Assignment::Kind::set_field;
        out.field = TRY(in.name());
        TRY(in.expect("="));
        out.value = TRY(parse_term(in));
        return out;
    }
    if ((in.is("+") || in.is("-")) && in.is("=", 1)) {
        out.kind = in.take().text == "+" ? Assignment::Kind::add : Assignment::Kind::subtract;
        in.take();
        out.value = TRY(parse_term(in));
        return out;
    }
    TRY(in.expect("="));
    bool same = (in.peek().kind == TokenKind::word || in.peek().kind == TokenKind::quoted_name) &&
                in.peek().text == out.column && (in.is("+", 1) || in.is("-", 1));
    if (same) {
        in.take();
        out.kind = in.take().text == "+" ? Assignment::Kind::add : Assignment::Kind::subtract;
        out.value = TRY(parse_term(in));
        return out;
    }
    // "c = c -1" is the column and a negative number to the lexer's eye as well: covered above, as - is a
    // symbol.
    bool other_column = (in.peek().kind == TokenKind::word || in.peek().kind == TokenKind::quoted_name) &&
                        (in.is("+", 1) || in.is("-", 1));
    if (other_column)
        return fail(Errc::invalid, "{}Only expressions of the form X = X {}<value> are supported.",
                    syntax_prefix, in.peek(1).text);
    out.value = TRY(parse_term(in));
    if (!in.accept("+")) return out;
    out.kind = Assignment::Kind::prepend;
    auto again = TRY(in.name());
    if (again != out.column)
        return fail(Errc::invalid, "{}Only expressions of the form X = <value> + X are supported.",
                    syntax_prefix);
    return out;
}

}  // namespace

Result<Select> parse_select(TokenStream& in) {
    Select out;
    // json and distinct are names, too: they are keywords when something else than FROM, a comma or AS
    // follows.
    auto keyword = [&](std::string_view word) {
        bool is = in.is_word(word) && !in.is_word("from", 1) && !in.is(",", 1) && !in.is_word("as", 1) &&
                  !in.is("(", 1);
        return is && (in.take(), true);
    };
    out.json = keyword("json");
    out.distinct = keyword("distinct");
    if (in.accept("*")) {
        out.all = true;
    } else {
        do {
            auto one = TRY(selector(in));
            if (in.accept_word("as")) one.alias = TRY(in.name());
            out.selectors.push_back(std::move(one));
        } while (in.accept(","));
    }
    TRY(in.expect_word("from"));
    out.table = TRY(in.table_name());
    if (in.accept_word("where")) out.where = TRY(parse_relations(in));
    if (in.accept_words("group", "by")) {
        do out.group.push_back(TRY(selector(in)));
        while (in.accept(","));
    }
    if (in.accept_words("order", "by")) {
        do {
            auto column = TRY(in.name());
            if (in.accept_words("ann", "of")) {
                out.ann_orderings += 1;
                out.ann.emplace(std::move(column), TRY(parse_term(in)));
                out.ann_descending = in.accept_word("desc");
                in.accept_word("asc");
                continue;
            }
            bool descending = in.accept_word("desc");
            if (!descending) in.accept_word("asc");
            auto known = std::ranges::find(out.order, column, &std::pair<std::string, bool>::first);
            if (known == out.order.end())
                out.order.emplace_back(std::move(column), descending);
            else
                known->second = descending;  // named again: the last word counts
        } while (in.accept(","));
    }
    if (in.accept_word("per")) {
        TRY(in.expect_word("partition"));
        TRY(in.expect_word("limit"));
        out.per_partition_limit = TRY(in.int_value());
    }
    if (in.accept_word("limit")) out.limit = TRY(in.int_value());
    if (in.accept_word("allow")) {
        TRY(in.expect_word("filtering"));
        out.allow_filtering = true;
    }
    return out;
}

Result<Insert> parse_insert(TokenStream& in) {
    Insert out;
    TRY(in.expect_word("into"));
    out.table = TRY(in.table_name());
    if (in.accept_word("json")) {
        out.json = true;
        out.json_value = TRY(parse_term(in));
        if (in.accept_word("default")) {
            out.default_unset = in.accept_word("unset");
            if (!out.default_unset) TRY(in.expect_word("null"));
        }
    } else {
        TRY(in.expect("("));
        do out.columns.push_back(TRY(in.name()));
        while (in.accept(","));
        TRY(in.expect(")"));
        TRY(in.expect_word("values"));
        TRY(in.expect("("));
        do out.values.push_back(TRY(parse_term(in)));
        while (in.accept(","));
        TRY(in.expect(")"));
    }
    out.if_not_exists = TRY(parse_if_not_exists(in));
    out.with = TRY(parse_using(in));
    return out;
}

/// Two parts of one SET can be done together.
bool compatible(const Assignment& a, const Assignment& b) {
    if (a.column != b.column) return true;
    if (a.kind == Assignment::Kind::set || b.kind == Assignment::Kind::set) return false;
    bool fields = a.kind == Assignment::Kind::set_field && b.kind == Assignment::Kind::set_field;
    return !fields || a.field != b.field;
}

Result<Update> parse_update(TokenStream& in) {
    Update out;
    out.table = TRY(in.table_name());
    out.with = TRY(parse_using(in));
    TRY(in.expect_word("set"));
    do out.assignments.push_back(TRY(assignment(in)));
    while (in.accept(","));
    TRY(in.expect_word("where"));
    out.where = TRY(parse_relations(in));
    TRY(parse_conditions(in, out.if_exists, out.conditions));
    for (std::size_t i = 0; i < out.assignments.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (!compatible(out.assignments[j], out.assignments[i]))
                return fail(Errc::invalid, "{}{}", syntax_prefix,
                            "Multiple incompatible setting of column " + out.assignments[i].column);
    return out;
}

Result<Delete> parse_delete(TokenStream& in) {
    Delete out;
    if (!in.is_word("from")) {
        do {
            Deleted one;
            one.column = TRY(in.name());
            if (in.accept("[")) {
                one.element = TRY(parse_term(in));
                TRY(in.expect("]"));
            } else if (in.accept(".")) {
                one.field = TRY(in.name());
            }
            out.columns.push_back(std::move(one));
        } while (in.accept(","));
    }
    TRY(in.expect_word("from"));
    out.table = TRY(in.table_name());
    out.with = TRY(parse_using(in));
    TRY(in.expect_word("where"));
    out.where = TRY(parse_relations(in));
    TRY(parse_conditions(in, out.if_exists, out.conditions));
    return out;
}

Result<Batch> parse_batch(TokenStream& in) {
    Batch out;
    if (in.accept_word("unlogged"))
        out.kind = Batch::Kind::unlogged;
    else if (in.accept_word("counter"))
        out.kind = Batch::Kind::counter;
    else
        in.accept_word("logged");
    TRY(in.expect_word("batch"));
    out.with = TRY(parse_using(in));
    while (!in.is_word("apply")) {
        if (in.accept_word("insert"))
            out.statements.emplace_back(TRY(parse_insert(in)));
        else if (in.accept_word("update"))
            out.statements.emplace_back(TRY(parse_update(in)));
        else if (in.accept_word("delete"))
            out.statements.emplace_back(TRY(parse_delete(in)));
        else
            return in.no_alternative();
        in.accept(";");
    }
    TRY(in.expect_word("apply"));
    TRY(in.expect_word("batch"));
    return out;
}

}  // namespace penstock::store::cql
