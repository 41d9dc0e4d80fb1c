// One continuous query on Spark: its thread plans it, starts it there or finds it still running, and watches
// it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "broker/topics.h"
#include "store/tables.h"
#include "stream/engine.h"
#include "stream/native_engine.h"
#include "stream/spark/spark_job.h"
#include "stream/spark/spark_memory.h"
#include "stream/spark/spark_place.h"
#include "stream/spark/spark_session.h"

namespace penstock::stream {

/// What all queries of the engine share. Lives longer than they.
struct SparkShared {
    broker::Topics& topics;
    store::Tables& tables;
    const Clock& clock;
    EngineOptions options;
    SparkUrl url;
    std::function<SparkNeighbours()> neighbours;
    std::shared_ptr<SparkServer> server;
    Engine& relays;  ///< puts rows from topics into tables
};

/// There is one way to recover, whatever failed: plan anew, look for the query on the server, start it from
/// its checkpoint when it is not there. The server's session has an id that follows from the checkpoint's
/// place, so that another process, or the same one later, finds what runs.
class SparkQuery {
public:
    SparkQuery(SparkShared& shared, std::string pipeline, pipeline::QuerySpec query,
               std::vector<pipeline::TopicSpec> topics);
    ~SparkQuery();

    void start();
    /// Stops it on the cluster too, when that can be reached.
    void stop();
    QueryStatus status();
    Result<> wait_caught_up(std::int64_t timeout_us);
    bool alive();

    const pipeline::QuerySpec& query() const { return query_; }
    const std::vector<pipeline::TopicSpec>& topics() const { return topics_; }

private:
    using Offsets = std::map<std::string, std::map<std::int32_t, std::int64_t>, std::less<>>;

    void run();
    Result<> work();
    Result<bool> prepare(SparkJob& job);
    Result<> find_or_start(SparkJob& job);
    Result<> start_streams(SparkJob& job);
    Result<> start_relay(const SparkJob& job);
    Result<> watch();
    Result<> look(const Offsets& ends_before);
    Result<> look_at_letters();
    void count(const std::vector<std::string>& reports);
    Result<> why_it_ended(const SparkStream& stream);
    Result<Offsets> ends();
    void publish_positions();
    void stop_streams();
    void set_state(QueryState state, std::string detail);
    bool stopping();
    bool wait(std::int64_t us);

    SparkShared& shared_;
    const std::string pipeline_;
    const pipeline::QuerySpec query_;
    const std::vector<pipeline::TopicSpec> topics_;

    // Owned by the thread.
    std::optional<SparkStream> rows_;
    std::optional<SparkStream> letters_;
    std::string run_;  ///< whose batches last_batch_ counts
    std::int64_t last_batch_ = -1;
    std::int64_t last_letters_batch_ = -1;
    std::int64_t batches_ = 0;  ///< seen since the process started
    std::int64_t last_publish_us_ = 0;
    std::string relay_;  ///< the relay query's name; empty: none

    std::mutex mutex_;  ///< guards what is below
    std::condition_variable changed_;
    std::unique_ptr<SparkSession> session_;
    bool stopping_ = false;
    bool ended_ = false;
    bool cleaning_ = false;  ///< it stops what runs on Spark, which must not be cut off
    bool relayed_ = false;
    QueryStatus status_;
    Offsets committed_;
    std::map<std::string, broker::TopicInfo> infos_;  ///< of what it reads, when last told

    std::thread thread_;
};

}  // namespace penstock::stream
