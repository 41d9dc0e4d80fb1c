// Keys and values in Confluent's wire format as JSON, for people.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "registry/protobuf_text.h"
#include "registry/schemas.h"
#include "stream/decode/avro_columns.h"

namespace penstock::stream {

/// Asks for each schema once. For one thread, and for one answer: what the registry did not have is not asked
/// for again.
class RecordText {
public:
    struct Text {
        registry::SchemaKind kind = registry::SchemaKind::avro;
        std::int32_t schema_id = 0;
        std::string json;     ///< when there is no problem
        std::string problem;  ///< why the bytes cannot be read
    };

    /// schemas: may be null, when there is no registry.
    explicit RecordText(registry::Schemas* schemas) : schemas_(schemas) {}

    /// Nothing: the bytes do not begin with the id of a schema.
    std::optional<Text> read(std::string_view bytes);

private:
    struct Writer {
        registry::SchemaKind kind = registry::SchemaKind::avro;
        std::unique_ptr<AvroColumns> avro;
        std::unique_ptr<registry::ProtobufText> protobuf;
    };

    Result<Writer> ask(std::int32_t id);
    Result<std::string> json(Writer& writer, std::string_view value);

    registry::Schemas* schemas_;
    const PathTree whole_{{}};
    std::map<std::int32_t, Result<Writer>> writers_;
};

}  // namespace penstock::stream
