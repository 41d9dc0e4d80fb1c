// POST /ingest/{path...}: webhook sources
#include "monitor/api.h"

namespace penstock::monitor {

namespace {

net::Task<net::HttpResponse> take_webhook(std::shared_ptr<Api> api, net::HttpRequest request) {
    const auto executor = co_await net::this_executor();
    const net::Completion<Result<ingest::SourceCounts>> done(executor);
    const auto path = param(request, "path");
    api->parts.sources.webhook(path, request.header("authorization"), request.body,
                               [done](Result<ingest::SourceCounts> counts) { done.set(std::move(counts)); });
    const auto counts = co_await done.wait();
    if (!counts) co_return net::error_response(counts.error());
    JsonWriter json;
    json.begin_object().field("fetched", counts->fetched);
    json.field("acknowledged", counts->acknowledged).field("rejected", counts->rejected);
    co_return net::json_response(json.end_object().take());
}

}  // namespace

void add_webhook_routes(ApiRoutes& routes) {
    routes.on_task("POST", "/ingest/{path...}", [api = routes.api()](net::HttpRequest request) {
        return take_webhook(api, std::move(request));
    });
}

}  // namespace penstock::monitor
