// The nodes of a Cassandra cluster: found, connected to, and kept in step with what the cluster tells.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/task.h"
#include "store/remote/connection.h"
#include "store/remote/ring.h"
#include "store/remote/settings.h"

namespace penstock::store {

/// A node of the ring and its connections.
struct ClusterNode {
    RingNode info;
    net::Endpoint endpoint;
    std::string host;  ///< what its certificate must be for
    std::vector<std::shared_ptr<CqlConnection>> connections;
    bool local = true;  ///< in the data centre that requests go to
    bool gone = false;  ///< out of the ring

    /// The open connection with the fewest requests under way, or null.
    CqlConnection* connection() const;
};

/// On one network thread only. start() once; stop() ends all of it, and stopped() tells when.
class Cluster : public std::enable_shared_from_this<Cluster> {
public:
    struct Listener {
        std::function<void()> ready;           ///< the ring is known, and a node is connected
        std::function<void(Error)> refused;    ///< password or data centre is wrong: no use in trying on
        std::function<void()> schema_changed;  ///< or may have
    };

    Cluster(std::shared_ptr<const RemoteTablesSettings> settings, net::asio::any_io_executor executor,
            Listener listener);

    void start();
    void stop();
    bool stopped() const { return stopping_ && running_ == 0; }

    /// All of them; those of the local data centre have local set.
    const std::vector<std::shared_ptr<ClusterNode>>& nodes() const { return nodes_; }
    /// Who holds the partition; empty when it is not known.
    std::span<const std::shared_ptr<ClusterNode>> replicas(const std::string& keyspace, std::int64_t token);
    const Ring& ring() const { return ring_; }
    std::size_t local_nodes() const;
    int version() const { return version_; }
    const std::string& local_dc() const { return local_dc_; }
    const std::string& release() const { return release_; }
    const std::string& name() const { return name_; }
    /// Why the last connection failed; empty when none did.
    const std::string& trouble() const { return trouble_; }

    /// Looks after requests that take too long; to be called often.
    void sweep(CqlConnection::Clock::time_point now);
    /// Ends when stop() is called, too; false then.
    net::Task<bool> pause(std::chrono::milliseconds duration);

private:
    /// Counts a coroutine, so that stop() can tell when all have ended.
    class Running;

    static net::Task<> control_loop(std::shared_ptr<Cluster> self);
    static net::Task<> keep_connected(std::shared_ptr<Cluster> self, std::shared_ptr<ClusterNode> node);
    net::Task<Result<std::shared_ptr<CqlConnection>>> connect_somewhere();
    net::Task<Result<std::shared_ptr<CqlConnection>>> connect(net::Endpoint endpoint, std::string host);
    net::Task<Result<>> refresh(std::shared_ptr<CqlConnection> control);
    net::Task<Result<>> read_nodes(std::shared_ptr<CqlConnection> control, std::vector<RingNode>& out);
    net::Task<Result<>> read_replication(std::shared_ptr<CqlConnection> control);
    net::Task<Result<>> watch(std::shared_ptr<CqlConnection> control);
    void adopt(std::vector<RingNode> found, const net::Endpoint& control);
    void noticed(const wire::cql::Event& event);

    std::shared_ptr<const RemoteTablesSettings> settings_;
    net::asio::any_io_executor executor_;
    Listener listener_;
    std::vector<std::shared_ptr<ClusterNode>> nodes_;  ///< in the ring's order
    Ring ring_;
    std::map<std::string, Replication, std::less<>> replication_;
    /// By keyspace and position of the ring; emptied when either changes.
    std::map<std::string, std::map<std::int64_t, std::vector<std::shared_ptr<ClusterNode>>>, std::less<>>
        replicas_;
    std::string local_dc_;
    std::string release_;
    std::string name_;
    std::string trouble_;
    std::string control_host_;  ///< as the URL names the node that is asked
    int version_ = 5;
    bool known_ = false;  ///< the ring was read once
    bool ready_ = false;  ///< a connection for requests was open once
    bool stale_ = false;  ///< the cluster has told of a change
    bool stopping_ = false;
    int running_ = 0;
    std::set<net::asio::steady_timer*> sleeping_;
    std::shared_ptr<CqlConnection> control_;
};

}  // namespace penstock::store
