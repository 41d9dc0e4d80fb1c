#include "monitor/monitor.h"

#include "base/log.h"
#include "monitor/api.h"

namespace penstock::monitor {

struct Monitor::Impl {
    std::shared_ptr<Api> api;
    std::unique_ptr<net::HttpServer> server;
    std::vector<std::unique_ptr<net::HttpServer>> redirects;
};

namespace {

/// Leads from another system's well-known port to the console, under the name that the visitor used.
net::Task<net::HttpResponse> redirect(std::shared_ptr<Api> api, std::string to, net::HttpRequest request) {
    const auto host = request.header("host");
    const auto allowed = api->guard.check(request);
    if (!allowed) co_return forbidden(allowed.error());
    net::HttpResponse response;
    response.status = 302;
    response.content_type = "text/plain; charset=utf-8";
    auto target = fmt::format("http://{}:{}{}", host_without_port(host), api->console_port.load(), to);
    response.body = fmt::format("Penstock's console is at {}\n", target);
    response.headers.emplace_back("Location", std::move(target));
    co_return response;
}

std::unique_ptr<net::HttpServer> start_redirect(net::Shards& shards, const std::shared_ptr<Api>& api,
                                                const RedirectPort& port) {
    auto routes = std::make_shared<net::HttpRoutes>();
    const auto handler = [api, to = port.to](net::HttpRequest request) {
        return redirect(api, to, std::move(request));
    };
    routes->on("GET", "/", handler);
    routes->on("GET", "/{rest...}", handler);
    net::HttpOptions options;
    options.listen.host = api->options.listen.host;
    options.listen.port = port.port;
    options.listen.max_connections = 100;
    options.listen.name = "redirect to the console";
    options.listen.setting = "console.redirect_ports";
    options.max_body_bytes = 0;
    options.idle_timeout = std::chrono::seconds(10);
    options.headers = security_headers();
    auto server = net::HttpServer::start(shards, std::move(options), std::move(routes));
    if (server) return std::move(*server);
    log::warn("{}; the console itself is not concerned", server.error().text);
    return nullptr;
}

}  // namespace

Monitor::Monitor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Monitor::~Monitor() {
    stop();
}

void Monitor::stop() {
    impl_->api->stopping = true;
    impl_->redirects.clear();
    impl_->server->stop();
    impl_->api->sampler.stop();
}

std::uint16_t Monitor::port() const {
    return impl_->server->port();
}

std::vector<std::uint16_t> Monitor::redirect_ports() const {
    std::vector<std::uint16_t> ports;
    for (const auto& server : impl_->redirects) ports.push_back(server->port());
    return ports;
}

void Monitor::sample_now() {
    impl_->api->sampler.sample_now();
}

Result<std::unique_ptr<Monitor>> start_monitor(net::Shards& shards, net::BlockingPool& pool,
                                               MonitorParts parts, MonitorOptions options) {
    auto impl = std::make_unique<Monitor::Impl>();
    impl->api = std::make_shared<Api>(pool, std::move(parts), std::move(options));
    auto& api = impl->api;
    ApiRoutes routes(api);
    add_all_routes(routes);

    net::HttpOptions http;
    http.listen = api->options.listen;
    http.max_body_bytes = api->options.max_body_bytes;
    http.headers = security_headers();
    impl->server = TRY(net::HttpServer::start(shards, std::move(http), routes.take()));
    api->console_port = impl->server->port();
    for (const auto& port : api->options.redirect_ports) {
        auto server = start_redirect(shards, api, port);
        if (server) impl->redirects.push_back(std::move(server));
    }
    return std::unique_ptr<Monitor>(new Monitor(std::move(impl)));
}

}  // namespace penstock::monitor
