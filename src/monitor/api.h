// What the files of the REST API share: the parts, the routes under guard, and how blocking work leaves the
// network threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "codec/json_writer.h"
#include "monitor/monitor.h"
#include "monitor/request_guard.h"
#include "monitor/sampler.h"
#include "net/http_server.h"

namespace penstock::monitor {

using codec::JsonWriter;

/// One for each Monitor; handlers hold it as long as they run.
struct Api {
    Api(net::BlockingPool& blocking, MonitorParts all, MonitorOptions with);

    net::BlockingPool& pool;
    const MonitorParts parts;
    const MonitorOptions options;
    const RequestGuard guard;
    Sampler sampler;
    const std::int64_t started_us;
    const std::int64_t started_monotonic_us;
    std::atomic<std::uint16_t> console_port{0};  ///< 0 until the server has bound it
    std::atomic<int> sql_under_way{0};
    std::atomic<int> event_streams{0};
    std::atomic<bool> stopping{false};
};

/// Answers a request; runs on a thread of the pool, so it may block.
using Answer = Result<net::HttpResponse> (*)(Api& api, const net::HttpRequest& request);

/// Collects routes with the guard before each handler.
class ApiRoutes {
public:
    explicit ApiRoutes(std::shared_ptr<Api> api);

    /// An answer made on the pool. An error becomes the response that fits its code.
    void on(std::string_view method, std::string_view path, Answer answer);
    /// A handler for what must not take a thread while it waits.
    void on_task(std::string_view method, std::string_view path, net::HttpHandler handler);
    void on_events(std::string_view path, net::EventHandler handler);

    const std::shared_ptr<Api>& api() const { return api_; }
    /// "GET /api/v1/topics/{topic}", in the order of their adding.
    const std::vector<std::string>& names() const { return names_; }
    std::shared_ptr<const net::HttpRoutes> take() { return std::move(routes_); }

private:
    std::shared_ptr<Api> api_;
    std::shared_ptr<net::HttpRoutes> routes_ = std::make_shared<net::HttpRoutes>();
    std::vector<std::string> names_;
};

// One of these in each file that is named after a noun.
void add_status_routes(ApiRoutes& routes);
void add_pipeline_routes(ApiRoutes& routes);
void add_source_routes(ApiRoutes& routes);
void add_topic_routes(ApiRoutes& routes);
void add_record_routes(ApiRoutes& routes);
void add_produce_routes(ApiRoutes& routes);
void add_group_routes(ApiRoutes& routes);
void add_query_routes(ApiRoutes& routes);
void add_table_routes(ApiRoutes& routes);
void add_sql_routes(ApiRoutes& routes);
void add_dag_routes(ApiRoutes& routes);
void add_run_routes(ApiRoutes& routes);
void add_schema_routes(ApiRoutes& routes);
void add_event_routes(ApiRoutes& routes);
void add_metrics_routes(ApiRoutes& routes);
void add_webhook_routes(ApiRoutes& routes);
void add_console_routes(ApiRoutes& routes);
/// All of the above.
void add_all_routes(ApiRoutes& routes);

/// The value that {name} matched.
const std::string& param(const net::HttpRequest& request, const std::string& name);
/// A whole number in the query; Errc::invalid, naming the parameter, for anything else.
Result<std::int64_t> integer_parameter(const net::HttpRequest& request, std::string_view name,
                                       std::int64_t missing, std::int64_t least, std::int64_t most);
/// A time as the API writes it, or null for 0 (not yet).
void time_field(JsonWriter& json, std::string_view name, std::int64_t us);
/// text as it is when it is valid JSON, else as a JSON string; empty: {}.
void json_field(JsonWriter& json, std::string_view name, std::string_view text);

/// Resident memory of this process; 0 when the system does not tell.
std::int64_t memory_bytes();

// Parts of several answers.
void write_status(JsonWriter& json, const Api& api, const Snapshot& snapshot);
void write_problem(JsonWriter& json, const pipeline::Problem& problem);
void write_source(JsonWriter& json, const Snapshot& snapshot, const ingest::SourceStatus& source);
void write_query(JsonWriter& json, const Snapshot& snapshot, const stream::QueryStatus& query);
void write_topic(JsonWriter& json, const broker::TopicInfo& topic, double appended_rate);
void write_dag(JsonWriter& json, const Snapshot& snapshot, const orchestrate::DagStatus& dag);
void write_graph(JsonWriter& json, const Snapshot& snapshot, const pipeline::Pipeline& pipeline);
/// The fields of a run, without its tasks, into an object that is open.
void write_run_fields(JsonWriter& json, const metadata::DagRun& run);
/// Answers a request for a run of a source or query, {"for","allow_empty","run_id"}: 201 with its place among
/// the runs.
Result<net::HttpResponse> run_now(Api& api, const net::HttpRequest& request, const std::string& pipeline,
                                  const std::string& name);
/// The event "status" that consoles get once a second.
std::string event_text(const Api& api, const Snapshot& snapshot);

}  // namespace penstock::monitor
