// GET /health, /api/v1/health, /api/v1/status
#include <unistd.h>

#include <charconv>
#include <fstream>

#include "base/units.h"
#include "monitor/api.h"

namespace penstock::monitor {

namespace {

void write_totals(JsonWriter& json, const Snapshot& snapshot) {
    const auto& totals = snapshot.totals;
    json.key("totals").begin_object();
    json.field("fetched", totals.fetched).field("acknowledged", totals.acknowledged);
    json.field("processed", totals.processed).field("stored", totals.stored);
    json.field("rejected", totals.rejected).field("lag", totals.lag);
    json.end_object();
    json.key("rates").begin_object();
    for (const std::string_view name : {"fetched", "acknowledged", "processed", "stored", "rejected"}) {
        const auto found = snapshot.rates.find(fmt::format("total/{}", name));
        json.field(name, found == snapshot.rates.end() ? 0.0 : found->second);
    }
    json.end_object();
}

/// Who shares the work, and what each has of it.
void write_members(JsonWriter& json, const coordinate::Coordinator& coordinator) {
    json.key("member").begin_object().field("id", coordinator.member_id());
    json.field("leads", coordinator.leads()).end_object();
    json.key("members").begin_array();
    for (const auto& member : coordinator.members()) {
        json.begin_object().field("id", member.id).field("address", member.address);
        json.field("leads", member.leads).key("runs").begin_array();
        for (const auto& work : member.runs) json.value(work);
        json.end_array().end_object();
    }
    json.end_array();
}

void write_problems(JsonWriter& json, const Snapshot& snapshot) {
    json.key("problems").begin_array();
    for (const auto& problem : snapshot.pipelines.problems) write_problem(json, problem);
    for (const auto& pipeline : snapshot.pipelines.pipelines) {
        for (const auto& problem : pipeline.problems) write_problem(json, problem);
    }
    json.end_array();
}

Result<net::HttpResponse> get_status(Api& api, const net::HttpRequest&) {
    JsonWriter json;
    write_status(json, api, *api.sampler.latest());
    return net::json_response(json.take());
}

/// 503 before the pipelines are loaded: who waits for this answer finds sources, queries and DAGs there.
Result<net::HttpResponse> get_health(Api& api, const net::HttpRequest&) {
    if (!api.parts.loaded || api.parts.loaded()) return net::json_response(R"({"status":"ok"})");
    return net::json_response(R"({"status":"starting"})", 503);
}

}  // namespace

std::int64_t memory_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::int64_t all = 0;
    std::int64_t resident = 0;
    if (!(statm >> all >> resident)) return 0;
    return resident * ::sysconf(_SC_PAGESIZE);
}

void write_problem(JsonWriter& json, const pipeline::Problem& problem) {
    json.begin_object().field("file", problem.file);
    json.field("line", problem.place.line).field("column", problem.place.column);
    json.field("text", problem.text).end_object();
}

void write_status(JsonWriter& json, const Api& api, const Snapshot& snapshot) {
    const auto& parts = api.parts;
    json.begin_object().field("version", PENSTOCK_VERSION);
    time_field(json, "started", api.started_us);
    json.field("uptime_ms", (parts.clock.monotonic_us() - api.started_monotonic_us) / 1000);
    time_field(json, "sampled", snapshot.time_us);
    json.field("data_directory", api.options.data_directory);
    json.field("memory_bytes", memory_bytes());
    json.key("ports").begin_object().field("console", api.console_port.load());
    for (const auto& [name, port] : api.options.ports) json.field(name, port);
    json.end_object();
    json.key("seams").begin_object().field("topics", parts.topics.describe());
    if (parts.schemas != nullptr) {
        json.field("schemas", parts.schemas->describe());
    } else {
        json.null_field("schemas");
    }
    json.field("engine", parts.engine.describe()).field("tables", parts.tables.describe());
    json.field("metadata", parts.metadata.describe());
    json.field("coordination", parts.coordinator.describe()).end_object();
    write_members(json, parts.coordinator);
    write_totals(json, snapshot);
    write_problems(json, snapshot);
    json.key("faults").begin_array();
    for (const auto& fault : snapshot.faults) json.value(fault);
    json.end_array().end_object();
}

void add_status_routes(ApiRoutes& routes) {
    routes.on("GET", "/health", get_health);
    routes.on("GET", "/api/v1/health", get_health);
    routes.on("GET", "/api/v1/status", get_status);
}

}  // namespace penstock::monitor
