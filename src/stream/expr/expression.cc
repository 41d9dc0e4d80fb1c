#include "stream/expr/expression.h"

#include "base/check.h"

namespace penstock::stream {

void Evaluation::fail(std::string reason) {
    if (!keep_errors) return;
    if (!errors.empty() && errors.back().row == row) return;  // the first reason is the one to tell
    errors.push_back({row, std::move(reason)});
}

namespace detail {

void combine_nulls(const Evaluation& evaluation, std::span<const Vector> args, Column& out) {
    out.nulls.clear();
    bool any = evaluation.active != nullptr;
    for (const auto& arg : args) any = any || !arg.column->nulls.empty();
    if (!any) return;
    out.nulls.assign(evaluation.rows, 0);
    for (const auto& arg : args) {
        const auto& nulls = arg.column->nulls;
        if (nulls.empty()) continue;
        if (arg.constant) {
            if (nulls[0]) std::fill(out.nulls.begin(), out.nulls.end(), 1);
            continue;
        }
        for (std::size_t row = 0; row < evaluation.rows; ++row) out.nulls[row] |= nulls[row];
    }
    if (evaluation.active)
        for (std::size_t row = 0; row < evaluation.rows; ++row)
            out.nulls[row] |= std::uint8_t(!evaluation.active[row]);
}

}  // namespace detail

namespace {

/// Puts back the mask of rows that count.
class Masked {
public:
    Masked(Evaluation& evaluation, const std::vector<std::uint8_t>& active)
        : evaluation_(evaluation), before_(evaluation.active) {
        evaluation.active = active.data();
    }
    ~Masked() { evaluation_.active = before_; }
    Masked(const Masked&) = delete;
    Masked& operator=(const Masked&) = delete;

private:
    Evaluation& evaluation_;
    const std::uint8_t* before_;
};

std::vector<std::uint8_t> active_rows(const Evaluation& evaluation) {
    if (!evaluation.active) return std::vector<std::uint8_t>(evaluation.rows, 1);
    return {evaluation.active, evaluation.active + evaluation.rows};
}

bool has(const std::vector<std::uint8_t>& active) {
    return std::find(active.begin(), active.end(), 1) != active.end();
}

Vector owned_vector(std::shared_ptr<Column> column) {
    Vector out;
    out.column = column.get();
    out.owned = std::move(column);
    return out;
}

std::shared_ptr<Column> null_column(TypeId type, std::size_t rows) {
    auto column = std::make_shared<Column>();
    column->type = type;
    column->nulls.assign(rows, 1);
    switch (storage_of(type)) {
        case Storage::integers:
            column->integers.resize(rows);
            break;
        case Storage::floats:
            column->floats.resize(rows);
            break;
        case Storage::strings:
            column->strings.resize(rows);
            break;
    }
    return column;
}

void copy_value(Column& to, std::size_t row, const Vector& from) {
    auto at = from.at(row);
    if (from.column->is_null(at)) return;
    to.nulls[row] = 0;
    switch (storage_of(to.type)) {
        case Storage::integers:
            to.integers[row] = from.column->integers[at];
            break;
        case Storage::floats:
            to.floats[row] = from.column->floats[at];
            break;
        case Storage::strings:
            to.strings[row] = from.column->strings[at];
            break;
    }
}

/// Three-valued AND (decisive 0) and OR (decisive 1): the right side counts only where the left one leaves it
/// open, so that "x <> 0 AND 1 / x > 2" cannot fail.
Vector evaluate_logical(const Expression& expression, Evaluation& evaluation) {
    const std::int64_t decisive = expression.kind == ExpressionKind::logical_and ? 0 : 1;
    auto left = evaluate(*expression.args[0], evaluation);
    auto open = active_rows(evaluation);
    auto out = null_column(TypeId::boolean, evaluation.rows);
    for (std::size_t row = 0; row < evaluation.rows; ++row) {
        if (!open[row] || left.is_null(row)) continue;
        if (left.column->integers[left.at(row)] == decisive) {
            open[row] = 0;
            out->nulls[row] = 0;
            out->integers[row] = decisive;
        }
    }
    if (!has(open)) return owned_vector(std::move(out));
    Masked masked(evaluation, open);
    auto right = evaluate(*expression.args[1], evaluation);
    for (std::size_t row = 0; row < evaluation.rows; ++row) {
        if (!open[row] || right.is_null(row)) continue;
        auto value = right.column->integers[right.at(row)];
        if (value != decisive && left.is_null(row)) continue;
        out->nulls[row] = 0;
        out->integers[row] = value;
    }
    return owned_vector(std::move(out));
}

Vector evaluate_case(const Expression& expression, Evaluation& evaluation) {
    auto out = null_column(expression.type, evaluation.rows);
    auto open = active_rows(evaluation);
    std::vector<std::uint8_t> chosen(evaluation.rows);
    for (std::size_t i = 0; i + 1 < expression.args.size() && has(open); i += 2) {
        {
            Masked masked(evaluation, open);
            auto when = evaluate(*expression.args[i], evaluation);
            for (std::size_t row = 0; row < evaluation.rows; ++row) {
                chosen[row] = open[row] && !when.is_null(row) && when.column->integers[when.at(row)] != 0;
                open[row] = std::uint8_t(open[row] && !chosen[row]);
            }
        }
        if (!has(chosen)) continue;
        Masked masked(evaluation, chosen);
        auto then = evaluate(*expression.args[i + 1], evaluation);
        for (std::size_t row = 0; row < evaluation.rows; ++row)
            if (chosen[row]) copy_value(*out, row, then);
    }
    if (expression.args.size() % 2 == 1 && has(open)) {
        Masked masked(evaluation, open);
        auto otherwise = evaluate(*expression.args.back(), evaluation);
        for (std::size_t row = 0; row < evaluation.rows; ++row)
            if (open[row]) copy_value(*out, row, otherwise);
    }
    return owned_vector(std::move(out));
}

Vector evaluate_coalesce(const Expression& expression, Evaluation& evaluation) {
    auto out = null_column(expression.type, evaluation.rows);
    auto open = active_rows(evaluation);
    for (const auto& arg : expression.args) {
        if (!has(open)) break;
        Masked masked(evaluation, open);
        auto value = evaluate(*arg, evaluation);
        for (std::size_t row = 0; row < evaluation.rows; ++row) {
            if (!open[row] || value.is_null(row)) continue;
            copy_value(*out, row, value);
            open[row] = 0;
        }
    }
    return owned_vector(std::move(out));
}

Vector evaluate_call(const Expression& expression, Evaluation& evaluation) {
    auto keep_errors = evaluation.keep_errors;
    std::vector<Vector> args;
    args.reserve(expression.args.size());
    for (const auto& arg : expression.args) args.push_back(evaluate(*arg, evaluation));
    auto out = std::make_shared<Column>();
    out->type = expression.type;
    if (expression.attempt) evaluation.keep_errors = false;
    expression.kernel(evaluation, expression, args, *out);
    evaluation.keep_errors = keep_errors;
    return owned_vector(std::move(out));
}

}  // namespace

Vector evaluate(const Expression& expression, Evaluation& evaluation) {
    switch (expression.kind) {
        case ExpressionKind::column: {
            Vector out;
            out.column = &evaluation.input->columns[std::size_t(expression.column)];
            return out;
        }
        case ExpressionKind::constant: {
            Vector out;
            out.column = &expression.value;
            out.constant = true;
            return out;
        }
        case ExpressionKind::call:
            return evaluate_call(expression, evaluation);
        case ExpressionKind::logical_and:
        case ExpressionKind::logical_or:
            return evaluate_logical(expression, evaluation);
        case ExpressionKind::case_when:
            return evaluate_case(expression, evaluation);
        case ExpressionKind::coalesce:
            return evaluate_coalesce(expression, evaluation);
    }
    return {};
}

namespace {

ExpressionPtr constant_of(TypeId type, Position at) {
    auto out = std::make_unique<Expression>();
    out->kind = ExpressionKind::constant;
    out->type = type;
    out->value.type = type;
    out->at = at;
    return out;
}

}  // namespace

void collect_columns(const Expression& expression, std::vector<bool>& used) {
    if (expression.kind == ExpressionKind::column) used[std::size_t(expression.column)] = true;
    for (const auto& arg : expression.args) collect_columns(*arg, used);
}

ExpressionPtr constant_null(TypeId type, Position at) {
    auto out = constant_of(type, at);
    out->value.append_null();
    return out;
}

ExpressionPtr constant_integer(TypeId type, std::int64_t value, Position at) {
    auto out = constant_of(type, at);
    out->value.append_integer(value);
    return out;
}

ExpressionPtr constant_float(double value, Position at) {
    auto out = constant_of(TypeId::float64, at);
    out->value.append_float(value);
    return out;
}

ExpressionPtr constant_string(TypeId type, std::string value, Position at) {
    auto out = constant_of(type, at);
    out->bytes = std::move(value);
    out->value.append_string(out->bytes);
    return out;
}

ExpressionPtr fold(ExpressionPtr expression) {
    if (expression->is_constant() || !expression->deterministic || expression->unknown ||
        expression->kind == ExpressionKind::column)
        return expression;
    for (const auto& arg : expression->args)
        if (!arg->is_constant()) return expression;
    Arena arena;
    Batch none;
    Evaluation evaluation{&none, 1, &arena};
    auto value = evaluate(*expression, evaluation);
    if (!evaluation.errors.empty()) return expression;
    auto type = expression->type;
    auto row = value.at(0);
    ExpressionPtr out;
    if (value.column->is_null(row)) {
        out = constant_null(type, expression->at);
    } else {
        switch (storage_of(type)) {
            case Storage::integers:
                out = constant_integer(type, value.column->integers[row], expression->at);
                break;
            case Storage::floats:
                out = constant_float(value.column->floats[row], expression->at);
                break;
            case Storage::strings:
                out = constant_string(type, std::string(value.column->strings[row]), expression->at);
                break;
        }
    }
    return out;
}

}  // namespace penstock::stream
