// GET /api/v1/runs, /api/v1/dags/{dag}/runs/{run_id}, .../tasks/{task}/log
#include <algorithm>

#include "monitor/api.h"

namespace penstock::monitor {

namespace {

Result<> write_run(JsonWriter& json, Api& api, const metadata::DagRun& run) {
    const auto tasks = TRY(api.parts.metadata.tasks(run.dag, run.run_id));
    json.begin_object();
    write_run_fields(json, run);
    json.key("tasks").begin_array();
    for (const auto& task : tasks) {
        json.begin_object().field("task", task.task).field("state", to_string(task.state));
        json.field("try_number", task.try_number);
        time_field(json, "started", task.started_us);
        time_field(json, "ended", task.ended_us);
        time_field(json, "next_try", task.next_try_us);
        json.field("note", task.note);
        json_field(json, "counts", task.counts);
        json.end_object();
    }
    json.end_array().end_object();
    return {};
}

Result<net::HttpResponse> list_runs(Api& api, const net::HttpRequest& request) {
    const auto limit = TRY(integer_parameter(request, "limit", 20, 1, 500));
    const auto dag = request.query_value("dag").value_or("");
    const auto runs = TRY(api.parts.metadata.runs(dag, static_cast<int>(limit)));
    JsonWriter json;
    json.begin_array();
    for (const auto& run : runs) TRY(write_run(json, api, run));
    return net::json_response(json.end_array().take());
}

Result<net::HttpResponse> get_run(Api& api, const net::HttpRequest& request) {
    const auto& dag = param(request, "dag");
    const auto& run_id = param(request, "run_id");
    const auto run = TRY(api.parts.metadata.run(dag, run_id));
    if (!run) return fail(Errc::not_found, "DAG '{}' has no run '{}'", dag, run_id);
    JsonWriter json;
    TRY(write_run(json, api, *run));
    return net::json_response(json.take());
}

Result<net::HttpResponse> get_log(Api& api, const net::HttpRequest& request) {
    const auto& dag = param(request, "dag");
    const auto& run_id = param(request, "run_id");
    const auto& name = param(request, "task");
    const auto tasks = TRY(api.parts.metadata.tasks(dag, run_id));
    const auto task = std::ranges::find(tasks, name, &metadata::TaskInstance::task);
    if (task == tasks.end()) {
        return fail(Errc::not_found, "run '{}' of DAG '{}' has no task '{}'", run_id, dag, name);
    }
    const auto latest = std::max(1, task->try_number);
    const auto number = TRY(integer_parameter(request, "try", latest, 1, 1'000'000));
    const auto lines = TRY(api.parts.metadata.log(dag, run_id, name, static_cast<int>(number)));
    JsonWriter json;
    json.begin_object().field("try_number", number).key("lines").begin_array();
    for (const auto& line : lines) {
        json.begin_object();
        time_field(json, "time", line.time_us);
        json.field("text", line.text).end_object();
    }
    return net::json_response(json.end_array().end_object().take());
}

}  // namespace

void write_run_fields(JsonWriter& json, const metadata::DagRun& run) {
    json.field("dag", run.dag).field("run_id", run.run_id).field("run_type", run.run_type);
    json.field("state", to_string(run.state));
    time_field(json, "logical", run.logical_us);
    time_field(json, "queued", run.queued_us);
    time_field(json, "started", run.started_us);
    time_field(json, "ended", run.ended_us);
    json_field(json, "conf", run.conf);
}

void add_run_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/runs", list_runs);
    routes.on("GET", "/api/v1/dags/{dag}/runs/{run_id}", get_run);
    routes.on("GET", "/api/v1/dags/{dag}/runs/{run_id}/tasks/{task}/log", get_log);
}

}  // namespace penstock::monitor
