// The CQL port: the native protocol, versions 3 to 5, on a listener.
//
// A connection lives on one network thread. Writes are encoded there (microseconds, no disk) and handed to
// the database's writer, which brings everything that waits to the log with one fsync; so many connections
// share one. Reads may touch the disk and run on a small pool of blocking threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/connection.h"
#include "store/local_tables.h"

namespace penstock::store {

struct CqlServerOptions {
    net::ListenOptions listen{.port = 9042, .name = "cql", .setting = "ports.cql"};
    /// With a password clients must log in, and permissions are enforced: this role is a superuser with it.
    std::string user = "cassandra";
    std::string password;
    std::string cluster_name = "Penstock";
    std::size_t max_frame = 256u << 20;
    int max_in_flight = 512;  ///< requests of one connection; then it is not read any more
    int read_threads = 2;
};

class CqlServer {
public:
    /// tables and shards must outlive the server.
    static Result<std::unique_ptr<CqlServer>> start(net::Shards& shards, LocalTables& tables,
                                                    CqlServerOptions options);
    ~CqlServer();  ///< stop()
    void stop();
    std::uint16_t port() const;

private:
    struct State;
    CqlServer() = default;
    std::shared_ptr<State> state_;
    std::unique_ptr<net::Listener> listener_;
};

}  // namespace penstock::store
