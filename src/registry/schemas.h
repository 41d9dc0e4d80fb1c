// The schemas seam: subjects, versions, compatibility. Below it stand our own registry (LocalSchemas) and any
// Confluent-compatible registry over HTTP (RemoteSchemas).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::registry {

enum class SchemaKind { avro, json, protobuf };
std::string_view to_string(SchemaKind kind);  ///< AVRO, JSON, PROTOBUF
std::optional<SchemaKind> kind_of(std::string_view name);

/// Another schema whose types this one uses.
struct SchemaReference {
    std::string
        name;  ///< by which the text means it: a full name (AVRO), a $ref (JSON), an import (PROTOBUF)
    std::string subject;  ///< where it is registered
    std::int32_t version = 0;

    bool operator==(const SchemaReference&) const = default;
};
using References = std::vector<SchemaReference>;

struct RegisteredSchema {
    std::string subject;
    std::int32_t version = 0;
    std::int32_t id = 0;  ///< the same kind, text and references have one id in all subjects
    SchemaKind kind = SchemaKind::avro;
    std::string text;
    References references = {};
};

/// What a registry refuses so, it will refuse again; other errors may pass.
inline bool is_final(Errc code) {
    return code == Errc::not_found || code == Errc::unsupported || code == Errc::invalid;
}

/// Thread-safe.
class Schemas {
public:
    virtual ~Schemas() = default;
    virtual std::string describe() const = 0;
    /// Registers, or finds it registered already. Errc::invalid when it does not parse or is incompatible, or
    /// when what it refers to is not there.
    virtual Result<RegisteredSchema> put(std::string_view subject, SchemaKind kind, std::string_view text,
                                         const References& references = {}) = 0;
    virtual Result<RegisteredSchema> by_id(std::int32_t id) = 0;
    /// version -1: the latest.
    virtual Result<RegisteredSchema> get(std::string_view subject, std::int32_t version) = 0;
    virtual Result<std::vector<std::string>> subjects() = 0;
    virtual Result<std::vector<std::int32_t>> versions(std::string_view subject) = 0;
};

}  // namespace penstock::registry
