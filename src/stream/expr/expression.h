// Expressions with types, and their evaluation over the columns of a batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/batch.h"
#include "stream/sql/error.h"

namespace penstock::stream {

/// A column of values, or one value that stands for all rows.
struct Vector {
    const Column* column = nullptr;
    bool constant = false;
    std::shared_ptr<Column> owned;  ///< when the expression made the column

    std::size_t at(std::size_t row) const { return constant ? 0 : row; }
    bool is_null(std::size_t row) const { return column->is_null(at(row)); }
};

/// A row whose value could not be computed, and why.
struct RowError {
    std::size_t row = 0;
    std::string reason;
};

struct Expression;

/// One evaluation of expressions over the rows of a batch: where strings go, which rows count, what failed.
/// Faults of the data (a cast that does not fit) are errors of their row; the others go on.
struct Evaluation {
    const Batch* input = nullptr;
    std::size_t rows = 0;
    Arena* arena = nullptr;
    std::int64_t now_us = 0;
    std::vector<RowError> errors;

    /// Rows with 0 here are left out: their result is null and they cannot fail. nullptr: all rows count.
    const std::uint8_t* active = nullptr;
    std::size_t row = 0;      ///< the row that a kernel is at
    bool keep_errors = true;  ///< false inside try_cast

    void fail(std::string reason);
};

using Kernel = void (*)(Evaluation&, const Expression&, std::span<const Vector>, Column& out);

enum class ExpressionKind { column, constant, call, logical_and, logical_or, case_when, coalesce };

struct Expression {
    ExpressionKind kind = ExpressionKind::constant;
    TypeId type = TypeId::string;
    Position at;
    int column = -1;                                ///< column: its index in the input
    Column value;                                   ///< constant: one value
    std::string bytes;                              ///< constant: what value points into
    std::string name;                               ///< call: the function, for messages
    Kernel kernel = nullptr;                        ///< call
    std::vector<std::unique_ptr<Expression>> args;  ///< case_when: when, then, ..., else
    bool attempt = false;                           ///< try_cast: null instead of an error
    bool deterministic = true;
    bool null_literal = false;             ///< NULL: takes the type of what stands beside it
    bool unknown = false;                  ///< the type is not known yet: a topic without schema is checked
    std::shared_ptr<const void> prepared;  ///< what the kernel made of constant arguments

    bool is_constant() const { return kind == ExpressionKind::constant; }
};
using ExpressionPtr = std::unique_ptr<Expression>;

/// The expression's value for each row of the evaluation's input.
Vector evaluate(const Expression& expression, Evaluation& evaluation);

/// Marks the columns of the input that the expression reads; used has one place for each of them.
void collect_columns(const Expression& expression, std::vector<bool>& used);

ExpressionPtr constant_null(TypeId type, Position at);
ExpressionPtr constant_integer(TypeId type, std::int64_t value, Position at);
ExpressionPtr constant_float(double value, Position at);
ExpressionPtr constant_string(TypeId type, std::string value, Position at);
/// Computes a call of constants; leaves the expression as it is when that fails, for the row to fail.
ExpressionPtr fold(ExpressionPtr expression);

namespace detail {

template <class T>
const T* values_of(const Column& column) {
    if constexpr (std::is_same_v<T, double>)
        return column.floats.data();
    else if constexpr (std::is_same_v<T, std::string_view>)
        return column.strings.data();
    else
        return column.integers.data();
}
template <class T>
auto& values_of(Column& column) {
    if constexpr (std::is_same_v<T, double>)
        return column.floats;
    else if constexpr (std::is_same_v<T, std::string_view>)
        return column.strings;
    else
        return column.integers;
}

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

/// Sets out.nulls to the rows where an argument is null or that are left out; clears it when there are none.
void combine_nulls(const Evaluation& evaluation, std::span<const Vector> args, Column& out);

template <class Out, class Fn, class... In, std::size_t... I>
void map_rows(Evaluation& evaluation, std::span<const Vector> args, Column& out, Fn&& fn,
              std::index_sequence<I...>) {
    combine_nulls(evaluation, args, out);
    auto& values = values_of<Out>(out);
    values.resize(evaluation.rows);
    auto data = std::tuple{values_of<In>(*args[I].column)...};
    const std::size_t step[] = {(args[I].constant ? std::size_t(0) : ~std::size_t(0))..., 0};
    const bool skips = !out.nulls.empty();
    for (std::size_t row = 0; row < evaluation.rows; ++row) {
        if (skips && out.nulls[row]) {
            values[row] = Out{};
            continue;
        }
        evaluation.row = row;
        auto result = fn(std::get<I>(data)[row & step[I]]...);
        if constexpr (is_optional<decltype(result)>::value) {
            if (!result) {
                if (out.nulls.empty()) out.nulls.assign(evaluation.rows, 0);
                out.nulls[row] = 1;
                values[row] = Out{};
            } else {
                values[row] = *result;
            }
        } else {
            values[row] = Out(result);
        }
    }
}

}  // namespace detail

/// Nulls in one place: calls fn(values...) for each row that counts and has no null argument; the others are
/// null. In and Out are std::int64_t, double or std::string_view; fn gives Out, or an optional of it where
/// none is null (after evaluation.fail(), an error).
template <class Out, class... In, class Fn>
void map_rows(Evaluation& evaluation, std::span<const Vector> args, Column& out, Fn&& fn) {
    detail::map_rows<Out, Fn, In...>(evaluation, args, out, std::forward<Fn>(fn),
                                     std::index_sequence_for<In...>{});
}

}  // namespace penstock::stream
