#include "stream/spark/spark_job.h"

#include <xxhash.h>

#include "stream/decode/schema_inference.h"
#include "stream/exec/definition.h"

namespace penstock::stream {

std::string raw_view(std::size_t input) {
    return fmt::format("_penstock_raw_{}", input);
}

connect::Relation sql_relation(const std::string& sql) {
    connect::Relation relation;
    relation.mutable_sql()->set_query(sql);
    return relation;
}

connect::Relation kafka_relation(const SparkTopic& topic, const SparkPlace& place, const std::string& group,
                                 std::int64_t max_offsets, const std::optional<OffsetRange>& bounded) {
    connect::Relation relation;
    auto* read = relation.mutable_read();
    read->set_is_streaming(!bounded);
    read->mutable_data_source()->set_format("kafka");
    auto& options = *read->mutable_data_source()->mutable_options();
    // A source's transactions that were given up are not read.
    options["kafka.isolation.level"] = "read_committed";
    for (const auto& [name, value] : place.kafka) options[name] = value;
    options["subscribe"] = topic.name;
    options["failOnDataLoss"] = "false";
    options["groupIdPrefix"] = group;
    if (topic.metadata.contains("_headers")) options["includeHeaders"] = "true";
    options["startingOffsets"] = bounded ? bounded->from : "earliest";
    if (bounded) options["endingOffsets"] = bounded->to;
    if (!bounded && max_offsets > 0) options["maxOffsetsPerTrigger"] = std::to_string(max_offsets);
    return relation;
}

Result<> create_input_views(SparkSession& session, const std::vector<SparkInput>& inputs,
                            const SparkPlace& place, const std::string& group, std::int64_t max_offsets,
                            const std::optional<pipeline::QuerySpec::Watermark>& watermark,
                            const std::map<std::string, OffsetRange>* bounded) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto& topic = inputs[i].relation;
        std::optional<OffsetRange> range;
        if (bounded) {
            auto found = bounded->find(topic.name);
            range = found == bounded->end() ? OffsetRange() : found->second;
        }
        TRY(session.create_view(raw_view(i), kafka_relation(topic, place, group, max_offsets, range)));
        auto relation = sql_relation(topic_sql(topic, raw_view(i)));
        if (watermark && !bounded) {
            connect::Relation marked;
            *marked.mutable_with_watermark()->mutable_input() = std::move(relation);
            marked.mutable_with_watermark()->set_event_time(watermark->column);
            marked.mutable_with_watermark()->set_delay_threshold(
                fmt::format("{} microseconds", watermark->delay_us));
            relation = std::move(marked);
        }
        TRY(session.create_view(spark_name(topic.name), relation));
    }
    return {};
}

std::vector<SparkColumn> spark_columns_of(const connect::DataType& row) {
    using Kind = SparkColumn::Kind;
    std::vector<SparkColumn> out;
    for (const auto& field : row.struct_().fields()) {
        auto kind = Kind::as_text;
        switch (field.data_type().kind_case()) {
            case connect::DataType::kBoolean:
                kind = Kind::boolean;
                break;
            case connect::DataType::kInteger:
                kind = Kind::int32;
                break;
            case connect::DataType::kLong:
                kind = Kind::int64;
                break;
            case connect::DataType::kDouble:
                kind = Kind::float64;
                break;
            case connect::DataType::kString:
                kind = Kind::string;
                break;
            case connect::DataType::kBinary:
                kind = Kind::binary;
                break;
            case connect::DataType::kDate:
                kind = Kind::date;
                break;
            case connect::DataType::kTimestamp:
                kind = Kind::timestamp;
                break;
            case connect::DataType::kStruct:
            case connect::DataType::kArray:
            case connect::DataType::kMap:
                kind = Kind::nested;
                break;
            case connect::DataType::kByte:
            case connect::DataType::kShort:
                kind = Kind::as_int;
                break;
            case connect::DataType::kFloat:
            case connect::DataType::kDecimal:
                kind = Kind::as_double;
                break;
            case connect::DataType::kTimestampNtz:
                kind = Kind::as_timestamp;
                break;
            default:
                break;
        }
        out.push_back({field.name(), kind});
    }
    return out;
}

std::string short_hash(std::string_view text) {
    return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::string uuid_of(std::string_view text) {
    auto hash = XXH3_128bits(text.data(), text.size());
    auto high = (hash.high64 & ~std::uint64_t(0xF000)) | 0x8000;  // version 8: of one's own making
    auto low = (hash.low64 & ~(std::uint64_t(3) << 62)) | std::uint64_t(1) << 63;
    return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF,
                       high & 0xFFFF, low >> 48, low & 0xFFFFFFFFFFFF);
}

Result<TopicColumns> columns_of_topic(broker::Topics& topics, const broker::TopicInfo& info,
                                      const pipeline::TopicSpec* spec, const SparkMemory& memory,
                                      int sample_records, std::int64_t read_bytes) {
    TopicColumns out;
    const auto& name = info.spec.name;
    auto relation = topic_relation(name, spec);
    if (!relation) return fail(Errc::invalid, "{}", relation.error().text);
    out.all = relation->columns;
    out.known = !relation->open;
    if (out.known) return out;
    out.inferred = true;
    auto remembered = memory.topics.find(name);
    if (remembered != memory.topics.end() && remembered->second.id == info.id) {
        auto columns = parse_ddl(remembered->second.schema);
        if (!columns)
            return fail(Errc::corrupt, "the columns kept of topic {}: {}", name, columns.error().text);
        out.all = std::move(*columns);
        out.known = true;
        return out;
    }
    SchemaInference inference;
    for (std::size_t i = 0; i < info.partitions.size() && out.seen < sample_records; ++i) {
        if (info.partitions[i].start_offset == info.partitions[i].end_offset) continue;
        auto set = TRY(topics.read(name, std::int32_t(i), info.partitions[i].start_offset, read_bytes));
        for (const auto& record : set.records) {
            if (out.seen >= sample_records) break;
            ++out.seen;
            if (record.value) inference.add(*record.value);
        }
    }
    out.all = inference.result();
    out.known = inference.documents() > 0;
    return out;
}

std::map<std::string, std::string> session_settings(const SparkUrl& url, const SparkPlace& place) {
    std::map<std::string, std::string> out = place.cassandra;
    // Tables by their names alone: keyspace.table.
    out["spark.sql.catalog.penstock"] = "com.datastax.spark.connector.datasource.CassandraCatalog";
    // Milliseconds between two looks at a quiet topic. Spark's own 10 cost half a core with a few queries.
    out["spark.sql.streaming.pollingDelay"] = "100";
    for (const auto& [name, value] : url.spark) out[name] = value;
    out["spark.sql.ansi.enabled"] = "true";
    out["spark.sql.session.timeZone"] = "UTC";
    out["spark.sql.streaming.stopActiveRunOnRestart"] = "true";
    return out;
}

}  // namespace penstock::stream
