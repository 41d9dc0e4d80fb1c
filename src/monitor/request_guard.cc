#include "monitor/request_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "codec/json_writer.h"

namespace penstock::monitor {

namespace {

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

bool is_address(const std::string& host) {
    std::array<unsigned char, 16> bytes{};
    if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return true;
    if (host.size() < 2 || host.front() != '[' || host.back() != ']') return false;
    return ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), bytes.data()) == 1;
}

bool changes_state(std::string_view method) {
    return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

}  // namespace

std::string host_without_port(std::string_view host) {
    const auto bracket = host.rfind(']');
    const auto colon = host.rfind(':');
    if (colon != std::string_view::npos &&
        (bracket == std::string_view::npos ? host.find(':') == colon : colon > bracket)) {
        host = host.substr(0, colon);
    }
    if (host.ends_with('.')) host.remove_suffix(1);
    return lower_case(host);
}

RequestGuard::RequestGuard(std::string bound, std::vector<std::string> hosts) {
    names_.push_back("localhost");
    names_.push_back(host_without_port(bound));
    for (const auto& host : hosts) names_.push_back(host_without_port(host));
}

bool RequestGuard::allows_host(std::string_view host_header) const {
    const auto host = host_without_port(host_header);
    if (host.empty()) return false;
    return is_address(host) || host.ends_with(".localhost") ||
           std::ranges::find(names_, host) != names_.end();
}

Result<> RequestGuard::check(const net::HttpRequest& request) const {
    const auto host = request.header("host");
    if (!allows_host(host)) {
        return fail(Errc::unauthorized,
                    "the name '{}' is not known here: use localhost or an address, or add the name "
                    "to the setting console.hosts",
                    host);
    }
    if (!changes_state(request.method)) return {};
    const auto origin = request.header("origin");
    if (origin.empty()) {
        if (request.header("sec-fetch-site") != "cross-site") return {};
        return fail(Errc::unauthorized, "a page of another site may not change anything here");
    }
    const auto scheme_end = origin.find("://");
    const auto from =
        scheme_end == std::string_view::npos ? std::string_view() : origin.substr(scheme_end + 3);
    if (!from.empty() && lower_case(from) == lower_case(host)) return {};
    return fail(Errc::unauthorized,
                "a page of {} may not change anything here: only the console at {} itself may", origin, host);
}

net::HttpResponse forbidden(const Error& error) {
    codec::JsonWriter json;
    json.begin_object().key("error").begin_object();
    json.field("code", "forbidden").field("message", error.text);
    return net::json_response(json.end_object().end_object().take(), 403);
}

std::vector<std::pair<std::string, std::string>> security_headers() {
    return {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
         "img-src 'self' data:; font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; "
         "base-uri 'none'; form-action 'self'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
}

}  // namespace penstock::monitor
