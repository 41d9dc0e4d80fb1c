// An Avro schema (Avro specification 1.11): its types with names resolved, and its canonical text.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "registry/json_value.h"
#include "registry/references.h"

namespace penstock::registry {

enum class AvroKind {
    null_type,
    boolean,
    int_type,
    long_type,
    float_type,
    double_type,
    bytes,
    string,
    record,
    enumeration,
    array,
    map,
    union_type,
    fixed
};
/// As a schema writes it: "record", "int", ...
std::string_view to_string(AvroKind kind);

struct AvroType;

/// Attributes that the specification does not name, and logicalType with its own: kept, each value
/// as JSON text.
using AvroProperties = std::vector<std::pair<std::string, std::string>>;

struct AvroField {
    std::string name;
    std::optional<std::string> doc;
    const AvroType* type = nullptr;
    std::optional<std::string> default_json;
    std::string order = "ascending";
    std::vector<std::string> aliases;
    AvroProperties properties;
};

struct AvroType {
    AvroKind kind = AvroKind::null_type;
    std::string name;   ///< record, enumeration, fixed: without the namespace
    std::string space;  ///< their namespace
    std::optional<std::string> doc;
    std::vector<std::string> aliases;           ///< full names
    std::vector<AvroField> fields;              ///< record
    std::vector<std::string> symbols;           ///< enumeration
    std::optional<std::string> default_symbol;  ///< enumeration
    const AvroType* element = nullptr;          ///< array: items; map: values
    std::vector<const AvroType*> branches;      ///< union
    std::int64_t size = 0;                      ///< fixed
    bool is_error = false;                      ///< record: declared as "error"
    AvroProperties properties;

    std::string full_name() const { return space.empty() ? name : space + "." + name; }
    bool is_named() const {
        return kind == AvroKind::record || kind == AvroKind::enumeration || kind == AvroKind::fixed;
    }
};

class AvroSchema {
public:
    /// Errc::invalid says which part is wrong ("/fields/2/type: ...") and what was expected. Checks
    /// names, unions, symbols and that defaults fit their fields. The text may use the named types of those
    /// that it refers to.
    static Result<AvroSchema> parse(std::string_view text, const ReferencedSchemas& referenced = {});

    const AvroType& root() const { return *root_; }
    /// Without white space and with attributes in one order: equal for texts that mean the same in
    /// the same words. Types of referenced schemas are named, not written out.
    std::string text() const;

    AvroSchema(AvroSchema&&) = default;
    AvroSchema& operator=(AvroSchema&&) = default;

private:
    AvroSchema() = default;
    std::deque<AvroType> types_;  // a deque: addresses stay; those of referenced schemas first
    std::size_t referenced_ = 0;
    const AvroType* root_ = nullptr;
};

/// Of a schema of that registry, with what it refers to. Also what the registry says.
Result<AvroSchema> avro_schema(Schemas& schemas, const RegisteredSchema& schema);

}  // namespace penstock::registry
