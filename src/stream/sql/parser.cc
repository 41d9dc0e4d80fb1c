#include "stream/sql/parser.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include "base/ascii_case.h"
#include "stream/sql/lexer.h"

namespace penstock::stream::sql {

namespace {

/// Deeper nesting is refused, so that no text overflows the stack.
constexpr int max_depth = 200;

/// Words that end an expression or a list, and so cannot be an alias without AS or a bare name.
constexpr std::array reserved = {
    "select", "from",     "where", "group",   "having",    "order",  "limit",   "union",  "and",   "or",
    "not",    "in",       "like",  "ilike",   "rlike",     "is",     "between", "case",   "when",  "then",
    "else",   "end",      "as",    "on",      "join",      "inner",  "left",    "right",  "full",  "cross",
    "by",     "distinct", "null",  "lateral", "intersect", "except", "using",   "offset", "regexp"};

bool is_reserved(std::string_view word) {
    for (std::string_view known : reserved)
        if (equals_ignoring_case(word, known)) return true;
    return false;
}

struct Unit {
    std::string_view name;
    std::int64_t months, days, us;
};
constexpr Unit units[] = {{"year", 12, 0, 0},
                          {"month", 1, 0, 0},
                          {"week", 0, 7, 0},
                          {"day", 0, 1, 0},
                          {"hour", 0, 0, 3'600'000'000},
                          {"minute", 0, 0, 60'000'000},
                          {"second", 0, 0, 1'000'000},
                          {"millisecond", 0, 0, 1000},
                          {"microsecond", 0, 0, 1}};

const Unit* unit_of(std::string_view word) {
    auto name = lower_case(word);
    if (name.ends_with('s')) name.pop_back();
    for (const auto& unit : units)
        if (unit.name == name) return &unit;
    return nullptr;
}

bool add_unit(Interval& to, double amount, const Unit& unit) {
    if (!(amount > -1e12 && amount < 1e12)) return false;
    auto whole = std::int64_t(amount);
    to.months += whole * unit.months;
    to.days += whole * unit.days;
    auto us = amount * double(unit.us);
    if (!(us > -9e17 && us < 9e17)) return false;
    to.us += std::int64_t(us);
    return true;
}

class Parser {
public:
    Parser(std::string_view sql, std::vector<Token> tokens) : sql_(sql), tokens_(std::move(tokens)) {}

    SqlResult<Select> statement() {
        TRY(refuse_other_statements());
        TRY(expect_word("select"));
        Select select;
        if (accept_word("distinct"))
            select.distinct = true;
        else
            accept_word("all");
        TRY(select_list(select));
        if (accept_word("from")) TRY(from(select));
        if (accept_word("where")) select.where = TRY(expression());
        TRY(grouping(select));
        TRY(ordering(select));
        accept_symbol(";");
        if (!at_end()) return unexpected_token(select.from ? "the end of the query" : "FROM");
        return select;
    }

    SqlResult<Interval> interval_only() {
        accept_word("interval");
        auto interval = TRY(interval_units());
        if (!at_end()) return unexpected_token("a number and a unit such as minutes");
        return interval;
    }

private:
    const Token& token(std::size_t ahead = 0) const {
        return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
    }
    Position here() const { return token().at; }
    bool at_end() const { return token().kind == TokenKind::end; }
    bool is_word(std::string_view word, std::size_t ahead = 0) const {
        return token(ahead).kind == TokenKind::word && equals_ignoring_case(token(ahead).text, word);
    }
    bool is_symbol(std::string_view symbol, std::size_t ahead = 0) const {
        return token(ahead).kind == TokenKind::symbol && token(ahead).text == symbol;
    }
    bool accept_word(std::string_view word) {
        if (!is_word(word)) return false;
        ++next_;
        return true;
    }
    bool accept_symbol(std::string_view symbol) {
        if (!is_symbol(symbol)) return false;
        ++next_;
        return true;
    }
    std::string shown() const {
        if (at_end()) return "the end of the text";
        return std::string(
            sql_.substr(token().begin, std::min<std::size_t>(token().end - token().begin, 40)));
    }
    /// What people write first to see what there is, or to change it, has its place elsewhere.
    SqlResult<> refuse_other_statements() const {
        if (is_word("with")) return sql_fail(here(), "WITH is not offered; write one SELECT");
        for (auto word : {"show", "describe", "desc"})
            if (is_word(word))
                return sql_fail(here(),
                                "{} is not offered; penstock topics and penstock tables tell what there is",
                                upper_case(word));
        for (auto word : {"insert", "update", "delete", "create", "alter", "drop", "truncate"})
            if (is_word(word))
                return sql_fail(
                    here(), "{} is not offered; a pipeline's query writes into its table, and CQL into any",
                    upper_case(word));
        return {};
    }
    std::unexpected<SqlError> unexpected_token(std::string_view expected) const {
        return sql_fail(here(), "expected {}, found {}", expected, shown());
    }
    SqlResult<> expect_word(std::string_view word) {
        if (accept_word(word)) return {};
        return unexpected_token(upper_case(word));
    }
    SqlResult<> expect_symbol(std::string_view symbol) {
        if (accept_symbol(symbol)) return {};
        return unexpected_token(symbol);
    }
    SqlResult<std::string> identifier(std::string_view what) {
        if (token().kind == TokenKind::quoted_word ||
            (token().kind == TokenKind::word && !is_reserved(token().text)))
            return tokens_[next_++].text;
        return unexpected_token(what);
    }

    SqlResult<> select_list(Select& select) {
        do {
            if (is_word("from") || at_end()) return unexpected_token("a column or expression");
            SelectItem item;
            item.expr = TRY(expression());
            item.text = sql_.substr(item.expr->begin, item.expr->end - item.expr->begin);
            if (accept_word("as")) {
                item.alias = TRY(any_word("a name after AS"));
            } else if (token().kind == TokenKind::quoted_word ||
                       (token().kind == TokenKind::word && !is_reserved(token().text))) {
                item.alias = tokens_[next_++].text;
            }
            select.items.push_back(std::move(item));
        } while (accept_symbol(","));
        return {};
    }

    SqlResult<> from(Select& select) {
        if (is_symbol("("))
            return sql_fail(here(), "a subquery in FROM is not offered; name a topic or table");
        Relation relation;
        relation.at = here();
        do {
            relation.parts.push_back(TRY(identifier("a topic, or keyspace.table")));
        } while (accept_symbol("."));
        if (accept_word("as")) {
            relation.alias = TRY(identifier("an alias"));
        } else if (token().kind == TokenKind::quoted_word ||
                   (token().kind == TokenKind::word && !is_reserved(token().text))) {
            relation.alias = tokens_[next_++].text;
        }
        if (is_symbol(",") || is_word("join") || is_word("inner") || is_word("left") || is_word("right") ||
            is_word("full") || is_word("cross"))
            return sql_fail(here(), "joins are not offered; a query reads one topic or table");
        select.from = std::move(relation);
        return {};
    }

    SqlResult<> grouping(Select& select) {
        if (accept_word("group")) {
            TRY(expect_word("by"));
            do select.group_by.push_back(TRY(expression()));
            while (accept_symbol(","));
        }
        if (accept_word("having")) select.having = TRY(expression());
        return {};
    }

    SqlResult<> ordering(Select& select) {
        select.order_at = here();
        if (accept_word("order")) {
            TRY(expect_word("by"));
            do {
                OrderItem item;
                item.expr = TRY(expression());
                if (accept_word("desc"))
                    item.descending = true;
                else
                    accept_word("asc");
                if (accept_word("nulls")) {
                    if (accept_word("first"))
                        item.nulls_first = true;
                    else if (accept_word("last"))
                        item.nulls_first = false;
                    else
                        return unexpected_token("FIRST or LAST");
                }
                select.order_by.push_back(std::move(item));
            } while (accept_symbol(","));
        }
        select.limit_at = here();
        if (accept_word("limit")) {
            if (token().kind != TokenKind::integer) return unexpected_token("a number of rows");
            std::int64_t rows = 0;
            const auto& text = token().text;
            auto parsed = std::from_chars(text.data(), text.data() + text.size(), rows);
            if (parsed.ec != std::errc()) return sql_fail(here(), "LIMIT {} is too large", text);
            select.limit = rows;
            ++next_;
        }
        if (is_word("union") || is_word("intersect") || is_word("except"))
            return sql_fail(here(), "{} is not offered; write one SELECT", token().text);
        return {};
    }

    // Expressions, from the weakest to the strongest binding.

    ExprPtr make(ExprKind kind, const Token& first) const {
        auto expr = std::make_unique<Expr>();
        expr->kind = kind;
        expr->at = first.at;
        expr->begin = first.begin;
        return expr;
    }
    ExprPtr finish(ExprPtr expr) const {
        expr->end = next_ > 0 ? tokens_[next_ - 1].end : 0;
        return expr;
    }
    /// A node over left, which stands where the operator stands.
    ExprPtr over(ExprKind kind, ExprPtr left, const Token& op) const {
        auto expr = make(kind, op);
        expr->begin = left->begin;
        expr->children.push_back(std::move(left));
        return expr;
    }

    struct Depth {
        explicit Depth(int& depth) : depth_(depth) { ++depth_; }
        ~Depth() { --depth_; }
        Depth(const Depth&) = delete;
        Depth& operator=(const Depth&) = delete;
        int& depth_;
    };

    SqlResult<ExprPtr> expression() {
        Depth depth(depth_);
        if (depth_ > max_depth)
            return sql_fail(here(), "this expression is nested deeper than {}", max_depth);
        auto left = TRY(conjunction());
        int terms = 0;
        while (is_word("or")) {
            if (++terms > max_terms) return too_long();
            left = TRY(binary(std::move(left), "or", &Parser::conjunction));
        }
        return left;
    }

    SqlResult<ExprPtr> conjunction() {
        auto left = TRY(negation());
        int terms = 0;
        while (is_word("and")) {
            if (++terms > max_terms) return too_long();
            left = TRY(binary(std::move(left), "and", &Parser::negation));
        }
        return left;
    }

    /// Chains a + b + c ... make trees as deep as they are long.
    static constexpr int max_terms = 500;
    std::unexpected<SqlError> too_long() const {
        return sql_fail(here(), "more than {} terms in one chain", max_terms);
    }

    using Rule = SqlResult<ExprPtr> (Parser::*)();
    SqlResult<ExprPtr> binary(ExprPtr left, std::string op, Rule right) {
        auto expr = over(ExprKind::binary, std::move(left), tokens_[next_++]);
        expr->text = std::move(op);
        expr->children.push_back(TRY((this->*right)()));
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> negation() {
        if (!is_word("not")) return predicate();
        Depth depth(depth_);
        if (depth_ > max_depth)
            return sql_fail(here(), "this expression is nested deeper than {}", max_depth);
        auto expr = make(ExprKind::logical_not, tokens_[next_++]);
        expr->children.push_back(TRY(negation()));
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> predicate() {
        auto left = TRY(sum());
        int terms = 0;
        while (true) {
            if (++terms > max_terms) return too_long();
            static constexpr std::string_view comparisons[] = {"=",  "==", "<>", "!=", "<",
                                                               "<=", ">",  ">=", "<=>"};
            std::string op;
            for (auto comparison : comparisons)
                if (is_symbol(comparison)) op = comparison;
            if (op == "==") op = "=";
            if (op == "!=") op = "<>";
            if (!op.empty()) {
                left = TRY(binary(std::move(left), op, &Parser::sum));
                continue;
            }
            if (is_word("is")) {
                left = TRY(is_test(std::move(left)));
                continue;
            }
            bool negated = is_word("not");
            std::size_t ahead = negated ? 1 : 0;
            if (is_word("in", ahead) || is_word("between", ahead) || is_word("like", ahead) ||
                is_word("ilike", ahead) || is_word("rlike", ahead) || is_word("regexp", ahead)) {
                next_ += ahead;
                left = TRY(set_test(std::move(left), negated));
                continue;
            }
            return left;
        }
    }

    SqlResult<ExprPtr> is_test(ExprPtr left) {
        auto expr = over(ExprKind::is_null, std::move(left), tokens_[next_++]);
        expr->negated = accept_word("not");
        if (is_word("true") || is_word("false")) {
            expr->kind = ExprKind::is_true;
            expr->text = lower_case(token().text);
            ++next_;
        } else if (accept_word("distinct")) {
            TRY(expect_word("from"));
            expr->kind = ExprKind::binary;
            expr->text = "<=>";
            expr->children.push_back(TRY(sum()));
            if (!expr->negated) {  // IS DISTINCT FROM: the opposite of <=>
                auto negation = std::make_unique<Expr>();
                negation->kind = ExprKind::logical_not;
                negation->at = expr->at;
                negation->begin = expr->begin;
                negation->children.push_back(finish(std::move(expr)));
                return finish(std::move(negation));
            }
            expr->negated = false;
        } else if (!accept_word("null")) {
            return unexpected_token("NULL, TRUE, FALSE or DISTINCT FROM after IS");
        }
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> set_test(ExprPtr left, bool negated) {
        const auto& word = tokens_[next_++];
        auto op = lower_case(word.text);
        auto kind = op == "in" ? ExprKind::in : op == "between" ? ExprKind::between : ExprKind::like;
        auto expr = over(kind, std::move(left), word);
        expr->negated = negated;
        if (kind == ExprKind::in) {
            TRY(expect_symbol("("));
            if (is_word("select")) return sql_fail(here(), "a subquery in IN is not offered");
            do expr->children.push_back(TRY(expression()));
            while (accept_symbol(","));
            TRY(expect_symbol(")"));
        } else if (kind == ExprKind::between) {
            expr->children.push_back(TRY(sum()));
            TRY(expect_word("and"));
            expr->children.push_back(TRY(sum()));
        } else {
            expr->text = op == "regexp" ? "rlike" : op;
            expr->children.push_back(TRY(sum()));
        }
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> sum() {
        auto left = TRY(product());
        int terms = 0;
        while (is_symbol("+") || is_symbol("-") || is_symbol("||")) {
            if (++terms > max_terms) return too_long();
            left = TRY(binary(std::move(left), token().text, &Parser::product));
        }
        return left;
    }

    SqlResult<ExprPtr> product() {
        auto left = TRY(unary());
        int terms = 0;
        while (is_symbol("*") || is_symbol("/") || is_symbol("%") || is_word("div")) {
            if (++terms > max_terms) return too_long();
            left = TRY(binary(std::move(left), lower_case(token().text), &Parser::unary));
        }
        return left;
    }

    SqlResult<ExprPtr> unary() {
        if (!is_symbol("-") && !is_symbol("+")) return postfix();
        Depth depth(depth_);
        if (depth_ > max_depth)
            return sql_fail(here(), "this expression is nested deeper than {}", max_depth);
        bool minus = is_symbol("-");
        const auto& sign = tokens_[next_++];
        if (!minus) return unary();
        if (token().kind == TokenKind::integer || token().kind == TokenKind::decimal) {
            // A negative literal, so that -9223372036854775808 is a BIGINT.
            auto literal =
                make(token().kind == TokenKind::integer ? ExprKind::integer : ExprKind::decimal, sign);
            literal->text = "-" + tokens_[next_++].text;
            return postfix_of(finish(std::move(literal)));
        }
        auto expr = make(ExprKind::negate, sign);
        expr->children.push_back(TRY(unary()));
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> postfix() { return postfix_of(TRY(primary())); }

    SqlResult<ExprPtr> postfix_of(ExprPtr left) {
        int terms = 0;
        while (true) {
            if (++terms > max_depth) return too_long();
            if (is_symbol("::")) {
                left = over(ExprKind::cast, std::move(left), tokens_[next_++]);
                left->text = TRY(type_name());
            } else if (is_symbol("[")) {
                left = over(ExprKind::subscript, std::move(left), tokens_[next_++]);
                left->children.push_back(TRY(expression()));
                TRY(expect_symbol("]"));
            } else if (is_symbol(".")) {
                auto dot = tokens_[next_++];
                left = over(ExprKind::field, std::move(left), dot);
                left->text = TRY(any_word("a field name after the dot"));
            } else {
                return left;
            }
            left = finish(std::move(left));
        }
    }

    /// After a dot every word is a name: a.end, a.order.
    SqlResult<std::string> any_word(std::string_view what) {
        if (token().kind != TokenKind::word && token().kind != TokenKind::quoted_word)
            return unexpected_token(what);
        return tokens_[next_++].text;
    }

    SqlResult<std::string> type_name() {
        auto name = TRY(any_word("a type such as STRING, BIGINT or TIMESTAMP"));
        if (accept_symbol("(")) {  // VARCHAR(20), DECIMAL(10, 2)
            name += '(';
            while (token().kind == TokenKind::integer || is_symbol(",")) {
                name += token().text;
                ++next_;
            }
            TRY(expect_symbol(")"));
            name += ')';
        }
        return name;
    }

    SqlResult<ExprPtr> primary() {
        const auto& first = token();
        switch (first.kind) {
            case TokenKind::integer:
                return literal(ExprKind::integer);
            case TokenKind::decimal:
                return literal(ExprKind::decimal);
            case TokenKind::string:
                return literal(ExprKind::string);
            case TokenKind::quoted_word:
                return name();
            case TokenKind::word:
                return word();
            case TokenKind::symbol:
                if (first.text == "(") return parenthesis();
                if (first.text == "*") {
                    auto star = make(ExprKind::star, tokens_[next_++]);
                    return finish(std::move(star));
                }
                break;
            case TokenKind::end:
                break;
        }
        return unexpected_token("an expression");
    }

    SqlResult<ExprPtr> literal(ExprKind kind) {
        auto expr = make(kind, token());
        expr->text = tokens_[next_++].text;
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> parenthesis() {
        auto begin = tokens_[next_++].begin;
        if (is_word("select")) return sql_fail(here(), "a subquery is not offered here");
        auto inner = TRY(expression());
        TRY(expect_symbol(")"));
        inner->begin = begin;
        return finish(std::move(inner));
    }

    SqlResult<ExprPtr> word() {
        auto text = lower_case(token().text);
        if (text == "null") return literal(ExprKind::null);
        if (text == "true" || text == "false") {
            auto expr = TRY(literal(ExprKind::boolean));
            expr->text = text;
            return expr;
        }
        if (text == "case") return case_when();
        if (text == "interval" && !is_symbol("(", 1) && !is_symbol(".", 1)) {
            auto expr = make(ExprKind::interval, tokens_[next_++]);
            expr->interval = TRY(interval_units());
            return finish(std::move(expr));
        }
        if ((text == "date" || text == "timestamp") && token(1).kind == TokenKind::string) {
            auto expr = make(text == "date" ? ExprKind::date : ExprKind::timestamp, token());
            ++next_;
            expr->text = tokens_[next_++].text;
            return finish(std::move(expr));
        }
        if ((text == "cast" || text == "try_cast") && is_symbol("(", 1)) return cast();
        if (text == "extract" && is_symbol("(", 1)) return extract();
        if (is_symbol("(", 1)) return call();
        if (is_reserved(text)) return unexpected_token("an expression");
        return name();
    }

    SqlResult<ExprPtr> cast() {
        auto expr = make(ExprKind::cast, token());
        expr->attempt = lower_case(tokens_[next_++].text) == "try_cast";
        TRY(expect_symbol("("));
        expr->children.push_back(TRY(expression()));
        TRY(expect_word("as"));
        expr->text = TRY(type_name());
        TRY(expect_symbol(")"));
        return finish(std::move(expr));
    }

    /// extract(YEAR FROM t) is year(t).
    SqlResult<ExprPtr> extract() {
        auto expr = make(ExprKind::call, tokens_[next_++]);
        TRY(expect_symbol("("));
        expr->text = lower_case(TRY(any_word("YEAR, MONTH, DAY, HOUR, MINUTE or SECOND")));
        TRY(expect_word("from"));
        expr->children.push_back(TRY(expression()));
        TRY(expect_symbol(")"));
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> call() {
        auto expr = make(ExprKind::call, token());
        expr->text = lower_case(tokens_[next_++].text);
        TRY(expect_symbol("("));
        if (accept_word("distinct")) expr->distinct = true;
        if (!is_symbol(")")) {
            do expr->children.push_back(TRY(expression()));
            while (accept_symbol(","));
        }
        if (!is_symbol(")")) return unexpected_token(", or )");
        ++next_;
        if (is_word("over") && is_symbol("(", 1))
            return sql_fail(here(), "window functions with OVER are not offered");
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> name() {
        auto expr = make(ExprKind::name, token());
        expr->parts.push_back(tokens_[next_++].text);
        while (is_symbol(".")) {
            if (is_symbol("*", 1)) {
                next_ += 2;
                expr->kind = ExprKind::star;
                return finish(std::move(expr));
            }
            if (expr->parts.size() >= std::size_t(max_depth)) return too_long();
            ++next_;
            expr->parts.push_back(TRY(any_word("a field name after the dot")));
        }
        return finish(std::move(expr));
    }

    SqlResult<ExprPtr> case_when() {
        auto expr = make(ExprKind::case_when, tokens_[next_++]);
        if (!is_word("when")) {
            expr->has_operand = true;
            expr->children.push_back(TRY(expression()));
        }
        if (!is_word("when")) return unexpected_token("WHEN");
        while (accept_word("when")) {
            expr->children.push_back(TRY(expression()));
            TRY(expect_word("then"));
            expr->children.push_back(TRY(expression()));
        }
        if (accept_word("else")) {
            expr->has_else = true;
            expr->children.push_back(TRY(expression()));
        }
        if (!accept_word("end")) return unexpected_token("WHEN, ELSE or END");
        return finish(std::move(expr));
    }

    /// 1 DAY, '1' DAY, '1 day 2 hours', 1 DAY 2 HOURS.
    SqlResult<Interval> interval_units() {
        Interval interval;
        auto at = here();
        if (token().kind == TokenKind::string && !unit_of(token(1).text)) {
            interval = TRY(parse_interval_text(token().text, at));
            ++next_;
            return interval;
        }
        bool any = false;
        while (true) {
            bool minus = is_symbol("-");
            const auto& number = token(minus ? 1 : 0);
            if (number.kind != TokenKind::integer && number.kind != TokenKind::decimal &&
                number.kind != TokenKind::string)
                break;
            const auto* unit = unit_of(token(minus ? 2 : 1).text);
            if (!unit) {
                next_ += minus ? 2 : 1;
                return unexpected_token("a unit such as seconds, minutes, hours or days");
            }
            char* end = nullptr;
            auto amount = std::strtod(number.text.c_str(), &end);
            if (number.text.empty() || *end != '\0')
                return sql_fail(number.at, "expected a number, found '{}'", number.text);
            if (!add_unit(interval, minus ? -amount : amount, *unit))
                return sql_fail(number.at, "the interval is too large");
            next_ += minus ? 3 : 2;
            any = true;
        }
        if (!any) return unexpected_token("a number and a unit such as minutes");
        return interval;
    }

    std::string_view sql_;
    std::vector<Token> tokens_;
    std::size_t next_ = 0;
    int depth_ = 0;
};

}  // namespace

SqlResult<Select> parse_select(std::string_view sql) {
    auto tokens = TRY(tokenize(sql));
    return Parser(sql, std::move(tokens)).statement();
}

SqlResult<Interval> parse_interval_text(std::string_view text, Position at) {
    auto relocated = [&](const SqlError& error) {
        return sql_fail(at, "interval '{}': {}", text, error.text);
    };
    auto tokens = tokenize(text);
    if (!tokens) return relocated(tokens.error());
    // A string inside the string would let intervals nest without end.
    for (const auto& token : *tokens)
        if (token.kind == TokenKind::string)
            return sql_fail(at, "interval '{}': expected a number and a unit", text);
    auto interval = Parser(text, std::move(*tokens)).interval_only();
    if (!interval) return relocated(interval.error());
    return interval;
}

}  // namespace penstock::stream::sql
