#include "stream/decode/topic_sample.h"

#include "registry/avro_schema.h"
#include "registry/topic_encoder.h"
#include "registry/wire_format.h"
#include "stream/decode/avro_columns.h"
#include "stream/decode/protobuf_columns.h"

namespace penstock::stream {

Result<std::shared_ptr<const registry::AvroSchema>> reader_schema(std::string_view topic,
                                                                  registry::Schemas* schemas) {
    if (schemas == nullptr) return fail(Errc::unsupported, "there is no schema registry for topic {}", topic);
    auto latest = schemas->get(fmt::format("{}-value", topic), -1);
    if (!latest) {
        if (latest.error().code == Errc::not_found) return nullptr;
        return fail(std::move(latest.error()));
    }
    if (latest->kind != registry::SchemaKind::avro) return nullptr;
    auto parsed = registry::avro_schema(*schemas, *latest);
    if (!parsed && !registry::is_final(parsed.error().code)) return fail(std::move(parsed.error()));
    if (!parsed) return nullptr;
    return std::make_shared<const registry::AvroSchema>(std::move(*parsed));
}

Result<> TopicSample::begin() {
    const auto kind = registry::schema_kind_of(relation_.format);
    if (!kind || kind == registry::SchemaKind::json) return {};
    if (schemas_ == nullptr)
        return fail(Errc::unsupported, "there is no schema registry for topic {}", relation_.name);
    if (relation_.reader) merge(columns_of(*relation_.reader));
    if (kind != registry::SchemaKind::protobuf) return {};
    auto latest = schemas_->get(fmt::format("{}-value", relation_.name), -1);
    if (!latest && latest.error().code == Errc::not_found) return {};
    if (!latest) return fail(std::move(latest.error()));
    return add_schema(*latest, {});
}

Result<> TopicSample::add(std::string_view value) {
    const auto kind = registry::schema_kind_of(relation_.format);
    if (!kind) {
        inference_.add(value);
        return {};
    }
    auto id = registry::wire_schema_id(value);
    if (!id) return {};
    auto body = value.substr(registry::wire_header_bytes);
    if (kind == registry::SchemaKind::json) {
        inference_.add(body);
        return {};
    }
    if (!seen_.insert(*id).second) return {};
    auto schema = schemas_->by_id(*id);
    if (!schema)
        return registry::is_final(schema.error().code) ? Result<>() : fail(std::move(schema.error()));
    return add_schema(*schema, body);
}

/// value: of Protobuf, which of its messages; empty: the first. A schema that is none of the format is a dead
/// letter's, later.
Result<> TopicSample::add_schema(const registry::RegisteredSchema& schema, std::string_view value) {
    if (schema.kind != registry::schema_kind_of(relation_.format)) return {};
    if (schema.kind == registry::SchemaKind::avro) {
        auto parsed = registry::avro_schema(*schemas_, schema);
        if (parsed)
            merge(columns_of(*parsed));
        else if (!registry::is_final(parsed.error().code))
            return fail(std::move(parsed.error()));
        return {};
    }
    auto parsed = registry::protobuf_schema(*schemas_, schema);
    if (parsed)
        merge(value.empty() ? columns_of(*parsed) : columns_of(*parsed, value));
    else if (!registry::is_final(parsed.error().code))
        return fail(std::move(parsed.error()));
    return {};
}

void TopicSample::merge(DataType columns) {
    merged_ = documents_ == 0 ? std::move(columns) : merged(merged_, columns);
    ++documents_;
}

DataType TopicSample::columns() const {
    return relation_.format == pipeline::Format::avro || relation_.format == pipeline::Format::protobuf
               ? merged_
               : inference_.result();
}

}  // namespace penstock::stream
