#include "registry/record_encoder.h"

#include "registry/wire_format.h"

namespace penstock::registry {

Result<RecordEncoder> RecordEncoder::make(Schemas& schemas, const RegisteredSchema& schema,
                                          AvroEncoderOptions options) {
    RecordEncoder encoder(schema);
    encoder.refuse_unknown_ = options.refuse_unknown;
    switch (schema.kind) {
        case SchemaKind::avro:
            encoder.avro_schema_ = std::make_unique<AvroSchema>(TRY(avro_schema(schemas, schema)));
            encoder.avro_ = std::make_unique<AvroEncoder>(encoder.avro_schema_->root(), options);
            break;
        case SchemaKind::protobuf:
            encoder.protobuf_ = std::make_unique<ProtobufText>(TRY(protobuf_schema(schemas, schema)));
            break;
        case SchemaKind::json:
            break;
    }
    return encoder;
}

Result<std::string> RecordEncoder::encode(std::string_view json) {
    simdjson::dom::element parsed;
    if (auto error = parser_->parse(json.data(), json.size()).get(parsed))
        return fail(Errc::invalid, "not valid JSON: {}", simdjson::error_message(error));
    return encode(parsed, json);
}

Result<std::string> RecordEncoder::encode(simdjson::dom::element parsed, std::string_view json) {
    auto misfit = [&](std::string_view why) {
        // One that was found by its id has no subject.
        auto of = subject_.empty() ? std::string() : " of " + subject_;
        return fail(Errc::invalid, "does not fit schema {}{}: {}", id_, of, why);
    };
    std::string out;
    append_wire_header(out, id_);
    if (avro_ && !avro_->encode(parsed, out)) return misfit(avro_->why());
    if (protobuf_) {
        auto bytes = protobuf_->bytes(json, refuse_unknown_);
        if (!bytes) return misfit(bytes.error().text);
        out += *bytes;
    }
    if (kind_ == SchemaKind::json) out += json;
    return out;
}

}  // namespace penstock::registry
