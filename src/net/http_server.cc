#include "net/http_server.h"

#include <atomic>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "codec/json_writer.h"
#include "net/deadline.h"
#include "net/http_target.h"

namespace penstock::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

std::string_view view_of(auto text) {
    return {text.data(), text.size()};
}

int status_of(Errc code) {
    switch (code) {
        case Errc::invalid:
        case Errc::out_of_range:
            return 400;
        case Errc::unauthorized:
            return 401;
        case Errc::not_found:
            return 404;
        case Errc::exists:
        case Errc::fenced:
            return 409;
        case Errc::unsupported:
            return 501;
        case Errc::full:
        case Errc::unavailable:
        case Errc::cancelled:
            return 503;
        case Errc::timeout:
            return 504;
        case Errc::corrupt:
        case Errc::io:
        case Errc::internal:
            return 500;
    }
    return 500;
}

HttpResponse refusal(int status, std::string_view code, std::string_view message) {
    HttpResponse response{.status = status};
    response.body = fmt::format(R"({{"error": {{"code": "{}", "message": )", code);
    codec::append_json_string(response.body, message);
    response.body += "}}\n";
    return response;
}

/// A header's value cannot be allowed to end its line.
void append_header(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    for (char c : value) out += (c == '\r' || c == '\n' || c == '\0') ? ' ' : c;
    out += "\r\n";
}

std::string_view reason_of(int status) {
    auto text = http::obsolete_reason(http::int_to_status(unsigned(status)));
    return view_of(text);
}

std::string join(const std::vector<std::string>& parts) {
    std::string out;
    for (auto& part : parts) out += (out.empty() ? "" : ", ") + part;
    return out;
}

}  // namespace

std::optional<std::string_view> HttpRequest::query_value(std::string_view name) const {
    for (auto pair = query.rbegin(); pair != query.rend(); ++pair)
        if (pair->first == name) return pair->second;
    return std::nullopt;
}

std::string_view HttpRequest::header(std::string_view lower_case_name) const {
    auto found = headers.find(std::string(lower_case_name));
    return found == headers.end() ? std::string_view() : found->second;
}

HttpResponse error_response(const Error& error) {
    return refusal(status_of(error.code), to_string(error.code), error.text);
}

HttpResponse json_response(std::string body, int status) {
    return {.status = status, .body = std::move(body)};
}

namespace {

/// What the server's sessions share; they may outlive it by the moment that stop() does not wait any longer.
struct Served {
    HttpOptions options;
    std::shared_ptr<const HttpRoutes> routes;
    std::atomic<std::size_t> body_bytes{0};  ///< of requests that are being read or answered
};

/// A share of the server's memory for bodies, given back at the end.
class BodyShare {
public:
    explicit BodyShare(std::atomic<std::size_t>& total) : total_(total) {}
    BodyShare(const BodyShare&) = delete;
    BodyShare& operator=(const BodyShare&) = delete;
    ~BodyShare() { total_ -= taken_; }
    bool take(std::size_t bytes, std::size_t limit) {
        taken_ = bytes;
        return total_.fetch_add(bytes) + bytes <= limit;
    }

private:
    std::atomic<std::size_t>& total_;
    std::size_t taken_ = 0;
};

/// One connection. Lives in its coroutine's frame.
class HttpSession {
public:
    HttpSession(Connection connection, std::shared_ptr<Served> server)
        : connection_(std::move(connection)),
          server_(std::move(server)),
          buffer_(server_->options.max_header_bytes + 64 * 1024) {
        connection_.set_timeout(server_->options.idle_timeout);
        peer_ = connection_.peer_address();
    }

    Task<> run() {
        bool open = true;
        while (open) open = co_await serve_one();
        connection_.close();
    }

private:
    /// Reads a request and answers it; whether another one may follow.
    Task<bool> serve_one() {
        auto& options = server_->options;
        Parser parser;
        parser.header_limit(std::uint32_t(options.max_header_bytes));
        parser.body_limit(options.max_body_bytes);
        std::optional<Deadline> deadline;
        deadline.emplace(connection_.socket(), options.idle_timeout);
        beast::error_code error;
        co_await http::async_read_header(connection_.socket(), buffer_, parser,
                                         asio::redirect_error(asio::use_awaitable, error));
        BodyShare share(server_->body_bytes);
        if (!error) {
            std::size_t expected = options.max_body_bytes;
            if (auto length = parser.content_length())
                expected = std::size_t(*length);
            else if (!parser.chunked())
                expected = 0;
            if (!share.take(expected, options.max_total_body_bytes)) {
                auto response = refusal(503, "full", "too many request bodies at once; try again");
                response.headers.emplace_back("Retry-After", "1");
                co_await refuse(std::move(response));
                co_return false;
            }
            if (!parser.is_done() && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
                auto sent = co_await connection_.write("HTTP/1.1 100 Continue\r\n\r\n");
                if (!sent) co_return false;
            }
            co_await http::async_read(connection_.socket(), buffer_, parser,
                                      asio::redirect_error(asio::use_awaitable, error));
        }
        if (error) {
            if (deadline->fired() || error == http::error::end_of_stream) co_return false;
            co_await refuse_unreadable(error);
            co_return false;
        }
        deadline.reset();
        auto message = parser.release();
        bool answered = co_await answer(std::move(message));
        co_return answered;
    }

    Task<> refuse_unreadable(beast::error_code error) {
        auto& options = server_->options;
        HttpResponse response;
        if (error == http::error::body_limit) {
            response = refusal(413, "invalid",
                               fmt::format("the body is larger than {} bytes", options.max_body_bytes));
        } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
            response = refusal(431, "invalid",
                               fmt::format("the headers are larger than {} bytes", options.max_header_bytes));
        } else if (error.category() == make_error_code(http::error::bad_method).category() &&
                   error != http::error::partial_message) {
            response = refusal(400, "invalid", "not an HTTP/1.1 request: " + error.message());
        } else {
            co_return;  // the peer went away
        }
        co_await refuse(std::move(response));
    }

    /// Answers, then lets the peer read it before the connection is closed on what it still sends.
    Task<> refuse(HttpResponse response) {
        auto sent = co_await send(std::move(response), false, false);
        if (!sent) co_return;
        boost::system::error_code ignored;
        connection_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
        connection_.set_timeout(std::chrono::milliseconds(1000));
        std::string sink(16 * 1024, '\0');
        for (int i = 0; i < 256; ++i) {
            auto size = co_await connection_.read_some(sink);
            if (!size) co_return;
        }
    }

    /// Whether the connection may serve another request.
    Task<bool> answer(http::request<http::string_body> message) {
        bool head = message.method() == http::verb::head;
        bool keep_alive = message.keep_alive();
        if (message.version() >= 11 && message.count(http::field::host) != 1) {
            co_await refuse(refusal(400, "invalid", "the request needs one header 'Host'"));
            co_return false;
        }
        auto target = parse_http_target(view_of(message.target()));
        if (!target) {
            co_await refuse(error_response(target.error()));
            co_return false;
        }
        HttpRequest request;
        request.method = std::string(view_of(message.method_string()));
        request.path = std::move(target->path);
        request.query = std::move(target->query);
        request.peer = peer_;
        for (auto& field : message) {
            std::string name(view_of(field.name_string()));
            for (char& c : name)
                if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
            auto& value = request.headers[std::move(name)];
            if (!value.empty()) value += ", ";
            value += view_of(field.value());
        }
        request.body = std::move(message.body());

        auto match = server_->routes->match(request.method, target->segments);
        request.params = std::move(match.params);
        if (match.events && !head) {
            co_await stream_events(std::move(request), *match.events);
            co_return false;
        }
        HttpResponse response;
        if (match.handler) {
            response = co_await call(*match.handler, std::move(request));
        } else if (match.events) {
            response.content_type = "text/event-stream";
        } else if (request.method == "OPTIONS" && (!match.allowed.empty() || request.path == "*")) {
            response.status = 204;
            response.headers.emplace_back("Allow", join(match.allowed));
        } else if (match.allowed.empty()) {
            response = refusal(404, "not_found", "there is nothing at " + request.path);
        } else {
            response = refusal(405, "invalid",
                               fmt::format("{} does not take {}; it takes {}", request.path, request.method,
                                           join(match.allowed)));
            response.headers.emplace_back("Allow", join(match.allowed));
        }
        auto sent = co_await send(std::move(response), keep_alive, head);
        co_return sent.has_value() && keep_alive;
    }

    /// A handler's exception is this request's error and nobody else's.
    Task<HttpResponse> call(const HttpHandler& handler, HttpRequest request) {
        std::string what = request.method + " " + request.path;
        std::string failure;
        try {
            auto response = co_await handler(std::move(request));
            co_return response;
        } catch (const std::exception& e) {
            failure = e.what();
        }
        log::warn("{}: {}: {}", server_->options.listen.name, what, failure);
        co_return refusal(500, "internal", failure);
    }

    Task<Result<>> send(HttpResponse response, bool keep_alive, bool head) {
        bool bodiless = response.status == 204 || response.status == 304 || response.status < 200;
        std::string start = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
        if (!bodiless) {
            if (!response.content_type.empty()) append_header(start, "Content-Type", response.content_type);
            append_header(start, "Content-Length", std::to_string(response.body.size()));
        }
        for (auto& [name, value] : response.headers) append_header(start, name, value);
        for (auto& [name, value] : server_->options.headers) append_header(start, name, value);
        append_header(start, "Connection", keep_alive ? "keep-alive" : "close");
        start += "\r\n";
        // In pieces, so that the time limit is one for each megabyte and not for all.
        constexpr std::size_t piece_bytes = 1024 * 1024;
        std::string_view rest = bodiless || head ? std::string_view() : response.body;
        std::string_view pieces[] = {start, rest.substr(0, piece_bytes)};
        auto sent = co_await connection_.write(std::span<const std::string_view>(pieces));
        rest.remove_prefix(std::min(piece_bytes, rest.size()));
        while (sent && !rest.empty()) {
            auto piece = rest.substr(0, piece_bytes);
            sent = co_await connection_.write(piece);
            rest.remove_prefix(piece.size());
        }
        co_return sent;
    }

    class Events final : public EventStream {
    public:
        explicit Events(Connection& connection) : connection_(connection) {}
        Task<Result<>> send(std::string_view event, std::string_view data) override {
            std::string text;
            if (!event.empty()) append_header(text, "event", event);
            while (true) {  // one "data:" for each line
                auto end = data.find('\n');
                append_header(text, "data", data.substr(0, end));
                if (end == std::string_view::npos) break;
                data.remove_prefix(end + 1);
            }
            text += "\r\n";
            auto sent = co_await connection_.write(text);
            co_return sent;
        }

    private:
        Connection& connection_;
    };

    /// The end of the connection is the end of the events: what is sent needs no length.
    Task<> stream_events(HttpRequest request, const EventHandler& handler) {
        std::string start =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
        for (auto& [name, value] : server_->options.headers) append_header(start, name, value);
        start += "Connection: close\r\n\r\n";
        auto sent = co_await connection_.write(start);
        if (!sent) co_return;
        std::string what = request.path;
        std::string failure;
        Events events(connection_);
        try {
            co_await handler(std::move(request), events);
        } catch (const std::exception& e) {
            failure = e.what();
        }
        if (!failure.empty()) log::warn("{}: {}: {}", server_->options.listen.name, what, failure);
    }

    Connection connection_;
    std::shared_ptr<Served> server_;
    beast::flat_buffer buffer_;
    std::string peer_;
};

Task<> serve_connection(Connection connection, std::shared_ptr<Served> server) {
    HttpSession session(std::move(connection), std::move(server));
    co_await session.run();
}

}  // namespace

struct HttpServer::Impl {
    std::unique_ptr<Listener> listener;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
    stop();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(Shards& shards, HttpOptions options,
                                                      std::shared_ptr<const HttpRoutes> routes) {
    auto served = std::make_shared<Served>();
    served->options = std::move(options);
    served->routes = std::move(routes);
    auto impl = std::make_unique<Impl>();
    impl->listener = TRY(Listener::start(shards, served->options.listen, [served](Connection c) {
        return serve_connection(std::move(c), served);
    }));
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::stop() {
    impl_->listener->stop();
}

std::uint16_t HttpServer::port() const {
    return impl_->listener->port();
}

}  // namespace penstock::net
