// Topics in a directory of this machine: the embedded log. docs/kafka.md, docs/formats/segment.md.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "broker/buffer_pool.h"
#include "broker/catalogue.h"
#include "broker/dynamic_configs.h"
#include "broker/listeners.h"
#include "broker/log/committer.h"
#include "broker/log/journal.h"
#include "broker/log/log.h"
#include "broker/topic_config.h"
#include "broker/topics.h"
#include "broker/transaction/coordinator.h"
#include "codec/uuid.h"
#include "io/files.h"

namespace penstock::broker {

struct LocalTopicsOptions {
    std::string data_directory;
    Durability durability = Durability::durable;
    std::int64_t flush_interval_us = 1'000'000;   ///< of Durability::flushed
    std::int64_t clean_interval_us = 60'000'000;  ///< between two looks at retention
    /// Between two looks at what can be compacted, unless clients have set another (log.cleaner.backoff.ms).
    std::int64_t compact_interval_ms = 5000;
    std::int64_t max_pending_bytes = 256 << 20;  ///< of appends not yet written; more: Errc::full
    int commit_threads = 4;    ///< each writes one partition at a time; durable: one for all
    JournalOptions journal;    ///< of Durability::durable
    std::int32_t node_id = 1;  ///< by which clients know this broker
    TransactionOptions transactions;
    TopicConfig topic_defaults;  ///< for what a topic does not set itself
    const Clock* clock = &system_clock();
    io::Files* files = &io::system_files();
};

class CommittedOffsets;

/// The topic of consumer groups' committed offsets, in Kafka's own format.
inline constexpr std::string_view offsets_topic = "__consumer_offsets";

class LocalTopics final : public Topics {
    struct Private {
        explicit Private() = default;
    };

public:
    LocalTopics(Private, LocalTopicsOptions options);  ///< see open()
    /// What is known of a topic at one moment; never changes.
    struct Topic {
        TopicSpec spec;
        codec::Uuid id;
        bool internal = false;
        std::vector<std::shared_ptr<Log>> logs;  ///< by partition
        std::shared_ptr<Listeners> moved;

        bool has(std::int32_t partition) const {
            return partition >= 0 && partition < std::int32_t(logs.size());
        }
    };
    using TopicPointer = std::shared_ptr<const Topic>;

    /// Opens the directory, or makes it; recovers what a crash left. Errc::exists when another process has it
    /// open, Errc::corrupt when the list of topics cannot be read.
    static Result<std::unique_ptr<LocalTopics>> open(LocalTopicsOptions options);
    /// Writes what is queued and closes every log, so that the next start scans nothing.
    ~LocalTopics() override;

    std::string describe() const override { return "embedded log"; }
    Result<> create(const TopicSpec& spec) override;
    Result<> remove(std::string_view topic) override;
    /// Sets these settings of the topic; the others stay.
    Result<> alter(std::string_view topic, const TopicConfig& config) override;
    Result<std::vector<TopicInfo>> list() override;
    Result<TopicInfo> info(std::string_view topic) override;
    void append(const AppendRequest& request, Appended done) override;
    Result<std::string> position(std::string_view topic, std::int32_t partition,
                                 std::string_view producer) override;
    Result<RecordSet> read(std::string_view topic, std::int32_t partition, std::int64_t offset,
                           std::int64_t max_bytes) override;
    Result<std::int64_t> offset_for_time(std::string_view topic, std::int32_t partition,
                                         std::int64_t timestamp_ms) override;
    Result<std::shared_ptr<void>> subscribe(std::string_view topic, std::function<void()> moved) override;
    Result<> publish_position(std::string_view group, std::string_view topic, std::int32_t partition,
                              std::int64_t offset) override;

    // For the Kafka server.
    TopicPointer find(std::string_view name) const;  ///< nullptr: none
    TopicPointer find(const codec::Uuid& id) const;
    std::vector<TopicPointer> all() const;  ///< by name
    /// What create() would answer, without creating.
    Result<> check(const TopicSpec& spec) const;
    /// Replaces the topic's settings by these.
    Result<> replace_config(std::string_view topic, const TopicConfig& config);
    Result<> add_partitions(std::string_view topic, std::int32_t total);
    /// What clients have set for brokers and groups.
    const DynamicConfigs& configs() const { return *configs_; }
    /// Replaces it; defaults of topics that are set for brokers hold from now on.
    Result<> set_config(ConfigOwner owner, const std::string& name, TopicConfig config);
    /// What a topic has that does not set it itself: as set for brokers, or in the options.
    TopicConfig topic_defaults() const;
    /// How often topics and settings have changed since the directory was opened.
    std::int64_t changes() const { return changes_; }
    /// Never the same twice, also after a crash.
    Result<std::int64_t> new_producer_id();
    /// Ends the producer's transaction in the partition. Errc::not_found when there is no such partition.
    void append_marker(const TopicPartition& partition, std::int64_t producer_id, std::int16_t epoch,
                       TransactionMarker marker, std::function<void(Result<>)> done);
    CommittedOffsets& offsets() { return *offsets_; }
    TransactionCoordinator& transactions() { return *transactions_; }
    const LocalTopicsOptions& options() const { return options_; }
    std::string cluster_id() const { return cluster_id_; }

    /// Applies retention to every topic now.
    void clean();
    /// Compacts every topic that asks for it now.
    void compact();

private:
    Result<> open_all();
    Result<> load_catalogue();
    Result<> save_catalogue(const std::map<std::string, TopicPointer, std::less<>>& topics);
    Result<> remove_leftovers();
    Result<TopicPointer> open_topic(const CatalogueEntry& entry);
    Result<> open_logs(Topic& topic, std::int32_t first);
    Result<std::shared_ptr<Log>> open_log(const Topic& topic, std::int32_t partition,
                                          const LogOptions& options, bool& made);
    Result<std::shared_ptr<Log>> log_of(std::string_view topic, std::int32_t partition) const;
    Result<> change_config(std::string_view topic, const std::function<TopicConfig(TopicConfig)>& change);
    static void set_options_of(const Topic& topic, const TopicConfig& defaults);
    std::string path(std::string_view name) const;
    std::string partition_path(std::string_view topic, std::int32_t partition) const;
    void housekeeping();
    void compacting();
    std::chrono::milliseconds compact_interval() const;

    LocalTopicsOptions options_;
    std::unique_ptr<io::FileLock> lock_;
    std::unique_ptr<Journal> journal_;
    std::unique_ptr<Committer> committer_;
    std::unique_ptr<DynamicConfigs> configs_;
    std::unique_ptr<CommittedOffsets> offsets_;
    std::unique_ptr<TransactionCoordinator> transactions_;
    std::string cluster_id_;
    std::shared_ptr<std::atomic<std::int64_t>> pending_bytes_ =
        std::make_shared<std::atomic<std::int64_t>>(0);
    std::shared_ptr<BufferPool> buffers_ = std::make_shared<BufferPool>();
    std::atomic<bool> closing_{false};
    std::atomic<std::int64_t> changes_{0};

    std::mutex change_mutex_;   // one change of the catalogue at a time
    mutable std::mutex mutex_;  // guards topics_; held shortly
    std::map<std::string, TopicPointer, std::less<>> topics_;
    std::mutex producer_ids_mutex_;
    std::int64_t next_producer_id_ = 0, reserved_producer_ids_ = 0;

    std::mutex housekeeping_mutex_;
    std::condition_variable housekeeping_wake_;
    bool housekeeping_stops_ = false;
    std::thread housekeeping_thread_;
    std::mutex compact_mutex_;  // one pass at a time
    std::thread compacting_thread_;
};

/// The seam's implementation over a data directory.
Result<std::unique_ptr<Topics>> make_local_topics(LocalTopicsOptions options);

}  // namespace penstock::broker
