// + - * / % of CQL, on numbers of all types and on times with durations.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/data_type.h"

namespace penstock::store::cql {

/// Of numbers: as wide as the wider one, floating when one of them is. Errc::invalid: no such operation.
Result<DataType> arithmetic_type(char op, const DataType& left, const DataType& right);

/// The result's bytes, of arithmetic_type. Whole numbers wrap. Errc::out_of_range: a division by zero, and
/// what is too large to be written out.
Result<std::string> calculate(char op, const DataType& left, std::string_view a, const DataType& right,
                              std::string_view b);
/// sum / count, of varint (cut off) and decimal (half even, as many places as the sum has).
Result<std::string> average(const DataType& type, std::string_view sum, std::int64_t count);
/// -x
Result<std::string> negate(const DataType& type, std::string_view value);

/// A decimal without its fraction, as a varint; 0 when it has more digits than are written out.
std::string truncated_decimal(std::string_view value);

/// Decimals as functions use them: rounded to whole numbers, half away from zero.
std::string round_decimal(std::string_view value);

}  // namespace penstock::store::cql
