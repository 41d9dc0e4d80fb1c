// JSON Schema (drafts 4 to 2020-12): does the reader's schema accept every value that the writer's
// accepts?
#pragma once

#include <vector>

#include "base/result.h"
#include "registry/compatibility.h"
#include "registry/json_value.h"

namespace penstock::registry {

/// Checks the keywords that are compared: types of their values, names of types, regular
/// expressions excepted. Errc::invalid names the place.
Result<> check_json_schema(const JsonValue& schema);

/// What the comparison does not know to be accepted counts as a difference, so it errs on the side
/// of refusing.
std::vector<Difference> json_differences(const JsonValue& reader, const JsonValue& writer);

}  // namespace penstock::registry
