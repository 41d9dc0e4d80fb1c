#include "registry/server/registry_server.h"

#include "registry/server/registry_api.h"

namespace penstock::registry {
namespace {

/// pool and schemas live as long as the server. The request may outlive this coroutine: when the
/// shards stop, they drop it while the pool still works.
net::Task<net::HttpResponse> serve(net::BlockingPool& pool, LocalSchemas& schemas, ApiCall call,
                                   net::HttpRequest request) {
    auto held = std::make_shared<const net::HttpRequest>(std::move(request));
    std::function<net::HttpResponse()> work = [held, &schemas, call] { return call(schemas, *held); };
    auto response = co_await pool.run(std::move(work));
    co_return response;
}

}  // namespace

struct RegistryServer::Impl {
    explicit Impl(LocalSchemas& to) : schemas(to) {}

    LocalSchemas& schemas;
    net::BlockingPool pool{1};
    std::unique_ptr<net::HttpServer> http;  // behind the pool: stopped before it
};

RegistryServer::RegistryServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RegistryServer::~RegistryServer() {
    stop();
}

Result<std::unique_ptr<RegistryServer>> RegistryServer::start(net::Shards& shards, LocalSchemas& schemas,
                                                              RegistryOptions options) {
    auto impl = std::make_unique<Impl>(schemas);
    auto routes = std::make_shared<net::HttpRoutes>();
    for (const auto* table : {&subject_routes(), &schema_routes(), &setting_routes()}) {
        for (const auto& route : *table) {
            auto handler = [at = impl.get(), call = route.call](net::HttpRequest request) {
                return serve(at->pool, at->schemas, call, std::move(request));
            };
            routes->on(route.method, route.path, std::move(handler));
        }
    }
    net::HttpOptions http{.listen = std::move(options.listen), .max_body_bytes = options.max_body_bytes};
    impl->http = TRY(net::HttpServer::start(shards, std::move(http), std::move(routes)));
    return std::unique_ptr<RegistryServer>(new RegistryServer(std::move(impl)));
}

void RegistryServer::stop() {
    if (impl_->http) impl_->http->stop();
}

std::uint16_t RegistryServer::port() const {
    return impl_->http->port();
}

}  // namespace penstock::registry
