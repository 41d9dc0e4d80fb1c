// GET /api/v1/pipelines, /pipelines/{name}, /pipelines/{name}/graph
#include <algorithm>
#include <set>

#include "monitor/api.h"

namespace penstock::monitor {

namespace {

template <class Items>
void write_names(JsonWriter& json, std::string_view field, const Items& items) {
    json.key(field).begin_array();
    for (const auto& item : items) json.value(item.name);
    json.end_array();
}

void write_fields(JsonWriter& json, const PipelineView& view) {
    static const pipeline::Pipeline nothing;
    const auto& running = view.running ? *view.running : nothing;
    json.field("name", view.name).field("file", view.file).field("revision", view.revision);
    json.field("loaded", view.running != nullptr);
    write_names(json, "sources", running.sources);
    write_names(json, "topics", running.topics);
    write_names(json, "queries", running.queries);
    std::set<std::string> tables;
    for (const auto& query : running.queries) {
        if (!query.into.empty() && !query.into.starts_with("topic:")) tables.insert(query.into);
    }
    json.key("tables").begin_array();
    for (const auto& table : tables) json.value(table);
    json.end_array();
    write_names(json, "dags", running.dags);
    json.key("problems").begin_array();
    for (const auto& problem : view.problems) write_problem(json, problem);
    json.end_array();
}

Result<const PipelineView*> find(const Snapshot& snapshot, const std::string& name) {
    const auto found = std::ranges::find(snapshot.pipelines.pipelines, name, &PipelineView::name);
    if (found != snapshot.pipelines.pipelines.end()) return &*found;
    return fail(Errc::not_found, "there is no pipeline '{}'", name);
}

Result<net::HttpResponse> list_pipelines(Api& api, const net::HttpRequest&) {
    const auto snapshot = api.sampler.latest();
    JsonWriter json;
    json.begin_array();
    for (const auto& view : snapshot->pipelines.pipelines) {
        json.begin_object();
        write_fields(json, view);
        json.end_object();
    }
    return net::json_response(json.end_array().take());
}

Result<net::HttpResponse> get_pipeline(Api& api, const net::HttpRequest& request) {
    const auto snapshot = api.sampler.latest();
    const auto* view = TRY(find(*snapshot, param(request, "name")));
    JsonWriter json;
    json.begin_object();
    write_fields(json, *view);
    return net::json_response(json.field("text", view->text).end_object().take());
}

Result<net::HttpResponse> get_graph(Api& api, const net::HttpRequest& request) {
    const auto snapshot = api.sampler.latest();
    const auto* view = TRY(find(*snapshot, param(request, "name")));
    JsonWriter json;
    static const pipeline::Pipeline nothing;
    write_graph(json, *snapshot, view->running ? *view->running : nothing);
    return net::json_response(json.take());
}

}  // namespace

void add_pipeline_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/pipelines", list_pipelines);
    routes.on("GET", "/api/v1/pipelines/{name}", get_pipeline);
    routes.on("GET", "/api/v1/pipelines/{name}/graph", get_graph);
}

}  // namespace penstock::monitor
