// The registry's REST API: the paths, bodies, content type and error codes of Confluent's Schema
// Registry, so that its clients and serializers work unchanged.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/http_server.h"
#include "net/task.h"
#include "registry/local_schemas.h"

namespace penstock::registry {

struct RegistryOptions {
    net::ListenOptions listen{.port = 8081, .name = "schemas", .setting = "ports.schemas"};
    std::size_t max_body_bytes = 4 * 1024 * 1024;
};

/// Answers on the shards; what touches the registry runs on one thread of its own, as a change
/// waits for the disk.
class RegistryServer {
public:
    /// schemas must outlive the server. Errc::unavailable, naming port and setting, when the port
    /// is in use.
    static Result<std::unique_ptr<RegistryServer>> start(net::Shards& shards, LocalSchemas& schemas,
                                                         RegistryOptions options = {});
    ~RegistryServer();
    void stop();
    std::uint16_t port() const;

private:
    struct Impl;
    explicit RegistryServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::registry
