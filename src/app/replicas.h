// The built-in replicas of public APIs, started when a source first needs one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ingest/sources.h"
#include "net/task.h"
#include "replica/replica.h"

namespace penstock::app {

/// Thread-safe. Listens on loopback, on any free port.
class BuiltInReplicas final : public ingest::Replicas {
public:
    explicit BuiltInReplicas(net::Shards& shards) : shards_(shards) {}
    Result<std::string> base_url(std::string_view name) override;

private:
    net::Shards& shards_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<replica::Replica>, std::less<>> running_;
};

}  // namespace penstock::app
