#include "stream/decode/record_text.h"

#include <simdjson.h>

#include "registry/wire_format.h"

namespace penstock::stream {

std::optional<RecordText::Text> RecordText::read(std::string_view bytes) {
    auto id = registry::wire_schema_id(bytes);
    // No schema has 0 or less; whole numbers in eight bytes, as many keys are, begin so.
    if (!id || *id <= 0) return std::nullopt;
    auto known = writers_.find(*id);
    if (known == writers_.end()) known = writers_.emplace(*id, ask(*id)).first;
    Text out{.schema_id = *id};
    auto& writer = known->second;
    if (!writer) {
        out.problem = fmt::format("schema {}: {}", *id, writer.error().text);
        return out;
    }
    out.kind = writer->kind;
    if (auto text = json(*writer, bytes.substr(registry::wire_header_bytes)))
        out.json = std::move(*text);
    else
        out.problem = fmt::format("schema {}: {}", *id, text.error().text);
    return out;
}

Result<RecordText::Writer> RecordText::ask(std::int32_t id) {
    if (schemas_ == nullptr) return fail(Errc::unsupported, "there is no schema registry");
    // A registry that is away keeps who looks waiting once, not for each schema.
    for (const auto& [other, writer] : writers_)
        if (!writer && !registry::is_final(writer.error().code)) return fail(writer.error());
    auto schema = TRY(schemas_->by_id(id));
    Writer writer{.kind = schema.kind, .avro = nullptr, .protobuf = nullptr};
    switch (schema.kind) {
        case registry::SchemaKind::avro: {
            auto parsed =
                std::make_shared<registry::AvroSchema>(TRY(registry::avro_schema(*schemas_, schema)));
            writer.avro = std::make_unique<AvroColumns>(whole_, std::move(parsed), nullptr);
            break;
        }
        case registry::SchemaKind::protobuf:
            writer.protobuf =
                std::make_unique<registry::ProtobufText>(TRY(registry::protobuf_schema(*schemas_, schema)));
            break;
        case registry::SchemaKind::json:
            break;
    }
    return writer;
}

Result<std::string> RecordText::json(Writer& writer, std::string_view value) {
    if (writer.protobuf) return writer.protobuf->json(value);
    if (writer.avro) {
        Arena arena;
        std::string out;
        if (!writer.avro->write_json(value, arena, out))
            return fail(Errc::invalid, "{}", writer.avro->why().reason);
        return out;
    }
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    if (auto error = parser.parse(value.data(), value.size()).get(element))
        return fail(Errc::invalid, "not valid JSON: {}", simdjson::error_message(error));
    return std::string(value);
}

}  // namespace penstock::stream
