// Any Confluent-compatible schema registry, by its REST API.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "registry/schemas.h"

namespace penstock::registry {

struct RemoteSchemasOptions {
    /// Rounds over all URLs before a request fails with Errc::unavailable; one with a timeout is the last.
    /// Whoever asked waits and asks again.
    int attempts = 3;
    std::int64_t backoff_us = 100'000;     ///< before the second round; doubles, with jitter
    std::int64_t timeout_us = 10'000'000;  ///< of one request
    std::size_t max_cached = 10'000;       ///< schemas kept by id, and by subject and version
};

/// url:
/// http(s)://[user:password@]host[:8081][,host2[:port]...][/base][?ca_file=F&cert_file=F&key_file=F&verify_tls=false].
/// Errc::invalid when it is none. Nothing is asked yet: a registry that is down is a matter of each request.
/// Several hosts are one registry: the next is asked when one does not answer. What has an id or a version
/// never changes and is asked for once; the latest version is asked for each time.
Result<std::unique_ptr<Schemas>> open_remote_schemas(std::string_view url, RemoteSchemasOptions options = {});

}  // namespace penstock::registry
