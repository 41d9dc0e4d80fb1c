// Terms of statements as values of a column's type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/cql/ast.h"
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
};

/// The term's value, checked against the type. what names the column in errors ("id", "[limit]").
Result<Value> evaluate(const Term& term, const DataType& type, std::string_view what,
                       const Bindings& bindings);

/// The term as messages show it: 'text', [1, 2], (int)5.
std::string term_text(const Term& term);

/// The type that a literal has by itself, for functions that take any: text, int or bigint, double, ...
DataType natural_type(const Term& term);

/// Text as CQL and JSON write values of the type: '2020-01-01', '10.0.0.1', ... Errc::invalid in Cassandra's
/// words.
Result<std::string> parse_text_value(const DataType& type, std::string_view text);
/// '2011-02-03 04:05+0000' and its variants, or milliseconds since 1970.
std::optional<std::int64_t> parse_timestamp_ms(std::string_view text);

}  // namespace penstock::store::cql
