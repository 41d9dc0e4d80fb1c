// A JSON Schema with the schemas that it refers to, as one document.
#pragma once

#include <string_view>

#include "base/result.h"
#include "registry/json_value.h"
#include "registry/references.h"

namespace penstock::registry {

/// The schema with what it refers to under "$referenced", and every $ref that means one of them (by its name
/// or its $id) leading there. A $ref that means none of them stays as it is.
Result<JsonDocument> json_schema_with_references(std::string_view text, const ReferencedSchemas& referenced);

}  // namespace penstock::registry
