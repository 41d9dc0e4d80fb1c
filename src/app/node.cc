#include "app/node.h"

#include <atomic>
#include <filesystem>

#include "app/deployment.h"
#include "app/file_watcher.h"
#include "app/progress.h"
#include "app/replicas.h"
#include "app/task_actions.h"
#include "base/log.h"
#include "base/service_url.h"
#include "broker/local_topics.h"
#include "broker/remote_topics.h"
#include "broker/server/broker_settings.h"
#include "broker/server/kafka_server.h"
#include "coordinate/coordinator.h"
#include "coordinate/zookeeper.h"
#include "metadata/postgres.h"
#include "monitor/monitor.h"
#include "net/http_target.h"
#include "registry/local_schemas.h"
#include "registry/remote_schemas.h"
#include "registry/server/registry_server.h"
#include "store/local_tables.h"
#include "store/remote_tables.h"
#include "store/server/cql_server.h"
#include "stream/native_engine.h"
#include "stream/spark/spark_engine.h"

namespace penstock::app {
namespace {

namespace fs = std::filesystem;

monitor::PipelinesView view_of(const Deployment& deployment) {
    monitor::PipelinesView view;
    for (auto& file : deployment.files()) {
        auto& shown = view.pipelines.emplace_back();
        shown.file = file.file;
        shown.name = file.running ? file.running->name : fs::path(file.file).stem().string();
        shown.revision = file.running ? file.revision : 0;
        shown.text = std::move(file.newest_text);
        shown.running = std::move(file.running);
        shown.problems = std::move(file.problems);
    }
    return view;
}

net::ListenOptions listen_options(const Settings& settings, std::uint16_t port, const char* name,
                                  const char* setting) {
    return {.host = settings.host, .port = port, .name = name, .setting = setting};
}

/// Where a port that listens everywhere is reached from here.
std::string_view own_host(std::string_view listens) {
    return listens == "0.0.0.0" || listens == "::" ? "127.0.0.1" : listens;
}

broker::Durability durability_of(std::string_view fsync) {
    if (fsync == "flushed") return broker::Durability::flushed;
    if (fsync == "memory") return broker::Durability::memory;
    return broker::Durability::durable;
}

struct BrokerOptions {
    broker::KafkaServerOptions server;
    broker::LocalTopicsOptions topics;
};

Result<BrokerOptions> broker_options(const Settings& settings) {
    BrokerOptions options;
    options.topics.data_directory = fs::path(settings.data_directory) / "topics";
    options.topics.durability = durability_of(settings.fsync);
    auto& listen = options.server.listen;
    listen = listen_options(settings, settings.kafka_port, "kafka", "--kafka-port");
    listen.host = settings.kafka_host;
    listen.tls = {.certificate = settings.kafka_tls_certificate,
                  .key = settings.kafka_tls_key,
                  .client_authority = settings.kafka_tls_client_authority};
    for (const auto& assignment : settings.kafka_set)
        if (auto done = broker::set_broker_setting(assignment, options.server, options.topics); !done)
            return fail(Errc::invalid, "--kafka-set: {}", done.error().text);
    return options;
}

}  // namespace

/// In the data's order; destroyed in reverse.
struct Node::Parts {
    explicit Parts(const Settings& asked) : settings(asked), shards(asked.network_threads), pool(4) {}

    Settings settings;
    Ports ports;
    net::Shards shards;
    net::BlockingPool pool;

    std::unique_ptr<coordinate::Coordinator>
        directory_lock;  ///< with several processes: of its own directory
    std::unique_ptr<coordinate::Coordinator> coordinator;
    std::unique_ptr<metadata::Metadata> metadata;
    std::unique_ptr<registry::Schemas> schemas;
    registry::LocalSchemas* local_schemas = nullptr;  ///< the same, when they are our own: they have a port
    std::unique_ptr<broker::Topics> topics;
    broker::LocalTopics* local_topics = nullptr;  ///< the same, when they are our own: they have a port
    broker::KafkaTopics* kafka_topics = nullptr;  ///< the same, when they are a real Kafka's
    std::unique_ptr<store::Tables> tables;
    store::LocalTables* local_tables = nullptr;  ///< the same, when they are our own: they have a port
    std::unique_ptr<BuiltInReplicas> replicas;
    std::unique_ptr<ingest::Sources> sources;
    std::unique_ptr<stream::Engine> engine;
    std::unique_ptr<PipelineTaskActions> actions;
    std::unique_ptr<orchestrate::Scheduler> scheduler;
    std::unique_ptr<Deployment> deployment;

    std::unique_ptr<broker::KafkaServer> kafka_server;
    std::unique_ptr<store::CqlServer> cql_server;
    std::unique_ptr<registry::RegistryServer> registry_server;
    std::unique_ptr<monitor::Monitor> monitor;
    std::unique_ptr<FileWatcher> watcher;
    std::unique_ptr<Progress> progress;
    std::atomic<bool> loaded = false;  ///< the pipelines have been, once

    bool is_one_of_several() const { return settings.coordination != "embedded"; }
    Result<> open_coordination();
    Result<> open_layers();
    std::optional<ingest::SourceOwnership> source_ownership();
    std::optional<stream::QueryOwnership> query_ownership();
    Result<> open_engine();
    Result<> wire();
    Result<> listen_kafka();
    Result<> listen_schemas();
    Result<> listen();
    Result<> watch();
};

/// The lock comes first: nobody else may touch what is opened after it.
Result<> Node::Parts::open_coordination() {
    auto lock = TRY(coordinate::single_process(settings.data_directory));
    if (!is_one_of_several()) {
        coordinator = std::move(lock);
        return {};
    }
    directory_lock = std::move(lock);
    coordinate::ZookeeperOptions options;
    options.address = fmt::format("http://{}:{}", settings.host, settings.console_port);
    coordinator = TRY(coordinate::open_zookeeper(settings.coordination, options));
    return {};
}

Result<> Node::Parts::open_layers() {
    const fs::path data = settings.data_directory;
    std::error_code error;
    fs::create_directories(data, error);
    if (error) return fail(Errc::io, "cannot create {}: {}", data.string(), error.message());
    TRY(open_coordination());
    metadata = TRY(settings.metadata == "embedded" ? metadata::open_sqlite(data / "metadata.sqlite")
                                                   : metadata::open_postgres(settings.metadata));
    if (settings.schemas == "embedded") {
        auto local = TRY(registry::LocalSchemas::open(data / "schemas"));
        local_schemas = local.get();
        schemas = std::move(local);
    } else {
        schemas = TRY(registry::open_remote_schemas(settings.schemas));
    }
    if (settings.kafka == "embedded") {
        auto options = TRY(broker_options(settings));
        auto local = TRY(broker::LocalTopics::open(std::move(options.topics)));
        local_topics = local.get();
        topics = std::move(local);
    } else {
        auto remote = TRY(broker::open_remote_topics(settings.kafka));
        kafka_topics = remote.get();
        topics = std::move(remote);
    }
    if (settings.tables == "embedded") {
        auto local = TRY(store::open_local_tables(
            {.data_directory = data,
             .block_cache_bytes = std::size_t(settings.block_cache_mb) * 1024 * 1024,
             .sync = settings.commitlog_sync == "periodic" ? store::SyncPolicy::periodic
                                                           : store::SyncPolicy::batch,
             .sasi_indexes = settings.sasi_indexes}));
        local_tables = local.get();
        tables = std::move(local);
    } else {
        tables = TRY(store::open_remote_tables(settings.tables));
    }
    return {};
}

std::optional<ingest::SourceOwnership> Node::Parts::source_ownership() {
    if (!is_one_of_several()) return std::nullopt;
    return ingest::SourceOwnership{.epoch =
                                       [this](std::string_view name) {
                                           return right_to(*coordinator, work_of_source(name, false),
                                                           work_of_source(name, true));
                                       },
                                   .lost = [this](std::string_view name) { deployment->lost(name); }};
}

std::optional<stream::QueryOwnership> Node::Parts::query_ownership() {
    if (!is_one_of_several()) return std::nullopt;
    return stream::QueryOwnership{.epoch =
                                      [this](std::string_view name) {
                                          return right_to(*coordinator, work_of_query(name, false),
                                                          work_of_query(name, true));
                                      },
                                  .lost = [this](std::string_view name) { deployment->lost(name); },
                                  .shares_tables = settings.tables != "embedded"};
}

/// Spark reads topics and tables by their own protocols: where they are is known once the ports are bound.
Result<> Node::Parts::open_engine() {
    if (settings.engine == "embedded") {
        engine = stream::make_native_engine(*topics, *tables, system_clock(),
                                            {.schemas = schemas.get(), .ownership = query_ownership()});
        return {};
    }
    auto neighbours = [this] {
        stream::SparkNeighbours out;
        out.kafka = local_topics ? fmt::format("kafka://{}:{}", settings.host, ports.kafka) : settings.kafka;
        auto login = settings.cql_password.empty()
                         ? std::string()
                         : fmt::format("cassandra:{}@", net::percent_encode(settings.cql_password));
        out.tables = settings.tables == "embedded"
                         ? fmt::format("cassandra://{}{}:{}", login, own_host(settings.cql_host), ports.cql)
                         : settings.tables;
        out.checkpoints =
            fs::absolute(fs::path(settings.data_directory) / "spark").lexically_normal().string();
        return out;
    };
    engine = TRY(stream::make_spark_engine(*topics, *tables, system_clock(), settings.engine, neighbours,
                                           {.ownership = query_ownership()}));
    return {};
}

Result<> Node::Parts::wire() {
    const auto& clock = system_clock();
    replicas = std::make_unique<BuiltInReplicas>(shards);
    sources =
        ingest::make_sources(*topics, *replicas, {.schemas = schemas.get(), .ownership = source_ownership()});
    TRY(open_engine());
    actions = std::make_unique<PipelineTaskActions>(*sources, *engine);
    scheduler = orchestrate::make_scheduler(
        *metadata, *coordinator, *actions, clock,
        {.election = is_one_of_several() ? metadata::Metadata::Election::by_coordinator
                                         : metadata::Metadata::Election::by_lock});
    Layers layers{*topics, *engine, *sources, *scheduler, *metadata, clock, *coordinator};
    deployment = std::make_unique<Deployment>(layers, settings.files);
    actions->use(deployment.get());
    return {};
}

Result<> Node::Parts::listen_kafka() {
    auto kafka = TRY(broker_options(settings)).server;
    kafka.security.admin_password = settings.kafka_password;
    kafka.security.super_users.insert(settings.kafka_super_users.begin(), settings.kafka_super_users.end());
    kafka.security.is_authorized = !settings.kafka_super_users.empty();
    if (!settings.advertised.empty()) {
        auto address = TRY(parse_service_url("kafka://" + settings.advertised, "kafka"));
        kafka.advertised_host = address.hosts.at(0).name;
        kafka.advertised_port = address.hosts[0].port.value_or(settings.kafka_port);
    }
    kafka_server = TRY(broker::KafkaServer::start(shards, *local_topics, kafka));
    ports.kafka = kafka_server->port();
    return {};
}

Result<> Node::Parts::listen_schemas() {
    auto listen = listen_options(settings, settings.schemas_port, "schema registry", "--schemas-port");
    registry_server = TRY(registry::RegistryServer::start(shards, *local_schemas, {.listen = listen}));
    ports.schemas = registry_server->port();
    return {};
}

/// Ports are bound before any pipeline runs: a port in use must not leave half a system behind.
Result<> Node::Parts::listen() {
    if (local_topics) TRY(listen_kafka());
    if (local_tables) {
        store::CqlServerOptions cql{.listen =
                                        listen_options(settings, settings.cql_port, "cql", "--cql-port")};
        cql.listen.host = settings.cql_host;
        cql.listen.tls = {.certificate = settings.cql_tls_certificate,
                          .key = settings.cql_tls_key,
                          .client_authority = settings.cql_tls_client_authority};
        cql.password = settings.cql_password;
        cql_server = TRY(store::CqlServer::start(shards, *local_tables, std::move(cql)));
        ports.cql = cql_server->port();
    }
    if (local_schemas) TRY(listen_schemas());

    monitor::MonitorParts shown{*topics,
                                *tables,
                                *engine,
                                *sources,
                                *metadata,
                                *scheduler,
                                *coordinator,
                                schemas.get(),
                                system_clock(),
                                [this] { return view_of(*deployment); },
                                {},
                                {}};
    if (local_topics) {
        shown.groups = [this] {
            return monitor::groups_of(*local_topics, kafka_server->groups(), kafka_server->consumer_groups());
        };
        shown.delete_group = [this](const std::string& group) { return kafka_server->delete_group(group); };
    }
    if (kafka_topics) shown.groups = [this] { return kafka_topics->groups(); };
    shown.set_offsets = [this](const std::string& group, const broker::PartitionOffsets& offsets) {
        return kafka_server ? kafka_server->set_offsets(group, offsets)
                            : kafka_topics->set_offsets(group, offsets);
    };
    if (local_tables)
        shown.backup_tables = [this](const std::string& name) {
            return store::make_backup(local_tables->database(), name);
        };
    shown.loaded = [this] { return loaded.load(); };
    monitor::MonitorOptions options;
    options.listen.host = settings.host;
    options.listen.port = settings.console_port;
    options.listen.setting = "--console-port";
    if (local_tables) options.ports["cql"] = ports.cql;
    if (local_schemas) options.ports["schemas"] = ports.schemas;
    if (local_topics) options.ports["kafka"] = ports.kafka;
    options.data_directory = settings.data_directory;
    if (settings.redirect_ports) options.redirect_ports = {{9021, "/"}, {9090, "/"}};
    monitor = TRY(monitor::start_monitor(shards, pool, shown, options));
    ports.console = monitor->port();
    return {};
}

Result<> Node::Parts::watch() {
    watcher = TRY(FileWatcher::start(deployment->folders(), [this] { deployment->load(); }));
    return {};
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Node>> Node::start(const Settings& settings) {
    auto node = std::unique_ptr<Node>(new Node(std::make_unique<Parts>(settings)));
    auto& parts = *node->parts_;
    TRY(parts.open_layers());
    TRY(parts.wire());
    TRY(parts.listen());
    parts.deployment->load();
    parts.loaded = true;
    TRY(parts.watch());
    return node;
}

Node::~Node() {
    auto& parts = *parts_;
    if (parts.progress) parts.progress->stop();
    parts.watcher.reset();
    if (parts.scheduler) parts.scheduler->stop();
    if (parts.deployment) parts.deployment->stop();
    parts.monitor.reset();
    parts.registry_server.reset();
    parts.cql_server.reset();
    parts.kafka_server.reset();
    parts.replicas.reset();
    // The network threads end before what their sessions use.
    parts.shards.stop();
}

const Ports& Node::ports() const {
    return parts_->ports;
}

std::string Node::describe() const {
    const auto& parts = *parts_;
    auto text = fmt::format("  topics {} | schemas {} | tables {} | engine {} | metadata {}\n",
                            parts.topics->describe(), parts.schemas->describe(), parts.tables->describe(),
                            parts.engine->describe(), parts.metadata->describe());
    if (parts.is_one_of_several())
        text += fmt::format("  one of several processes, as {}: {}\n", parts.coordinator->member_id(),
                            parts.coordinator->describe());
    return text;
}

void Node::show_progress() {
    auto& parts = *parts_;
    parts.progress = std::make_unique<Progress>(*parts.sources, *parts.engine, *parts.metadata);
    parts.progress->start();
}

}  // namespace penstock::app
