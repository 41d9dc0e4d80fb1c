// A blocking HTTP client for long-lived use by libcurl: http and https, a password, and connections that are
// kept between requests. Not for network threads.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"

namespace penstock::net {

struct HttpSessionOptions {
    std::optional<std::string> user;  ///< with password: sent as Basic authentication with every request
    std::optional<std::string> password;
    bool verify_tls = true;
    std::string ca_file;    ///< PEM: trusted instead of the system's authorities
    std::string cert_file;  ///< PEM: the client's own certificate
    std::string key_file;
    std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);
    std::chrono::milliseconds timeout = std::chrono::seconds(30);  ///< of a whole request
    std::size_t max_body_bytes = 16 * 1024 * 1024;                 ///< of an answer
};

/// For one thread at a time.
class HttpSession {
public:
    explicit HttpSession(HttpSessionOptions options);
    ~HttpSession();
    HttpSession(HttpSession&&) noexcept;

    /// Any status of an HTTP server is a result; up to five redirects are followed. Errc::unavailable when
    /// nobody answers, Errc::unauthorized when the certificate is not trusted, Errc::timeout, Errc::full for
    /// an answer over max_body_bytes, Errc::invalid for a URL that is none.
    Result<HttpResult> request(std::string_view method, const std::string& url, std::string_view body = {},
                               const HttpHeaders& headers = {});

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::net
