// GET /api/v1/queries; POST /api/v1/queries/{name}/start|stop|run
#include "monitor/api.h"

namespace penstock::monitor {

namespace {

Result<net::HttpResponse> list_queries(Api& api, const net::HttpRequest&) {
    const auto snapshot = api.sampler.latest();
    JsonWriter json;
    json.begin_array();
    for (const auto& query : snapshot->queries) write_query(json, *snapshot, query);
    return net::json_response(json.end_array().take());
}

struct Found {
    std::shared_ptr<const pipeline::Pipeline> pipeline;
    const pipeline::QuerySpec* query = nullptr;
};

Result<Found> find(Api& api, const std::string& name) {
    const auto view = api.parts.pipelines();
    for (const auto& loaded : view.pipelines) {
        if (!loaded.running) continue;
        for (const auto& query : loaded.running->queries) {
            if (query.name == name) return Found{loaded.running, &query};
        }
    }
    return fail(Errc::not_found, "there is no query '{}'", name);
}

Result<net::HttpResponse> start_query(Api& api, const net::HttpRequest& request) {
    const auto found = TRY(find(api, param(request, "name")));
    TRY(api.parts.engine.start(found.pipeline->name, *found.query, found.pipeline->topics));
    return net::json_response(R"({"started":true})");
}

Result<net::HttpResponse> stop_query(Api& api, const net::HttpRequest& request) {
    const auto found = TRY(find(api, param(request, "name")));
    TRY(api.parts.engine.stop(found.query->name));
    return net::json_response(R"({"stopped":true})");
}

Result<net::HttpResponse> run_query(Api& api, const net::HttpRequest& request) {
    const auto found = TRY(find(api, param(request, "name")));
    return run_now(api, request, found.pipeline->name, found.query->name);
}

}  // namespace

void write_query(JsonWriter& json, const Snapshot& snapshot, const stream::QueryStatus& query) {
    json.begin_object().field("name", query.name).field("state", to_string(query.state));
    json.field("detail", query.detail).key("reads").begin_array();
    for (const auto& topic : query.reads) json.value(topic);
    json.end_array().field("into", query.into);
    json.key("counts").begin_object();
    json.field("processed", query.processed).field("stored", query.stored);
    json.field("rejected", query.rejected).field("late", query.late).field("lag", query.lag);
    json.end_object();
    time_field(json, "watermark", query.watermark_us == INT64_MIN ? 0 : query.watermark_us);
    time_field(json, "last_commit", query.last_commit_us);
    json.key("rates").begin_object();
    for (const auto* name : {"processed", "stored", "rejected"}) {
        json.field(name, snapshot.rate("query", query.name, name));
    }
    json.end_object().end_object();
}

void add_query_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/queries", list_queries);
    routes.on("POST", "/api/v1/queries/{name}/start", start_query);
    routes.on("POST", "/api/v1/queries/{name}/stop", stop_query);
    routes.on("POST", "/api/v1/queries/{name}/run", run_query);
}

}  // namespace penstock::monitor
