#include "store/cql/native_functions.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_dec_float.hpp>
#include <cmath>

#include "store/bytes.h"
#include "store/cql/arithmetic.h"
#include "store/number.h"
#include "store/value.h"
#include "store/vector_value.h"

namespace penstock::store::cql {
namespace {

enum class Native {
    abs,
    exp,
    log,
    log10,
    round,
    map_keys,
    map_values,
    collection_count,
    collection_min,
    collection_max,
    collection_sum,
    collection_avg,
    mask_null,
    mask_default,
    mask_replace,
    mask_inner,
    mask_outer,
    mask_hash,
};

struct Signature {
    std::string_view name;
    Native function;
    std::size_t least, most;  ///< arguments
};

constexpr std::array<Signature, 18> signatures{{
    {"abs", Native::abs, 1, 1},
    {"exp", Native::exp, 1, 1},
    {"log", Native::log, 1, 1},
    {"log10", Native::log10, 1, 1},
    {"round", Native::round, 1, 1},
    {"map_keys", Native::map_keys, 1, 1},
    {"map_values", Native::map_values, 1, 1},
    {"collection_count", Native::collection_count, 1, 1},
    {"collection_min", Native::collection_min, 1, 1},
    {"collection_max", Native::collection_max, 1, 1},
    {"collection_sum", Native::collection_sum, 1, 1},
    {"collection_avg", Native::collection_avg, 1, 1},
    {"mask_null", Native::mask_null, 1, 1},
    {"mask_default", Native::mask_default, 1, 1},
    {"mask_replace", Native::mask_replace, 2, 2},
    {"mask_inner", Native::mask_inner, 3, 4},
    {"mask_outer", Native::mask_outer, 3, 4},
    {"mask_hash", Native::mask_hash, 1, 2},
}};

const Signature* find(std::string_view name) {
    auto at = std::ranges::find(signatures, name, &Signature::name);
    return at == signatures.end() ? nullptr : &*at;
}

bool is_number(Kind kind) {
    switch (kind) {
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::int_:
        case Kind::bigint:
        case Kind::counter:
        case Kind::varint:
        case Kind::float_:
        case Kind::double_:
        case Kind::decimal:
            return true;
        default:
            return false;
    }
}

std::unexpected<Error> wants(std::string_view name, std::string_view what, const DataType& found) {
    return fail(Errc::invalid, "Function system.{} requires {}, but found argument of type {}", name, what,
                to_string(found));
}

/// Digits that decimals are calculated with, as in Cassandra's DecimalType.
using Decimal = boost::multiprecision::number<boost::multiprecision::cpp_dec_float<60>>;
constexpr int decimal_digits = 32;

Result<std::string> of_decimal(Native function, const std::string& text) {
    Decimal value(text);
    if ((function == Native::log || function == Native::log10) && value <= 0)
        return fail(Errc::out_of_range, "Execution of the function failed: the logarithm of {}", text);
    if (function == Native::exp && boost::multiprecision::abs(value) > 2000)
        return fail(Errc::out_of_range, "Execution of the function failed: the result is too large");
    Decimal out;
    if (function == Native::exp)
        out = boost::multiprecision::exp(value);
    else if (function == Native::log)
        out = boost::multiprecision::log(value);
    else
        out = boost::multiprecision::log10(value);
    auto bytes = parse_decimal(out.str(decimal_digits, std::ios_base::fmtflags(0)));
    if (!bytes)
        return fail(Errc::out_of_range, "Execution of the function failed: the result is not a number");
    return *bytes;
}

double of_double(Native function, double value) {
    switch (function) {
        case Native::exp:
            return std::exp(value);
        case Native::log:
            return std::log(value);
        case Native::log10:
            return std::log10(value);
        default:
            return std::isfinite(value) ? std::floor(value + 0.5) : value;
    }
}

Result<std::string> mathematics(Native function, const DataType& type, const std::string& value) {
    bool floating = type.kind == Kind::float_ || type.kind == Kind::double_;
    if (function == Native::abs) {
        bool negative =
            type.kind == Kind::decimal || type.kind == Kind::varint
                ? value_as_text(type, value).starts_with('-')
                : (floating ? std::signbit(float_value(type, value)) : integer_value(type, value) < 0);
        return negative ? negate(type, value) : Result<std::string>(value);
    }
    if (function == Native::round) {
        if (type.kind == Kind::decimal) return round_decimal(value);
        return floating ? number_bytes(type, of_double(function, float_value(type, value))) : value;
    }
    if (type.kind == Kind::decimal) return of_decimal(function, decimal_text(value));
    if (type.kind == Kind::varint) {
        auto exact = TRY(of_decimal(function, varint_text(value)));
        Decimal whole = boost::multiprecision::trunc(Decimal(decimal_text(exact)));
        auto bytes = parse_varint(whole.str(0, std::ios_base::fixed));
        if (!bytes) return fail(Errc::out_of_range, "Execution of the function failed: not a number");
        return *bytes;
    }
    auto result = of_double(function, float_value(type, value));
    if (floating) return number_bytes(type, result);
    // Java's casts: what does not fit becomes the nearest that does, then loses its upper bytes.
    auto whole = std::isnan(result)  ? 0
                 : result >= 9.2e18  ? INT64_MAX
                 : result <= -9.2e18 ? INT64_MIN
                                     : std::int64_t(result);
    bool small = type.kind != Kind::bigint && type.kind != Kind::counter;
    if (small) whole = std::clamp<std::int64_t>(whole, INT32_MIN, INT32_MAX);
    return number_bytes(type, whole);
}

Result<std::string> sum_of(const DataType& element, const std::vector<std::string_view>& elements,
                           bool average) {
    auto sum = number_bytes(element, std::int64_t(0));
    bool floating = element.kind == Kind::float_ || element.kind == Kind::double_;
    bool exact = element.kind == Kind::varint || element.kind == Kind::decimal;
    if (exact) {
        for (std::size_t i = 0; i < elements.size(); ++i)
            sum = i == 0 ? std::string(elements[0]) : TRY(calculate('+', element, sum, element, elements[i]));
        if (average && !elements.empty())
            return penstock::store::cql::average(element, sum, std::int64_t(elements.size()));
        return sum;
    }
    double real = 0;
    std::uint64_t whole = 0;
    for (auto one : elements) {
        real += float_value(element, one);
        whole += std::uint64_t(integer_value(element, one));
    }
    auto count = average && !elements.empty() ? std::int64_t(elements.size()) : 1;
    return floating ? number_bytes(element, real / double(count))
                    : number_bytes(element, std::int64_t(whole) / count);
}

Result<std::optional<std::string>> of_collection(Native function, const DataType& type,
                                                 std::string_view value) {
    bool map = type.kind == Kind::map;
    std::vector<std::string_view> parts;
    split_collection(value, map, parts);
    if (function == Native::collection_count)
        return number_bytes(Kind::int_, std::int64_t(parts.size() / (map ? 2 : 1)));
    if (function == Native::map_keys || function == Native::map_values) {
        std::string out;
        begin_collection(out, parts.size() / 2);
        for (std::size_t i = function == Native::map_keys ? 0 : 1; i < parts.size(); i += 2)
            append_element(out, parts[i]);
        return out;
    }
    const auto& element = type.parameters[0];
    if (function == Native::collection_sum || function == Native::collection_avg)
        return TRY(sum_of(element, parts, function == Native::collection_avg));
    if (parts.empty()) return std::optional<std::string>();
    auto less = [&](std::string_view a, std::string_view b) { return compare(element, a, b) < 0; };
    auto at = function == Native::collection_min ? std::ranges::min_element(parts, less)
                                                 : std::ranges::max_element(parts, less);
    return std::optional<std::string>(std::in_place, *at);
}

/// What mask_default shows of every value of a type.
std::string default_mask(const DataType& type) {
    std::string out;
    switch (type.kind) {
        case Kind::ascii:
        case Kind::text:
            return "****";
        case Kind::boolean:
            return std::string(1, '\0');
        case Kind::blob:
            return out;
        case Kind::date:
            append_big_endian(out, std::uint32_t(1) << 31);
            return out;
        case Kind::duration:
            return duration_bytes({});
        case Kind::inet:
            return std::string(4, '\0');
        case Kind::uuid:
            return std::string(16, '\0');
        case Kind::timeuuid:  // the least of 1970-01-01
            return std::string("\x13\x81\x40\x00\x1d\xd2\x11\xb2\x80\x80\x80\x80\x80\x80\x80\x80", 16);
        case Kind::list:
        case Kind::set:
        case Kind::map:
            begin_collection(out, 0);
            return out;
        case Kind::vector:
            for (std::uint32_t i = 0; i < type.dimension; ++i)
                append_vector_element(out, type.parameters[0], default_mask(type.parameters[0]));
            return out;
        case Kind::tuple:
        case Kind::udt:
            for (const auto& part : type.parameters) append_component(out, default_mask(part));
            return out;
        default:
            return number_bytes(type, std::int64_t(0));
    }
}

/// Replaces characters by the padding: those inside the given ends, or those outside of them.
std::string masked(bool inner, std::string_view text, std::int64_t begin, std::int64_t end,
                   std::string_view padding) {
    std::vector<std::string_view> characters;
    for (std::size_t i = 0; i < text.size();) {
        auto size = std::size_t(1);
        while (i + size < text.size() && (static_cast<unsigned char>(text[i + size]) & 0xC0) == 0x80) ++size;
        characters.push_back(text.substr(i, size));
        i += size;
    }
    auto count = std::int64_t(characters.size());
    std::string out;
    for (std::int64_t i = 0; i < count; ++i) {
        bool is_inner = i >= begin && i < count - end;
        out += is_inner == inner ? padding : characters[std::size_t(i)];
    }
    return out;
}

Result<std::string> hash_of(std::string_view algorithm, std::string_view value) {
    std::string name(algorithm);
    const auto* digest = EVP_get_digestbyname(name.c_str());
    if (digest == nullptr) return fail(Errc::invalid, "Hash algorithm not found: {}", algorithm);
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(value.data(), value.size(), bytes, &size, digest, nullptr) != 1)
        return fail(Errc::invalid, "Hash algorithm not found: {}", algorithm);
    return std::string(reinterpret_cast<const char*>(bytes), size);
}

/// Names of Java's security providers as OpenSSL has them: SHA-512 is SHA512.
std::string openssl_name(std::string_view algorithm) {
    std::string out;
    for (char c : algorithm)
        if (c != '-') out += char(std::toupper(static_cast<unsigned char>(c)));
    return out;
}

Result<std::optional<std::string>> mask(Native function, const std::vector<TypedValue>& arguments) {
    const auto& value = arguments[0].bytes;
    switch (function) {
        case Native::mask_default:
            return std::optional(default_mask(arguments[0].type));
        case Native::mask_replace:
            return arguments[1].bytes;
        case Native::mask_hash: {
            if (!value) return std::optional<std::string>();
            std::string algorithm = "SHA-256";
            if (arguments.size() > 1 && arguments[1].bytes) algorithm = *arguments[1].bytes;
            auto hashed = hash_of(openssl_name(algorithm), *value);
            if (!hashed) return fail(Errc::invalid, "Hash algorithm not found: {}", algorithm);
            return std::optional(std::move(*hashed));
        }
        case Native::mask_inner:
        case Native::mask_outer: {
            if (!value) return std::optional<std::string>();
            auto end = [&](std::size_t i) {
                return arguments[i].bytes ? integer_value(arguments[i].type, *arguments[i].bytes) : 0;
            };
            auto padding =
                arguments.size() > 3 && arguments[3].bytes ? *arguments[3].bytes : std::string("*");
            return std::optional(masked(function == Native::mask_inner, *value, end(1), end(2), padding));
        }
        default:
            return std::optional<std::string>();
    }
}

}  // namespace

bool is_native(std::string_view name) {
    return find(name) != nullptr;
}

Result<DataType> native_type(std::string_view name, const std::vector<DataType>& arguments) {
    const auto* signature = find(name);
    if (signature == nullptr) return fail(Errc::invalid, "Unknown function '{}'", name);
    if (arguments.size() < signature->least || arguments.size() > signature->most)
        return fail(Errc::invalid, "Invalid number of arguments for function system.{}", name);
    const auto& type = arguments[0];
    bool sequence = type.kind == Kind::list || type.kind == Kind::set;
    switch (signature->function) {
        case Native::abs:
        case Native::exp:
        case Native::log:
        case Native::log10:
        case Native::round:
            if (!is_number(type.kind))
                return fail(
                    Errc::invalid,
                    "Invalid call to function {}, none of its type signatures match (known: numbers; the "
                    "argument is {})",
                    name, to_string(type));
            return type;
        case Native::map_keys:
        case Native::map_values:
            if (type.kind != Kind::map) return wants(name, "a map argument", type);
            return signature->function == Native::map_keys ? DataType(Kind::set, {type.parameters[0]}, true)
                                                           : DataType(Kind::list, {type.parameters[1]}, true);
        case Native::collection_count:
            if (!type.is_collection()) return wants(name, "a collection argument", type);
            return DataType(Kind::int_);
        case Native::collection_min:
        case Native::collection_max:
            if (!sequence) return wants(name, "a set or list argument", type);
            return type.parameters[0];
        case Native::collection_sum:
        case Native::collection_avg:
            if (!sequence || !is_number(type.parameters[0].kind))
                return wants(name, "a numeric set/list argument", type);
            return type.parameters[0];
        case Native::mask_null:
        case Native::mask_default:
        case Native::mask_replace:
            return type;
        case Native::mask_inner:
        case Native::mask_outer:
            if (!type.is_text()) return wants(name, "an argument of type [text|varchar|ascii]", type);
            return type;
        case Native::mask_hash:
            return DataType(Kind::blob);
    }
    return type;
}

Result<TypedValue> call_native(std::string_view name, const std::vector<TypedValue>& arguments) {
    std::vector<DataType> types;
    for (const auto& argument : arguments) types.push_back(argument.type);
    TypedValue out{TRY(native_type(name, types)), std::nullopt};
    auto function = find(name)->function;
    if (function >= Native::mask_null) {
        out.bytes = TRY(mask(function, arguments));
        return out;
    }
    if (!arguments[0].bytes || arguments[0].bytes->empty()) return out;
    if (function <= Native::round)
        out.bytes = TRY(mathematics(function, types[0], *arguments[0].bytes));
    else
        out.bytes = TRY(of_collection(function, types[0], *arguments[0].bytes));
    return out;
}

}  // namespace penstock::store::cql
