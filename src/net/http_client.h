// A small blocking HTTP/1.1 client for the command line: one request, one connection. Not for network
// threads.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace penstock::net {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpResult {
    int status = 0;
    HttpHeaders headers;  ///< names in lower case
    std::string body;

    std::string_view header(std::string_view lower_case_name) const;  ///< empty when absent
};

/// url: "http://host:port/path?query". Any status is a result. Errc::unavailable when nothing listens there,
/// Errc::timeout when the whole took longer than timeout, Errc::invalid for a URL that is none, Errc::full
/// for a body over 256 MiB.
Result<HttpResult> http_request(std::string_view method, std::string_view url, std::string_view body = {},
                                const HttpHeaders& headers = {},
                                std::chrono::milliseconds timeout = std::chrono::seconds(30));

/// GET; calls on_line with each line of the body, without its end, as it arrives, until on_line returns false
/// or the server closes. timeout bounds the answer's headers and each silence after them; zero: no limit on
/// silence. Fails with Errc::unavailable, and the start of the body, when the status is not 200.
Result<> http_lines(std::string_view url, const HttpHeaders& headers,
                    const std::function<bool(std::string_view)>& on_line,
                    std::chrono::milliseconds timeout = std::chrono::seconds(30));

}  // namespace penstock::net
