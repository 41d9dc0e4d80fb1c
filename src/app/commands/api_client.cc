#include "app/commands/api_client.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "net/http_client.h"

namespace penstock::app {
namespace {

/// SQL over much data takes its time; a server that is gone is noticed by its connection.
constexpr std::chrono::milliseconds call_limit = std::chrono::minutes(10);

constexpr std::array codes{Errc::invalid,   Errc::not_found,    Errc::exists,      Errc::out_of_range,
                           Errc::corrupt,   Errc::io,           Errc::full,        Errc::unavailable,
                           Errc::timeout,   Errc::unauthorized, Errc::unsupported, Errc::fenced,
                           Errc::cancelled, Errc::internal};

/// "not found", or "not_found".
Errc code_of(std::string name) {
    std::replace(name.begin(), name.end(), '_', ' ');
    for (auto code : codes)
        if (to_string(code) == name) return code;
    return Errc::internal;
}

}  // namespace

std::string percent_encoded(std::string_view text) {
    std::string out;
    for (unsigned char c : text) {
        if (std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
            out += char(c);
        } else {
            out += fmt::format("%{:02X}", unsigned(c));
        }
    }
    return out;
}

ApiClient::ApiClient(std::string server) : server_(std::move(server)) {
    if (server_.find("://") == std::string::npos) server_ = "http://" + server_;
    while (server_.ends_with('/')) server_.pop_back();
}

Result<JsonDocument> ApiClient::get(std::string_view path) {
    return call("GET", path, {});
}

Result<JsonDocument> ApiClient::post(std::string_view path, std::string_view json_body) {
    return call("POST", path, json_body);
}

Result<JsonDocument> ApiClient::remove(std::string_view path) {
    return call("DELETE", path, {});
}

Result<JsonDocument> ApiClient::call(std::string_view method, std::string_view path, std::string_view body) {
    net::HttpHeaders headers{{"Accept", "application/json"}};
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    auto answer = net::http_request(method, fmt::format("{}{}", server_, path), body, headers, call_limit);
    if (!answer) {
        if (answer.error().code != Errc::unavailable) return fail("--server", answer.error());
        return fail(Errc::unavailable,
                    "no Penstock answers at {}: start one with 'penstock up', or "
                    "say where it is with --server ({})",
                    server_, answer.error().text);
    }
    auto document = JsonDocument::parse(answer->body);
    bool fine = answer->status >= 200 && answer->status < 300;
    if (document && fine) return document;
    auto error = document ? document->root()["error"] : JsonValue();
    // Only /health answers so: its pipelines are not loaded yet.
    if (document && document->root()["status"].text() == "starting")
        return fail(Errc::unavailable, "Penstock at {} is starting", server_);
    if (!error.there()) {
        return fail(Errc::unavailable,
                    "what answers at {} is not a Penstock (HTTP {} without its "
                    "JSON for {} {}): say where it is with --server",
                    server_, answer->status, method, path);
    }
    return fail(code_of(error["code"].text()), "{}", error["message"].text());
}

}  // namespace penstock::app
