// GET /, the console's files, and /api/v1/openapi.json
#include <algorithm>

#include "monitor/api.h"
#include "monitor/embedded_files.h"

namespace penstock::monitor {

namespace {

constexpr std::string_view not_built = R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Penstock</title>
<h1>Penstock runs</h1>
<p>This build has no console: it was configured with PENSTOCK_CONSOLE=OFF.
A release build (<code>make</code>) has one.
<p>The REST API is here: <a href="/api/v1/status">status</a>, <a href="/api/v1/openapi.json">openapi.json</a>,
<a href="/metrics">metrics</a>.
</html>
)";

/// Whether one of the tags in If-None-Match is this one (RFC 9110, 13.1.2: weak comparison).
bool matches(std::string_view if_none_match, std::string_view etag) {
    return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

/// Whether the client takes gzip: named, and not with a weight of zero.
bool takes_gzip(std::string_view accept_encoding) {
    const auto at = accept_encoding.find("gzip");
    if (at == std::string_view::npos) return false;
    auto rest = accept_encoding.substr(at + 4);
    rest = rest.substr(0, rest.find(','));
    return rest.find("q=0") == std::string_view::npos || rest.find("q=0.") != std::string_view::npos;
}

net::HttpResponse answer_file(const EmbeddedFile& file, const net::HttpRequest& request) {
    net::HttpResponse response;
    response.content_type = file.content_type;
    response.headers.emplace_back("ETag", file.etag);
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response.headers.emplace_back("Cache-Control",
                                  file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (matches(request.header("if-none-match"), file.etag)) {
        response.status = 304;
        return response;
    }
    if (!file.gzip.empty() && takes_gzip(request.header("accept-encoding"))) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.body = file.gzip;
    } else {
        response.body = file.bytes;
    }
    return response;
}

net::Task<net::HttpResponse> get_openapi(net::HttpRequest request) {
    co_return answer_file(openapi_file(), request);
}

net::Task<net::HttpResponse> get_console_file(net::HttpRequest request) {
    const auto path = request.path == "/" ? std::string("/index.html") : request.path;
    const auto files = console_files();
    const auto found = std::ranges::find(files, path, &EmbeddedFile::path);
    if (found != files.end()) co_return answer_file(*found, request);
    if (files.empty() && path == "/index.html") {
        net::HttpResponse response;
        response.content_type = "text/html; charset=utf-8";
        response.body = not_built;
        co_return response;
    }
    const Error error{Errc::not_found, fmt::format("there is nothing at {}", path)};
    co_return net::error_response(error);
}

}  // namespace

void add_console_routes(ApiRoutes& routes) {
    routes.on_task("GET", "/api/v1/openapi.json", get_openapi);
    routes.on_task("GET", "/", get_console_file);
    for (const auto& file : console_files()) routes.on_task("GET", file.path, get_console_file);
}

}  // namespace penstock::monitor
