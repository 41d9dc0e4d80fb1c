// An HTTP/1.1 server: routes to handlers, keep-alive, limits, server-sent events. Beast stays inside the .cc.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/connection.h"
#include "net/task.h"

namespace penstock::net {

struct HttpRequest {
    std::string method;
    std::string path;                                        ///< percent-decoded, without the query
    std::vector<std::pair<std::string, std::string>> query;  ///< percent-decoded, in order
    std::map<std::string, std::string> headers;              ///< names in lower case
    std::string body;
    std::map<std::string, std::string> params;  ///< what {name} in the route's path matched
    std::string peer;

    std::optional<std::string_view> query_value(std::string_view name) const;  ///< the last one wins
    std::string_view header(std::string_view lower_case_name) const;           ///< empty when absent
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

/// {"error": {"code": "not_found", "message": "..."}} with the status that fits the code.
HttpResponse error_response(const Error& error);
HttpResponse json_response(std::string body, int status = 200);

/// Writes server-sent events; ended when send() fails.
class EventStream {
public:
    virtual ~EventStream() = default;
    virtual Task<Result<>> send(std::string_view event, std::string_view data) = 0;
};

using HttpHandler = std::function<Task<HttpResponse>(HttpRequest)>;
using EventHandler = std::function<Task<>(HttpRequest, EventStream&)>;

/// What a method and path lead to. At most one of handler and events is set; none: 404 when allowed is empty,
/// else 405. Points into the routes.
struct HttpMatch {
    const HttpHandler* handler = nullptr;
    const EventHandler* events = nullptr;
    std::map<std::string, std::string> params;
    std::vector<std::string> allowed;  ///< the path's methods, sorted, for the header Allow
};

/// A table of routes. Build it before the server starts; it is read-only afterwards.
class HttpRoutes {
public:
    /// path: "/api/v1/topics/{topic}"; "{rest...}" as the last part matches all that is left. The more
    /// literal route wins. An unknown path answers 404, a known one with another method 405 and Allow. HEAD
    /// is answered as GET without the body; OPTIONS with Allow.
    void on(std::string_view method, std::string_view path, HttpHandler handler);
    /// GET that answers with text/event-stream.
    void on_events(std::string_view path, EventHandler handler);

    /// segments: the path between its slashes, decoded.
    HttpMatch match(std::string_view method, const std::vector<std::string>& segments) const;

private:
    struct Route {
        std::string method;
        std::vector<std::string> parts;
        HttpHandler handler;
        EventHandler events;
    };
    std::vector<Route> routes_;
};

struct HttpOptions {
    ListenOptions listen;
    std::size_t max_body_bytes = 32 * 1024 * 1024;  ///< more: 413
    std::size_t max_header_bytes = 64 * 1024;       ///< more: 431
    /// Bodies under way on all connections together; more: 503.
    std::size_t max_total_body_bytes = 512 * 1024 * 1024;
    /// For the next request to arrive whole, and for each megabyte of a response to leave.
    std::chrono::milliseconds idle_timeout{60'000};
    std::vector<std::pair<std::string, std::string>> headers;  ///< put on every response
};

class HttpServer {
public:
    static Result<std::unique_ptr<HttpServer>> start(Shards& shards, HttpOptions options,
                                                     std::shared_ptr<const HttpRoutes> routes);
    ~HttpServer();
    void stop();
    std::uint16_t port() const;

private:
    struct Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::net
