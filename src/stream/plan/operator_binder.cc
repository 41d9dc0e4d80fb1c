// The part of ExpressionBinder that binds operators and conditions.
#include "stream/expr/function.h"
#include "stream/plan/expression_binder.h"

namespace penstock::stream {

using sql::Expr;
using sql::ExprKind;

namespace {

std::optional<TypeId> wider_number(TypeId a, TypeId b) {
    auto is_number = [](TypeId t) {
        return t == TypeId::int32 || t == TypeId::int64 || t == TypeId::float64;
    };
    if (!is_number(a) || !is_number(b)) return std::nullopt;
    return std::max(a, b);  // INT < BIGINT < DOUBLE in TypeId
}

/// In a comparison text is turned into what it is compared with.
std::optional<TypeId> comparable_type(TypeId a, TypeId b) {
    if (a == b) return a;
    if (auto wider = wider_number(a, b)) return wider;
    auto is_time = [](TypeId t) { return t == TypeId::date || t == TypeId::timestamp; };
    if (is_time(a) && is_time(b)) return TypeId::timestamp;
    auto with_text = [](TypeId other) {
        return other == TypeId::json || other == TypeId::binary ? TypeId::string : other;
    };
    if (a == TypeId::string) return with_text(b);
    if (b == TypeId::string) return with_text(a);
    return std::nullopt;
}

/// 1 in (1, 2): three-valued, so null when it is not found and a value is null.
template <class T>
void is_in(Evaluation& e, const Expression&, std::span<const Vector> args, Column& out) {
    out.integers.resize(e.rows);
    auto set_null = [&](std::size_t row) {
        if (out.nulls.empty()) out.nulls.assign(e.rows, 0);
        out.nulls[row] = 1;
    };
    for (std::size_t row = 0; row < e.rows; ++row) {
        if (args[0].is_null(row)) {
            set_null(row);
            continue;
        }
        auto value = detail::values_of<T>(*args[0].column)[args[0].at(row)];
        bool any_null = false;
        for (const auto& arg : args.subspan(1)) {
            if (arg.is_null(row))
                any_null = true;
            else if (detail::values_of<T>(*arg.column)[arg.at(row)] == value)
                out.integers[row] = 1;
        }
        if (!out.integers[row] && any_null) set_null(row);
    }
}

Kernel in_kernel(TypeId type) {
    switch (storage_of(type)) {
        case Storage::integers:
            return is_in<std::int64_t>;
        case Storage::floats:
            return is_in<double>;
        case Storage::strings:
            return is_in<std::string_view>;
    }
    return nullptr;
}

template <bool Negate>
void is_null(Evaluation& e, const Expression&, std::span<const Vector> args, Column& out) {
    out.integers.resize(e.rows);
    for (std::size_t row = 0; row < e.rows; ++row) out.integers[row] = args[0].is_null(row) != Negate;
}

}  // namespace

ExpressionPtr ExpressionBinder::is_null_call(ExpressionPtr expr, bool negate, Position at) {
    auto call = std::make_unique<Expression>();
    call->kind = ExpressionKind::call;
    call->name = negate ? "is not null" : "is null";
    call->at = at;
    call->type = TypeId::boolean;
    call->kernel = negate ? is_null<true> : is_null<false>;
    call->deterministic = !expr->unknown;
    call->args.push_back(std::move(expr));
    return call;
}

SqlResult<ExpressionPtr> ExpressionBinder::condition(const Expr& expr, std::string_view clause) {
    auto bound = TRY(bind(expr));
    if (bound->null_literal) return constant_null(TypeId::boolean, expr.at);
    if (!bound->unknown && bound->type != TypeId::boolean)
        return sql_fail(expr.at, "{} needs a BOOLEAN, this is {}", clause, to_string(bound->type));
    return bound;
}

SqlResult<ExpressionPtr> ExpressionBinder::negated(ExpressionPtr expr, bool negate) {
    if (!negate) return expr;
    auto at = expr->at;
    std::vector<ExpressionPtr> args;
    args.push_back(std::move(expr));
    return make_call("not", std::move(args), at);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_logical(ExpressionKind kind, ExpressionPtr left,
                                                        ExpressionPtr right, Position at) {
    auto out = std::make_unique<Expression>();
    out->kind = kind;
    out->type = TypeId::boolean;
    out->at = at;
    out->deterministic = !left->unknown && !right->unknown;
    out->args.push_back(std::move(left));
    out->args.push_back(std::move(right));
    return out;
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_binary(const Expr& expr) {
    const auto& op = expr.text;
    if (op == "and" || op == "or") {
        auto clause = op == "and" ? "AND" : "OR";
        auto first = TRY(condition(*expr.children[0], clause));
        Conditional conditional(conditional_);
        auto second = TRY(condition(*expr.children[1], clause));
        return bind_logical(op == "and" ? ExpressionKind::logical_and : ExpressionKind::logical_or,
                            std::move(first), std::move(second), expr.at);
    }
    if ((op == "+" || op == "-") &&
        (expr.children[0]->kind == ExprKind::interval || expr.children[1]->kind == ExprKind::interval))
        return bind_interval_sum(expr);
    auto left = TRY(bind(*expr.children[0]));
    auto right = TRY(bind(*expr.children[1]));
    if (op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">=" || op == "<=>")
        return bind_comparison(op, std::move(left), std::move(right), expr.at);
    std::string name = op == "||" ? "concat" : op;
    if (op != "||") {
        // Text in arithmetic is a number; a date moves by days.
        bool dates = left->type == TypeId::date && (op == "+" || op == "-");
        if (dates && right->type == TypeId::int32) name = op == "+" ? "date_add" : "date_sub";
        if (dates && op == "-" && right->type == TypeId::date) name = "datediff";
        for (auto* side : {&left, &right})
            if ((*side)->type == TypeId::string && !(*side)->unknown && !(*side)->null_literal)
                *side = TRY(coerce(std::move(*side), TypeId::float64));
    }
    std::vector<ExpressionPtr> args;
    args.push_back(std::move(left));
    args.push_back(std::move(right));
    return make_call(name, std::move(args), expr.at);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_interval_sum(const Expr& expr) {
    bool first = expr.children[0]->kind == ExprKind::interval;
    const auto& interval = expr.children[first ? 0 : 1]->interval;
    if (first && expr.text == "-") return sql_fail(expr.at, "a time cannot be taken from an INTERVAL");
    if (expr.children[first ? 1 : 0]->kind == ExprKind::interval)
        return sql_fail(expr.at, "one side of {} must be a date or timestamp", expr.text);
    auto time = TRY(bind(*expr.children[first ? 1 : 0]));
    bool date = time->type == TypeId::date && interval.us == 0;
    std::int64_t sign = expr.text == "-" ? -1 : 1;
    std::vector<ExpressionPtr> args;
    args.push_back(std::move(time));
    for (auto amount : {interval.months, interval.days, interval.us})
        args.push_back(constant_integer(TypeId::int64, sign * amount, expr.at));
    auto sum = TRY(make_call("+ interval", std::move(args), expr.at));
    return date ? coerce(std::move(sum), TypeId::date) : SqlResult<ExpressionPtr>(std::move(sum));
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_comparison(const std::string& op, ExpressionPtr left,
                                                           ExpressionPtr right, Position at) {
    if (!left->unknown && !right->unknown && !(left->null_literal && right->null_literal)) {
        auto type = left->null_literal    ? right->type
                    : right->null_literal ? left->type
                                          : comparable_type(left->type, right->type);
        if (!type)
            return sql_fail(at, "{} cannot compare {} with {}", op, to_string(left->type),
                            to_string(right->type));
        left = TRY(coerce(std::move(left), *type));
        right = TRY(coerce(std::move(right), *type));
    }
    std::vector<ExpressionPtr> args;
    args.push_back(std::move(left));
    args.push_back(std::move(right));
    return make_call(op, std::move(args), at);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_between(const Expr& expr) {
    auto value = TRY(bind(*expr.children[0]));
    auto bound = TRY(bind(*expr.children[1]));
    auto low = TRY(bind_comparison(">=", std::move(value), std::move(bound), expr.at));
    value = TRY(bind(*expr.children[0]));
    bound = TRY(bind(*expr.children[2]));
    auto high = TRY(bind_comparison("<=", std::move(value), std::move(bound), expr.at));
    auto both = TRY(bind_logical(ExpressionKind::logical_and, std::move(low), std::move(high), expr.at));
    return negated(fold(std::move(both)), expr.negated);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_in(const Expr& expr) {
    auto call = std::make_unique<Expression>();
    call->kind = ExpressionKind::call;
    call->name = "in";
    call->at = expr.at;
    call->type = TypeId::boolean;
    call->args = TRY(bind_all(expr.children));
    std::optional<TypeId> type;
    bool unknown = false;
    for (const auto& arg : call->args) {
        unknown = unknown || arg->unknown;
        if (arg->null_literal || arg->unknown) continue;
        auto common = type ? comparable_type(*type, arg->type) : arg->type;
        if (!common)
            return sql_fail(arg->at, "IN cannot compare {} with {}", to_string(*type), to_string(arg->type));
        type = common;
    }
    for (auto& arg : call->args) arg = TRY(coerce(std::move(arg), type.value_or(TypeId::string)));
    call->kernel = in_kernel(type.value_or(TypeId::string));
    call->deterministic = !unknown;
    return negated(fold(std::move(call)), expr.negated);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_is_null(const Expr& expr) {
    return is_null_call(TRY(bind(*expr.children[0])), expr.negated, expr.at);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_is_true(const Expr& expr) {
    auto inner = TRY(condition(*expr.children[0], "IS TRUE"));
    auto value = constant_integer(TypeId::boolean, expr.text == "true", expr.at);
    return negated(TRY(bind_comparison("<=>", std::move(inner), std::move(value), expr.at)), expr.negated);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_case(const Expr& expr) {
    std::vector<ExpressionPtr> parts;
    std::size_t next = expr.has_operand ? 1 : 0;
    auto pairs_end = expr.children.size() - (expr.has_else ? 1 : 0);
    Conditional conditional(conditional_);
    for (; next < pairs_end; next += 2) {
        const auto& when = *expr.children[next];
        if (expr.has_operand) {
            auto operand = TRY(bind(*expr.children[0]));
            auto value = TRY(bind(when));
            parts.push_back(TRY(bind_comparison("=", std::move(operand), std::move(value), when.at)));
        } else {
            parts.push_back(TRY(condition(when, "WHEN")));
        }
        parts.push_back(TRY(bind(*expr.children[next + 1])));
    }
    if (expr.has_else) parts.push_back(TRY(bind(*expr.children.back())));
    return make_case(std::move(parts), expr.at);
}

SqlResult<ExpressionPtr> ExpressionBinder::make_case(std::vector<ExpressionPtr> parts, Position at) {
    auto out = std::make_unique<Expression>();
    out->kind = ExpressionKind::case_when;
    out->at = at;
    std::vector<ExpressionPtr*> results;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        bool otherwise = i + 1 == parts.size() && parts.size() % 2 == 1;
        out->unknown = out->unknown || (parts[i]->unknown && (i % 2 == 1 || otherwise));
        if (parts[i]->unknown) out->deterministic = false;
        if (i % 2 == 1 || otherwise) results.push_back(&parts[i]);
    }
    out->type = TRY(unify(results, "CASE"));
    out->args = std::move(parts);
    return out;
}

}  // namespace penstock::stream
