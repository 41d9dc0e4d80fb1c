// Arithmetic, comparisons and functions on numbers. Overflow and division by zero are errors of the row
// (ANSI).
#include <cmath>
#include <limits>

#include "stream/expr/function.h"

namespace penstock::stream::detail {

namespace {

using Args = std::span<const Vector>;
using sv = std::string_view;
using i64 = std::int64_t;
constexpr auto I = TypeId::int32;
constexpr auto L = TypeId::int64;
constexpr auto D = TypeId::float64;
constexpr auto Y = TypeId::boolean;

std::optional<i64> checked(Evaluation& e, const Expression& call, bool overflow, i64 value) {
    bool fits = call.type != I || (value >= INT32_MIN && value <= INT32_MAX);
    if (!overflow && fits) return value;
    e.fail(fmt::format("{} overflows {}", call.name, to_string(call.type)));
    return std::nullopt;
}

template <char Op>
void integer_op(Evaluation& e, const Expression& call, Args args, Column& out) {
    map_rows<i64, i64, i64>(e, args, out, [&](i64 a, i64 b) {
        i64 value = 0;
        bool overflow = false;
        if constexpr (Op == '+') overflow = __builtin_add_overflow(a, b, &value);
        if constexpr (Op == '-') overflow = __builtin_sub_overflow(a, b, &value);
        if constexpr (Op == '*') overflow = __builtin_mul_overflow(a, b, &value);
        return checked(e, call, overflow, value);
    });
}

template <char Op>
void double_op(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<double, double, double>(e, args, out, [&](double a, double b) {
        if constexpr (Op == '+')
            return a + b;
        else if constexpr (Op == '-')
            return a - b;
        else
            return a * b;
    });
}

void divide(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<double, double, double>(e, args, out, [&](double a, double b) -> std::optional<double> {
        if (b != 0) return a / b;
        e.fail("division by zero");
        return std::nullopt;
    });
}

template <bool Remainder>
void integer_divide(Evaluation& e, const Expression& call, Args args, Column& out) {
    map_rows<i64, i64, i64>(e, args, out, [&](i64 a, i64 b) -> std::optional<i64> {
        if (b == 0) {
            e.fail("division by zero");
            return std::nullopt;
        }
        if (b == -1)
            return Remainder ? std::optional<i64>(0)
                             : checked(e, call, a == INT64_MIN, a == INT64_MIN ? 0 : -a);
        return Remainder ? a % b : a / b;
    });
}

void double_remainder(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<double, double, double>(e, args, out, [&](double a, double b) -> std::optional<double> {
        if (b != 0) return std::fmod(a, b);
        e.fail("division by zero");
        return std::nullopt;
    });
}

void negate_integer(Evaluation& e, const Expression& call, Args args, Column& out) {
    map_rows<i64, i64>(e, args, out,
                       [&](i64 a) { return checked(e, call, a == INT64_MIN, a == INT64_MIN ? 0 : -a); });
}
void abs_integer(Evaluation& e, const Expression& call, Args args, Column& out) {
    map_rows<i64, i64>(e, args, out, [&](i64 a) {
        return checked(e, call, a == INT64_MIN, a == INT64_MIN ? 0 : std::abs(a));
    });
}

/// Spark orders NaN above everything and equal to itself.
int compare(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return int(std::isnan(a)) - int(std::isnan(b));
    return a < b ? -1 : a > b;
}
int compare(i64 a, i64 b) {
    return a < b ? -1 : a > b;
}
int compare(sv a, sv b) {
    return a.compare(b);
}

template <class T, class Test>
void comparison(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<i64, T, T>(e, args, out, [](T a, T b) { return i64(Test()(compare(a, b), 0)); });
}

/// a <=> b: nulls are equal to each other and to nothing else.
template <class T>
void null_safe_equal(Evaluation& e, const Expression&, Args args, Column& out) {
    out.integers.resize(e.rows);
    for (std::size_t row = 0; row < e.rows; ++row) {
        bool a = args[0].is_null(row), b = args[1].is_null(row);
        out.integers[row] = a || b ? a == b
                                   : compare(values_of<T>(*args[0].column)[args[0].at(row)],
                                             values_of<T>(*args[1].column)[args[1].at(row)]) == 0;
    }
}

template <class Test>
void add_comparison(std::vector<Function>& to, sv name) {
    for (auto type : {I, L, Y, TypeId::date, TypeId::timestamp})
        to.push_back({name, {type, type}, false, Y, comparison<i64, Test>});
    to.push_back({name, {D, D}, false, Y, comparison<double, Test>});
    for (auto type : {TypeId::string, TypeId::binary, TypeId::json})
        to.push_back({name, {type, type}, false, Y, comparison<sv, Test>});
}

template <class T, int Sign>
void extreme(Evaluation& e, const Expression&, Args args, Column& out) {
    auto& values = values_of<T>(out);
    values.resize(e.rows);
    for (std::size_t row = 0; row < e.rows; ++row) {
        bool any = false;
        for (const auto& arg : args) {
            if (arg.is_null(row)) continue;
            auto value = values_of<T>(*arg.column)[arg.at(row)];
            if (!any || compare(value, values[row]) * Sign > 0) values[row] = value;
            any = true;
        }
        if (!any) {
            if (out.nulls.empty()) out.nulls.assign(e.rows, 0);
            out.nulls[row] = 1;
        }
    }
}

template <int Sign>
void add_extreme(std::vector<Function>& to, sv name) {
    for (auto type : {I, L, Y, TypeId::date, TypeId::timestamp})
        to.push_back({name, {type, type}, true, type, extreme<i64, Sign>});
    to.push_back({name, {D, D}, true, D, extreme<double, Sign>});
    to.push_back({name, {TypeId::string, TypeId::string}, true, TypeId::string, extreme<sv, Sign>});
}

/// Halves away from zero, as Spark's round.
double rounded(double value, i64 digits) {
    if (!std::isfinite(value) || digits > 300) return value;
    if (digits < -300) return 0;
    auto scale = std::pow(10.0, double(digits));
    auto scaled = value * scale;
    if (!std::isfinite(scaled)) return value;
    auto out = std::round(scaled);
    // 2.675 * 100 is 267.49999999999997; what is written as a half is rounded as one.
    if (std::fabs(std::fabs(scaled - std::trunc(scaled)) - 0.5) <
        1e-9 * std::max(1.0, std::fabs(scaled)) * 1e-4)
        out = std::trunc(scaled) + (scaled < 0 ? -1 : 1);
    return out / scale;
}

template <double (*Fn)(double)>
void whole(Evaluation& e, const Expression& call, Args args, Column& out) {
    map_rows<i64, double>(e, args, out, [&](double v) -> std::optional<i64> {
        auto value = Fn(v);
        if (value >= -9223372036854775808.0 && value < 9223372036854775808.0) return i64(value);
        e.fail(fmt::format("{}({}) overflows BIGINT", call.name, float_text(v)));
        return std::nullopt;
    });
}

void identity(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<i64, i64>(e, args, out, [](i64 v) { return v; });
}

void add_rounding(std::vector<Function>& to) {
    for (auto type : {I, L}) {
        to.push_back({"round", {type}, false, type, identity});
        to.push_back({"floor", {type}, false, L, identity});
        to.push_back({"ceil", {type}, false, L, identity});
        to.push_back({"abs", {type}, false, type, abs_integer});
        to.push_back({"negate", {type}, false, type, negate_integer});
        to.push_back({"sign", {type}, false, D, [](auto& e, auto&, Args a, Column& out) {
                          map_rows<double, i64>(e, a, out,
                                                [](i64 v) { return double(v > 0) - double(v < 0); });
                      }});
    }
    to.push_back({"round", {D}, false, D, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<double, double>(e, a, out, [](double v) { return rounded(v, 0); });
                  }});
    to.push_back({"round", {D, I}, false, D, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<double, double, i64>(e, a, out, [](double v, i64 n) { return rounded(v, n); });
                  }});
    to.push_back({"floor", {D}, false, L, whole<std::floor>});
    to.push_back({"ceil", {D}, false, L, whole<std::ceil>});
    to.push_back({"ceiling", {D}, false, L, whole<std::ceil>});
    to.push_back({"abs", {D}, false, D, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<double, double>(e, a, out, [](double v) { return std::fabs(v); });
                  }});
    to.push_back({"negate", {D}, false, D, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<double, double>(e, a, out, [](double v) { return -v; });
                  }});
    to.push_back({"sqrt", {D}, false, D, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<double, double>(e, a, out, [](double v) { return std::sqrt(v); });
                  }});
    for (auto name : {"pow", "power"})
        to.push_back({name, {D, D}, false, D, [](auto& e, auto&, Args a, Column& out) {
                          map_rows<double, double, double>(e, a, out,
                                                           [](double v, double p) { return std::pow(v, p); });
                      }});
}

void add_arithmetic(std::vector<Function>& to) {
    for (auto type : {I, L}) {
        to.push_back({"+", {type, type}, false, type, integer_op<'+'>});
        to.push_back({"-", {type, type}, false, type, integer_op<'-'>});
        to.push_back({"*", {type, type}, false, type, integer_op<'*'>});
        to.push_back({"%", {type, type}, false, type, integer_divide<true>});
        to.push_back({"mod", {type, type}, false, type, integer_divide<true>});
        to.push_back({"div", {type, type}, false, L, integer_divide<false>});
    }
    to.push_back({"+", {D, D}, false, D, double_op<'+'>});
    to.push_back({"-", {D, D}, false, D, double_op<'-'>});
    to.push_back({"*", {D, D}, false, D, double_op<'*'>});
    to.push_back({"/", {D, D}, false, D, divide});
    to.push_back({"%", {D, D}, false, D, double_remainder});
    to.push_back({"mod", {D, D}, false, D, double_remainder});
}

}  // namespace

void add_number_functions(std::vector<Function>& to) {
    add_arithmetic(to);
    add_rounding(to);
    add_comparison<std::equal_to<>>(to, "=");
    add_comparison<std::not_equal_to<>>(to, "<>");
    add_comparison<std::less<>>(to, "<");
    add_comparison<std::less_equal<>>(to, "<=");
    add_comparison<std::greater<>>(to, ">");
    add_comparison<std::greater_equal<>>(to, ">=");
    for (auto type : {I, L, Y, TypeId::date, TypeId::timestamp})
        to.push_back({"<=>", {type, type}, false, Y, null_safe_equal<i64>});
    to.push_back({"<=>", {D, D}, false, Y, null_safe_equal<double>});
    to.push_back({"<=>", {TypeId::string, TypeId::string}, false, Y, null_safe_equal<sv>});
    add_extreme<1>(to, "greatest");
    add_extreme<-1>(to, "least");
    to.push_back({"not", {Y}, false, Y, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, i64>(e, a, out, [](i64 v) { return i64(!v); });
                  }});
}

}  // namespace penstock::stream::detail
