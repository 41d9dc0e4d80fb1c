#include "store/cql/term_value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "store/bytes.h"
#include "store/cql/arithmetic.h"
#include "store/cql/functions.h"
#include "store/cql/json_value.h"
#include "store/number.h"
#include "store/uuid.h"
#include "store/value.h"
#include "store/vector_value.h"

namespace penstock::store::cql {
namespace {

std::string_view constant_name(Term::Kind kind) {
    switch (kind) {
        case Term::Kind::string:
            return "STRING";
        case Term::Kind::integer:
            return "INTEGER";
        case Term::Kind::number:
            return "FLOAT";
        case Term::Kind::boolean:
            return "BOOLEAN";
        case Term::Kind::blob:
            return "HEX";
        case Term::Kind::uuid:
            return "UUID";
        case Term::Kind::duration:
            return "DURATION";
        case Term::Kind::null:
            return "NULL";
        case Term::Kind::marker:
            return "marker";
        case Term::Kind::list:
            return "list";
        case Term::Kind::set:
            return "set";
        case Term::Kind::map:
            return "map";
        case Term::Kind::tuple:
            return "tuple";
        case Term::Kind::udt:
            return "user type";
        case Term::Kind::operation:
            return "operation";
        case Term::Kind::function:
            return "function";
        case Term::Kind::cast:
            return "cast";
    }
    return "?";
}

/// A literal that can never be a value of the type, as far as its form tells.
bool fits(const Term& term, const DataType& type);

/// "Invalid list literal for l: value 'a' is not of type int"
Result<> check_parts(const Term& term, const DataType& type, std::string_view what) {
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        auto refuse = [&](std::string_view literal, std::string_view part, const DataType& wanted) {
            return fail(Errc::invalid, "Invalid {} literal for {}: {} is not of type {}", literal, what, part,
                        to_string(wanted));
        };
        const auto& item = term.items[i];
        if (type.kind == Kind::udt) {
            auto field = type.user->field(term.names[i]);
            if (field >= 0 && !fits(item, type.parameters[std::size_t(field)]))
                return refuse("user type", "field " + term.names[i], type.parameters[std::size_t(field)]);
        } else if (type.kind == Kind::tuple) {
            if (i < type.parameters.size() && !fits(item, type.parameters[i]))
                return refuse("tuple", "component " + std::to_string(i), type.parameters[i]);
        } else {
            const auto& wanted = type.parameters[type.kind == Kind::map ? i % 2 : 0];
            auto part = (type.kind == Kind::map && i % 2 == 0 ? "key " : "value ") + term_text(item);
            if (!fits(item, wanted)) return refuse(constant_name(term.kind), part, wanted);
        }
    }
    return {};
}

Value set_value(std::string bytes) {
    return {Value::State::set, std::move(bytes)};
}

/// A whole number of fewer bytes; nothing when it does not fit.
std::optional<std::string> integer_bytes(std::int64_t value, Kind kind) {
    std::string out;
    switch (kind) {
        case Kind::tinyint:
            if (value < INT8_MIN || value > INT8_MAX) return std::nullopt;
            append_big_endian(out, std::int8_t(value));
            return out;
        case Kind::smallint:
            if (value < INT16_MIN || value > INT16_MAX) return std::nullopt;
            append_big_endian(out, std::int16_t(value));
            return out;
        case Kind::int_:
            if (value < INT32_MIN || value > INT32_MAX) return std::nullopt;
            append_big_endian(out, std::int32_t(value));
            return out;
        case Kind::date:
            if (value < 0 || value > std::int64_t(UINT32_MAX)) return std::nullopt;
            append_big_endian(out, std::uint32_t(value));
            return out;
        case Kind::time:
            if (value < 0 || value >= 86'400'000'000'000) return std::nullopt;
            append_big_endian(out, value);
            return out;
        default:
            append_big_endian(out, value);
            return out;
    }
}

std::string float_bytes(double value, Kind kind) {
    std::string out;
    if (kind == Kind::float_)
        append_big_endian(out, std::bit_cast<std::uint32_t>(float(value)));
    else
        append_big_endian(out, std::bit_cast<std::uint64_t>(value));
    return out;
}

std::optional<double> float_of_text(std::string_view text) {
    if (text == "NaN" || text == "-NaN") return std::nan("");
    if (text == "Infinity") return INFINITY;
    if (text == "-Infinity") return -INFINITY;
    double value = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (at != text.data() + text.size() || text.empty()) return std::nullopt;
    if (error == std::errc::result_out_of_range) return text[0] == '-' ? -INFINITY : INFINITY;
    if (error != std::errc()) return std::nullopt;
    return value;
}

bool takes(Kind column, Term::Kind constant) {
    switch (constant) {
        case Term::Kind::string:
            return column == Kind::ascii || column == Kind::text || column == Kind::inet ||
                   column == Kind::timestamp || column == Kind::date || column == Kind::time ||
                   column == Kind::duration;
        case Term::Kind::integer:
            return column == Kind::bigint || column == Kind::counter || column == Kind::decimal ||
                   column == Kind::double_ || column == Kind::float_ || column == Kind::int_ ||
                   column == Kind::date || column == Kind::timestamp || column == Kind::time ||
                   column == Kind::smallint || column == Kind::tinyint || column == Kind::varint ||
                   column == Kind::duration;
        case Term::Kind::number:
            return column == Kind::decimal || column == Kind::double_ || column == Kind::float_;
        case Term::Kind::boolean:
            return column == Kind::boolean;
        case Term::Kind::blob:
            return column == Kind::blob;
        case Term::Kind::uuid:
            return column == Kind::uuid || column == Kind::timeuuid;
        case Term::Kind::duration:
            return column == Kind::duration;
        default:
            return false;
    }
}

Result<Value> literal_value(const Term& term, const DataType& type, std::string_view what) {
    if (!takes(type.kind, term.kind)) {
        auto shown = term.kind == Term::Kind::blob ? "0x" + term.text : term.text;
        return fail(Errc::invalid, "Invalid {} constant ({}) for \"{}\" of type {}", constant_name(term.kind),
                    shown, what, to_string(type));
    }
    if (term.kind == Term::Kind::blob) {
        if (term.text.size() % 2 != 0)
            return fail(Errc::invalid, "An hex string representing bytes must have an even length");
        std::string out;
        for (std::size_t i = 0; i < term.text.size(); i += 2) {
            unsigned byte = 0;
            std::from_chars(term.text.data() + i, term.text.data() + i + 2, byte, 16);
            out += char(byte);
        }
        return set_value(std::move(out));
    }
    if (term.kind == Term::Kind::integer && (type.kind == Kind::timestamp || type.kind == Kind::date)) {
        std::int64_t number = 0;
        auto [at, error] = std::from_chars(term.text.data(), term.text.data() + term.text.size(), number);
        if (error == std::errc())
            if (auto bytes = integer_bytes(number, type.kind)) return set_value(std::move(*bytes));
        return fail(Errc::invalid, "Unable to make {} from '{}'", to_string(type), term.text);
    }
    return set_value(TRY(parse_text_value(type, term.text)));
}

bool fits(const Term& term, const DataType& type) {
    switch (term.kind) {
        case Term::Kind::string:
        case Term::Kind::integer:
        case Term::Kind::number:
        case Term::Kind::boolean:
        case Term::Kind::blob:
        case Term::Kind::uuid:
        case Term::Kind::duration:
            return takes(type.kind, term.kind);
        case Term::Kind::list:
            return type.kind == Kind::vector ||
                   (type.kind == Kind::list && check_parts(term, type, "").has_value());
        case Term::Kind::set:
            return (type.kind == Kind::set || (type.kind == Kind::map && term.items.empty())) &&
                   check_parts(term, type, "").has_value();
        case Term::Kind::map:
            return type.kind == Kind::map && check_parts(term, type, "").has_value();
        case Term::Kind::udt:
            return type.kind == Kind::udt && check_parts(term, type, "").has_value();
        case Term::Kind::tuple:
            if (type.kind != Kind::tuple) return term.items.size() == 1 && fits(term.items[0], type);
            return check_parts(term, type, "").has_value();
        case Term::Kind::cast:
            return term.type.kind == type.kind;
        case Term::Kind::null:
        case Term::Kind::marker:
        case Term::Kind::function:
        case Term::Kind::operation:
            return true;
    }
    return true;
}

std::unexpected<Error> not_for(std::string_view what, std::string_view given, const DataType& type) {
    return fail(Errc::invalid, "Invalid {} literal for {} of type {}", given, what, to_string(type));
}

Result<std::vector<std::string>> element_values(const Term& term, const DataType& type, std::string_view what,
                                                const Bindings& bindings) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        const auto& element_type = type.parameters[type.kind == Kind::map ? i % 2 : 0];
        auto value = TRY(evaluate(term.items[i], element_type, what, bindings));
        if (!value.is_set()) return fail(Errc::invalid, "null is not supported inside collections");
        out.push_back(std::move(value.bytes));
    }
    return out;
}

/// Elements of sets and keys of maps: in order, each once; of two equal keys the later one's value counts.
std::string sorted_collection(std::vector<std::string> elements, const DataType& type) {
    std::size_t step = type.kind == Kind::map ? 2 : 1;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < elements.size(); i += step) order.push_back(i);
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        int by = compare(type.parameters[0], elements[a], elements[b]);
        return by != 0 ? by < 0 : a < b;
    });
    std::vector<std::size_t> kept;
    for (auto i : order) {
        if (!kept.empty() && compare(type.parameters[0], elements[kept.back()], elements[i]) == 0)
            kept.back() = i;
        else
            kept.push_back(i);
    }
    std::string out;
    begin_collection(out, kept.size());
    for (auto i : kept)
        for (std::size_t k = 0; k < step; ++k) append_element(out, elements[i + k]);
    return out;
}

Result<Value> vector_literal(const Term& term, const DataType& type, std::string_view what,
                             const Bindings& bindings) {
    if (term.items.size() != type.dimension)
        return fail(Errc::invalid,
                    "Invalid vector literal for {} of type {}; expected {} elements, but given {}", what,
                    to_string(type), type.dimension, term.items.size());
    std::string out;
    for (const auto& item : term.items) {
        auto element = TRY(evaluate(item, type.parameters[0], what, bindings));
        if (!element.is_set()) return fail(Errc::invalid, "null is not supported inside vectors");
        append_vector_element(out, type.parameters[0], element.bytes);
    }
    return set_value(std::move(out));
}

Result<Value> collection_value(const Term& term, const DataType& type, std::string_view what,
                               const Bindings& bindings) {
    bool empty_braces = term.kind == Term::Kind::set && term.items.empty();
    if (type.kind == Kind::vector && term.kind == Term::Kind::list)
        return vector_literal(term, type, what, bindings);
    if (term.kind == Term::Kind::list && type.kind != Kind::list)
        return fail(Errc::invalid, "Unexpected receiver type '{}'; only list and vector are expected",
                    to_string(type));
    bool same = (term.kind == Term::Kind::list) == (type.kind == Kind::list) &&
                (term.kind == Term::Kind::map) == (type.kind == Kind::map) && type.is_collection();
    if (same) TRY(check_parts(term, type, what));
    switch (type.kind) {
        case Kind::list: {
            if (term.kind != Term::Kind::list) return not_for(what, constant_name(term.kind), type);
            auto elements = TRY(element_values(term, type, what, bindings));
            std::string out;
            begin_collection(out, elements.size());
            for (const auto& element : elements) append_element(out, element);
            return set_value(std::move(out));
        }
        case Kind::set:
            if (term.kind != Term::Kind::set) return not_for(what, constant_name(term.kind), type);
            return set_value(sorted_collection(TRY(element_values(term, type, what, bindings)), type));
        case Kind::map:
            if (term.kind != Term::Kind::map && !empty_braces)
                return not_for(what, constant_name(term.kind), type);
            return set_value(sorted_collection(TRY(element_values(term, type, what, bindings)), type));
        default:
            return not_for(what, constant_name(term.kind), type);
    }
}

Result<Value> tuple_value(const Term& term, const DataType& type, std::string_view what,
                          const Bindings& bindings) {
    if (type.kind != Kind::tuple) {
        // (x) is x
        if (term.items.size() == 1) return evaluate(term.items[0], type, what, bindings);
        return not_for(what, "tuple", type);
    }
    if (term.items.size() > type.parameters.size())
        return fail(Errc::invalid,
                    "Invalid tuple literal for {}: too many elements. Type {} expects {} but got {}", what,
                    to_string(type), type.parameters.size(), term.items.size());
    TRY(check_parts(term, type, what));
    std::string out;
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        auto value = TRY(evaluate(term.items[i], type.parameters[i], what, bindings));
        append_component(out, value.is_set() ? std::optional(value.bytes) : std::nullopt);
    }
    return set_value(std::move(out));
}

Result<Value> user_value(const Term& term, const DataType& type, std::string_view what,
                         const Bindings& bindings) {
    if (type.kind != Kind::udt) return not_for(what, "user type", type);
    const auto& user = *type.user;
    for (const auto& name : term.names)
        if (user.field(name) < 0)
            return fail(Errc::invalid, "Unknown field '{}' in value of user defined type {}", name,
                        user.name);
    TRY(check_parts(term, type, what));
    std::string out;
    for (std::size_t i = 0; i < user.fields.size(); ++i) {
        auto at = std::ranges::find(term.names, user.fields[i]);
        if (at == term.names.end()) {
            append_component(out, std::nullopt);
            continue;
        }
        auto field = std::string(what) + "." + user.fields[i];
        auto value = TRY(
            evaluate(term.items[std::size_t(at - term.names.begin())], type.parameters[i], field, bindings));
        append_component(out, value.is_set() ? std::optional(value.bytes) : std::nullopt);
    }
    return set_value(std::move(out));
}

Result<Value> marker_value(const Term& term, const DataType& type, std::string_view what,
                           const Bindings& bindings) {
    auto index = std::size_t(term.marker);
    if (index < bindings.order.size()) index = std::size_t(bindings.order[index]);
    if (bindings.values == nullptr || index >= bindings.values->size())
        return fail(Errc::invalid, "Invalid amount of bind variables");
    const auto& bound = (*bindings.values)[index];
    using State = wire::cql::BoundValue::State;
    if (bound.state == State::null) return Value{};
    if (bound.state == State::unset) return Value{Value::State::unset, {}};
    if (auto valid = validate(type, bound.bytes); !valid)
        return fail(Errc::invalid, "Exception while binding column {}: {}", what, valid.error().text);
    return set_value(std::string(bound.bytes));
}

Result<Value> function_value(const Term& term, const DataType& type, std::string_view what,
                             const Bindings& bindings) {
    if ((term.text == "fromjson" || term.text == "from_json") && term.items.size() == 1) {
        auto text = TRY(evaluate(term.items[0], Kind::text, what, bindings));
        if (!text.is_set()) return Value{};
        auto value = TRY(parse_json_value(type, text.bytes));
        return value ? set_value(std::move(*value)) : Value{};
    }
    std::vector<TypedValue> arguments;
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        auto wanted = parameter_type(term.text, i);
        auto of = wanted ? *wanted : natural_type(term.items[i]);
        auto value = TRY(evaluate(term.items[i], of, what, bindings));
        arguments.push_back({of, value.is_set() ? std::optional(std::move(value.bytes)) : std::nullopt});
    }
    auto result = TRY(call_function(term.text, arguments, bindings.now_us));
    bool fits = result.type.kind == type.kind ||
                (type.kind == Kind::uuid && result.type.kind == Kind::timeuuid) ||
                (type.kind == Kind::blob) || (type.kind == Kind::text && result.type.kind == Kind::ascii);
    if (!fits)
        return fail(Errc::invalid,
                    "Type error: cannot assign result of function {} (type {}) to {} (type {})", term.text,
                    to_string(result.type), what, to_string(type));
    if (!result.bytes) return Value{};
    return set_value(std::move(*result.bytes));
}

/// Values that are written out are of the type that is wanted; functions and casts have their own.
DataType operand_type(const Term& term, const DataType& wanted) {
    if (term.kind == Term::Kind::function || term.kind == Term::Kind::cast) return natural_type(term);
    if (term.kind != Term::Kind::operation) return wanted;
    for (const auto& item : term.items)
        if (auto type = operand_type(item, wanted); !(type == wanted)) return natural_type(term);
    return wanted;
}

Result<Value> operation_value(const Term& term, const DataType& type, std::string_view what,
                              const Bindings& bindings) {
    auto left_type = operand_type(term.items[0], type);
    auto left = TRY(evaluate(term.items[0], left_type, what, bindings));
    if (term.items.size() == 1) {
        if (!left.is_set()) return left;
        return set_value(TRY(negate(left_type, left.bytes)));
    }
    bool time = type.kind == Kind::timestamp || type.kind == Kind::date;
    auto right_type = operand_type(term.items[1], time ? DataType(Kind::duration) : type);
    auto result = TRY(arithmetic_type(term.text[0], left_type, right_type));
    if (result.kind != type.kind)
        return fail(Errc::invalid,
                    "Type error: cannot assign result of function system._{} (type {}) to {} (type {})",
                    term.text, to_string(result), what, to_string(type));
    auto right = TRY(evaluate(term.items[1], right_type, what, bindings));
    if (!left.is_set() || !right.is_set()) return Value{};
    return set_value(TRY(calculate(term.text[0], left_type, left.bytes, right_type, right.bytes)));
}

std::optional<std::int64_t> parse_date_days(std::string_view text) {
    bool negative = text.starts_with('-');
    auto rest = text.substr(negative ? 1 : 0);
    int parts[3] = {};
    for (int i = 0; i < 3; ++i) {
        auto dash = i < 2 ? rest.find('-') : rest.size();
        if (dash == std::string_view::npos || dash == 0) return std::nullopt;
        auto [at, error] = std::from_chars(rest.data(), rest.data() + dash, parts[i]);
        if (error != std::errc() || at != rest.data() + dash) return std::nullopt;
        rest.remove_prefix(std::min(dash + 1, rest.size()));
    }
    if (parts[0] > 32767) return std::nullopt;
    std::chrono::year_month_day date{std::chrono::year(negative ? -parts[0] : parts[0]),
                                     std::chrono::month(unsigned(parts[1])),
                                     std::chrono::day(unsigned(parts[2]))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch().count();
}

/// 12:34, 12:34:56, 12:34:56.123456789 as nanoseconds of the day.
std::optional<std::int64_t> parse_time_ns(std::string_view text) {
    std::int64_t total = 0;
    std::int64_t unit = 3600;
    std::int64_t limit = 24;
    for (int i = 0; i < 3; ++i) {
        std::int64_t part = 0;
        auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), part);
        if (error != std::errc() || part < 0 || part >= limit) return std::nullopt;
        text.remove_prefix(std::size_t(at - text.data()));
        total += part * unit;
        unit /= 60;
        limit = 60;
        if (text.empty()) return i >= 1 ? std::optional(total * 1'000'000'000) : std::nullopt;
        if (text[0] == '.' && i == 2) break;
        if (text[0] != ':' || i == 2) return std::nullopt;
        text.remove_prefix(1);
    }
    text.remove_prefix(1);
    if (text.empty() || text.size() > 9) return std::nullopt;
    std::int64_t fraction = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), fraction);
    if (error != std::errc() || at != text.data() + text.size() || fraction < 0) return std::nullopt;
    for (auto i = text.size(); i < 9; ++i) fraction *= 10;
    return total * 1'000'000'000 + fraction;
}

}  // namespace

std::optional<std::int64_t> parse_timestamp_ms(std::string_view text) {
    std::int64_t number = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && at == text.data() + text.size()) return number;
    auto split = text.find_first_of(" T", 8);
    auto days = parse_date_days(text.substr(0, split));
    if (!days) {
        // A zone right behind the date: 2011-02-03+0000
        split = text.find_first_of("+Z", 8);
        if (split == std::string_view::npos) return std::nullopt;
        days = parse_date_days(text.substr(0, split));
        if (!days) return std::nullopt;
    }
    auto rest = split == std::string_view::npos ? std::string_view() : text.substr(split);
    if (!rest.empty() && (rest[0] == ' ' || rest[0] == 'T')) rest.remove_prefix(1);
    auto zone_at = rest.find_first_of("+-Z");
    auto clock = rest.substr(0, zone_at);
    while (clock.ends_with(' ')) clock.remove_suffix(1);
    std::int64_t ns = 0;
    if (!clock.empty()) {
        auto parsed = parse_time_ns(clock);
        if (!parsed) return std::nullopt;
        ns = *parsed;
    }
    std::int64_t offset_minutes = 0;
    if (zone_at != std::string_view::npos && rest[zone_at] != 'Z') {
        std::string digits;
        for (char c : rest.substr(zone_at + 1))
            if (c != ':') digits += c;
        if (digits.size() == 2) digits += "00";
        int hhmm = 0;
        auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), hhmm);
        if (bad != std::errc() || digits.size() != 4 || end != digits.data() + 4) return std::nullopt;
        offset_minutes = (hhmm / 100 * 60 + hhmm % 100) * (rest[zone_at] == '-' ? -1 : 1);
    }
    return *days * 86'400'000 + ns / 1'000'000 - offset_minutes * 60'000;
}

Result<std::string> parse_text_value(const DataType& type, std::string_view text) {
    auto unable = [&](std::string_view what) {
        return fail(Errc::invalid, "Unable to make {} from '{}'", what, text);
    };
    switch (type.kind) {
        case Kind::ascii:
        case Kind::text: {
            TRY(validate(type, text));
            return std::string(text);
        }
        case Kind::boolean:
            return std::string(1, text == "true" || text == "True" || text == "TRUE" ? '\x01' : '\0');
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::int_:
        case Kind::bigint:
        case Kind::counter: {
            std::int64_t number = 0;
            auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
            auto bytes = error == std::errc() && at == text.data() + text.size()
                             ? integer_bytes(number, type.kind)
                             : std::nullopt;
            if (!bytes)
                return unable(type.kind == Kind::bigint || type.kind == Kind::counter ? "long"
                                                                                      : to_string(type));
            return *bytes;
        }
        case Kind::float_:
        case Kind::double_: {
            auto number = float_of_text(text);
            if (!number) return unable(to_string(type));
            return float_bytes(*number, type.kind);
        }
        case Kind::varint: {
            auto bytes = parse_varint(text);
            if (!bytes) return unable("varint");
            return *bytes;
        }
        case Kind::decimal: {
            auto bytes = parse_decimal(text);
            if (!bytes) return unable("BigDecimal");
            return *bytes;
        }
        case Kind::uuid:
        case Kind::timeuuid: {
            auto bytes = parse_uuid(text);
            if (!bytes) return unable("UUID");
            if (!validate(type, *bytes)) return fail(Errc::invalid, "TimeUUID supports only version 1 UUIDs");
            return *bytes;
        }
        case Kind::inet: {
            char bytes[16];
            std::string terminated(text);
            if (inet_pton(AF_INET, terminated.c_str(), bytes) == 1) return std::string(bytes, 4);
            if (inet_pton(AF_INET6, terminated.c_str(), bytes) == 1) return std::string(bytes, 16);
            return unable("inet address");
        }
        case Kind::timestamp: {
            auto ms = parse_timestamp_ms(text);
            if (!ms) return fail(Errc::invalid, "Unable to parse a date/time from '{}'", text);
            std::string out;
            append_big_endian(out, *ms);
            return out;
        }
        case Kind::date: {
            auto days = parse_date_days(text);
            if (!days) return fail(Errc::invalid, "Unable to coerce '{}' to a formatted date (long)", text);
            std::string out;
            append_big_endian(out, std::uint32_t(*days + (std::int64_t(1) << 31)));
            return out;
        }
        case Kind::time: {
            auto ns = parse_time_ns(text);
            if (!ns) {
                std::int64_t number = 0;
                auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
                if (error == std::errc() && at == text.data() + text.size()) ns = number;
            }
            auto bytes = ns ? integer_bytes(*ns, Kind::time) : std::nullopt;
            if (!bytes) return fail(Errc::invalid, "Unable to coerce '{}' to a formatted time (long)", text);
            return *bytes;
        }
        case Kind::duration: {
            auto duration = parse_duration(text);
            if (!duration) return fail(Errc::invalid, "Unable to convert '{}' to a duration", text);
            return duration_bytes(*duration);
        }
        case Kind::blob:
        case Kind::list:
        case Kind::map:
        case Kind::set:
        case Kind::tuple:
        case Kind::udt:
        case Kind::vector:
            return unable(to_string(type));
    }
    return unable(to_string(type));
}

std::string term_text(const Term& term) {
    auto list = [&](std::string_view open, std::string_view close) {
        std::string out(open);
        for (std::size_t i = 0; i < term.items.size(); ++i) {
            bool value = term.kind == Term::Kind::map && i % 2 == 1;
            if (i > 0) out += value ? ": " : ", ";
            if (term.kind == Term::Kind::udt) out += term.names[i] + ": ";
            out += term_text(term.items[i]);
        }
        return out + std::string(close);
    };
    switch (term.kind) {
        case Term::Kind::null:
            return "NULL";
        case Term::Kind::string:
            return "'" + term.text + "'";
        case Term::Kind::blob:
            return "0x" + term.text;
        case Term::Kind::integer:
        case Term::Kind::number:
        case Term::Kind::boolean:
        case Term::Kind::uuid:
        case Term::Kind::duration:
            return term.text;
        case Term::Kind::marker:
            return term.text.empty() ? "?" : ":" + term.text;
        case Term::Kind::list:
            return list("[", "]");
        case Term::Kind::set:
        case Term::Kind::map:
        case Term::Kind::udt:
            return list("{", "}");
        case Term::Kind::tuple:
            return list("(", ")");
        case Term::Kind::function:
            return term.text + list("(", ")");
        case Term::Kind::cast:
            return "(" + to_string(term.type) + ")" + term_text(term.items[0]);
        case Term::Kind::operation:
            if (term.items.size() == 1) return "-" + term_text(term.items[0]);
            return term_text(term.items[0]) + " " + term.text + " " + term_text(term.items[1]);
    }
    return "?";
}

DataType natural_type(const Term& term) {
    switch (term.kind) {
        case Term::Kind::integer: {
            std::int64_t number = 0;
            auto [at, error] = std::from_chars(term.text.data(), term.text.data() + term.text.size(), number);
            if (error != std::errc()) return Kind::varint;
            return number >= INT32_MIN && number <= INT32_MAX ? Kind::int_ : Kind::bigint;
        }
        case Term::Kind::number:
            return Kind::double_;
        case Term::Kind::boolean:
            return Kind::boolean;
        case Term::Kind::blob:
            return Kind::blob;
        case Term::Kind::uuid:
            return Kind::uuid;
        case Term::Kind::duration:
            return Kind::duration;
        case Term::Kind::cast:
            return term.type;
        case Term::Kind::operation: {
            if (term.items.size() == 1) return natural_type(term.items[0]);
            auto type =
                arithmetic_type(term.text[0], natural_type(term.items[0]), natural_type(term.items[1]));
            return type ? *type : DataType(Kind::text);
        }
        case Term::Kind::function: {
            std::vector<DataType> arguments;
            for (std::size_t i = 0; i < term.items.size(); ++i) {
                auto wanted = parameter_type(term.text, i);
                arguments.push_back(wanted ? *wanted : natural_type(term.items[i]));
            }
            auto type = function_type(term.text, arguments);
            return type ? *type : DataType(Kind::text);
        }
        case Term::Kind::null:
        case Term::Kind::string:
        case Term::Kind::marker:
        case Term::Kind::list:
        case Term::Kind::set:
        case Term::Kind::map:
        case Term::Kind::tuple:
        case Term::Kind::udt:
            return Kind::text;
    }
    return Kind::text;
}

Result<Value> evaluate(const Term& term, const DataType& type, std::string_view what,
                       const Bindings& bindings) {
    switch (term.kind) {
        case Term::Kind::null:
            return Value{};
        case Term::Kind::marker:
            return marker_value(term, type, what, bindings);
        case Term::Kind::list:
        case Term::Kind::set:
        case Term::Kind::map:
            return collection_value(term, type, what, bindings);
        case Term::Kind::tuple:
            return tuple_value(term, type, what, bindings);
        case Term::Kind::udt:
            return user_value(term, type, what, bindings);
        case Term::Kind::operation:
            return operation_value(term, type, what, bindings);
        case Term::Kind::function:
            return function_value(term, type, what, bindings);
        case Term::Kind::cast:
            if (term.type.kind != type.kind)
                return fail(Errc::invalid, "Cannot assign value {} to {} of type {}", term_text(term), what,
                            to_string(type));
            return evaluate(term.items[0], type, what, bindings);
        case Term::Kind::string:
        case Term::Kind::integer:
        case Term::Kind::number:
        case Term::Kind::boolean:
        case Term::Kind::blob:
        case Term::Kind::uuid:
        case Term::Kind::duration:
            return literal_value(term, type, what);
    }
    return Value{};
}

}  // namespace penstock::store::cql
