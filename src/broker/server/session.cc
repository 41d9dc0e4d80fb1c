#include "broker/server/session.h"

#include "base/log.h"
#include "base/metrics.h"
#include "broker/server/features.h"
#include "broker/server/handlers.h"
#include "broker/server/pipeline.h"
#include "codec/big_endian.h"

namespace penstock::broker {
namespace {

using wire::kafka::ApiInfo;
using wire::kafka::Decoder;

metrics::Counter& requests =
    metrics::counter("penstock_kafka_requests_total", "Requests that Kafka clients have sent.");
metrics::Counter& refused = metrics::counter("penstock_kafka_refused_requests_total",
                                             "Requests that could not be read or are not offered.");

/// By API; Fetch and JoinGroup wait as long as the client lets them.
metrics::Histogram& request_times(std::string_view api) {
    return metrics::histogram("penstock_kafka_request_seconds", "From a request to its answer, by API.",
                              {{"api", std::string(api)}});
}

Answer closing_answer() {
    return {.bytes = {}, .outside = {}, .closes = true};
}

/// The length, the header and the message.
template <class Response>
Answer encode_response(const Request& request, const Response& response) {
    Answer answer;
    auto& out = answer.bytes;
    out.assign(4, '\0');
    codec::append_big(out, request.correlation_id);
    // An ApiVersions response always has the old header, as the client does not know yet what we offer.
    bool flexible = request.version >= Response::api.flexible && Response::api.key != 18;
    if (flexible) out += '\0';
    wire::kafka::encode(response, request.version, out, &answer.outside);
    auto size = out.size() - 4;
    for (const auto& each : answer.outside) size += each.bytes.size();
    codec::store_big(out.data(), std::int32_t(size));
    return answer;
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// The time that the request took is counted; the answer says how long its client has to rest.
template <class Response>
void throttle(Request& request, Response& response) {
    request.throttle_ms = std::max(request.throttle_ms, request.count_time());
    if constexpr (requires { response.throttle_ms; })
        response.throttle_ms = std::max(response.throttle_ms, request.throttle_ms);
}

template <class Handler>
net::Task<Answer> run(RequestPointer request) {
    static auto& times = request_times(Handler::Message::api.name);
    metrics::Timer timer(times);
    typename Handler::Message message;
    if (!wire::kafka::decode_front(request->body, request->version, message)) {
        refused.add();
        log::warn(
            "kafka client {} ({}): a {} request of version {} cannot be read; the connection "
            "is closed",
            request->client_host, request->client_id, Handler::Message::api.name, request->version);
        co_return closing_answer();
    }
    Answer out;
    using Handled = decltype(Handler::handle(request, std::move(message)));
    if constexpr (std::is_same_v<Handled, typename Handler::Response>) {
        auto response = Handler::handle(request, std::move(message));
        throttle(*request, response);
        out = encode_response(*request, response);
    } else {
        auto response = co_await Handler::handle(request, std::move(message));
        if constexpr (IsOptional<decltype(response)>::value) {
            if (response) throttle(*request, *response);
            if (response) out = encode_response(*request, *response);
            request->throttle_ms = std::max(request->throttle_ms, request->count_time());
        } else {
            throttle(*request, response);
            out = encode_response(*request, response);
        }
    }
    out.closes = request->close_after;
    co_return out;
}

struct Route {
    ApiInfo info;
    net::Task<Answer> (*run)(RequestPointer);
};

template <class... Handler>
constexpr std::array<Route, sizeof...(Handler)> routes_of(HandlerList<Handler...>) {
    return {Route{Handler::Message::api, &run<Handler>}...};
}

constexpr auto routes = routes_of(Handlers{});

const Route* find_route(std::int16_t key) {
    auto found = std::ranges::find(routes, key, [](const Route& route) { return route.info.key; });
    return found == routes.end() ? nullptr : &*found;
}

bool is_before_login(std::int16_t api) {
    return api == ApiVersions::Message::api.key || api == SaslHandshake::Message::api.key ||
           api == SaslAuthenticate::Message::api.key;
}

/// Error 35 in version 0, whatever version was asked for, so that the client can ask again (KIP-511).
Answer versions_not_offered(const Request& request) {
    Request plain{.server = request.server, .version = 0, .correlation_id = request.correlation_id};
    auto response = ApiVersions::handle(nullptr, {});
    response.error = wire::kafka::ErrorCode::unsupported_version;
    return encode_response(plain, response);
}

}  // namespace

ApiVersions::Response ApiVersions::handle(RequestPointer request, Message) {
    Response response;
    for (const auto& route : routes)
        response.api_keys.push_back({route.info.key, route.info.low, route.info.high});
    // Clients before version 4 take a range from 0 for broken, and end their threads (KAFKA-17011).
    const bool knows_zero = request && request->version >= 4;
    for (const auto& feature : features) {
        auto oldest = knows_zero ? feature.oldest : std::max<std::int16_t>(feature.oldest, 1);
        response.supported_features.push_back({std::string(feature.name), oldest, feature.newest});
        auto level = request ? request->server.features.of(feature.feature) : feature.newest;
        if (level > 0) response.finalized_features.push_back({std::string(feature.name), level, level});
    }
    response.finalized_features_epoch = request ? request->server.features.epoch() : 1;
    return response;
}

bool read_header(Request& request) {
    Decoder header(*request.buffer, false);
    header.value(request.api);
    header.value(request.version);
    header.value(request.correlation_id);
    std::optional<std::string> client_id;
    header.value(client_id);  // classic in every header
    request.client_id = client_id.value_or("");
    const auto* route = find_route(request.api);
    request.body = header.left();
    if (!header.ok()) return false;
    bool offered = route && request.version <= route->info.high;
    if (!offered || request.version < route->info.flexible) return true;
    Decoder tagged(request.body, true);
    tagged.tags();
    request.body = tagged.left();
    return tagged.ok();
}

net::Task<Answer> answer(RequestPointer request) {
    requests.add();
    const auto* route = find_route(request->api);
    if (!route || request->version < route->info.low || request->version > route->info.high) {
        if (request->api == ApiVersions::Message::api.key) co_return versions_not_offered(*request);
        refused.add();
        log::warn("kafka client {} ({}): API {} version {} is not offered; the connection is closed",
                  request->client_host, request->client_id, request->api, request->version);
        co_return closing_answer();
    }
    const auto& login = *request->login;
    if (request->server.options.security.requires_login() && !login.is_done &&
        !is_before_login(request->api)) {
        refused.add();
        log::warn("kafka client {} ({}): a {} request before it has logged in; the connection is closed",
                  request->client_host, request->client_id, route->info.name);
        co_return closing_answer();
    }
    auto out = co_await route->run(request);
    co_return out;
}

namespace {

constexpr std::int64_t first_bytes = 16 << 10;
constexpr std::int64_t most_before_login = 512 << 10;  // bytes of a request
constexpr std::chrono::milliseconds login_timeout{30'000};

/// False when the connection cannot go on.
net::Task<bool> begin_session(net::Connection& connection, const ServerState& server, Login& login) {
    connection.set_timeout(login_timeout);
    if (server.tls) {
        auto started = co_await connection.start_tls(server.tls);
        if (!started) {
            refused.add();
            log::warn("kafka client {}: no TLS: {}", connection.peer_address(), started.error().text);
            co_return false;
        }
        if (auto subject = connection.peer_subject(); !subject.empty()) login.principal = "User:" + subject;
    }
    login.is_done = !server.options.security.requires_login();
    co_return true;
}

/// Those of a connection, with it.
struct EndsShareSessions {
    Sharing& share;
    const void* connection;
    ~EndsShareSessions() { share.close_connection(connection); }
};

/// Until the time has passed, or the server stops.
net::Task<> rest(ServerState& server, std::int32_t ms) {
    net::Completion<bool> stops(co_await net::this_executor());
    auto told = std::make_shared<std::atomic<bool>>(false);
    auto handle = server.stops.add([stops, told]() mutable {
        if (!told->exchange(true)) stops.set(true);
    });
    if (!server.stopping) co_await stops.wait_for(std::chrono::milliseconds(ms));
}

/// Such a request waits for nothing but what it appends, in the order in which requests have come: the next
/// one may begin beside it.
bool is_for_the_log(const Request& request) {
    return request.api == Produce::Message::api.key;
}

/// server: outlives the request.
net::Task<> answer_beside(std::shared_ptr<Pipeline> pipeline, std::shared_ptr<ServerState> server,
                          std::shared_ptr<Pipeline::Place> place) {
    auto out = closing_answer();
    try {
        out = co_await answer(place->request);
    } catch (const std::exception& e) {
        log::warn("kafka client {}: a request ended with: {}", place->request->client_host, e.what());
    }
    place->request->let_next_begin();
    co_await pipeline->finish(place, std::move(out));
}

/// Reads the next request, without its header; nullptr: the connection has ended.
net::Task<RequestPointer> read_request(Pipeline& pipeline, ServerState& server,
                                       std::shared_ptr<Login> login) {
    auto& connection = pipeline.connection;
    const auto& options = server.options;
    std::array<char, 4> prefix{};
    connection.set_timeout(login->is_done ? std::chrono::milliseconds(options.idle_timeout_ms)
                                          : login_timeout);
    auto got = co_await connection.read_exactly(prefix);
    if (!got) co_return nullptr;
    if (auto ms = pipeline.rest_ms(); ms > 0) co_await rest(server, ms);
    const auto most = login->is_done ? options.max_request_bytes : most_before_login;
    const std::int32_t least = login->sends_bare_tokens ? 0 : 8;
    auto size = codec::load_big<std::int32_t>(prefix.data());
    if (size < least || size > most) {
        refused.add();
        log::warn(
            "kafka client {}: a request of {} bytes; expected {} to {}: is it a Kafka "
            "client? The connection is closed",
            connection.peer_address(), size, least, most);
        co_return nullptr;
    }
    co_await pipeline.room(size);
    auto request = std::make_shared<Request>(Request{.server = server, .login = login});
    // The length alone claims little: whoever says much and sends nothing keeps nobody else waiting.
    const auto first = std::min<std::int64_t>(size, first_bytes);
    request->memory[0] = co_await server.memory.take(first);
    connection.set_timeout(transfer_timeout);
    request->buffer = std::make_shared<std::string>(std::size_t(first), '\0');
    got = co_await connection.read_exactly(*request->buffer);
    if (!got) co_return nullptr;
    request->memory[1] = co_await server.memory.take(size - first);
    if (size > first) {
        // Not filled with zeros first: what is not read is not looked at.
        request->buffer->resize_and_overwrite(std::size_t(size),
                                              [size](char*, std::size_t) { return std::size_t(size); });
        got = co_await connection.read_exactly(std::span(*request->buffer).subspan(std::size_t(first)));
        if (!got) co_return nullptr;
    }
    co_return request;
}

net::Task<> read_requests(std::shared_ptr<Pipeline> pipeline, std::shared_ptr<ServerState> server,
                          std::shared_ptr<Login> login) {
    const auto& connection = pipeline->connection;
    const auto& options = server->options;
    const auto client_host = "/" + connection.peer_address();
    const auto host = options.advertised_host.empty() ? connection.local_address() : options.advertised_host;
    const auto port = options.advertised_port ? options.advertised_port : connection.local_port();
    const auto executor = co_await net::this_executor();
    while (!server->stopping && !pipeline->is_closed()) {
        auto request = co_await read_request(*pipeline, *server, login);
        if (!request || pipeline->is_closed()) co_return;
        request->client_host = client_host;
        request->host = host;
        request->port = port;
        if (!login->sends_bare_tokens && !read_header(*request)) {
            refused.add();
            log::warn(
                "kafka client {}: a request whose header cannot be read; the connection is "
                "closed",
                connection.peer_address());
            co_return;
        }
        const bool runs_beside = login->is_done && is_for_the_log(*request);
        if (!runs_beside) co_await pipeline->all_answered();
        request->began = std::chrono::steady_clock::now();
        auto place = pipeline->begin(request);
        if (runs_beside) {
            net::Completion<bool> begun(executor);
            request->begun = begun;
            net::spawn(executor, answer_beside(pipeline, server, place), "kafka");
            co_await begun.wait();
            continue;
        }
        auto out = co_await (login->sends_bare_tokens ? answer_token(request) : answer(request));
        co_await pipeline->finish(place, std::move(out));
    }
}

}  // namespace

net::Task<> serve(net::Connection connection, std::shared_ptr<ServerState> server) {
    auto login = std::make_shared<Login>();
    const EndsShareSessions ends{*server->share, login.get()};
    if (auto ms = server->quotas->count_connection(connection.peer_address()); ms > 0) {
        refused.add();
        co_await rest(*server, ms);  // as Kafka: it is closed when its time would have come
        co_return;
    }
    auto begun = co_await begin_session(connection, *server, *login);
    if (!begun) co_return;
    auto pipeline = std::make_shared<Pipeline>(std::move(connection));
    co_await read_requests(pipeline, server, login);
    co_await pipeline->all_answered();
}

}  // namespace penstock::broker
