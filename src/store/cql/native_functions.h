// Functions that take many types: mathematics, collections, and the masking of data. functions.cc has those
// of a fixed signature and calls these.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/cql/functions.h"

namespace penstock::store::cql {

bool is_native(std::string_view name);
/// Errc::invalid in Cassandra's words: how many arguments, of which types.
Result<DataType> native_type(std::string_view name, const std::vector<DataType>& arguments);
/// The arguments are of types that native_type takes.
Result<TypedValue> call_native(std::string_view name, const std::vector<TypedValue>& arguments);

}  // namespace penstock::store::cql
