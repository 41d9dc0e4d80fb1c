// GET /api/v1/topics/{topic}/records
#include <simdjson.h>

#include <algorithm>

#include "base/ascii_case.h"
#include "base/units.h"
#include "codec/base64.h"
#include "monitor/api.h"
#include "stream/decode/record_text.h"

namespace penstock::monitor {

namespace {

constexpr std::int64_t max_limit = 10'000;
constexpr std::int64_t read_bytes = 1024 * 1024;
/// Of records' bytes in one answer; it may hold the one more that passes it.
constexpr std::size_t max_answer_bytes = 16 * 1024 * 1024;

struct Taken {
    std::int64_t partition = 0;
    broker::Record record;  ///< points into what `bytes` keeps
    std::shared_ptr<const void> bytes;
};

/// Which records of a partition are wanted.
struct Range {
    std::int64_t from = 0;
    std::int64_t limit = 0;
};

Result<std::int64_t> start_of(broker::Topics& topics, const net::HttpRequest& request,
                              const std::string& topic, std::int32_t partition,
                              const broker::PartitionInfo& info, std::int64_t limit) {
    const auto newest = [&](std::int64_t count) {
        return std::max(info.start_offset, info.end_offset - count);
    };
    if (const auto time = request.query_value("timestamp"); time && !time->empty()) {
        const auto ms = TRY(integer_parameter(request, "timestamp", 0, 0, INT64_MAX / 1000));
        return topics.offset_for_time(topic, partition, ms);
    }
    const auto offset = request.query_value("offset").value_or("");
    if (offset.empty()) return newest(limit);
    if (offset == "earliest") return info.start_offset;
    if (offset == "latest") return info.end_offset;
    const auto number = parse_int(offset);
    if (!number || *number == INT64_MIN) {
        return fail(Errc::invalid,
                    "parameter offset: expected 'earliest', 'latest', an offset, or -N for the last "
                    "N records; found '{}'",
                    offset);
    }
    return *number < 0 ? newest(-*number) : *number;
}

Result<> take(broker::Topics& topics, const std::string& topic, std::int32_t partition, Range range,
              std::size_t& bytes, std::vector<Taken>& into) {
    auto at = range.from;
    std::int64_t count = 0;
    while (count < range.limit && bytes < max_answer_bytes) {
        const auto set = TRY(topics.read(topic, partition, at, read_bytes));
        for (const auto& record : set.records) {
            if (count == range.limit || bytes >= max_answer_bytes) return {};
            bytes +=
                record.value.value_or("").size() + record.key.value_or("").size() + record.headers.size();
            into.push_back({partition, record, set.bytes});
            ++count;
        }
        if (set.next_offset <= at) return {};
        at = set.next_offset;
    }
    return {};
}

void write_bytes(JsonWriter& json, const std::string& name, const std::optional<std::string_view>& bytes) {
    const bool text = !bytes || simdjson::validate_utf8(bytes->data(), bytes->size());
    if (!bytes)
        json.null_field(name);
    else if (text)
        json.field(name, *bytes);
    else
        json.field(name, codec::encode_base64(*bytes));
    json.field(name + "_encoding", text ? "utf8" : "base64");
}

/// decoder: null where bytes are told as they are.
void write_decoded(JsonWriter& json, const std::string& name, const std::optional<std::string_view>& bytes,
                   stream::RecordText* decoder) {
    auto read = decoder != nullptr && bytes ? decoder->read(*bytes) : std::nullopt;
    if (read && read->problem.empty()) {
        json.field(name, read->json).field(name + "_encoding", lower_case(to_string(read->kind)));
    } else {
        write_bytes(json, name, bytes);
    }
    if (!read) return;
    json.field(name + "_schema_id", read->schema_id);
    if (!read->problem.empty()) json.field(name + "_problem", read->problem);
}

void write_record(JsonWriter& json, const Taken& taken, stream::RecordText* decoder) {
    const auto& record = taken.record;
    json.begin_object().field("partition", taken.partition).field("offset", record.offset);
    json.field("timestamp", format_time_us(record.timestamp_ms * 1000));
    write_decoded(json, "key", record.key, decoder);
    write_decoded(json, "value", record.value, decoder);
    json.key("headers").begin_object();
    for (const auto& header : broker::decode_headers(record.headers)) {
        const auto& bytes = header.value;
        const bool text = simdjson::validate_utf8(bytes.data(), bytes.size());
        json.field(header.name, text ? std::string(bytes) : "base64:" + codec::encode_base64(bytes));
    }
    json.end_object().end_object();
}

Result<net::HttpResponse> answer_records(Api& api, const net::HttpRequest& request,
                                         const std::vector<Taken>& all) {
    const auto decode = request.query_value("decode").value_or("false");
    if (decode != "true" && decode != "false")
        return fail(Errc::invalid, "parameter decode: expected true or false, found '{}'", decode);
    std::optional<stream::RecordText> decoder;
    if (decode == "true") decoder.emplace(api.parts.schemas);
    JsonWriter json;
    json.begin_array();
    for (const auto& taken : all) write_record(json, taken, decoder ? &*decoder : nullptr);
    return net::json_response(json.end_array().take());
}

/// The newest (or with offset=earliest the oldest) records of all partitions together.
Result<net::HttpResponse> read_all_partitions(Api& api, const net::HttpRequest& request,
                                              const broker::TopicInfo& info, std::int64_t limit) {
    const auto offset = request.query_value("offset").value_or("");
    if (!offset.empty() && !offset.starts_with('-') && offset != "earliest" && offset != "latest") {
        return fail(Errc::invalid,
                    "parameter offset: '{}' belongs to one partition; give the parameter partition", offset);
    }
    std::vector<Taken> all;
    for (std::size_t number = 0; number < info.partitions.size(); ++number) {
        const auto partition = static_cast<std::int32_t>(number);
        const auto from = TRY(
            start_of(api.parts.topics, request, info.spec.name, partition, info.partitions[number], limit));
        // Each partition has its share of the answer's bytes, so that a big one does not hide the others.
        std::size_t bytes = max_answer_bytes - max_answer_bytes / info.partitions.size();
        TRY(take(api.parts.topics, info.spec.name, partition, {from, limit}, bytes, all));
    }
    const bool oldest_first = offset == "earliest" || request.query_value("timestamp").has_value();
    std::ranges::sort(all, [&](const Taken& a, const Taken& b) {
        const auto key = [](const Taken& taken) {
            return std::tuple(taken.record.timestamp_ms, taken.record.offset, taken.partition);
        };
        return oldest_first ? key(a) < key(b) : key(b) < key(a);
    });
    if (all.size() > static_cast<std::size_t>(limit)) all.resize(static_cast<std::size_t>(limit));
    return answer_records(api, request, all);
}

Result<net::HttpResponse> read_records(Api& api, const net::HttpRequest& request) {
    const auto info = TRY(api.parts.topics.info(param(request, "topic")));
    const auto limit = TRY(integer_parameter(request, "limit", 50, 1, max_limit));
    const auto partition = TRY(integer_parameter(request, "partition", -1, 0, INT32_MAX));
    if (partition < 0) return read_all_partitions(api, request, info, limit);
    if (partition >= std::ssize(info.partitions)) {
        return fail(Errc::not_found, "topic '{}' has no partition {}; it has {}", info.spec.name, partition,
                    info.partitions.size());
    }
    const auto number = static_cast<std::int32_t>(partition);
    const auto from = TRY(start_of(api.parts.topics, request, info.spec.name, number,
                                   info.partitions[static_cast<std::size_t>(partition)], limit));
    std::vector<Taken> all;
    std::size_t bytes = 0;
    TRY(take(api.parts.topics, info.spec.name, number, {from, limit}, bytes, all));
    return answer_records(api, request, all);
}

}  // namespace

void add_record_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/topics/{topic}/records", read_records);
}

}  // namespace penstock::monitor
