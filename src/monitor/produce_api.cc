// POST /api/v1/topics/{topic}/records
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/ascii_case.h"
#include "codec/base64.h"
#include "monitor/api.h"
#include "monitor/json_body.h"
#include "registry/record_encoder.h"

namespace penstock::monitor {

namespace {

constexpr std::size_t max_produced = 10'000;

/// A record of a request, with the bytes that the NewRecord made of it points into.
struct Produced {
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::map<std::string, std::string> headers;
    std::vector<broker::Header> header_views;
    std::int32_t partition = 0;
};

/// Keys and values of a request as the bytes that they stand for; asks for each schema once.
class BytesReader {
public:
    explicit BytesReader(registry::Schemas* schemas) : schemas_(schemas) {}

    /// Nothing: null, or not there.
    Result<std::optional<std::string>> read(const JsonObject& object, const std::string& name) {
        const auto text = TRY(object.optional_string(name));
        const auto encoding = TRY(object.optional_string(name + "_encoding"));
        const auto id = TRY(object.optional_integer(name + "_schema_id", 1, INT32_MAX));
        if (!text) return std::nullopt;
        if (id) return encode(object.path_of(name), *text, encoding, static_cast<std::int32_t>(*id));
        if (!encoding || encoding == "utf8") return text;
        if (encoding != "base64") {
            return fail(Errc::invalid,
                        "{}: expected utf8 or base64, or the kind of a schema with {}_schema_id; found '{}'",
                        object.path_of(name + "_encoding"), name, *encoding);
        }
        auto bytes = codec::decode_base64(*text);
        if (!bytes) return fail(Errc::invalid, "{}: not base64 with padding", object.path_of(name));
        return bytes;
    }

private:
    Result<std::optional<std::string>> encode(const std::string& path, const std::string& text,
                                              const std::optional<std::string>& encoding, std::int32_t id) {
        auto& encoder = *TRY(encoder_of(path, id));
        const auto kind = lower_case(to_string(encoder.kind()));
        if (encoding && *encoding != kind) {
            return fail(Errc::invalid, "{}_encoding: schema {} is {}, found '{}'", path, id, kind, *encoding);
        }
        auto bytes = encoder.encode(text);
        if (!bytes) return fail(path, std::move(bytes.error()));
        return std::move(*bytes);
    }
    Result<registry::RecordEncoder*> encoder_of(const std::string& path, std::int32_t id) {
        if (const auto known = encoders_.find(id); known != encoders_.end()) return &known->second;
        if (schemas_ == nullptr) {
            return fail(Errc::unsupported, "{}_schema_id: no schema registry runs here", path);
        }
        const auto schema = schemas_->by_id(id);
        if (!schema) {
            const auto code = schema.error().code == Errc::not_found ? Errc::invalid : schema.error().code;
            return fail(code, "{}_schema_id: {}", path, schema.error().text);
        }
        // A member that the schema does not have is a slip more often than not.
        auto encoder = TRY(registry::RecordEncoder::make(*schemas_, *schema, {.refuse_unknown = true}));
        return &encoders_.emplace(id, std::move(encoder)).first->second;
    }

    registry::Schemas* schemas_;
    std::map<std::int32_t, registry::RecordEncoder> encoders_;
};

Result<std::vector<Produced>> parse_produced(const JsonObject& body, std::int32_t partitions,
                                             registry::Schemas* schemas) {
    TRY(body.only({"records"}));
    BytesReader bytes(schemas);
    std::vector<Produced> all;
    std::int32_t keyless = static_cast<std::int32_t>(system_clock().monotonic_us() % partitions);
    for (const auto& object : TRY(body.objects("records", max_produced))) {
        TRY(object.only({"key", "key_encoding", "key_schema_id", "value", "value_encoding", "value_schema_id",
                         "headers", "partition"}));
        Produced produced;
        produced.key = TRY(bytes.read(object, "key"));
        produced.value = TRY(bytes.read(object, "value"));
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
    auto produced = TRY(parse_produced(body.object(), partitions, api.parts.schemas));
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

void add_produce_routes(ApiRoutes& routes) {
    routes.on("POST", "/api/v1/topics/{topic}/records", produce_records);
}

}  // namespace penstock::monitor
