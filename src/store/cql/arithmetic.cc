#include "store/cql/arithmetic.h"

#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>

#include "base/floor_divide.h"
#include "store/bytes.h"
#include "store/calendar.h"
#include "store/cql/functions.h"
#include "store/number.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

using Whole = boost::multiprecision::cpp_int;

/// A decimal's digits are shifted by at most this many places, and no result has more of them.
constexpr std::int64_t most_digits = 10'000;

bool is_floating(Kind kind) {
    return kind == Kind::float_ || kind == Kind::double_ || kind == Kind::decimal;
}

/// Bytes of the widest value; 0: there is none. Not a number: -1.
int width(Kind kind) {
    switch (kind) {
        case Kind::tinyint:
            return 1;
        case Kind::smallint:
            return 2;
        case Kind::int_:
        case Kind::float_:
            return 4;
        case Kind::bigint:
        case Kind::counter:
        case Kind::double_:
            return 8;
        case Kind::varint:
        case Kind::decimal:
            return 0;
        default:
            return -1;
    }
}

bool is_time(Kind kind) {
    return kind == Kind::timestamp || kind == Kind::date;
}

/// Longer numbers than these are not calculated with.
constexpr std::size_t most_bytes = 4096;

Whole whole_of(std::string_view varint) {
    return varint.empty() || varint.size() > most_bytes ? Whole(0) : Whole(varint_text(varint));
}

std::string bytes_of(const Whole& value) {
    return *parse_varint(value.str());
}

struct Decimal {
    Whole unscaled;
    std::int64_t scale = 0;

    std::int64_t digits() const { return std::int64_t(Whole(abs(unscaled)).str().size()); }
};

Whole power_of_ten(std::int64_t power) {
    return boost::multiprecision::pow(Whole(10), unsigned(power));
}

std::unexpected<Error> failed(std::string_view why) {
    return fail(Errc::out_of_range, "{}", why);
}

Result<Decimal> decimal_of(const DataType& type, std::string_view value) {
    std::string bytes;
    if (type.kind == Kind::decimal) {
        bytes = value;
    } else {
        auto number = is_floating(type.kind) ? float_value(type, value) : 0;
        if (std::isnan(number)) return failed("A NaN cannot be converted into a decimal");
        if (std::isinf(number)) return failed("An infinite number cannot be converted into a decimal");
        auto parsed = parse_decimal(value_as_text(type, value));
        if (!parsed) return failed("not a number");
        bytes = std::move(*parsed);
    }
    ByteReader reader{bytes};
    Decimal out;
    out.scale = reader.fixed<std::int32_t>();
    out.unscaled = whole_of(reader.rest);
    return out;
}

Result<std::string> bytes_of(const Decimal& value) {
    if (value.scale < INT32_MIN || value.scale > INT32_MAX) return failed("Overflow");
    std::string out;
    append_big_endian(out, std::int32_t(value.scale));
    return out + bytes_of(value.unscaled);
}

Result<> align(Decimal& a, Decimal& b) {
    auto scale = std::max(a.scale, b.scale);
    for (auto* one : {&a, &b}) {
        auto places = scale - one->scale;
        if (places > most_digits) return failed("the numbers are too far apart");
        one->unscaled *= power_of_ten(places);
        one->scale = scale;
    }
    return {};
}

/// As many digits as Cassandra's DecimalType gives a quotient; half is rounded away from zero.
Result<Decimal> divide(const Decimal& a, const Decimal& b) {
    constexpr std::int64_t least_scale = 32, most_scale = 1000;
    if (b.unscaled == 0) return failed("BigInteger divide by zero");
    auto first_digit = (a.digits() - a.scale) - (b.digits() - b.scale);
    auto scale = std::max({least_scale - first_digit, a.scale, b.scale, least_scale});
    scale = std::min(scale, most_scale);
    auto shift = scale - a.scale + b.scale;
    if (shift > 4 * most_digits || shift < -4 * most_digits) return failed("the numbers are too far apart");
    Whole top = abs(a.unscaled), bottom = abs(b.unscaled);
    (shift >= 0 ? top : bottom) *= power_of_ten(std::abs(shift));
    Whole quotient = (2 * top + bottom) / (2 * bottom);
    if ((a.unscaled < 0) != (b.unscaled < 0)) quotient = -quotient;
    Decimal out{quotient, scale};
    while (out.unscaled != 0 && out.unscaled % 10 == 0) {
        out.unscaled /= 10;
        --out.scale;
    }
    if (out.unscaled == 0) out.scale = 0;
    return out;
}

/// To most_digits; half is rounded away from zero.
Decimal rounded(Decimal value) {
    auto extra = value.digits() - most_digits;
    if (extra <= 0) return value;
    auto unit = power_of_ten(extra);
    Whole quotient = (2 * abs(value.unscaled) + unit) / (2 * unit);
    return {value.unscaled < 0 ? Whole(-quotient) : quotient, value.scale - extra};
}

Result<std::string> of_decimals(char op, Decimal a, Decimal b) {
    if (a.digits() + b.digits() > most_digits) return failed("the numbers are too long");
    switch (op) {
        case '*':
            return bytes_of(Decimal{a.unscaled * b.unscaled, a.scale + b.scale});
        case '/':
            return bytes_of(TRY(divide(a, b)));
        default:
            break;
    }
    if (op == '%' && b.unscaled == 0) return failed("Division by zero");
    TRY(align(a, b));
    if (op == '+') return bytes_of(rounded({a.unscaled + b.unscaled, a.scale}));
    if (op == '-') return bytes_of(rounded({a.unscaled - b.unscaled, a.scale}));
    return bytes_of(Decimal{a.unscaled % b.unscaled, a.scale});
}

Result<std::string> of_wholes(char op, const Whole& a, const Whole& b) {
    if ((op == '/' || op == '%') && b == 0) return failed("BigInteger divide by zero");
    switch (op) {
        case '+':
            return bytes_of(Whole(a + b));
        case '-':
            return bytes_of(Whole(a - b));
        case '*':
            return bytes_of(Whole(a * b));
        case '/':
            return bytes_of(Whole(a / b));
        default:
            return bytes_of(Whole(a % b));
    }
}

Result<std::int64_t> of_integers(char op, std::int64_t a, std::int64_t b) {
    auto left = std::uint64_t(a), right = std::uint64_t(b);
    switch (op) {
        case '+':
            return std::int64_t(left + right);
        case '-':
            return std::int64_t(left - right);
        case '*':
            return std::int64_t(left * right);
        default:
            break;
    }
    if (b == 0) return failed("/ by zero");
    if (b == -1) return op == '/' ? std::int64_t(0 - left) : 0;
    return op == '/' ? a / b : a % b;
}

template <class Float>
Float of_floats(char op, Float a, Float b) {
    switch (op) {
        case '+':
            return a + b;
        case '-':
            return a - b;
        case '*':
            return a * b;
        case '/':
            return a / b;
        default:
            return std::fmod(a, b);
    }
}

constexpr std::int64_t day_ms = 86'400'000;

/// Months by the calendar (the 31st becomes the 30th where there is none), then days, then the rest.
Result<std::int64_t> add_duration(std::int64_t ms, const Duration& duration, bool subtract) {
    int sign = subtract ? -1 : 1;
    auto day = floor_divide(ms, day_ms);
    auto moved = add_months(day, sign * std::int64_t(duration.months)) + sign * std::int64_t(duration.days);
    auto sum = __int128(moved) * day_ms + (ms - day * day_ms) + sign * (duration.nanoseconds / 1'000'000);
    if (sum < INT64_MIN || sum > INT64_MAX) return failed("the time is out of range");
    return std::int64_t(sum);
}

Result<std::string> of_times(char op, const DataType& type, std::string_view value, std::string_view added) {
    auto duration = parse_duration_bytes(added);
    if (!duration) return failed("not a duration");
    if (type.kind == Kind::timestamp && duration->nanoseconds % 1'000'000 != 0)
        return failed("The duration must have a millisecond precision. Was: " + duration_text(*duration));
    std::string out;
    if (type.kind == Kind::timestamp) {
        if (value.size() != 8) return failed("not a timestamp");
        append_big_endian(
            out, TRY(add_duration(load_big_endian<std::int64_t>(value.data()), *duration, op == '-')));
        return out;
    }
    if (value.size() != 4) return failed("not a date");
    if (duration->nanoseconds != 0)
        return failed("The duration must have a day precision. Was: " + duration_text(*duration));
    auto day = std::int64_t(load_big_endian<std::uint32_t>(value.data())) - (std::int64_t(1) << 31);
    auto ms = TRY(add_duration(day * day_ms, *duration, op == '-'));
    append_big_endian(out, std::uint32_t(floor_divide(ms, day_ms) + (std::int64_t(1) << 31)));
    return out;
}

Result<std::string> computed(char op, const DataType& type, const DataType& left, std::string_view a,
                             const DataType& right, std::string_view b) {
    if (is_time(type.kind)) return of_times(op, left, a, b);
    if (type.is_text()) return std::string(a) + std::string(b);
    switch (type.kind) {
        case Kind::float_:
            return number_bytes(
                type, double(of_floats(op, float(float_value(left, a)), float(float_value(right, b)))));
        case Kind::double_:
            return number_bytes(type, of_floats(op, float_value(left, a), float_value(right, b)));
        case Kind::decimal:
            return of_decimals(op, TRY(decimal_of(left, a)), TRY(decimal_of(right, b)));
        case Kind::varint: {
            auto whole = [](const DataType& of, std::string_view bytes) {
                return of.kind == Kind::varint ? whole_of(bytes) : Whole(integer_value(of, bytes));
            };
            return of_wholes(op, whole(left, a), whole(right, b));
        }
        default:
            return number_bytes(type, TRY(of_integers(op, integer_value(left, a), integer_value(right, b))));
    }
}

}  // namespace

Result<DataType> arithmetic_type(char op, const DataType& left, const DataType& right) {
    if (is_time(left.kind) && right.kind == Kind::duration && (op == '+' || op == '-')) return left;
    bool texts = left.is_text() && right.is_text();
    if (texts && op == '+') return left.kind == Kind::text ? left : right;
    int a = width(left.kind), b = width(right.kind);
    if (a < 0 || b < 0)
        return fail(Errc::invalid, "the '{}' operation is not supported between {} and {}", op,
                    to_string(left), to_string(right));
    auto size = a == 0 || b == 0 ? 0 : std::max(a, b);
    if (is_floating(left.kind) || is_floating(right.kind)) {
        if (size == 0) return DataType(Kind::decimal);
        return DataType(size <= 4 ? Kind::float_ : Kind::double_);
    }
    switch (size) {
        case 1:
            return DataType(Kind::tinyint);
        case 2:
            return DataType(Kind::smallint);
        case 4:
            return DataType(Kind::int_);
        case 8:
            return DataType(Kind::bigint);
        default:
            return DataType(Kind::varint);
    }
}

Result<std::string> calculate(char op, const DataType& left, std::string_view a, const DataType& right,
                              std::string_view b) {
    auto type = TRY(arithmetic_type(op, left, right));
    auto out = computed(op, type, left, a, right, b);
    if (!out && out.error().code == Errc::out_of_range)
        return fail(Errc::out_of_range, "the operation '{} {} {}' failed: {}", to_string(left), op,
                    to_string(right), out.error().text);
    return out;
}

Result<std::string> negate(const DataType& type, std::string_view value) {
    switch (type.kind) {
        case Kind::float_:
        case Kind::double_:
            return number_bytes(type, -float_value(type, value));
        case Kind::decimal: {
            auto decimal = TRY(decimal_of(type, value));
            decimal.unscaled = -decimal.unscaled;
            return bytes_of(decimal);
        }
        case Kind::varint:
            return bytes_of(Whole(-whole_of(value)));
        default:
            if (width(type.kind) < 0)
                return fail(Errc::invalid, "the '-' operation is not supported on {}", to_string(type));
            return number_bytes(type, std::int64_t(0 - std::uint64_t(integer_value(type, value))));
    }
}

Result<std::string> average(const DataType& type, std::string_view sum, std::int64_t count) {
    if (type.kind == Kind::varint) return bytes_of(Whole(whole_of(sum) / count));
    auto decimal = TRY(decimal_of(type, sum));
    Whole top = abs(decimal.unscaled);
    Whole quotient = top / count, rest = 2 * (top % count);
    if (rest > count || (rest == count && quotient % 2 != 0)) ++quotient;
    return bytes_of(Decimal{decimal.unscaled < 0 ? Whole(-quotient) : quotient, decimal.scale});
}

std::string truncated_decimal(std::string_view value) {
    auto decimal = decimal_of(Kind::decimal, value);
    if (!decimal || std::abs(decimal->scale) > most_digits) return varint_of(0);
    auto unit = power_of_ten(std::abs(decimal->scale));
    if (decimal->scale > 0) return bytes_of(Whole(decimal->unscaled / unit));
    return bytes_of(Whole(decimal->unscaled * unit));
}

std::string round_decimal(std::string_view value) {
    auto decimal = decimal_of(Kind::decimal, value);
    if (!decimal || decimal->scale <= 0 || decimal->scale > most_digits) return std::string(value);
    auto unit = power_of_ten(decimal->scale);
    Whole rounded = (2 * abs(decimal->unscaled) + unit) / (2 * unit);
    if (decimal->unscaled < 0) rounded = -rounded;
    return *bytes_of(Decimal{rounded, 0});
}

}  // namespace penstock::store::cql
