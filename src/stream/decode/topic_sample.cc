#include "stream/decode/topic_sample.h"

#include "registry/avro_schema.h"
#include "registry/wire_format.h"
#include "stream/decode/avro_columns.h"

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
    if (relation_.format != pipeline::Format::avro) return {};
    if (schemas_ == nullptr)
        return fail(Errc::unsupported, "there is no schema registry for topic {}", relation_.name);
    if (!relation_.reader) return {};
    merged_ = columns_of(*relation_.reader);
    documents_ = 1;
    return {};
}

Result<> TopicSample::add(std::string_view value) {
    switch (relation_.format) {
        case pipeline::Format::json_schema:
            if (registry::wire_schema_id(value)) inference_.add(value.substr(registry::wire_header_bytes));
            return {};
        case pipeline::Format::avro:
            break;
        case pipeline::Format::json:
        case pipeline::Format::text:
        case pipeline::Format::raw:
            inference_.add(value);
            return {};
    }
    auto id = registry::wire_schema_id(value);
    if (!id || !seen_.insert(*id).second) return {};
    auto schema = schemas_->by_id(*id);
    if (!schema) {
        if (registry::is_final(schema.error().code)) return {};  // a dead letter, later
        return fail(std::move(schema.error()));
    }
    if (schema->kind != registry::SchemaKind::avro) return {};
    auto parsed = registry::avro_schema(*schemas_, *schema);
    if (!parsed && !registry::is_final(parsed.error().code)) return fail(std::move(parsed.error()));
    if (!parsed) return {};
    auto columns = columns_of(*parsed);
    merged_ = documents_ == 0 ? std::move(columns) : merged(merged_, columns);
    ++documents_;
    return {};
}

DataType TopicSample::columns() const {
    return relation_.format == pipeline::Format::avro ? merged_ : inference_.result();
}

}  // namespace penstock::stream
