// GET /api/v1/runs, /api/v1/dags/{dag}/runs/{run_id}, .../tasks/{task}/log; POST .../cancel
#include <algorithm>
#include <span>

#include "base/units.h"
#include "monitor/api.h"
#include "monitor/json_body.h"

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
    const auto after = TRY(integer_parameter(request, "after", 0, 0, INT32_MAX));
    const auto lines = TRY(api.parts.metadata.log(dag, run_id, name, static_cast<int>(number)));
    const auto skipped = std::min(static_cast<std::size_t>(after), lines.size());
    JsonWriter json;
    json.begin_object().field("try_number", number).key("lines").begin_array();
    for (const auto& line : std::span(lines).subspan(skipped)) {
        json.begin_object();
        time_field(json, "time", line.time_us);
        json.field("text", line.text).end_object();
    }
    return net::json_response(json.end_array().end_object().take());
}

Result<net::HttpResponse> cancel_run(Api& api, const net::HttpRequest& request) {
    const auto run = TRY(api.parts.scheduler.cancel(param(request, "dag"), param(request, "run_id")));
    JsonWriter json;
    TRY(write_run(json, api, run));
    return net::json_response(json.take());
}

}  // namespace

Result<net::HttpResponse> run_now(Api& api, const net::HttpRequest& request, const std::string& pipeline,
                                  const std::string& name) {
    orchestrate::AdHocRun run{pipeline, {.name = name}};
    std::string asked_id;
    if (!request.body.empty()) {
        const auto body = TRY(JsonBody::parse(request.body));
        const auto& object = body.object();
        TRY(object.only({"for", "allow_empty", "run_id"}));
        if (const auto duration = TRY(object.optional_string("for"))) {
            auto parsed = parse_duration_us(*duration);
            if (!parsed) return fail("for", parsed.error());
            run.task.for_us = *parsed;
        }
        run.task.allow_empty = TRY(object.optional_bool("allow_empty")).value_or(false);
        asked_id = TRY(object.optional_string("run_id")).value_or("");
    }
    const auto run_id = TRY(api.parts.scheduler.run_now(run, asked_id));
    JsonWriter json;
    json.begin_object().field("dag", orchestrate::ad_hoc_dag_name(name)).field("run_id", run_id);
    json.field("task", orchestrate::ad_hoc_task).end_object();
    return net::json_response(json.take(), 201);
}

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
    routes.on("POST", "/api/v1/dags/{dag}/runs/{run_id}/cancel", cancel_run);
    routes.on("GET", "/api/v1/dags/{dag}/runs/{run_id}/tasks/{task}/log", get_log);
}

}  // namespace penstock::monitor
