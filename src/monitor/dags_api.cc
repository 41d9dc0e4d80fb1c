// GET /api/v1/dags; POST /api/v1/dags/{dag}/trigger|pause|unpause
#include "monitor/api.h"
#include "monitor/json_body.h"

namespace penstock::monitor {

namespace {

Result<net::HttpResponse> list_dags(Api& api, const net::HttpRequest&) {
    Snapshot now;
    now.dags = api.parts.scheduler.status();
    for (const auto& dag : now.dags) {
        auto runs = TRY(api.parts.metadata.runs(dag.name, 1));
        if (!runs.empty()) now.last_runs[dag.name] = std::move(runs.front());
    }
    JsonWriter json;
    json.begin_array();
    for (const auto& dag : now.dags) write_dag(json, now, dag);
    return net::json_response(json.end_array().take());
}

Result<net::HttpResponse> trigger(Api& api, const net::HttpRequest& request) {
    std::string conf = "{}";
    std::string asked_id;
    if (!request.body.empty()) {
        const auto body = TRY(JsonBody::parse(request.body));
        TRY(body.object().only({"conf", "run_id"}));
        conf = TRY(body.object().optional_object_text("conf")).value_or("{}");
        asked_id = TRY(body.object().optional_string("run_id")).value_or("");
    }
    const auto run_id = TRY(api.parts.scheduler.trigger(param(request, "dag"), conf, asked_id));
    JsonWriter json;
    json.begin_object().field("run_id", run_id).end_object();
    return net::json_response(json.take(), 201);
}

Result<net::HttpResponse> pause(Api& api, const net::HttpRequest& request) {
    TRY(api.parts.scheduler.set_paused(param(request, "dag"), true));
    return net::json_response(R"({"paused":true})");
}

Result<net::HttpResponse> unpause(Api& api, const net::HttpRequest& request) {
    TRY(api.parts.scheduler.set_paused(param(request, "dag"), false));
    return net::json_response(R"({"paused":false})");
}

}  // namespace

void write_dag(JsonWriter& json, const Snapshot& snapshot, const orchestrate::DagStatus& dag) {
    json.begin_object().field("pipeline", dag.pipeline).field("name", dag.name);
    json.field("schedule", dag.schedule).field("paused", dag.paused);
    time_field(json, "next_run", dag.next_run_us.value_or(0));
    json.key("tasks").begin_array();
    for (const auto& task : dag.tasks) json.value(task);
    json.end_array().key("edges").begin_array();
    for (const auto& [from, to] : dag.edges) {
        json.begin_object().field("from", from).field("to", to).end_object();
    }
    json.end_array();
    const auto last = snapshot.last_runs.find(dag.name);
    if (last == snapshot.last_runs.end()) {
        json.null_field("last_run");
    } else {
        json.key("last_run").begin_object();
        write_run_fields(json, last->second);
        json.end_object();
    }
    json.end_object();
}

void add_dag_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/dags", list_dags);
    routes.on("POST", "/api/v1/dags/{dag}/trigger", trigger);
    routes.on("POST", "/api/v1/dags/{dag}/pause", pause);
    routes.on("POST", "/api/v1/dags/{dag}/unpause", unpause);
}

}  // namespace penstock::monitor
