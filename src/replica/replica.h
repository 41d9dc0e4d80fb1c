// Stand-ins for public APIs, served over HTTP: the same paths, parameters, answers and errors, made from a
// seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/http_server.h"

namespace penstock::replica {

struct ReplicaOptions {
    std::string name = "randomuser";  ///< one of replica_names()
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0: any free one
    /// A request without a seed of its own gets one made of this and of its number, so that whole runs
    /// repeat.
    std::string seed = "penstock";
    /// Users that one client may ask for in limit_period; then 429, as the API does with 20,000 in 300 s. 0:
    /// no limit.
    std::int64_t user_limit = 0;
    std::int64_t limit_period_us = 300'000'000;
    const Clock* clock = nullptr;  ///< null: the system's
};

/// The APIs that have a replica: "randomuser".
std::vector<std::string> replica_names();

/// Serves until destroyed. Every response carries "X-Penstock-Replica: <name>". Thread-safe.
class Replica {
public:
    /// Errc::not_found, with the names there are; Errc::unavailable when the port is in use.
    static Result<std::unique_ptr<Replica>> start(net::Shards& shards, ReplicaOptions options = {});
    ~Replica();

    std::uint16_t port() const;
    std::string base_url() const;  ///< "http://127.0.0.1:40123"
    std::int64_t requests() const;
    std::int64_t records() const;  ///< users sent

private:
    struct Impl;
    explicit Replica(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::replica
