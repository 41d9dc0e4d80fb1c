#include "net/http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/units.h"

namespace penstock::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t max_body_bytes = 256 * 1024 * 1024;

struct Address {
    std::string host;
    std::string port = "80";
    std::string authority;  ///< as the header Host has it
    std::string target = "/";
};

Result<Address> parse_url(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    if (url.starts_with("https://")) return fail(Errc::unsupported, "{}: only http:// is offered here", url);
    if (!url.starts_with(scheme)) return fail(Errc::invalid, "'{}' does not begin with http://", url);
    url.remove_prefix(scheme.size());
    Address address;
    auto end = url.find_first_of("/?");
    auto authority = url.substr(0, end);
    if (end != std::string_view::npos) address.target = url.substr(end);
    if (address.target.front() == '?') address.target.insert(0, 1, '/');
    address.target = address.target.substr(0, address.target.find('#'));
    for (char c : address.target)
        if (c <= ' ' || c == 0x7F)
            return fail(Errc::invalid, "the URL holds a blank or control character; write it as %20");
    address.authority = authority;
    auto colon = authority.rfind(':');
    if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
        auto port = parse_int(authority.substr(colon + 1));
        if (!port || *port < 1 || *port > 65535)
            return fail(Errc::invalid, "'{}' is not a port", authority.substr(colon + 1));
        address.port = std::to_string(*port);
        authority = authority.substr(0, colon);
    }
    if (authority.starts_with('[') && authority.ends_with(']'))
        authority = authority.substr(1, authority.size() - 2);
    if (authority.empty()) return fail(Errc::invalid, "the URL names no host");
    address.host = authority;
    return address;
}

/// One connection with one request on it; every step is bounded by the time that is left.
class Exchange {
public:
    explicit Exchange(std::chrono::milliseconds timeout) : stream_(context_) { allow(timeout); }

    /// Time for all that follows, from now; zero: no limit.
    void allow(std::chrono::milliseconds timeout) {
        if (timeout.count() == 0)
            stream_.expires_never();
        else
            stream_.expires_after(timeout);
    }

    Result<> send(std::string_view method, std::string_view url, std::string_view body,
                  const HttpHeaders& headers) {
        auto address = TRY(parse_url(url));
        where_ = address.authority;
        beast::error_code error;
        asio::ip::tcp::resolver resolver(context_);
        auto found = resolver.resolve(address.host, address.port, error);
        if (error) return fail(Errc::unavailable, "{}: {}", where_, error.message());
        stream_.async_connect(found, [&](beast::error_code e, auto&&) { error = e; });
        run();
        if (error) return fail(error_of(error));

        http::request<http::string_body> request;
        request.method_string({method.data(), method.size()});
        request.target({address.target.data(), address.target.size()});
        request.version(11);
        request.set(http::field::host, address.authority);
        request.set(http::field::user_agent, "penstock/" PENSTOCK_VERSION);
        request.set(http::field::connection, "close");
        for (auto& [name, value] : headers) request.set(name, value);
        request.body() = body;
        if (!body.empty() || method == "POST" || method == "PUT") request.prepare_payload();
        http::async_write(stream_, request, [&](beast::error_code e, std::size_t) { error = e; });
        run();
        // A server that refuses early closes on what is still sent: its answer says more than the error.
        if (error == beast::error::timeout) return fail(error_of(error));
        return {};
    }

    template <class Parser>
    Result<> read_header(Parser& parser) {
        beast::error_code error;
        http::async_read_header(stream_, buffer_, parser,
                                [&](beast::error_code e, std::size_t) { error = e; });
        run();
        if (error) return fail(error_of(error));
        return {};
    }

    /// Reads some of the body into the parser; false when it is complete.
    template <class Parser>
    Result<bool> read_some(Parser& parser) {
        if (parser.is_done()) return false;
        beast::error_code error;
        http::async_read_some(stream_, buffer_, parser, [&](beast::error_code e, std::size_t) { error = e; });
        run();
        if (error && error != http::error::end_of_stream) return fail(error_of(error));
        return !error;
    }

private:
    void run() {
        context_.restart();
        context_.run();
    }

    Error error_of(beast::error_code error) const {
        if (error == beast::error::timeout) return {Errc::timeout, where_ + " took too long to answer"};
        if (error == http::error::body_limit)
            return {Errc::full,
                    where_ + ": the answer is larger than " + format_bytes(std::int64_t(max_body_bytes))};
        return {Errc::unavailable, where_ + ": " + error.message()};
    }

    asio::io_context context_{1};
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::string where_;
};

/// Calls on_line for each whole line in text and removes it; false when on_line does not want any more.
bool take_lines(std::string& text, const std::function<bool(std::string_view)>& on_line) {
    std::size_t start = 0;
    bool wanted = true;
    for (auto end = text.find('\n'); wanted && end != std::string::npos; end = text.find('\n', start)) {
        std::string_view line(text.data() + start, end - start);
        if (line.ends_with('\r')) line.remove_suffix(1);
        wanted = on_line(line);
        start = end + 1;
    }
    text.erase(0, start);
    return wanted;
}

}  // namespace

std::string_view HttpResult::header(std::string_view lower_case_name) const {
    for (auto& [name, value] : headers)
        if (name == lower_case_name) return value;
    return {};
}

Result<HttpResult> http_request(std::string_view method, std::string_view url, std::string_view body,
                                const HttpHeaders& headers, std::chrono::milliseconds timeout) {
    Exchange exchange(timeout);
    TRY(exchange.send(method, url, body, headers));
    http::response_parser<http::string_body> parser;
    parser.body_limit(max_body_bytes);
    parser.skip(method == "HEAD");
    TRY(exchange.read_header(parser));
    while (TRY(exchange.read_some(parser))) {
    }
    HttpResult result;
    auto message = parser.release();
    result.status = int(message.result_int());
    for (auto& field : message) {
        std::string name(field.name_string());
        for (char& c : name)
            if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
        result.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    result.body = std::move(message.body());
    return result;
}

Result<> http_lines(std::string_view url, const HttpHeaders& headers,
                    const std::function<bool(std::string_view)>& on_line, std::chrono::milliseconds timeout) {
    Exchange exchange(timeout);
    TRY(exchange.send("GET", url, {}, headers));
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    TRY(exchange.read_header(parser));
    auto& body = parser.get().body();
    bool more = true;
    while (more) {
        exchange.allow(timeout);
        more = TRY(exchange.read_some(parser));
        if (parser.get().result_int() != 200) {
            if (more && body.size() < 4096) continue;
            return fail(Errc::unavailable, "{} answered {}: {}", url, parser.get().result_int(),
                        std::string_view(body).substr(0, 4096));
        }
        if (!take_lines(body, on_line)) return {};
        if (body.size() > max_body_bytes) return fail(Errc::full, "{}: a line without end", url);
    }
    if (!body.empty()) on_line(body);
    return {};
}

}  // namespace penstock::net
