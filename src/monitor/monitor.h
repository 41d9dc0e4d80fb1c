// The REST API, metrics and console on one HTTP port.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "broker/topics.h"
#include "coordinate/coordinator.h"
#include "ingest/sources.h"
#include "metadata/metadata.h"
#include "monitor/groups_view.h"
#include "monitor/pipelines_view.h"
#include "net/http_server.h"
#include "net/task.h"
#include "orchestrate/scheduler.h"
#include "registry/schemas.h"
#include "store/backup.h"
#include "store/tables.h"
#include "stream/engine.h"

namespace penstock::monitor {

/// What is shown. All of it must outlive the Monitor.
struct MonitorParts {
    broker::Topics& topics;
    store::Tables& tables;
    stream::Engine& engine;
    ingest::Sources& sources;
    metadata::Metadata& metadata;
    orchestrate::Scheduler& scheduler;
    coordinate::Coordinator& coordinator;
    registry::Schemas* schemas = nullptr;  ///< null: none runs; its paths answer 404 and say so
    const Clock& clock;
    /// From any thread, about once a second; must be quick.
    std::function<PipelinesView()> pipelines;
    /// groups_of() the embedded log, or those of a real Kafka. From the pool. Empty: /groups says that none
    /// are told.
    std::function<Result<std::vector<broker::ConsumerGroup>>()> groups;
    /// Commits offsets for a group without members, as its members would. From the pool. Empty where groups
    /// is.
    std::function<Result<>(const std::string& group, const broker::PartitionOffsets&)> set_offsets;
    /// With what it has committed. From the pool. Empty where the embedded log does not run.
    std::function<Result<>(const std::string& group)> delete_group;
    /// Makes a copy of the tables by this name. From the pool. Empty: /tables/backups says that these are not
    /// ours.
    std::function<Result<store::Backup>(const std::string&)> backup_tables;
    /// False while the pipelines are being loaded: /health answers 503 until then. Empty: always loaded. From
    /// any thread.
    std::function<bool()> loaded;
};

struct RedirectPort {
    std::uint16_t port = 0;  ///< 0: any free one
    std::string to = "/";    ///< a path, with or without a #fragment, on the console's port
};

struct MonitorOptions {
    /// name and setting are filled in when empty.
    net::ListenOptions listen{.port = 8080, .max_connections = 1000};
    /// Names by which browsers may reach the console, besides loopback names and addresses:
    /// "penstock.example.org".
    std::vector<std::string> hosts;
    /// Well-known ports of other systems that lead to the console. One in use is a warning and no more.
    std::vector<RedirectPort> redirect_ports;
    /// Shown by /status: kafka, cql, schemas. The console's own is added.
    std::map<std::string, std::uint16_t> ports;
    std::string data_directory;
    std::size_t max_body_bytes = 32 * 1024 * 1024;
    int max_event_streams = 100;  ///< open consoles; more get 503
    int max_sql = 4;              ///< statements at once; more get 503
    /// How often counters are taken; rates are over the last five. 0: only by sample_now(), for tests.
    std::int64_t sample_every_us = 1'000'000;
};

/// Thread-safe.
class Monitor {
public:
    ~Monitor();  ///< stop()
    /// Takes no more requests and waits for those under way.
    void stop();
    std::uint16_t port() const;
    /// The ports that lead to the console, without those that were in use.
    std::vector<std::uint16_t> redirect_ports() const;
    /// Takes the counters now. For tests.
    void sample_now();

private:
    friend Result<std::unique_ptr<Monitor>> start_monitor(net::Shards&, net::BlockingPool&, MonitorParts,
                                                          MonitorOptions);
    struct Impl;
    explicit Monitor(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Binds and serves. Errc::unavailable, naming port and setting, when the port is in use. What blocks runs on
/// the pool; shards and pool must outlive the Monitor.
Result<std::unique_ptr<Monitor>> start_monitor(net::Shards& shards, net::BlockingPool& pool,
                                               MonitorParts parts, MonitorOptions options = {});

}  // namespace penstock::monitor
