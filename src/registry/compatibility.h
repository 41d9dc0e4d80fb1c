// Whether data written with one schema can be read with another, and what stands in the way. The
// levels, the kinds of difference and their texts are those of Confluent's Schema Registry.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/references.h"
#include "registry/schemas.h"

namespace penstock::registry {

enum class CompatibilityLevel {
    none,
    backward,             ///< the new schema reads what the last one wrote
    backward_transitive,  ///< ... what any earlier one wrote
    forward,              ///< the last schema reads what the new one writes
    forward_transitive,
    full,  ///< both
    full_transitive
};
std::string_view to_string(CompatibilityLevel level);  ///< BACKWARD, ...
/// In any case.
std::optional<CompatibilityLevel> compatibility_level_of(std::string_view name);
bool is_transitive(CompatibilityLevel level);

/// One reason why a reader cannot read.
struct Difference {
    std::string type;  ///< READER_FIELD_MISSING_DEFAULT_VALUE, TYPE_MISMATCH, ...
    std::string path;  ///< in the reader's schema: /fields/1
    std::string text;  ///< {reader} and {writer} stand for "new" and "old" or the reverse
    std::string info;
};

/// Checks that the text is a schema of its kind, with what it refers to; returns its canonical text.
/// Errc::invalid.
Result<std::string> canonical_schema(SchemaKind kind, std::string_view text,
                                     const ReferencedSchemas& referenced = {});

/// A canonical text with what it refers to.
struct SchemaText {
    std::string text;
    ReferencedSchemas referenced = {};
};

/// Why the reader cannot read what the writer wrote; empty: it can.
Result<std::vector<Difference>> differences(SchemaKind kind, const SchemaText& reader,
                                            const SchemaText& writer);

struct EarlierSchema {
    std::int32_t version = 0;
    SchemaKind kind = SchemaKind::avro;
    SchemaText schema;
};

/// Why the new schema does not fit the earlier ones at the level, for people; empty: it does.
/// earlier is in the order of versions; a level that is not transitive looks at the last one only.
Result<std::vector<std::string>> incompatibilities(CompatibilityLevel level, SchemaKind kind,
                                                   const SchemaText& schema,
                                                   const std::vector<EarlierSchema>& earlier);

}  // namespace penstock::registry
