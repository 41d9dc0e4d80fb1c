#include "stream/exec/row_encoder.h"

#include "codec/json_writer.h"
#include "stream/plan/schema_text.h"

namespace penstock::stream {

namespace {

/// As append_row_json(), with timestamps to the microsecond: a schema has room for them.
std::string row_document(const Batch& batch, std::size_t row) {
    std::string out = "{";
    for (std::size_t i = 0; i < batch.columns.size(); ++i) {
        if (i > 0) out += ',';
        codec::append_json_string(out, batch.schema[i].name);
        out += ':';
        append_value_json(out, batch.columns[i], row);
        const auto& column = batch.columns[i];
        if (column.type != TypeId::timestamp || column.is_null(row)) continue;
        auto us = ((column.integers[row] % 1000) + 1000) % 1000;
        if (us != 0) out.insert(out.size() - 2, fmt::format("{:03}", us));  // before Z and the quote
    }
    return out + "}";
}

/// Rows are JSON on their way, in which Protobuf wants bytes in another form than we give them.
Result<> check_for_protobuf(const std::string& topic, const Schema& columns) {
    for (const auto& column : columns)
        if (column.type == TypeId::binary)
            return fail(Errc::unsupported, "topic {}: column {} is BINARY, which is not written as Protobuf",
                        topic, column.name);
    return {};
}

}  // namespace

Result<RowEncoder> RowEncoder::make(const std::string& name, const std::optional<pipeline::TopicSpec>& topic,
                                    const Schema& columns, registry::Schemas* schemas) {
    RowEncoder out;
    out.topic_ = name;
    if (!topic || topic->format == pipeline::Format::json) return out;
    const auto kind = registry::schema_kind_of(topic->format);
    if (!kind)
        return fail(Errc::unsupported, "topic {}: queries write json, json_schema, avro and protobuf", name);
    if (schemas == nullptr) return fail(Errc::unsupported, "there is no schema registry for topic {}", name);
    if (*kind == registry::SchemaKind::protobuf) TRY(check_for_protobuf(name, columns));
    out.encoder_ = std::make_shared<registry::TopicEncoder>(
        *schemas, registry::TopicEncoderOptions{.topic = name,
                                                .kind = *kind,
                                                .on_drift = topic->on_drift,
                                                .declared = TRY(declared_schema(*topic)),
                                                .hex_bytes = true});
    if (*kind != registry::SchemaKind::avro) return out;
    registry::InferredSchema fixed(name);
    for (const auto& column : columns)
        if (column.type != TypeId::json) fixed.add_fixed(column.name, avro_text_of(column.type));
    out.encoder_->start_with(std::move(fixed));
    return out;
}

Result<std::vector<std::string>> RowEncoder::encode(const Batch& batch) {
    std::vector<std::string> values;
    values.reserve(batch.rows);
    if (!encoder_) {
        for (std::size_t row = 0; row < batch.rows; ++row) append_row_json(values.emplace_back(), batch, row);
        return values;
    }
    std::vector<std::string> documents;
    documents.reserve(batch.rows);
    for (std::size_t row = 0; row < batch.rows; ++row) documents.push_back(row_document(batch, row));
    std::vector<std::string_view> views(documents.begin(), documents.end());
    auto encoded = TRY(encoder_->encode(views));
    for (std::size_t row = 0; row < encoded.size(); ++row) {
        if (!encoded[row].refused.empty())
            return fail(Errc::invalid, "a row for topic {} {}: {}", topic_, encoded[row].refused,
                        documents[row].substr(0, 200));
        values.push_back(std::move(encoded[row].bytes));
    }
    return values;
}

}  // namespace penstock::stream
