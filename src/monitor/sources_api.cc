// GET /api/v1/sources; POST /api/v1/sources/{name}/start|stop|run
#include "monitor/api.h"

namespace penstock::monitor {

namespace {

Result<net::HttpResponse> list_sources(Api& api, const net::HttpRequest&) {
    const auto snapshot = api.sampler.latest();
    JsonWriter json;
    json.begin_array();
    for (const auto& source : snapshot->sources) write_source(json, *snapshot, source);
    return net::json_response(json.end_array().take());
}

struct Found {
    std::shared_ptr<const pipeline::Pipeline> pipeline;
    const pipeline::SourceSpec* source = nullptr;
};

Result<Found> find(Api& api, const std::string& name) {
    const auto view = api.parts.pipelines();
    for (const auto& loaded : view.pipelines) {
        if (!loaded.running) continue;
        for (const auto& source : loaded.running->sources) {
            if (source.name == name) return Found{loaded.running, &source};
        }
    }
    return fail(Errc::not_found, "there is no source '{}'", name);
}

Result<net::HttpResponse> start_source(Api& api, const net::HttpRequest& request) {
    const auto found = TRY(find(api, param(request, "name")));
    TRY(api.parts.sources.start(found.pipeline->name, *found.source));
    return net::json_response(R"({"started":true})");
}

Result<net::HttpResponse> stop_source(Api& api, const net::HttpRequest& request) {
    const auto found = TRY(find(api, param(request, "name")));
    TRY(api.parts.sources.stop(found.source->name));
    return net::json_response(R"({"stopped":true})");
}

Result<net::HttpResponse> run_source(Api& api, const net::HttpRequest& request) {
    const auto found = TRY(find(api, param(request, "name")));
    return run_now(api, request, found.pipeline->name, found.source->name);
}

}  // namespace

void write_source(JsonWriter& json, const Snapshot& snapshot, const ingest::SourceStatus& source) {
    json.begin_object().field("name", source.name).field("kind", source.kind);
    json.field("topic", source.topic).field("state", to_string(source.state));
    json.field("detail", source.detail).field("endpoint", source.endpoint);
    json.field("replica", source.replica);
    json.key("counts").begin_object();
    json.field("fetched", source.counts.fetched).field("acknowledged", source.counts.acknowledged);
    json.field("rejected", source.counts.rejected).field("requests", source.counts.requests);
    json.field("failures", source.counts.failures).field("bytes", source.counts.bytes);
    json.end_object().key("rates").begin_object();
    for (const auto* name : {"fetched", "acknowledged", "rejected"}) {
        json.field(name, snapshot.rate("source", source.name, name));
    }
    json.end_object().end_object();
}

void add_source_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/sources", list_sources);
    routes.on("POST", "/api/v1/sources/{name}/start", start_source);
    routes.on("POST", "/api/v1/sources/{name}/stop", stop_source);
    routes.on("POST", "/api/v1/sources/{name}/run", run_source);
}

}  // namespace penstock::monitor
