// GET|POST /api/v1/topics; GET|DELETE /api/v1/topics/{topic}; POST /api/v1/topics/{topic}/config
#include "monitor/api.h"
#include "monitor/json_body.h"

namespace penstock::monitor {

namespace {

constexpr std::int64_t max_partitions = 10'000;

Result<net::HttpResponse> list_topics(Api& api, const net::HttpRequest&) {
    const auto topics = TRY(api.parts.topics.list());
    const auto snapshot = api.sampler.latest();
    JsonWriter json;
    json.begin_array();
    for (const auto& topic : topics) {
        write_topic(json, topic, snapshot->rate("topic", topic.spec.name, "appended"));
    }
    return net::json_response(json.end_array().take());
}

Result<net::HttpResponse> answer_topic(Api& api, const std::string& name, int status) {
    const auto info = TRY(api.parts.topics.info(name));
    JsonWriter json;
    write_topic(json, info, api.sampler.latest()->rate("topic", name, "appended"));
    return net::json_response(json.take(), status);
}

Result<net::HttpResponse> get_topic(Api& api, const net::HttpRequest& request) {
    return answer_topic(api, param(request, "topic"), 200);
}

Result<net::HttpResponse> create_topic(Api& api, const net::HttpRequest& request) {
    const auto body = TRY(JsonBody::parse(request.body));
    const auto& object = body.object();
    TRY(object.only({"name", "partitions", "config"}));
    broker::TopicSpec spec;
    spec.name = TRY(object.string("name"));
    const auto partitions = TRY(object.optional_integer("partitions", 1, max_partitions));
    spec.partitions = static_cast<std::int32_t>(partitions.value_or(1));
    spec.config = TRY(object.strings("config"));
    TRY(api.parts.topics.create(spec));
    return answer_topic(api, spec.name, 201);
}

Result<net::HttpResponse> alter_topic(Api& api, const net::HttpRequest& request) {
    const auto body = TRY(JsonBody::parse(request.body));
    TRY(body.object().only({"config"}));
    const auto config = TRY(body.object().strings("config"));
    if (config.empty()) return fail(Errc::invalid, "config: expected at least one setting");
    TRY(api.parts.topics.alter(param(request, "topic"), config));
    return answer_topic(api, param(request, "topic"), 200);
}

Result<net::HttpResponse> delete_topic(Api& api, const net::HttpRequest& request) {
    TRY(api.parts.topics.remove(param(request, "topic")));
    return net::json_response(R"({"deleted":true})");
}

}  // namespace

void write_topic(JsonWriter& json, const broker::TopicInfo& topic, double appended_rate) {
    std::int64_t records = 0;
    std::int64_t bytes = 0;
    std::int64_t number = 0;
    json.begin_object().field("name", topic.spec.name).field("id", topic.id);
    json.field("internal", topic.internal).key("partitions").begin_array();
    for (const auto& partition : topic.partitions) {
        records += partition.end_offset - partition.start_offset;
        bytes += partition.bytes;
        json.begin_object().field("partition", number++);
        json.field("start_offset", partition.start_offset);
        json.field("end_offset", partition.end_offset).field("bytes", partition.bytes);
        json.end_object();
    }
    json.end_array().key("config").begin_object();
    for (const auto& [name, value] : topic.spec.config) json.field(name, value);
    json.end_object().field("records", records).field("bytes", bytes);
    json.key("rates").begin_object().field("appended", appended_rate).end_object();
    json.end_object();
}

void add_topic_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/topics", list_topics);
    routes.on("POST", "/api/v1/topics", create_topic);
    routes.on("GET", "/api/v1/topics/{topic}", get_topic);
    routes.on("DELETE", "/api/v1/topics/{topic}", delete_topic);
    routes.on("POST", "/api/v1/topics/{topic}/config", alter_topic);
}

}  // namespace penstock::monitor
