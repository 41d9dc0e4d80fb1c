// Schemas that refer to others, as in Confluent's Schema Registry: what the references lead to.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "registry/json_value.h"
#include "registry/schemas.h"

namespace penstock::registry {

struct ReferencedSchema {
    std::string name;  ///< by which others refer to it
    std::string text;
};
using ReferencedSchemas = std::vector<ReferencedSchema>;

using FindReferenced = std::function<Result<RegisteredSchema>(const SchemaReference&)>;

/// All schemas that are referred to, also by each other: each once, behind those that it needs itself.
/// Errc::invalid: one is of another kind, refers to itself, or they are too many; or what `find` says.
Result<ReferencedSchemas> referenced_schemas(SchemaKind kind, const References& references,
                                             const FindReferenced& find);
/// Of a schema of that registry.
Result<ReferencedSchemas> referenced_schemas(Schemas& schemas, const RegisteredSchema& schema);

/// [{"name","subject","version"}]
std::string json_of(const References& references);
/// Errc::invalid: no such list.
Result<References> references_of(const JsonValue& json);

}  // namespace penstock::registry
