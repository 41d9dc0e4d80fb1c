// One continuous query: its thread, its place in its topic, its commits.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "broker/topics.h"
#include "store/tables.h"
#include "stream/engine.h"
#include "stream/exec/checkpoint.h"
#include "stream/exec/dead_letters.h"
#include "stream/exec/query_chain.h"
#include "stream/exec/row_encoder.h"
#include "stream/exec/stage_times.h"
#include "stream/exec/topic_output.h"
#include "stream/native_engine.h"

namespace penstock::stream {

/// Reads the topic's partitions in turn, sends what is read through the chain, and commits the rows, the
/// operators' state and the offsets together. There is one way to recover, whatever failed: begin again from
/// the last checkpoint. So a commit whose outcome is not known needs no care of its own: the checkpoint
/// tells.
class QueryRunner {
public:
    QueryRunner(broker::Topics& topics, store::Tables& tables, const Clock& clock,
                const EngineOptions& options, pipeline::QuerySpec query, std::string topic,
                std::optional<pipeline::TopicSpec> topic_spec,
                std::optional<pipeline::TopicSpec> target_spec);
    ~QueryRunner();

    void start();
    /// Commits what it has and ends the thread.
    void stop();
    QueryStatus status();
    Result<> wait_caught_up(std::int64_t timeout_us);

    const pipeline::QuerySpec& query() const { return query_; }
    const std::optional<pipeline::TopicSpec>& topic_spec() const { return topic_spec_; }
    const std::optional<pipeline::TopicSpec>& target_spec() const { return target_spec_; }
    /// False after stop(), and when it has failed.
    bool alive();

private:
    void run();
    Result<> work();

    // Before the first record.
    Result<bool> open();
    Result<std::optional<broker::TopicInfo>> wait_for_topic();
    Result<std::optional<Checkpoint>> load_checkpoint();
    Result<> open_output(std::optional<Checkpoint>& checkpoint, const broker::TopicInfo& info);
    Result<> start_anew();
    Result<bool> plan(const std::optional<Checkpoint>& checkpoint, const broker::TopicInfo& info);
    Result<> find_reader_schema();
    Result<bool> infer_schema(const broker::TopicInfo& info);
    Result<> adopt(QueryPlan plan);
    Result<> ensure_target_topic(const std::string& topic);
    Result<> ensure_target();
    Result<> settle_checkpoint(std::optional<Checkpoint>& checkpoint, const broker::TopicInfo& info);
    Result<> place(const std::optional<Checkpoint>& checkpoint, const broker::TopicInfo& info);

    // With records.
    Result<> refresh();
    Result<bool> round();
    Result<> read_partition(std::size_t partition);
    Result<> out_of_range(std::size_t partition);
    Result<> process(std::size_t partition, const broker::RecordSet& set);
    Result<bool> widen(const std::vector<Misfit>& misfits);
    Result<> advance_watermark();
    bool caught_up() const;
    bool commit_is_due() const;
    bool more_will_come() const;

    // Commits.
    struct PendingCommit {
        std::vector<Batch> batches;
        store::Commit commit;  ///< of the batches
        Checkpoint checkpoint;
        std::int64_t timestamp_us = 0;
        std::int64_t rows = 0;
        std::int64_t rejected = 0;
        std::int64_t processed = 0;
        std::int64_t late = 0;
        std::future<Result<>> written;  ///< begin_commit(): its destruction waits
    };
    Result<> commit();
    Result<> begin_commit();
    Result<> finish_commit();
    Result<std::unique_ptr<PendingCommit>> prepare_commit();
    Result<> write_tables(const PendingCommit& pending);
    Result<> write_topic(const std::vector<Batch>& batches);
    Result<> check_ownership() const;
    Result<std::int64_t> next_timestamp();
    Checkpoint checkpoint_now() const;
    void committed(const PendingCommit& done);
    void publish_positions();

    // Waiting and telling.
    void set_state(QueryState state, std::string detail);
    bool stopping();
    void wait(std::int64_t us);

    broker::Topics& topics_;
    store::Tables& tables_;
    const Clock& clock_;
    const EngineOptions options_;
    const pipeline::QuerySpec query_;
    StageTimes stages_{query_.name};
    const std::string topic_;
    const std::optional<pipeline::TopicSpec> topic_spec_;
    const std::optional<pipeline::TopicSpec>
        target_spec_;  ///< of the topic that it writes, when it is declared

    // Owned by the thread.
    QueryChain chain_;
    RelationInfo relation_;
    bool inferred_ = false;
    std::set<std::string> not_widened_;  ///< paths whose type the query depends on
    std::shared_ptr<const registry::AvroSchema>
        reader_;                             ///< avro: the topic's schema when it was last asked for
    std::optional<RowEncoder> row_encoder_;  ///< of a query that writes a topic
    std::unique_ptr<DeadLetters> dead_letters_;
    std::string topic_id_;
    std::vector<std::int64_t> positions_;
    std::vector<std::int64_t> ends_;
    std::optional<Checkpoint> durable_;
    std::int64_t timestamp_us_ = 0;
    std::int64_t read_bytes_ = 0;
    std::int64_t processed_ = 0;
    std::int64_t commits_ = 0;
    std::int64_t watermark_us_ = INT64_MIN;
    bool dirty_ = false;
    std::int64_t last_commit_mono_us_ = 0;
    std::int64_t last_prepared_mono_us_ = 0;
    double rows_per_us_ = 0;  // between the last two
    std::int64_t last_publish_mono_us_ = 0;
    bool unpublished_ = false;
    std::string notice_;
    std::string reject_notice_;  // shown when there is nothing worse to say
    std::int64_t epoch_ = 0;     ///< of our right to run it; 0: nobody else can
    std::unique_ptr<TopicOutput> output_;
    /// Until then the topic's rows may be there already: one commit, made again. Empty: it is done.
    std::vector<std::int64_t> again_until_;
    std::unique_ptr<PendingCommit> pending_;  ///< under way; its thread touches nothing else of this

    /// Topics may still be calling back when the subscription ends, so what they touch outlives this.
    struct Signal {
        std::mutex mutex;
        std::condition_variable changed;
        bool moved = false;
    };
    std::function<void()> wake() const;

    const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
    std::mutex& mutex_ = signal_->mutex;  ///< guards what is below, and the signal's flag
    std::condition_variable& changed_ = signal_->changed;
    bool stopping_ = false;
    bool ended_ = false;
    QueryStatus status_;
    std::vector<std::int64_t> committed_;

    std::thread thread_;
};

}  // namespace penstock::stream
