// Keeps other web sites from using the console of the person who visits them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"

namespace penstock::monitor {

/// Immutable, thus thread-safe.
class RequestGuard {
public:
    /// bound: the address or name that the server listens on. hosts: further names, without ports.
    RequestGuard(std::string bound, std::vector<std::string> hosts);

    /// Errc::unauthorized, saying why and which setting helps, when
    /// - the header Host names something that is not ours. An attacker's name that resolves to our address
    /// (DNS
    ///   rebinding) makes his page same-origin with us; addresses cannot be rebound, so they all pass.
    /// - the request changes state (is not GET, HEAD or OPTIONS) and comes from a page of another origin.
    /// Programs send no Origin and are not concerned.
    Result<> check(const net::HttpRequest& request) const;
    bool allows_host(std::string_view host_header) const;

private:
    std::vector<std::string> names_;  ///< lower case
};

/// 403 with the error as JSON.
net::HttpResponse forbidden(const Error& error);

/// "[::1]:8080" -> "[::1]", "localhost:80" -> "localhost", in lower case, without a trailing dot.
std::string host_without_port(std::string_view host);

/// Content-Security-Policy and its kin, for every response.
std::vector<std::pair<std::string, std::string>> security_headers();

}  // namespace penstock::monitor
