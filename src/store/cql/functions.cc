#include "store/cql/functions.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "store/bytes.h"
#include "store/cql/arithmetic.h"
#include "store/cql/native_functions.h"
#include "store/cql/time_floor.h"
#include "store/cql/vector_search.h"
#include "store/number.h"
#include "store/uuid.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

/// cast_as_int: CAST(... AS int) among the values of a statement.
std::optional<Kind> cast_target(std::string_view name) {
    constexpr std::string_view prefix = "cast_as_";
    if (!name.starts_with(prefix)) return std::nullopt;
    return kind_of_name(name.substr(prefix.size()));
}

std::string long_bytes(std::int64_t value) {
    std::string out;
    append_big_endian(out, value);
    return out;
}

std::string date_bytes(std::int64_t days) {
    std::string out;
    append_big_endian(out, std::uint32_t(days + (std::int64_t(1) << 31)));
    return out;
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}

constexpr std::int64_t day_ms = 86'400'000;

enum class Function {
    now,
    uuid,
    current_timestamp,
    current_date,
    current_time,
    min_timeuuid,
    max_timeuuid,
    to_timestamp,
    to_date,
    to_unix_timestamp,
    to_json,
    as_blob,
    from_blob,
};

struct Signature {
    std::string_view name;
    Function function;
    std::size_t arity;
};

constexpr std::array<Signature, 22> signatures{{
    {"now", Function::now, 0},
    {"uuid", Function::uuid, 0},
    {"currenttimeuuid", Function::now, 0},
    {"current_timeuuid", Function::now, 0},
    {"currenttimestamp", Function::current_timestamp, 0},
    {"current_timestamp", Function::current_timestamp, 0},
    {"currentdate", Function::current_date, 0},
    {"current_date", Function::current_date, 0},
    {"currenttime", Function::current_time, 0},
    {"current_time", Function::current_time, 0},
    {"mintimeuuid", Function::min_timeuuid, 1},
    {"min_timeuuid", Function::min_timeuuid, 1},
    {"maxtimeuuid", Function::max_timeuuid, 1},
    {"max_timeuuid", Function::max_timeuuid, 1},
    {"totimestamp", Function::to_timestamp, 1},
    {"to_timestamp", Function::to_timestamp, 1},
    {"todate", Function::to_date, 1},
    {"to_date", Function::to_date, 1},
    {"tounixtimestamp", Function::to_unix_timestamp, 1},
    {"to_unix_timestamp", Function::to_unix_timestamp, 1},
    {"tojson", Function::to_json, 1},
    {"to_json", Function::to_json, 1},
}};

/// textasblob, text_as_blob, blobastext, blob_as_text: the type in the name.
std::optional<Kind> blob_conversion(std::string_view name, bool& to_blob) {
    for (auto suffix : {std::string_view("_as_blob"), std::string_view("asblob")}) {
        if (!name.ends_with(suffix)) continue;
        to_blob = true;
        return kind_of_name(name.substr(0, name.size() - suffix.size()));
    }
    for (auto prefix : {std::string_view("blob_as_"), std::string_view("blobas")}) {
        if (!name.starts_with(prefix)) continue;
        to_blob = false;
        return kind_of_name(name.substr(prefix.size()));
    }
    return std::nullopt;
}

struct Found {
    Function function;
    Kind kind = Kind::blob;  ///< of blob conversions
};

Result<Found> find(std::string_view name, std::size_t arguments) {
    Found out{};
    std::size_t arity = 1;
    auto at = std::ranges::find(signatures, name, &Signature::name);
    bool to_blob = false;
    if (at != signatures.end()) {
        out.function = at->function;
        arity = at->arity;
    } else if (auto kind = blob_conversion(name, to_blob)) {
        out = {to_blob ? Function::as_blob : Function::from_blob, *kind};
    } else {
        return fail(Errc::invalid, "Unknown function '{}'", name);
    }
    if (arguments != arity)
        return fail(Errc::invalid,
                    "Invalid number of arguments in call to function system.{}: {} required but {} provided",
                    name, arity, arguments);
    return out;
}

bool is_integer(Kind kind) {
    return kind == Kind::tinyint || kind == Kind::smallint || kind == Kind::int_ || kind == Kind::bigint ||
           kind == Kind::counter;
}
bool is_float(Kind kind) {
    return kind == Kind::float_ || kind == Kind::double_;
}
bool is_number(Kind kind) {
    return is_integer(kind) || is_float(kind) || kind == Kind::varint || kind == Kind::decimal;
}

}  // namespace

std::optional<std::int64_t> ms_of(const TypedValue& value) {
    if (!value.bytes) return std::nullopt;
    if (value.type.kind == Kind::timeuuid || value.type.kind == Kind::uuid) {
        auto us = uuid_time_us(*value.bytes);
        return us ? std::optional(floor_divide(*us, 1000)) : std::nullopt;
    }
    if (value.type.kind == Kind::date && value.bytes->size() == 4)
        return (std::int64_t(load_big_endian<std::uint32_t>(value.bytes->data())) - (std::int64_t(1) << 31)) *
               day_ms;
    if (value.bytes->size() == 8) return load_big_endian<std::int64_t>(value.bytes->data());
    return std::nullopt;
}

std::string time_bytes(const DataType& type, std::int64_t ms) {
    return type.kind == Kind::timestamp ? long_bytes(ms) : date_bytes(floor_divide(ms, day_ms));
}

Result<DataType> function_type(std::string_view name, const std::vector<DataType>& arguments) {
    if (auto to = cast_target(name); to && arguments.size() == 1)
        return arguments[0].kind == *to ? Result<DataType>(DataType(*to)) : cast_type(arguments[0], *to);
    if (is_similarity_function(name)) return similarity_type(name, arguments);
    if (is_native(name)) return native_type(name, arguments);
    if (is_floor(name)) return floor_type(arguments);
    if (name == "token") return DataType(Kind::bigint);
    auto found = TRY(find(name, arguments.size()));
    switch (found.function) {
        case Function::now:
        case Function::min_timeuuid:
        case Function::max_timeuuid:
            return DataType(Kind::timeuuid);
        case Function::uuid:
            return DataType(Kind::uuid);
        case Function::current_timestamp:
        case Function::to_timestamp:
            return DataType(Kind::timestamp);
        case Function::current_date:
        case Function::to_date:
            return DataType(Kind::date);
        case Function::current_time:
            return DataType(Kind::time);
        case Function::to_unix_timestamp:
            return DataType(Kind::bigint);
        case Function::to_json:
            return DataType(Kind::text);
        case Function::as_blob:
            return DataType(Kind::blob);
        case Function::from_blob:
            return DataType(found.kind);
    }
    return DataType(Kind::text);
}

std::string known_signatures(std::string_view name) {
    auto found = find(name, 1);
    if (!found) return {};
    auto returns = [&](std::initializer_list<std::string_view> parameters, std::string_view result) {
        std::string out;
        for (auto parameter : parameters)
            out += fmt::format("{}system.{} : ({}) -> {}", out.empty() ? "" : ", ", name, parameter, result);
        return out;
    };
    switch (found->function) {
        case Function::to_date:
            return returns({"timeuuid", "timestamp"}, "date");
        case Function::to_timestamp:
            return returns({"timeuuid", "date"}, "timestamp");
        case Function::to_unix_timestamp:
            return returns({"timeuuid", "timestamp", "date"}, "bigint");
        default:
            return {};
    }
}

std::optional<DataType> parameter_type(std::string_view name, std::size_t index) {
    if (is_floor(name)) return index == 1 ? std::optional(DataType(Kind::duration)) : std::nullopt;
    auto found = find(name, 1);
    if (!found) return std::nullopt;
    switch (found->function) {
        case Function::min_timeuuid:
        case Function::max_timeuuid:
            return DataType(Kind::timestamp);
        case Function::from_blob:
            return DataType(Kind::blob);
        case Function::as_blob:
            return DataType(found->kind);
        case Function::to_timestamp:
        case Function::to_date:
        case Function::to_unix_timestamp:
            return std::nullopt;
        default:
            return std::nullopt;
    }
}

Result<TypedValue> call_function(std::string_view name, const std::vector<TypedValue>& arguments,
                                 std::int64_t now_us) {
    if (auto to = cast_target(name); to && arguments.size() == 1) {
        TypedValue out{TRY(function_type(name, {arguments[0].type})), std::nullopt};
        const auto& [type, bytes] = arguments[0];
        if (bytes) out.bytes = type.kind == *to ? bytes : cast_value(type, *to, *bytes);
        return out;
    }
    if (is_similarity_function(name)) return call_similarity(name, arguments);
    if (is_native(name)) return call_native(name, arguments);
    if (is_floor(name)) return call_floor(arguments);
    auto found = TRY(find(name, arguments.size()));
    std::vector<DataType> types;
    for (const auto& argument : arguments) types.push_back(argument.type);
    TypedValue out{TRY(function_type(name, types)), std::nullopt};
    if (found.function == Function::to_json && !arguments[0].bytes) {
        out.bytes = "null";
        return out;
    }
    if (!arguments.empty() && !arguments[0].bytes) return out;
    switch (found.function) {
        case Function::now:
            out.bytes = time_uuid(now_us);
            break;
        case Function::uuid:
            out.bytes = random_uuid();
            break;
        case Function::current_timestamp:
            out.bytes = long_bytes(floor_divide(now_us, 1000));
            break;
        case Function::current_date:
            out.bytes = date_bytes(floor_divide(now_us, day_ms * 1000));
            break;
        case Function::current_time:
            out.bytes = long_bytes((now_us % (day_ms * 1000)) * 1000);
            break;
        case Function::min_timeuuid:
        case Function::max_timeuuid:
            if (auto ms = ms_of(arguments[0]))
                out.bytes =
                    found.function == Function::min_timeuuid ? min_time_uuid(*ms) : max_time_uuid(*ms);
            break;
        case Function::to_timestamp:
        case Function::to_unix_timestamp:
            if (auto ms = ms_of(arguments[0])) out.bytes = long_bytes(*ms);
            break;
        case Function::to_date:
            if (auto ms = ms_of(arguments[0])) out.bytes = time_bytes(out.type, *ms);
            break;
        case Function::to_json:
            out.bytes.emplace();
            append_value_as_json(*out.bytes, arguments[0].type, *arguments[0].bytes);
            break;
        case Function::as_blob:
            out.bytes = arguments[0].bytes;
            break;
        case Function::from_blob:
            if (!validate(out.type, *arguments[0].bytes))
                return fail(
                    Errc::invalid,
                    "In call to function system.{}, value {} is not a valid binary representation for "
                    "type {}",
                    name, value_as_text(Kind::blob, *arguments[0].bytes), to_string(out.type));
            out.bytes = arguments[0].bytes;
            break;
    }
    return out;
}

bool is_aggregate(std::string_view name) {
    return name == "count" || name == "min" || name == "max" || name == "sum" || name == "avg";
}

Result<DataType> aggregate_type(std::string_view name, const DataType& argument) {
    if (name == "count") return DataType(Kind::bigint);
    if (name == "min" || name == "max") {
        if (argument.kind == Kind::counter) return DataType(Kind::bigint);
        return argument;
    }
    if (!is_number(argument.kind))
        return fail(Errc::invalid,
                    "Invalid call to function {}, none of its type signatures match (known: numbers up to "
                    "64 bits; the argument is {})",
                    name, to_string(argument));
    return argument.kind == Kind::counter ? DataType(Kind::bigint) : argument;
}

Result<DataType> cast_type(const DataType& from, const DataType& to) {
    bool text = to.is_text() && from.kind != Kind::text;
    bool simple =
        !from.is_collection() && !from.is_tuple() && from.kind != Kind::blob && from.kind != Kind::duration;
    // Types that Cassandra takes for one another, because their bytes are: int for date, bigint for
    // timestamp.
    bool alike = (from.kind == Kind::int_ && to.kind == Kind::timestamp) ||
                 (from.kind == Kind::bigint && to.kind == Kind::date) ||
                 (from.kind == Kind::timestamp && (to.kind == Kind::bigint || to.kind == Kind::varint));
    bool times = (from.kind == Kind::timestamp || from.kind == Kind::timeuuid || from.kind == Kind::date) &&
                 (to.kind == Kind::timestamp || to.kind == Kind::date);
    if ((text && simple) || (is_number(from.kind) && is_number(to.kind) && to.kind != Kind::counter) ||
        times || alike || from == to)
        return to;
    return fail(Errc::invalid, "{} cannot be cast to {}", to_string(from), to_string(to));
}

std::int64_t integer_value(const DataType& type, std::string_view bytes) {
    switch (type.kind) {
        case Kind::float_:
        case Kind::double_: {
            auto value = float_value(type, bytes);
            if (std::isnan(value)) return 0;
            if (value >= 9.2e18) return INT64_MAX;
            if (value <= -9.2e18) return INT64_MIN;
            return std::int64_t(value);
        }
        case Kind::decimal:
            return integer_value(Kind::varint, truncated_decimal(bytes));
        case Kind::varint: {
            std::int64_t value = !bytes.empty() && bytes[0] < 0 ? -1 : 0;
            for (unsigned char c : bytes) value = std::int64_t((std::uint64_t(value) << 8) | c);
            return value;
        }
        default:
            break;
    }
    switch (bytes.size()) {
        case 1:
            return static_cast<signed char>(bytes[0]);
        case 2:
            return load_big_endian<std::int16_t>(bytes.data());
        case 4:
            return load_big_endian<std::int32_t>(bytes.data());
        case 8:
            return load_big_endian<std::int64_t>(bytes.data());
        default:
            return 0;
    }
}

double float_value(const DataType& type, std::string_view bytes) {
    if (type.kind == Kind::float_ && bytes.size() == 4)
        return std::bit_cast<float>(load_big_endian<std::uint32_t>(bytes.data()));
    if (type.kind == Kind::double_ && bytes.size() == 8)
        return std::bit_cast<double>(load_big_endian<std::uint64_t>(bytes.data()));
    if (type.kind == Kind::decimal) return decimal_as_double(bytes);
    if (type.kind == Kind::varint && bytes.size() > 8)
        return decimal_as_double(std::string(4, '\0') + std::string(bytes));
    if (type.kind == Kind::float_ || type.kind == Kind::double_) return 0;
    return double(integer_value(type, bytes));
}

std::string number_bytes(const DataType& type, std::int64_t value) {
    std::string out;
    switch (type.kind) {
        case Kind::tinyint:
            out += char(value);
            return out;
        case Kind::smallint:
            append_big_endian(out, std::int16_t(value));
            return out;
        case Kind::int_:
            append_big_endian(out, std::int32_t(value));
            return out;
        case Kind::varint:
            return varint_of(value);
        case Kind::decimal:
            append_big_endian(out, std::int32_t(0));
            return out + varint_of(value);
        case Kind::float_:
        case Kind::double_:
            return number_bytes(type, double(value));
        default:
            return long_bytes(value);
    }
}

std::string number_bytes(const DataType& type, double value) {
    std::string out;
    if (type.kind == Kind::float_)
        append_big_endian(out, std::bit_cast<std::uint32_t>(float(value)));
    else
        append_big_endian(out, std::bit_cast<std::uint64_t>(value));
    return out;
}

std::optional<std::string> cast_value(const DataType& from, const DataType& to, std::string_view bytes) {
    if (from == to) return std::string(bytes);
    if (to.is_text() && from.kind == Kind::timestamp) {
        auto text = value_as_text(from, bytes);
        if (auto space = text.find(' '); space != std::string::npos) text[space] = 'T';
        return text;
    }
    if (to.is_text()) return value_as_text(from, bytes);
    if (to.kind == Kind::timestamp || to.kind == Kind::date) {
        DataType as = from.kind == Kind::int_ ? Kind::date : from.kind;
        auto ms = ms_of({as, std::string(bytes)});
        if (!ms) return std::nullopt;
        return time_bytes(to, *ms);
    }
    if (is_float(to.kind)) return number_bytes(to, float_value(from, bytes));
    if (to.kind == Kind::decimal) return parse_decimal(value_as_text(from, bytes));
    if (to.kind == Kind::varint && from.kind == Kind::varint) return std::string(bytes);
    if (to.kind == Kind::varint && from.kind == Kind::decimal) return truncated_decimal(bytes);
    auto whole = integer_value(from, bytes);
    // As Java has it: of floating numbers what does not fit is the nearest int, and then loses its upper
    // bytes.
    bool small = to.kind == Kind::int_ || to.kind == Kind::smallint || to.kind == Kind::tinyint;
    if (is_float(from.kind) && small) whole = std::clamp<std::int64_t>(whole, INT32_MIN, INT32_MAX);
    return number_bytes(to, whole);
}

}  // namespace penstock::store::cql
