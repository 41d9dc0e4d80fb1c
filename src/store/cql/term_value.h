// Terms of statements as values of a column's type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/cql/ast.h"
#include "store/cql/text_value.h"
#include "store/data_type.h"
#include "wire/cql/request.h"

namespace penstock::store::cql {

struct Value {
    enum class State : std::uint8_t { set, null, unset };
    State state = State::null;
    std::string bytes;
    bool is_set() const { return state == State::set; }
    bool is_null() const { return state == State::null; }
};

/// What a statement runs with.
struct Bindings {
    const std::vector<wire::cql::BoundValue>* values = nullptr;
    std::vector<int> order;  ///< of named values: which value each marker has; empty: the same order
    std::int64_t now_us = 0;
    const TableDefinition* table = nullptr;  ///< whose partition key token() takes
};

/// The term's value, checked against the type. what names the column in errors ("id", "[limit]").
Result<Value> evaluate(const Term& term, const DataType& type, std::string_view what,
                       const Bindings& bindings);

/// Errc::invalid when a bind marker is an argument of a function that takes several types.
Result<> check_arguments(std::string_view function, const std::vector<Term>& arguments);

/// Whether the term may be a value of the type, as far as its form tells.
bool may_be(const Term& term, const DataType& type);

/// Errc::invalid for a constant that is no value of the type; other terms may become one.
Result<> check_constant(const Term& term, const DataType& type, std::string_view what);

/// The term as messages show it: 'text', [1, 2], (int)5.
std::string term_text(const Term& term);

/// The type that a literal has by itself, for functions that take any: text, int or bigint, double, ...
DataType natural_type(const Term& term);

}  // namespace penstock::store::cql
