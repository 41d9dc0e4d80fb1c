// GET|POST /api/v1/topics/{topic}/records
#include <simdjson.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/units.h"
#include "codec/base64.h"
#include "monitor/api.h"
#include "monitor/json_body.h"
#include "stream/decode/record_text.h"

namespace penstock::monitor {

namespace {

constexpr std::int64_t max_limit = 1000;
constexpr std::int64_t read_bytes = 1024 * 1024;
/// Of records' bytes in one answer; it may hold the one more that passes it.
constexpr std::size_t max_answer_bytes = 16 * 1024 * 1024;
constexpr std::size_t max_produced = 10'000;

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

std::string_view encoding_of(registry::SchemaKind kind) {
    switch (kind) {
        case registry::SchemaKind::avro:
            return "avro";
        case registry::SchemaKind::json:
            return "json";
        case registry::SchemaKind::protobuf:
            return "protobuf";
    }
    return "?";
}

/// decoder: null where bytes are told as they are.
void write_decoded(JsonWriter& json, const std::string& name, const std::optional<std::string_view>& bytes,
                   stream::RecordText* decoder) {
    auto read = decoder != nullptr && bytes ? decoder->read(*bytes) : std::nullopt;
    if (read && read->problem.empty()) {
        json.field(name, read->json).field(name + "_encoding", encoding_of(read->kind));
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

/// A record of a request, with the bytes that the NewRecord made of it points into.
struct Produced {
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::map<std::string, std::string> headers;
    std::vector<broker::Header> header_views;
    std::int32_t partition = 0;
};

Result<std::optional<std::string>> bytes_of(const JsonObject& object, const std::string& name) {
    auto text = TRY(object.optional_string(name));
    const auto encoding = TRY(object.optional_string(name + "_encoding")).value_or("utf8");
    if (encoding == "utf8" || !text) return text;
    if (encoding != "base64") {
        return fail(Errc::invalid, "{}_encoding: expected utf8 or base64, found '{}'", name, encoding);
    }
    auto bytes = codec::decode_base64(*text);
    if (!bytes) return fail(Errc::invalid, "{}: not base64 with padding", name);
    return bytes;
}

Result<std::vector<Produced>> parse_produced(const JsonObject& body, std::int32_t partitions) {
    TRY(body.only({"records"}));
    std::vector<Produced> all;
    std::int32_t keyless = static_cast<std::int32_t>(system_clock().monotonic_us() % partitions);
    for (const auto& object : TRY(body.objects("records", max_produced))) {
        TRY(object.only({"key", "key_encoding", "value", "value_encoding", "headers", "partition"}));
        Produced produced;
        produced.key = TRY(bytes_of(object, "key"));
        produced.value = TRY(bytes_of(object, "value"));
        produced.headers = TRY(object.strings("headers"));
        const auto partition = TRY(object.optional_integer("partition", 0, partitions - 1));
        if (partition) {
            produced.partition = static_cast<std::int32_t>(*partition);
        } else if (produced.key) {
            produced.partition = broker::partition_of_key(*produced.key, partitions);
        } else {
            produced.partition = keyless;
            keyless = (keyless + 1) % partitions;
        }
        all.push_back(std::move(produced));
    }
    return all;
}

/// Waits for several appends. Thread-safe.
class Acknowledgements {
public:
    explicit Acknowledgements(std::size_t expected) : missing_(expected) {}
    void set(std::int32_t partition, Result<std::int64_t> base_offset) {
        const std::lock_guard lock(mutex_);
        results_.insert_or_assign(partition, std::move(base_offset));
        if (--missing_ == 0) all_there_.notify_all();
    }
    std::map<std::int32_t, Result<std::int64_t>> wait() {
        std::unique_lock lock(mutex_);
        all_there_.wait(lock, [this] { return missing_ == 0; });
        return results_;
    }

private:
    std::mutex mutex_;
    std::condition_variable all_there_;
    std::size_t missing_;
    std::map<std::int32_t, Result<std::int64_t>> results_;
};

std::map<std::int32_t, Result<std::int64_t>> append_all(broker::Topics& topics, const std::string& topic,
                                                        std::vector<Produced>& produced) {
    std::map<std::int32_t, std::vector<broker::NewRecord>> by_partition;
    for (auto& one : produced) {
        for (const auto& [name, value] : one.headers) one.header_views.push_back({name, value});
        broker::NewRecord record;
        if (one.key) record.key = *one.key;
        if (one.value) record.value = *one.value;
        record.headers = one.header_views;
        by_partition[one.partition].push_back(record);
    }
    const auto acknowledged = std::make_shared<Acknowledgements>(by_partition.size());
    for (const auto& [partition, records] : by_partition) {
        const broker::AppendRequest append{.topic = topic, .partition = partition, .records = records};
        topics.append(append, [acknowledged, number = partition](Result<std::int64_t> base) {
            acknowledged->set(number, std::move(base));
        });
    }
    return acknowledged->wait();
}

Result<net::HttpResponse> produce_records(Api& api, const net::HttpRequest& request) {
    const auto info = TRY(api.parts.topics.info(param(request, "topic")));
    const auto body = TRY(JsonBody::parse(request.body));
    const auto partitions = static_cast<std::int32_t>(info.partitions.size());
    if (partitions == 0) return fail(Errc::unavailable, "topic '{}' is not ready", info.spec.name);
    auto produced = TRY(parse_produced(body.object(), partitions));
    if (produced.empty()) return fail(Errc::invalid, "records: expected at least one record");
    auto results = append_all(api.parts.topics, info.spec.name, produced);

    std::size_t acknowledged = 0;
    const Error* failure = nullptr;
    JsonWriter json;
    json.begin_object().key("offsets").begin_array();
    for (const auto& one : produced) {
        auto& next = results.at(one.partition);
        if (!next) {
            failure = &next.error();
            continue;
        }
        json.begin_object().field("partition", one.partition).field("offset", *next).end_object();
        ++*next;
        ++acknowledged;
    }
    if (failure != nullptr) {
        return fail(failure->code, "{} of {} records were acknowledged: {}", acknowledged, produced.size(),
                    failure->text);
    }
    json.end_array().field("acknowledged", acknowledged).end_object();
    return net::json_response(json.take());
}

}  // namespace

void add_record_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/topics/{topic}/records", read_records);
    routes.on("POST", "/api/v1/topics/{topic}/records", produce_records);
}

}  // namespace penstock::monitor
