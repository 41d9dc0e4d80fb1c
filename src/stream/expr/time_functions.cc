// Functions on dates and timestamps, in UTC.
#include "stream/expr/cast.h"
#include "stream/expr/datetime.h"
#include "stream/expr/function.h"

namespace penstock::stream::detail {

namespace {

using Args = std::span<const Vector>;
using sv = std::string_view;
using i64 = std::int64_t;
constexpr auto S = TypeId::string;
constexpr auto I = TypeId::int32;
constexpr auto L = TypeId::int64;
constexpr auto T = TypeId::timestamp;
constexpr auto A = TypeId::date;

template <class Fn>
void part(Evaluation& e, Args args, Column& out, Fn fn) {
    map_rows<i64, i64>(e, args, out, fn);
}

std::string prepare_pattern(Expression& call) {
    const auto& pattern = *call.args[1];
    if (!pattern.is_constant() || pattern.value.is_null(0)) return {};
    auto why = check_pattern(pattern.bytes);
    return why.empty() ? why : fmt::format("'{}': {}", pattern.bytes, why);
}

std::string prepare_unit(Expression& call) {
    const auto& unit = *call.args[call.name == "date_trunc" ? 0 : 1];
    if (!unit.is_constant() || unit.value.is_null(0) || truncate_us(0, unit.bytes)) return {};
    return fmt::format("unknown unit '{}'; expected year, quarter, month, week, day, hour, minute or second",
                       unit.bytes);
}

template <bool Date>
void parse_with_pattern(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<i64, sv, sv>(e, args, out, [&](sv text, sv pattern) -> std::optional<i64> {
        auto us = parse_datetime(text, pattern);
        if (us) return Date ? day_of_us(*us) : *us;
        e.fail(fmt::format("'{}' does not match the pattern '{}'", text.substr(0, 60), pattern));
        return std::nullopt;
    });
}

void date_format(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<sv, i64, sv>(e, args, out, [&](i64 us, sv pattern) -> std::optional<sv> {
        auto text = format_datetime(us, pattern);
        if (text) return e.arena->copy(*text);
        e.fail(fmt::format("'{}': {}", pattern, check_pattern(pattern)));
        return std::nullopt;
    });
}

i64 seconds_of(i64 us) {
    return us >= 0 ? us / 1'000'000 : (us + 1) / 1'000'000 - 1;
}

void now(Evaluation& e, const Expression& call, Args, Column& out) {
    i64 value = call.type == T ? e.now_us : call.type == A ? day_of_us(e.now_us) : seconds_of(e.now_us);
    out.integers.assign(e.rows, value);
}

void add_parts(std::vector<Function>& to) {
    auto add_date = [&](sv name, Kernel kernel) { to.push_back({name, {A}, false, I, kernel}); };
    add_date("year", [](auto& e, auto&, Args a, Column& out) {
        part(e, a, out, [](i64 d) { return civil_of(d).year; });
    });
    add_date("month", [](auto& e, auto&, Args a, Column& out) {
        part(e, a, out, [](i64 d) { return i64(civil_of(d).month); });
    });
    for (sv name : {"day", "dayofmonth"})
        add_date(name, [](auto& e, auto&, Args a, Column& out) {
            part(e, a, out, [](i64 d) { return i64(civil_of(d).day); });
        });
    add_date("quarter", [](auto& e, auto&, Args a, Column& out) {
        part(e, a, out, [](i64 d) { return i64((civil_of(d).month + 2) / 3); });
    });
    add_date("dayofweek", [](auto& e, auto&, Args a, Column& out) {
        part(e, a, out, [](i64 d) { return ((d + 4) % 7 + 7) % 7 + 1; });
    });
    add_date("dayofyear", [](auto& e, auto&, Args a, Column& out) {
        part(e, a, out, [](i64 d) { return d - days_of(civil_of(d).year, 1, 1) + 1; });
    });
    auto add_time = [&](sv name, Kernel kernel) { to.push_back({name, {T}, false, I, kernel}); };
    add_time("hour", [](auto& e, auto&, Args a, Column& out) {
        part(e, a, out, [](i64 us) { return i64(time_of_us(us).hour); });
    });
    add_time("minute", [](auto& e, auto&, Args a, Column& out) {
        part(e, a, out, [](i64 us) { return i64(time_of_us(us).minute); });
    });
    add_time("second", [](auto& e, auto&, Args a, Column& out) {
        part(e, a, out, [](i64 us) { return i64(time_of_us(us).second); });
    });
}

void add_conversions(std::vector<Function>& to) {
    to.push_back({"to_timestamp", {S}, false, T, cast_kernel(S, T)});
    to.push_back({"to_timestamp", {T}, false, T, [](auto& e, auto&, Args a, Column& out) {
                      part(e, a, out, [](i64 v) { return v; });
                  }});
    to.push_back({"to_timestamp", {S, S}, false, T, parse_with_pattern<false>, true, prepare_pattern});
    to.push_back({"to_date", {S}, false, A, cast_kernel(S, A)});
    to.push_back({"to_date", {A}, false, A, [](auto& e, auto&, Args a, Column& out) {
                      part(e, a, out, [](i64 v) { return v; });
                  }});
    to.push_back({"to_date", {S, S}, false, A, parse_with_pattern<true>, true, prepare_pattern});
    to.push_back({"date_format", {T, S}, false, S, date_format, true, prepare_pattern});
    to.push_back({"unix_timestamp", {}, false, L, now, false});
    to.push_back({"unix_timestamp", {T}, false, L, [](auto& e, auto&, Args a, Column& out) {
                      part(e, a, out, seconds_of);
                  }});
    to.push_back({"unix_millis", {T}, false, L, [](auto& e, auto&, Args a, Column& out) {
                      part(e, a, out, [](i64 us) { return us >= 0 ? us / 1000 : (us + 1) / 1000 - 1; });
                  }});
    to.push_back({"timestamp_millis", {L}, false, T, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, i64>(e, a, out, [&](i64 ms) -> std::optional<i64> {
                          i64 us = 0;
                          if (!__builtin_mul_overflow(ms, i64(1000), &us)) return us;
                          e.fail(cast_reason(std::to_string(ms), T));
                          return std::nullopt;
                      });
                  }});
    to.push_back({"timestamp_seconds", {L}, false, T, cast_kernel(L, T)});
    to.push_back({"from_unixtime", {L}, false, S, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<sv, i64>(e, a, out, [&](i64 s) -> std::optional<sv> {
                          i64 us = 0;
                          if (!__builtin_mul_overflow(s, i64(1'000'000), &us))
                              return e.arena->copy(*format_datetime(us, "yyyy-MM-dd HH:mm:ss"));
                          e.fail(cast_reason(std::to_string(s), T));
                          return std::nullopt;
                      });
                  }});
    for (sv name : {"current_timestamp", "now"}) to.push_back({name, {}, false, T, now, false});
    to.push_back({"current_date", {}, false, A, now, false});
}

/// t + INTERVAL: the interval's months, days and microseconds are constant arguments.
void add_interval(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<i64, i64, i64, i64, i64>(
        e, args, out, [&](i64 us, i64 months, i64 days, i64 more) -> std::optional<i64> {
            auto day = day_of_us(us);
            auto time = us - day * us_per_day;
            if (months != 0) day = add_months(day, months);
            i64 total = 0;
            if (!__builtin_add_overflow(day, days, &day) &&
                !__builtin_mul_overflow(day, us_per_day, &total) &&
                !__builtin_add_overflow(total, time, &total) && !__builtin_add_overflow(total, more, &total))
                return total;
            e.fail("the timestamp overflows");
            return std::nullopt;
        });
}

std::optional<i64> moved_date(Evaluation& e, i64 day, i64 by) {
    i64 out = 0;
    if (!__builtin_add_overflow(day, by, &out)) return out;
    e.fail("the date overflows");
    return std::nullopt;
}

void add_moves(std::vector<Function>& to) {
    to.push_back({"+ interval", {T, L, L, L}, false, T, add_interval});
    for (sv name : {"date_add", "dateadd"})
        to.push_back({name, {A, I}, false, A, [](auto& e, auto&, Args a, Column& out) {
                          map_rows<i64, i64, i64>(e, a, out,
                                                  [&](i64 d, i64 n) { return moved_date(e, d, n); });
                      }});
    to.push_back({"date_sub", {A, I}, false, A, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, i64, i64>(e, a, out, [&](i64 d, i64 n) { return moved_date(e, d, -n); });
                  }});
    to.push_back({"add_months", {A, I}, false, A, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, i64, i64>(e, a, out, [](i64 d, i64 n) { return add_months(d, n); });
                  }});
    for (sv name : {"datediff", "date_diff"})
        to.push_back({name, {A, A}, false, I, [](auto& e, auto&, Args a, Column& out) {
                          map_rows<i64, i64, i64>(e, a, out, [](i64 x, i64 y) { return x - y; });
                      }});
    to.push_back({"last_day", {A}, false, A, [](auto& e, auto&, Args a, Column& out) {
                      part(e, a, out, [](i64 d) {
                          auto date = civil_of(d);
                          return days_of(date.year, date.month, days_in_month(date.year, date.month));
                      });
                  }});
    to.push_back({"date_trunc",
                  {S, T},
                  false,
                  T,
                  [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, sv, i64>(e, a, out,
                                             [](sv unit, i64 us) { return truncate_us(us, unit); });
                  },
                  true,
                  prepare_unit});
    to.push_back({"trunc",
                  {A, S},
                  false,
                  A,
                  [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, i64, sv>(e, a, out, [](i64 d, sv unit) -> std::optional<i64> {
                          auto us = truncate_us(d * us_per_day, unit);
                          return us ? std::optional(day_of_us(*us)) : std::nullopt;
                      });
                  },
                  true,
                  prepare_unit});
}

}  // namespace

void add_time_functions(std::vector<Function>& to) {
    add_parts(to);
    add_conversions(to);
    add_moves(to);
}

}  // namespace penstock::stream::detail
