#include "replica/replica.h"

#include <xxhash.h>

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "replica/randomuser.h"

namespace penstock::replica {
namespace {

/// What the handlers share. They may outlive the Replica by what is in flight.
struct Service {
    ReplicaOptions options;
    const Clock* clock = nullptr;
    std::atomic<std::int64_t> requests{0};
    std::atomic<std::int64_t> records{0};

    std::mutex mutex;  // guards what follows
    std::int64_t period_start_us = 0;
    std::unordered_map<std::string, std::int64_t> users_of_client;

    /// The users a client has had in this period, before adding those it asks for now. All begin anew
    /// together.
    std::int64_t count(const std::string& client, int users) {
        std::lock_guard lock(mutex);
        auto now = clock->monotonic_us();
        // Clients are told apart by headers that they write themselves: not more of them than this at once.
        if (now - period_start_us >= options.limit_period_us || users_of_client.size() >= 100'000) {
            period_start_us = now;
            users_of_client.clear();
        }
        auto& had = users_of_client[client];
        auto before = had;
        if (before < options.user_limit) had += users;
        return before;
    }
};

/// The address that the API believes.
std::string client_of(const net::HttpRequest& request) {
    for (auto name : {"cf-connecting-ip", "x-real-ip", "x-forwarded-for"})
        if (auto value = request.header(name); !value.empty() && value.size() <= 64)
            return std::string(value);
    return request.peer;
}

net::HttpResponse too_many(std::int64_t users) {
    net::HttpResponse response{.status = 429, .content_type = "application/json; charset=utf-8"};
    response.body = fmt::format(
        R"x({{"error":"Whoa, ease up there cowboy. You've requested {} users in the last minute. )x"
        R"x(Help us keep this service free and spare some bandwidth for other users please :)"}})x",
        users);
    return response;
}

net::HttpResponse answer(Service& service, const net::HttpRequest& request) {
    auto number = service.requests.fetch_add(1);
    auto query = parse_user_query(request.query);
    if (service.options.user_limit > 0) {
        auto had = service.count(client_of(request), query.results);
        if (had >= service.options.user_limit) return too_many(had);
    }
    auto& base = service.options.seed;
    auto seed = fmt::format("{:016x}", XXH3_64bits_withSeed(base.data(), base.size(), std::uint64_t(number)));
    net::HttpResponse response{.content_type = std::string(content_type_of(query))};
    response.body = random_users(query, seed, service.clock->now_us());
    if (query.download)
        response.headers.emplace_back(
            "Content-Disposition",
            fmt::format("attachment; filename=\"download.{}\"", file_extension_of(query.format)));
    service.records += query.results;
    return response;
}

net::Task<net::HttpResponse> serve(std::shared_ptr<Service> service, net::HttpRequest request) {
    co_return answer(*service, request);
}

net::Task<net::HttpResponse> refuse_version(net::HttpRequest request) {
    co_return net::HttpResponse{
        .status = 404,
        .content_type = "text/plain; charset=utf-8",
        .body = fmt::format("Not Found: {}. This replica serves /api/ and /api/1.4/.\n", request.path)};
}

std::shared_ptr<const net::HttpRoutes> routes_of(const std::shared_ptr<Service>& service) {
    auto routes = std::make_shared<net::HttpRoutes>();
    auto handler = [service](net::HttpRequest request) { return serve(service, std::move(request)); };
    // api.randomuser.me, which older programs ask, serves at its root.
    for (auto path : {"/", "/api", "/api/1.4"}) routes->on("GET", path, handler);
    routes->on("GET", "/api/{version}", refuse_version);
    return routes;
}

}  // namespace

struct Replica::Impl {
    std::shared_ptr<Service> service;
    std::unique_ptr<net::HttpServer> server;
};

std::vector<std::string> replica_names() {
    return {"randomuser"};
}

Replica::Replica(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Replica::~Replica() = default;

Result<std::unique_ptr<Replica>> Replica::start(net::Shards& shards, ReplicaOptions options) {
    if (options.name != "randomuser")
        return fail(Errc::not_found, "there is no replica '{}'; there is: randomuser", options.name);
    auto impl = std::make_unique<Impl>();
    impl->service = std::make_shared<Service>();
    impl->service->clock = options.clock ? options.clock : &system_clock();
    impl->service->options = options;
    net::HttpOptions http;
    http.listen = {
        .host = options.host, .port = options.port, .name = "replica " + options.name, .setting = "--port"};
    http.max_body_bytes = 64 * 1024;
    http.headers = {{"X-Penstock-Replica", options.name},
                    {"Access-Control-Allow-Origin", "*"},
                    {"Cache-Control", "no-cache"}};
    impl->server = TRY(net::HttpServer::start(shards, std::move(http), routes_of(impl->service)));
    return std::unique_ptr<Replica>(new Replica(std::move(impl)));
}

std::uint16_t Replica::port() const {
    return impl_->server->port();
}

std::string Replica::base_url() const {
    auto& host = impl_->service->options.host;
    bool everywhere = host == "0.0.0.0" || host == "::";
    return fmt::format("http://{}:{}", everywhere ? "127.0.0.1" : host, port());
}

std::int64_t Replica::requests() const {
    return impl_->service->requests;
}
std::int64_t Replica::records() const {
    return impl_->service->records;
}

}  // namespace penstock::replica
