#include "monitor/api.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/units.h"
#include "monitor/json_body.h"

namespace penstock::monitor {

namespace {

net::HttpResponse answer_now(Api& api, Answer answer, const net::HttpRequest& request) {
    try {
        auto response = answer(api, request);
        if (response) return std::move(*response);
        return net::error_response(response.error());
    } catch (const std::exception& error) {
        log::error("monitor: {} {}: {}", request.method, request.path, error.what());
        return net::error_response({Errc::internal, error.what()});
    }
}

bool has_header(const net::HttpResponse& response, std::string_view name) {
    for (const auto& header : response.headers) {
        if (header.first == name) return true;
    }
    return false;
}

metrics::Histogram& request_times(std::string_view method, std::string_view route) {
    return metrics::histogram("penstock_http_request_seconds",
                              "From a request of the REST API to its answer, by method and route.",
                              {{"method", std::string(method)}, {"route", std::string(route)}});
}

net::Task<net::HttpResponse> guarded(std::shared_ptr<Api> api, net::HttpHandler handler,
                                     metrics::Histogram* times, net::HttpRequest request) {
    net::HttpResponse response;
    const metrics::Timer timer(*times);
    const auto allowed = api->guard.check(request);
    if (allowed) {
        response = co_await handler(std::move(request));
    } else {
        response = forbidden(allowed.error());
    }
    if (!has_header(response, "Cache-Control")) {
        response.headers.emplace_back("Cache-Control", "no-store");
    }
    co_return response;
}

net::Task<net::HttpResponse> blocking(std::shared_ptr<Api> api, Answer answer, net::HttpRequest request) {
    // Owned by the work: at shutdown this coroutine may go away while a thread of the pool is still at it.
    auto kept = std::make_shared<const net::HttpRequest>(std::move(request));
    std::function<net::HttpResponse()> work = [api, answer, kept] { return answer_now(*api, answer, *kept); };
    auto response = co_await api->pool.run<net::HttpResponse>(std::move(work));
    co_return response;
}

net::Task<> guarded_events(std::shared_ptr<Api> api, net::EventHandler handler, net::HttpRequest request,
                           net::EventStream& stream) {
    const auto allowed = api->guard.check(request);
    if (!allowed) {
        (void)co_await stream.send("error", forbidden(allowed.error()).body);
        co_return;
    }
    co_await handler(std::move(request), stream);
}

MonitorOptions completed(MonitorOptions options) {
    if (options.listen.name.empty()) options.listen.name = "console";
    if (options.listen.setting.empty()) options.listen.setting = "ports.console";
    return options;
}

}  // namespace

Api::Api(net::BlockingPool& blocking, MonitorParts all, MonitorOptions with)
    : pool(blocking),
      parts(std::move(all)),
      options(completed(std::move(with))),
      guard(options.listen.host, options.hosts),
      sampler(parts, options.sample_every_us),
      started_us(parts.clock.now_us()),
      started_monotonic_us(parts.clock.monotonic_us()) {}

ApiRoutes::ApiRoutes(std::shared_ptr<Api> api) : api_(std::move(api)) {}

void ApiRoutes::on_task(std::string_view method, std::string_view path, net::HttpHandler handler) {
    names_.push_back(fmt::format("{} {}", method, path));
    auto* times = &request_times(method, path);
    routes_->on(method, path, [api = api_, handler = std::move(handler), times](net::HttpRequest request) {
        return guarded(api, handler, times, std::move(request));
    });
}

void ApiRoutes::on(std::string_view method, std::string_view path, Answer answer) {
    on_task(method, path, [api = api_, answer](net::HttpRequest request) {
        return blocking(api, answer, std::move(request));
    });
}

void ApiRoutes::on_events(std::string_view path, net::EventHandler handler) {
    names_.push_back(fmt::format("GET {}", path));
    routes_->on_events(
        path, [api = api_, handler = std::move(handler)](net::HttpRequest request, net::EventStream& stream) {
            return guarded_events(api, handler, std::move(request), stream);
        });
}

void add_all_routes(ApiRoutes& routes) {
    add_status_routes(routes);
    add_pipeline_routes(routes);
    add_source_routes(routes);
    add_topic_routes(routes);
    add_record_routes(routes);
    add_produce_routes(routes);
    add_group_routes(routes);
    add_query_routes(routes);
    add_table_routes(routes);
    add_sql_routes(routes);
    add_dag_routes(routes);
    add_run_routes(routes);
    add_schema_routes(routes);
    add_event_routes(routes);
    add_metrics_routes(routes);
    add_webhook_routes(routes);
    add_console_routes(routes);
}

const std::string& param(const net::HttpRequest& request, const std::string& name) {
    static const std::string none;
    const auto found = request.params.find(name);
    return found == request.params.end() ? none : found->second;
}

Result<std::int64_t> integer_parameter(const net::HttpRequest& request, std::string_view name,
                                       std::int64_t missing, std::int64_t least, std::int64_t most) {
    const auto text = request.query_value(name);
    if (!text || text->empty()) return missing;
    const auto number = parse_int(*text);
    if (number && *number >= least && *number <= most) return *number;
    return fail(Errc::invalid, "parameter {}: expected a whole number from {} to {}, found '{}'", name, least,
                most, *text);
}

void time_field(JsonWriter& json, std::string_view name, std::int64_t us) {
    if (us == 0) {
        json.null_field(name);
    } else {
        json.field(name, format_time_us(us));
    }
}

void json_field(JsonWriter& json, std::string_view name, std::string_view text) {
    if (text.empty()) {
        json.raw_field(name, "{}");
    } else if (is_json(text)) {
        json.raw_field(name, text);
    } else {
        json.field(name, text);
    }
}

}  // namespace penstock::monitor
