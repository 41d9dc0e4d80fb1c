// floor(time, duration [, start]): the beginning of the stretch of time that a time is in.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/cql/functions.h"

namespace penstock::store::cql {

bool is_floor(std::string_view name);
/// What the third argument is read as, by the first one's type.
DataType floor_start_type(const DataType& time);
/// timestamp for a timestamp or timeuuid, date for a date, time for a time. Errc::invalid: other arguments.
Result<DataType> floor_type(const std::vector<DataType>& arguments);
/// The arguments are of types that floor_type takes. Null when one of them is. Errc::invalid in Cassandra's
/// words: a duration that is negative or finer than the type, a start after the time.
Result<TypedValue> call_floor(const std::vector<TypedValue>& arguments);

}  // namespace penstock::store::cql
