// CQL's scalar functions, for terms and selectors alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/data_type.h"

namespace penstock::store::cql {

struct TypedValue {
    DataType type;
    std::optional<std::string> bytes;
};

/// Names are in lower case. Errc::invalid: "Unknown function 'x' called".
Result<DataType> function_type(std::string_view name, const std::vector<DataType>& arguments);
/// Of a function that takes several types, as Cassandra lists them; empty: of another one.
std::string known_signatures(std::string_view name);
/// What a literal argument is read as; nothing when the function takes any type.
std::optional<DataType> parameter_type(std::string_view name, std::size_t index);
Result<TypedValue> call_function(std::string_view name, const std::vector<TypedValue>& arguments,
                                 std::int64_t now_us);

bool is_aggregate(std::string_view name);
/// Of min, max, sum, avg and count.
Result<DataType> aggregate_type(std::string_view name, const DataType& argument);

/// CAST(x AS type): between numbers, and of anything simple to text.
Result<DataType> cast_type(const DataType& from, const DataType& to);
std::optional<std::string> cast_value(const DataType& from, const DataType& to, std::string_view bytes);

/// Milliseconds since 1970 of a timeuuid, a date or a timestamp; nothing for null and other uuids.
std::optional<std::int64_t> ms_of(const TypedValue& value);
/// The bytes of a timestamp, or of the date that it is on.
std::string time_bytes(const DataType& type, std::int64_t ms);

/// Numbers of any type.
std::int64_t integer_value(const DataType& type, std::string_view bytes);
double float_value(const DataType& type, std::string_view bytes);
/// The bytes of a number of the type; wraps when it does not fit.
std::string number_bytes(const DataType& type, std::int64_t value);
std::string number_bytes(const DataType& type, double value);

}  // namespace penstock::store::cql
