// JSON as keys and values of a registered schema, in Confluent's wire format, as its serializers write them.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/avro_encoder.h"
#include "registry/protobuf_text.h"
#include "registry/schemas.h"

namespace penstock::registry {

/// For one thread.
class RecordEncoder {
public:
    /// Asks the registry for what the schema refers to. Of the options Protobuf knows refuse_unknown alone.
    static Result<RecordEncoder> make(Schemas& schemas, const RegisteredSchema& schema,
                                      AvroEncoderOptions options);

    /// Of Protobuf it is the file's first message. JSON need only be JSON: its schema is not compared, as by
    /// Confluent's serializer unless it is told to. Errc::invalid: the text does not fit, and where.
    Result<std::string> encode(std::string_view json);
    /// The same for whoever has parsed the text already.
    Result<std::string> encode(simdjson::dom::element parsed, std::string_view json);

    std::int32_t id() const { return id_; }
    SchemaKind kind() const { return kind_; }

private:
    explicit RecordEncoder(const RegisteredSchema& schema)
        : id_(schema.id), kind_(schema.kind), subject_(schema.subject) {}

    std::int32_t id_;
    SchemaKind kind_;
    std::string subject_;
    bool refuse_unknown_ = false;
    std::unique_ptr<simdjson::dom::parser> parser_ = std::make_unique<simdjson::dom::parser>();
    std::unique_ptr<AvroSchema> avro_schema_;
    std::unique_ptr<AvroEncoder> avro_;
    std::unique_ptr<ProtobufText> protobuf_;
};

}  // namespace penstock::registry
