// Declared columns as a schema for the registry.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "pipeline/spec.h"
#include "record/type.h"
#include "stream/plan/data_type.h"

namespace penstock::stream {

/// An Avro record whose fields may all be null. name: of the record; those inside are named after their
/// fields.
std::string avro_text_of(const DataType& columns, std::string_view name);
/// The Avro type of a column, with null: ["null","long"].
std::string avro_text_of(TypeId type);
/// A JSON Schema (draft 7) of objects whose members may all be null or missing.
std::string json_schema_text_of(const DataType& columns, std::string_view title);

/// The schema that a topic's declared columns stand for, in the topic's format; empty when it declares none,
/// or its format has no schema in the registry. Errc::invalid says what is wrong with the columns.
Result<std::string> declared_schema(const pipeline::TopicSpec& topic);

}  // namespace penstock::stream
