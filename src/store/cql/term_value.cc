#include "store/cql/term_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/hex.h"
#include "store/bytes.h"
#include "store/canonical_value.h"
#include "store/cql/arithmetic.h"
#include "store/cql/functions.h"
#include "store/cql/json_value.h"
#include "store/cql/operators.h"
#include "store/cql/text_value.h"
#include "store/number.h"
#include "store/row_cursor.h"
#include "store/token.h"
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
            if (field >= 0 && !may_be(item, type.parameters[std::size_t(field)]))
                return refuse("user type", "field " + term.names[i], type.parameters[std::size_t(field)]);
        } else if (type.kind == Kind::tuple) {
            if (i >= type.parameters.size())
                return fail(Errc::invalid,
                            "Invalid tuple literal for {}: too many elements. Type {} expects {} but got {}",
                            what, to_string(type), type.parameters.size(), term.items.size());
            if (!may_be(item, type.parameters[i]))
                return refuse("tuple", "component " + std::to_string(i), type.parameters[i]);
        } else {
            const auto& wanted = type.parameters[type.kind == Kind::map ? i % 2 : 0];
            auto part = (type.kind == Kind::map && i % 2 == 0 ? "key " : "value ") + term_text(item);
            auto literal = type.kind == Kind::vector ? "vector" : constant_name(term.kind);
            if (!may_be(item, wanted)) return refuse(literal, part, wanted);
        }
    }
    return {};
}

Value set_value(std::string bytes) {
    return {Value::State::set, std::move(bytes)};
}

bool is_literal(Term::Kind kind) {
    switch (kind) {
        case Term::Kind::string:
        case Term::Kind::integer:
        case Term::Kind::number:
        case Term::Kind::boolean:
        case Term::Kind::blob:
        case Term::Kind::uuid:
        case Term::Kind::duration:
            return true;
        default:
            return false;
    }
}

bool takes(Kind column, Term::Kind constant) {
    switch (constant) {
        case Term::Kind::string:
            return column == Kind::ascii || column == Kind::text || column == Kind::inet ||
                   column == Kind::timestamp || column == Kind::date || column == Kind::time ||
                   column == Kind::tuple;
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
        auto bytes = hex_bytes(term.text);  // of digits, as the lexer has read it
        if (!bytes) return fail(Errc::invalid, "An hex string representing bytes must have an even length");
        return set_value(*std::move(bytes));
    }
    if (term.kind == Term::Kind::integer && (type.kind == Kind::timestamp || type.kind == Kind::date)) {
        std::int64_t number = 0;
        auto [at, error] = std::from_chars(term.text.data(), term.text.data() + term.text.size(), number);
        if (error == std::errc())
            if (auto bytes = integer_bytes(number, type.kind)) return set_value(std::move(*bytes));
        if (type.kind == Kind::date)
            return fail(Errc::invalid, "Unable to make unsigned int (for date) from: '{}'", term.text);
        return fail(Errc::invalid, "Unable to make {} from '{}'", to_string(type), term.text);
    }
    if (term.kind == Term::Kind::integer && type.kind == Kind::time) {
        auto bytes = parse_text_value(type, term.text);
        if (!bytes) return fail(Errc::invalid, "Unable to make long (for time) from: '{}'", term.text);
        return set_value(std::move(*bytes));
    }
    bool not_ascii = type.kind == Kind::ascii && std::ranges::any_of(term.text, [](char c) { return c < 0; });
    if (not_ascii) return fail(Errc::invalid, "Invalid ASCII character in string literal: {}", term.text);
    return set_value(TRY(parse_text_value(type, term.text)));
}

}  // namespace

bool may_be(const Term& term, const DataType& type) {
    if (is_literal(term.kind)) return takes(type.kind, term.kind);
    switch (term.kind) {
        case Term::Kind::list:
            if (type.kind == Kind::vector && term.items.size() != type.dimension) return false;
            return (type.kind == Kind::vector || type.kind == Kind::list) &&
                   check_parts(term, type, "").has_value();
        case Term::Kind::set:
            return (type.kind == Kind::set || (type.kind == Kind::map && term.items.empty())) &&
                   check_parts(term, type, "").has_value();
        case Term::Kind::map:
            return type.kind == Kind::map && check_parts(term, type, "").has_value();
        case Term::Kind::udt:
            return type.kind == Kind::udt && check_parts(term, type, "").has_value();
        case Term::Kind::tuple:
            if (type.kind != Kind::tuple) return term.items.size() == 1 && may_be(term.items[0], type);
            return check_parts(term, type, "").has_value();
        case Term::Kind::cast:
            return takes_values_of(type, term.type);
        default:
            return true;
    }
}

namespace {

std::unexpected<Error> not_for(std::string_view what, std::string_view given, const DataType& type) {
    return fail(Errc::invalid, "Invalid {} literal for {} of type {}", given, what, to_string(type));
}

bool has_marker(const Term& term) {
    return term.kind == Term::Kind::marker || std::ranges::any_of(term.items, has_marker);
}

Result<std::vector<std::string>> element_values(const Term& term, const DataType& type, std::string_view what,
                                                const Bindings& bindings) {
    if (has_marker(term))
        return fail(Errc::invalid,
                    "Invalid {} literal for {}: bind variables are not supported inside collection literals",
                    constant_name(term.kind), what);
    std::vector<std::string> out;
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        const auto& element_type = type.parameters[type.kind == Kind::map ? i % 2 : 0];
        auto value = TRY(evaluate(term.items[i], element_type, what, bindings));
        if (!value.is_set()) return fail(Errc::invalid, "null is not supported inside collections");
        out.push_back(std::move(value.bytes));
    }
    return out;
}

std::string joined(const std::vector<std::string>& elements, std::size_t step) {
    std::string out;
    begin_collection(out, elements.size() / step);
    for (const auto& element : elements) append_element(out, element);
    return out;
}

Result<Value> vector_literal(const Term& term, const DataType& type, std::string_view what,
                             const Bindings& bindings) {
    if (term.items.size() != type.dimension)
        return fail(Errc::invalid,
                    "Invalid vector literal for {} of type {}; expected {} elements, but given {}", what,
                    to_string(type), type.dimension, term.items.size());
    TRY(check_parts(term, type, what));
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
            return set_value(joined(TRY(element_values(term, type, what, bindings)), 1));
        }
        case Kind::set:
            if (term.kind != Term::Kind::set) return not_for(what, constant_name(term.kind), type);
            return set_value(canonical(type, joined(TRY(element_values(term, type, what, bindings)), 1)));
        case Kind::map:
            if (term.kind != Term::Kind::map && !empty_braces)
                return not_for(what, constant_name(term.kind), type);
            return set_value(canonical(type, joined(TRY(element_values(term, type, what, bindings)), 2)));
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
    TRY(check_parts(term, type, what));
    std::string out;
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        auto value = TRY(evaluate(term.items[i], type.parameters[i], what, bindings));
        if (value.state == Value::State::unset)
            return fail(Errc::invalid, "Invalid unset value for tuple field number {}", i);
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
        if (value.state == Value::State::unset)
            return fail(Errc::invalid, "Invalid unset value for field '{}' of user defined type {}",
                        user.fields[i], user.name);
        append_component(out, value.is_set() ? std::optional(value.bytes) : std::nullopt);
    }
    return set_value(std::move(out));
}

Result<Value> marker_value(const Term& term, const DataType& type, const Bindings& bindings) {
    auto index = std::size_t(term.marker);
    if (index < bindings.order.size()) index = std::size_t(bindings.order[index]);
    if (bindings.values == nullptr || index >= bindings.values->size())
        return fail(Errc::invalid, "Invalid amount of bind variables");
    const auto& bound = (*bindings.values)[index];
    using State = wire::cql::BoundValue::State;
    if (bound.state == State::null) return Value{};
    if (bound.state == State::unset) return Value{Value::State::unset, {}};
    TRY(validate(type, bound.bytes));
    return set_value(canonical(type, bound.bytes));
}

Result<> check_result(std::string_view function, const DataType& result, const DataType& type,
                      std::string_view what) {
    if (takes_values_of(type, result)) return {};
    return fail(Errc::invalid,
                "Type error: cannot assign result of function system.{} (type {}) to {} (type {})", function,
                to_string(result), what, to_string(type));
}

/// Where a partition with these key values lies.
Result<Value> token_value(const Term& term, const DataType& type, std::string_view what,
                          const Bindings& bindings) {
    const auto& table = *bindings.table;
    TRY(check_result(term.text, Kind::bigint, type, what));
    if (term.items.size() != table.partition_columns)
        return fail(
            Errc::invalid,
            "Invalid number of arguments in call to function system.token: {} required but {} provided",
            table.partition_columns, term.items.size());
    std::vector<std::string> values;
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        const auto& column = table.columns[i];
        auto value = TRY(evaluate(term.items[i], column.type, column.name, bindings));
        if (value.state == Value::State::unset)
            return fail(Errc::invalid, "Invalid unset value for argument in call to function token");
        if (value.is_null()) return Value{};
        values.push_back(std::move(value.bytes));
    }
    std::string out;
    append_big_endian(out, token_of(TRY(join_partition_key(table, {values.begin(), values.end()}))));
    return set_value(std::move(out));
}

Result<Value> function_value(const Term& term, const DataType& type, std::string_view what,
                             const Bindings& bindings) {
    if ((term.text == "fromjson" || term.text == "from_json") && term.items.size() == 1) {
        auto text = TRY(evaluate(term.items[0], Kind::text, what, bindings));
        if (!text.is_set()) return Value{};
        auto value = parse_json_value(type, text.bytes);
        // An error of a function's, as in Cassandra, and not of the statement.
        if (!value)
            return fail(Errc::out_of_range, "execution of 'system.{}[text]' failed: {}", term.text,
                        value.error().text);
        return *value ? set_value(std::move(**value)) : Value{};
    }
    if (term.text == "token" && bindings.table != nullptr) return token_value(term, type, what, bindings);
    std::vector<TypedValue> arguments;
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        auto wanted = parameter_type(term.text, i);
        auto of = wanted ? *wanted : natural_type(term.items[i]);
        auto value = TRY(evaluate(term.items[i], of, what, bindings));
        if (value.state == Value::State::unset)
            return fail(Errc::invalid, "Invalid unset value for argument in call to function {}", term.text);
        arguments.push_back({of, value.is_set() ? std::optional(std::move(value.bytes)) : std::nullopt});
    }
    auto result = TRY(call_function(term.text, arguments, bindings.now_us));
    TRY(check_result(term.text, result.type, type, what));
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

std::unexpected<Error> unset_operand(const Term& operation) {
    return fail(Errc::invalid, "Invalid unset value for argument in call to function {}",
                operator_function(operation));
}

Result<Value> operation_value(const Term& term, const DataType& type, std::string_view what,
                              const Bindings& bindings) {
    auto left_type = operand_type(term.items[0], type);
    auto left = TRY(evaluate(term.items[0], left_type, what, bindings));
    if (left.state == Value::State::unset) return unset_operand(term);
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
    if (right.state == Value::State::unset) return unset_operand(term);
    if (!left.is_set() || !right.is_set()) return Value{};
    return set_value(TRY(calculate(term.text[0], left_type, left.bytes, right_type, right.bytes)));
}

/// A marker has the type that is left for it when the result's type is known. Often there are several.
Result<> check_operands(const Term& term, const DataType& type) {
    bool time = type.kind == Kind::timestamp || type.kind == Kind::date;
    // Behind an int's or a varint's operator Cassandra settles on one signature: it is never in doubt there.
    bool settled = type.kind == Kind::int_ || type.kind == Kind::varint;
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        const auto* item = &term.items[i];
        while (item->kind == Term::Kind::tuple && item->items.size() == 1) item = &item->items[0];
        bool of_type = !(time && i == 1) && !settled;
        if (item->kind == Term::Kind::operation && of_type) TRY(check_operands(*item, type));
    }
    auto unknown = std::ranges::count(term.items, Term::Kind::marker, &Term::kind);
    if (unknown == 0 || term.items.size() == 1) return {};
    bool adds = term.text == "+", texts = type.is_text();
    bool one_way = type.kind == Kind::tinyint || (type.kind == Kind::ascii && adds) ||
                   (time && unknown == 1 && (adds || term.text == "-"));
    if (one_way) return {};
    auto left = term_text(term.items[0]), right = term_text(term.items[1]);
    if ((texts && adds) || time || arithmetic_type(term.text[0], type, type))
        return fail(Errc::invalid,
                    "Ambiguous '{}' operation with args {} and {}: use type hint to disambiguate, example "
                    "'(int) ?'",
                    term.text, left, right);
    return fail(Errc::invalid, "the '{}' operation is not supported between {} and {}", term.text, left,
                right);
}

}  // namespace

Result<> check_constant(const Term& term, const DataType& type, std::string_view what) {
    if (is_literal(term.kind)) TRY(literal_value(term, type, what));
    if (term.kind == Term::Kind::operation) TRY(check_operands(term, type));
    if (term.kind == Term::Kind::function) return check_arguments(term.text, term.items);
    return {};
}

Result<> check_arguments(std::string_view function, const std::vector<Term>& arguments) {
    auto signatures = known_signatures(function);
    bool unknown = arguments.size() == 1 && arguments[0].kind == Term::Kind::marker;
    if (!unknown || signatures.empty()) return {};
    return fail(
        Errc::invalid,
        "Ambiguous call to function {} (can be matched by following signatures: {}): use type casts to "
        "disambiguate",
        function, signatures);
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
    if (is_literal(term.kind)) return literal_value(term, type, what);
    switch (term.kind) {
        case Term::Kind::marker:
            return marker_value(term, type, bindings);
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
            if (!takes_values_of(type, term.type))
                return fail(Errc::invalid, "Cannot assign value {} to {} of type {}", term_text(term), what,
                            to_string(type));
            return evaluate(term.items[0], type.parameters.empty() ? term.type : type, what, bindings);
        default:
            return Value{};
    }
}

}  // namespace penstock::store::cql
