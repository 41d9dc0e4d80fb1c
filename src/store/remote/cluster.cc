#include "store/remote/cluster.h"

#include <algorithm>

#include "base/log.h"
#include "store/remote/retry.h"
#include "store/remote/system_rows.h"
#include "wire/cql/request.h"

namespace penstock::store {
namespace {

using std::chrono::milliseconds;
using wire::cql::Opcode;

/// Several changes come at once when a node starts or stops.
constexpr milliseconds settle{200};
constexpr milliseconds look_again{60'000};
constexpr milliseconds least_pause{100};
constexpr milliseconds most_pause{2'000};

}  // namespace

class Cluster::Running {
public:
    explicit Running(Cluster& of) : of_(of) { ++of_.running_; }
    ~Running() { --of_.running_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

private:
    Cluster& of_;
};

CqlConnection* ClusterNode::connection() const {
    CqlConnection* best = nullptr;
    for (const auto& one : connections)
        if (one->is_open() && (best == nullptr || one->in_flight() < best->in_flight())) best = one.get();
    return best;
}

Cluster::Cluster(std::shared_ptr<const RemoteTablesSettings> settings, net::asio::any_io_executor executor,
                 Listener listener)
    : settings_(std::move(settings)),
      executor_(std::move(executor)),
      listener_(std::move(listener)),
      local_dc_(settings_->local_dc),
      version_(settings_->protocol) {}

void Cluster::start() {
    net::spawn(executor_, control_loop(shared_from_this()), "cassandra");
}

void Cluster::stop() {
    stopping_ = true;
    for (auto* timer : sleeping_) timer->cancel();
    if (control_) control_->close({Errc::cancelled, "stopped"});
    for (const auto& node : nodes_) {
        node->gone = true;
        auto connections = node->connections;
        for (const auto& one : connections) one->close({Errc::cancelled, "stopped"});
    }
}

void Cluster::sweep(CqlConnection::Clock::time_point now) {
    if (auto control = control_) control->sweep(now);
    auto nodes = nodes_;
    for (const auto& node : nodes) {
        auto connections = node->connections;
        for (const auto& one : connections) one->sweep(now);
    }
}

net::Task<bool> Cluster::pause(milliseconds duration) {
    if (stopping_) co_return false;
    net::asio::steady_timer timer(executor_, duration);
    sleeping_.insert(&timer);
    boost::system::error_code ignored;
    co_await timer.async_wait(net::asio::redirect_error(net::asio::use_awaitable, ignored));
    sleeping_.erase(&timer);
    co_return !stopping_;
}

std::size_t Cluster::local_nodes() const {
    return std::size_t(std::ranges::count_if(nodes_, [](const auto& node) { return node->local; }));
}

std::span<const std::shared_ptr<ClusterNode>> Cluster::replicas(const std::string& keyspace,
                                                                std::int64_t token) {
    auto replication = replication_.find(keyspace);
    if (replication == replication_.end()) return {};
    // All tokens between two of the ring's have the same replicas.
    auto owner = ring_.token_at_or_after(token);
    if (!owner) return {};
    auto [at, fresh] = replicas_[keyspace].try_emplace(*owner);
    if (fresh)
        for (auto index : ring_.replicas(replication->second, *owner))
            if (nodes_[index]->local) at->second.push_back(nodes_[index]);
    return at->second;
}

net::Task<Result<std::shared_ptr<CqlConnection>>> Cluster::connect(net::Endpoint endpoint, std::string host) {
    while (true) {
        auto opened = co_await CqlConnection::open(settings_, endpoint, host, version_);
        if (opened || opened.error().code != Errc::unsupported || version_ <= 4) co_return opened;
        log::info("Cassandra at {}:{} does not speak protocol version {}: going on with {}", endpoint.address,
                  endpoint.port, version_, version_ - 1);
        --version_;
    }
}

/// The nodes that are known, then those of the URL: the first that answers.
net::Task<Result<std::shared_ptr<CqlConnection>>> Cluster::connect_somewhere() {
    Error last{Errc::unavailable, "it has no address"};
    // Those first that are connected.
    std::vector<std::shared_ptr<ClusterNode>> nodes;
    for (bool connected : {true, false})
        for (const auto& node : nodes_)
            if ((node->connection() != nullptr) == connected) nodes.push_back(node);
    for (const auto& node : nodes) {
        if (!node->local || stopping_) continue;
        auto opened = co_await connect(node->endpoint, node->host);
        if (opened) {
            control_host_ = node->host;
            co_return opened;
        }
        last = opened.error();
    }
    for (const auto& host : settings_->hosts) {
        auto found = co_await net::resolve_host(host.name, host.port);
        if (!found) last = found.error();
        for (std::size_t i = 0; found && i < found->size() && !stopping_; ++i) {
            auto opened = co_await connect((*found)[i], host.name);
            if (opened) {
                control_host_ = host.name;
                co_return opened;
            }
            last = opened.error();
        }
    }
    co_return fail(std::move(last));
}

net::Task<> Cluster::control_loop(std::shared_ptr<Cluster> self) {
    Running running(*self);
    auto delay = least_pause;
    while (!self->stopping_) {
        auto control = co_await self->connect_somewhere();
        Result<> ended = control ? Result<>() : Result<>(fail(control.error()));
        if (control && !self->stopping_) {
            self->control_ = *control;
            ended = co_await self->watch(*control);
            (*control)->close({Errc::cancelled, "no longer asked"});
            self->control_.reset();
            if (self->known_) delay = least_pause;
        }
        if (self->stopping_) break;
        if (!ended) {
            self->trouble_ = ended.error().text;
            bool hopeless = ended.error().code == Errc::unauthorized || ended.error().code == Errc::invalid;
            if (!self->known_ && hopeless && self->listener_.refused) self->listener_.refused(ended.error());
        }
        bool going_on = co_await self->pause(delay);
        if (!going_on) break;
        delay = std::min(delay * 2, most_pause);
    }
}

/// Reads the ring, and again whenever something has changed, until the connection ends.
net::Task<Result<>> Cluster::watch(std::shared_ptr<CqlConnection> control) {
    control->listen([self = weak_from_this()](const wire::cql::Event& event) {
        if (auto cluster = self.lock()) cluster->noticed(event);
    });
    wire::cql::Register wanted{{"TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"}};
    auto registered = co_await ask(control, wire::cql::Request(std::move(wanted)));
    if (!registered) co_return fail(std::move(registered).error());
    // Whatever was told while nobody listened.
    if (listener_.schema_changed) listener_.schema_changed();
    while (!stopping_ && control->is_open()) {
        stale_ = false;
        auto read = co_await refresh(control);
        if (!read) co_return read;
        if (!known_ && local_nodes() == 0)
            co_return fail(Errc::invalid, "it has no node in the data centre {}", local_dc_);
        if (!known_) {
            known_ = true;
            log::info("Cassandra at {}: {} {}, protocol {}, {} node(s), data centre {}", settings_->shown,
                      name_, release_, version_, nodes_.size(), local_dc_);
        }
        auto until = CqlConnection::Clock::now() + look_again;
        while (!stale_ && control->is_open() && CqlConnection::Clock::now() < until) {
            bool going_on = co_await pause(settle);
            if (!going_on) co_return Result<>{};
        }
    }
    if (!control->is_open()) {
        auto why = co_await control->closed();
        co_return fail(std::move(why));
    }
    co_return Result<>{};
}

void Cluster::noticed(const wire::cql::Event& event) {
    stale_ = true;
    if (event.kind == wire::cql::Event::Kind::schema && listener_.schema_changed) listener_.schema_changed();
}

net::Task<Result<>> Cluster::refresh(std::shared_ptr<CqlConnection> control) {
    std::vector<RingNode> found;
    auto read = co_await read_nodes(control, found);
    if (!read) co_return read;
    auto replication = co_await read_replication(control);
    if (!replication) co_return replication;
    adopt(std::move(found), control->endpoint());
    co_return Result<>{};
}

net::Task<Result<>> Cluster::read_nodes(std::shared_ptr<CqlConnection> control, std::vector<RingNode>& out) {
    auto local = co_await ask_rows(control, "SELECT * FROM system.local WHERE key='local'");
    if (!local) co_return fail(std::move(local).error());
    if (local->size() != 1) co_return fail(Errc::corrupt, "system.local has {} rows", local->size());
    const auto& self = local->front();
    name_ = self.text("cluster_name");
    release_ = self.text("release_version");
    if (local_dc_.empty()) local_dc_ = self.text("data_center");
    out.push_back(node_of(self));
    out.back().address = control->endpoint().address;
    out.back().port = control->endpoint().port;
    // Before 4.0 there is but system.peers, without ports.
    auto peers = co_await ask_rows(control, "SELECT * FROM system.peers_v2");
    bool is_old = !peers && (peers.error().code == Errc::not_found || peers.error().code == Errc::invalid);
    if (is_old) peers = co_await ask_rows(control, "SELECT * FROM system.peers");
    if (!peers) co_return fail(std::move(peers).error());
    for (const auto& row : *peers) {
        auto node = node_of(row);
        if (node.port == 0) node.port = control->endpoint().port;
        // A row that is being written is not a node yet.
        if (!node.address.empty() && !node.tokens.empty()) out.push_back(std::move(node));
    }
    co_return Result<>{};
}

net::Task<Result<>> Cluster::read_replication(std::shared_ptr<CqlConnection> control) {
    auto rows = co_await ask_rows(control, "SELECT keyspace_name, replication FROM system_schema.keyspaces");
    if (!rows) co_return fail(std::move(rows).error());
    std::map<std::string, Replication, std::less<>> read;
    for (const auto& row : *rows) read[row.text("keyspace_name")] = row.text_map("replication");
    replication_ = std::move(read);
    replicas_.clear();
    co_return Result<>{};
}

/// Nodes that stay keep their connections; new ones get theirs; those that left lose them.
void Cluster::adopt(std::vector<RingNode> found, const net::Endpoint& control) {
    std::vector<std::shared_ptr<ClusterNode>> nodes;
    for (const auto& info : found) {
        auto at = std::ranges::find_if(nodes_, [&](const auto& node) { return node->info.id == info.id; });
        bool known = at != nodes_.end();
        auto node = known ? *at : std::make_shared<ClusterNode>();
        bool is_control = info.address == control.address && info.port == control.port;
        // The address that works stays; the one that others tell may not be reachable from here.
        bool moved = known && !is_control && node->connections.empty() && node->info.address != info.address;
        if (!known || moved) {
            node->endpoint = {info.address, info.port};
            node->host = is_control ? control_host_ : info.address;
        }
        node->info = info;
        node->local = local_dc_.empty() || info.data_center == local_dc_;
        nodes.push_back(node);
        if (known || !node->local || stopping_) continue;
        for (int i = 0; i < settings_->connections; ++i)
            net::spawn(executor_, keep_connected(shared_from_this(), node), "cassandra");
    }
    for (const auto& node : nodes_) {
        if (std::ranges::find(nodes, node) != nodes.end()) continue;
        log::info("Cassandra at {}: node {}:{} has left", settings_->shown, node->endpoint.address,
                  node->endpoint.port);
        node->gone = true;
        auto connections = node->connections;
        for (const auto& one : connections) one->close({Errc::unavailable, "the node has left the ring"});
    }
    nodes_ = std::move(nodes);
    ring_ = Ring(std::move(found));
    replicas_.clear();
}

net::Task<> Cluster::keep_connected(std::shared_ptr<Cluster> self, std::shared_ptr<ClusterNode> node) {
    Running running(*self);
    auto delay = least_pause;
    while (!self->stopping_ && !node->gone) {
        auto opened = co_await self->connect(node->endpoint, node->host);
        Error why;
        if (opened && (self->stopping_ || node->gone)) {
            (*opened)->close({Errc::cancelled, "stopped"});
            break;
        }
        if (opened) {
            auto connection = *opened;
            delay = least_pause;
            node->connections.push_back(connection);
            // The first one: requests have somewhere to go.
            if (!self->ready_ && self->listener_.ready) self->listener_.ready();
            self->ready_ = true;
            why = co_await connection->closed();
            std::erase(node->connections, connection);
        } else {
            why = opened.error();
        }
        if (self->stopping_ || node->gone) break;
        self->trouble_ = why.text;
        bool going_on = co_await self->pause(delay);
        if (!going_on) break;
        delay = std::min(delay * 2, most_pause);
    }
}

}  // namespace penstock::store
