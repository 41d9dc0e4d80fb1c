// Who is connected, for system_views.clients.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::store::cql {

struct ClientEntry {
    std::string address;
    std::uint16_t port = 0;
    std::map<std::string, std::string> options;  ///< of STARTUP
    int version = 0;                             ///< of the protocol
    bool encrypted = false;
    bool ready = false;  ///< logged in, where that is asked for
    std::string role;    ///< empty: nobody
    std::string keyspace;
    std::uint64_t requests = 0;
};

/// A connection's entry: it goes when the connection lets go of it. Thread-safe.
class Client {
public:
    explicit Client(ClientEntry entry) : entry_(std::move(entry)) {}
    void count_request() { ++requests_; }
    void use(std::string keyspace);
    void log_in(std::string role);
    ClientEntry entry() const;

private:
    mutable std::mutex mutex_;
    ClientEntry entry_;
    std::atomic<std::uint64_t> requests_{0};
};

/// Thread-safe.
class ClientList {
public:
    std::shared_ptr<Client> add(ClientEntry entry);
    /// By address and port.
    std::vector<ClientEntry> entries() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::weak_ptr<Client>> clients_;
    std::size_t tidy_at_ = 64;  ///< so many entries are worth a look for those who have gone
};

}  // namespace penstock::store::cql
