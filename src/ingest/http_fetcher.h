// One HTTP request at a time, by libcurl: redirects, proxies, compression, time and size limits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ingest/run_control.h"
#include "pipeline/spec.h"

namespace penstock::ingest {

struct FetchRequest {
    std::string url;
    std::int64_t connect_timeout_us = 0;
    bool past_proxies = false;  ///< for the built-in replica
};

struct FetchResponse {
    int status = 0;
    std::string link;                            ///< the header Link
    std::string url;                             ///< after redirects
    std::optional<std::int64_t> retry_after_us;  ///< from Retry-After, in seconds or as a date
    std::int64_t bytes = 0;                      ///< received, before decompression
};

struct FetchFailure {
    Error error;
    bool unreachable = false;  ///< no connection was made: name unknown, refused, no route, no answer in time
};

/// Bodies may have this many bytes after decompression.
inline constexpr std::size_t max_response_bytes = 64 * 1024 * 1024;

/// For one thread, but for what RunControl may call.
class HttpFetcher {
public:
    /// Resolves ${NAME} in URL, query, headers, body and proxy: Errc::invalid names what is missing.
    static Result<std::unique_ptr<HttpFetcher>> make(const pipeline::HttpSource& source, RunControl& control);
    ~HttpFetcher();

    /// The source's URL with its parameters, and further ones in place of those with the same name.
    std::string url_with(const std::vector<std::pair<std::string, std::string>>& parameters) const;

    /// Reads the body into `body`, anew. Any status of an HTTP server is a response. Ends with
    /// Errc::cancelled when the run does. Meanwhile probes go on.
    std::expected<FetchResponse, FetchFailure> fetch(const FetchRequest& request, std::string& body);

    /// Waits like RunControl::wait_us(), and lets probes go on.
    void wait_us(std::int64_t us);

    /// Begins to find out, beside what else goes on, whether a connection can be made.
    void start_probe(const std::string& url, std::int64_t timeout_us);
    /// What came of it; nothing while it is under way, or when none was begun. Tells once.
    std::optional<bool> take_probe();
    bool probing() const;

private:
    struct Impl;
    explicit HttpFetcher(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// The URL with another scheme, host and port, but the same path and query.
std::string url_on(std::string_view base_url, std::string_view url);
/// Whether a URL can be fetched from: http or https, with a host. Errc::invalid says what is wrong.
Result<> check_url(std::string_view url);
/// A reference in a response (RFC 3986 section 5), absolute.
Result<std::string> resolve_url(std::string_view base_url, std::string_view reference);

}  // namespace penstock::ingest
