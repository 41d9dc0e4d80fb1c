#include "stream/decode/decoder.h"

#include <map>

#include "base/clock.h"
#include "codec/json_writer.h"
#include "registry/avro_schema.h"
#include "registry/topic_encoder.h"
#include "registry/wire_format.h"
#include "stream/decode/avro_columns.h"
#include "stream/decode/json_columns.h"
#include "stream/decode/protobuf_columns.h"

namespace penstock::stream {

namespace {

/// The schemas that records name, each asked for once.
class WriterSchemas {
public:
    WriterSchemas(const QueryPlan& plan, bool strict, registry::Schemas* schemas)
        : plan_(plan), strict_(strict), schemas_(schemas), tree_(plan.scan) {}

    struct Writer {
        // Of avro and of protobuf topics, when refused is empty.
        std::unique_ptr<AvroColumns> avro;
        std::unique_ptr<ProtobufColumns> protobuf;
        std::string refused;                ///< why no record with this id can be read
        std::int64_t until_us = INT64_MAX;  ///< when to ask again
    };

    Result<Writer*> find(std::int32_t id) {
        auto now = system_clock().monotonic_us();
        auto known = writers_.find(id);
        if (known != writers_.end() && now < known->second.until_us) return &known->second;
        if (writers_.size() >= 10'000) writers_.clear();
        return &(writers_[id] = TRY(ask(id, now)));
    }

private:
    Result<Writer> ask(std::int32_t id, std::int64_t now) {
        Writer out;
        if (schemas_ == nullptr) return fail(Errc::unsupported, "there is no schema registry");
        auto schema = schemas_->by_id(id);
        if (!schema) {
            if (!registry::is_final(schema.error().code))
                return fail(fmt::format("schema {}", id), std::move(schema.error()));
            out.refused = fmt::format("schema {} is not to be had: {}", id, schema.error().text);
            out.until_us = now + 10'000'000;
            return out;
        }
        auto wanted = registry::schema_kind_of(plan_.relation.format).value_or(schema->kind);
        if (schema->kind != wanted) {
            out.refused = fmt::format("schema {} is of type {}, the topic's format needs {}", id,
                                      registry::to_string(schema->kind), registry::to_string(wanted));
            return out;
        }
        auto understood = understand(*schema, out);
        if (understood) return out;
        if (!registry::is_final(understood.error().code))
            return fail(fmt::format("schema {}", id), std::move(understood.error()));
        out.refused = fmt::format("schema {}: {}", id, understood.error().text);
        return out;
    }

    Result<> understand(const registry::RegisteredSchema& schema, Writer& out) {
        const auto& columns = plan_.relation.columns;
        switch (schema.kind) {
            case registry::SchemaKind::avro: {
                auto shared = std::make_shared<const registry::AvroSchema>(
                    TRY(registry::avro_schema(*schemas_, schema)));
                if (strict_) out.refused = AvroColumns::unknown_field(*shared, columns);
                if (out.refused.empty())
                    out.avro = std::make_unique<AvroColumns>(tree_, shared, plan_.relation.reader);
                break;
            }
            case registry::SchemaKind::protobuf:
                out.protobuf = std::make_unique<ProtobufColumns>(
                    tree_, TRY(registry::protobuf_schema(*schemas_, schema)), strict_ ? &columns : nullptr);
                break;
            case registry::SchemaKind::json:
                break;
        }
        return {};
    }

    const QueryPlan& plan_;
    const bool strict_;
    registry::Schemas* schemas_;
    PathTree tree_;
    std::map<std::int32_t, Writer> writers_;
};

class RecordDecoder final : public Decoder {
public:
    RecordDecoder(const QueryPlan& plan, bool strict, registry::Schemas* schemas)
        : scan_(plan.scan),
          format_(plan.relation.format),
          json_(plan.scan, plan.relation.columns, strict),
          writers_(plan, strict, schemas) {
        bool topic = plan.relation.kind == RelationInfo::Kind::topic;
        bool wire = registry::schema_kind_of(format_).has_value();
        reads_payload_ = (format_ == pipeline::Format::json || wire) && (!json_.empty() || (wire && topic));
    }

    Result<> decode(std::span<const broker::Record> records, std::int32_t partition, Arena& arena,
                    Batch& batch, std::vector<std::uint32_t>& origins,
                    std::vector<Misfit>& misfits) override {
        slots_.clear();
        for (auto& column : batch.columns) slots_.push_back(open_slot(column, records.size()));
        std::size_t row = 0;
        for (std::size_t i = 0; i < records.size(); ++i) {
            const auto& record = records[i];
            if (reads_payload_ && !TRY(decode_payload(record, row, arena))) {
                misfits.push_back({i, why_.reason, why_.other_type, why_.path});
                for (auto& slot : slots_) slot.clear(row);
                continue;
            }
            set_meta(record, partition, row, arena);
            origins.push_back(std::uint32_t(i));
            ++row;
        }
        for (auto& column : batch.columns) close_slot(column, row);
        batch.rows = row;
        return {};
    }

private:
    Result<bool> decode_payload(const broker::Record& record, std::size_t row, Arena& arena) {
        why_ = {};
        if (!record.value) return misfit("the record has no value");
        switch (format_) {
            case pipeline::Format::avro:
            case pipeline::Format::json_schema:
            case pipeline::Format::protobuf:
                return decode_with_schema(*record.value, row, arena);
            case pipeline::Format::json:
            case pipeline::Format::text:
            case pipeline::Format::raw:
                break;
        }
        return decode_json(*record.value, row, arena);
    }

    bool decode_json(std::string_view value, std::size_t row, Arena& arena) {
        if (json_.decode(value, slots_, row, arena)) return true;
        why_ = json_.why();
        if (registry::wire_schema_id(value))
            why_.reason +=
                "; it begins as a record with a schema does: format: avro, json_schema or protobuf reads "
                "those";
        return false;
    }

    Result<bool> decode_with_schema(std::string_view value, std::size_t row, Arena& arena) {
        auto id = registry::wire_schema_id(value);
        if (!id)
            return misfit(fmt::format(
                "does not begin with the id of a schema (a zero byte and 4 bytes), found {} bytes",
                value.size()));
        auto* writer = TRY(writers_.find(*id));
        if (!writer->refused.empty()) return misfit(writer->refused);
        auto body = value.substr(registry::wire_header_bytes);
        if (writer->avro) return take(*writer->avro, *id, body, row, arena);
        if (writer->protobuf) return take(*writer->protobuf, *id, body, row, arena);
        return decode_json(body, row, arena);
    }

    template <class Columns>
    bool take(Columns& columns, std::int32_t id, std::string_view body, std::size_t row, Arena& arena) {
        if (columns.decode(body, slots_, row, arena)) return true;
        const auto& why = columns.why();
        why_ = {fmt::format("{} (schema {})", why.reason, id), why.other_type, why.path};
        return false;
    }

    bool misfit(std::string reason) {
        why_ = {std::move(reason), false, {}};
        return false;
    }

    void set_meta(const broker::Record& record, std::int32_t partition, std::size_t row, Arena& arena) {
        for (std::size_t i = 0; i < scan_.size(); ++i) {
            switch (scan_[i].source) {
                case ColumnSource::payload:
                case ColumnSource::table:
                    break;
                case ColumnSource::whole_value:
                    if (record.value) slots_[i].set(row, *record.value);
                    break;
                case ColumnSource::key:
                    if (record.key) slots_[i].set(row, *record.key);
                    break;
                case ColumnSource::partition:
                    slots_[i].set(row, std::int64_t(partition));
                    break;
                case ColumnSource::offset:
                    slots_[i].set(row, record.offset);
                    break;
                case ColumnSource::timestamp:
                    slots_[i].set(row, record.timestamp_ms * 1000);
                    break;
                case ColumnSource::headers:
                    slots_[i].set(row, headers_json(record, arena));
                    break;
            }
        }
    }

    static std::string_view headers_json(const broker::Record& record, Arena& arena) {
        std::string json = "[";
        for (const auto& header : broker::decode_headers(record.headers)) {
            json += json.size() > 1 ? ",{\"key\":" : "{\"key\":";
            codec::append_json_string(json, header.name);
            json += ",\"value\":";
            codec::append_json_string(json, header.value);
            json += '}';
        }
        return arena.copy(json + "]");
    }

    std::vector<ScanColumn> scan_;
    pipeline::Format format_;
    JsonColumns json_;
    WriterSchemas writers_;
    bool reads_payload_ = false;
    std::vector<Slot> slots_;
    JsonColumns::Failure why_;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(const QueryPlan& plan, bool strict, registry::Schemas* schemas) {
    return std::make_unique<RecordDecoder>(plan, strict, schemas);
}

}  // namespace penstock::stream
