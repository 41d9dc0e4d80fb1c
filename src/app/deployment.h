// Pipelines put to work: loads the files, creates topics, starts sources and queries, hands DAGs to the
// scheduler, and does it again for what changed when a file is saved. A file with a problem is listed with
// it, while the last good version keeps running.
//
// With several processes all load the same files, and each runs what the coordinator says is its own.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "broker/topics.h"
#include "coordinate/coordinator.h"
#include "ingest/sources.h"
#include "metadata/metadata.h"
#include "orchestrate/scheduler.h"
#include "pipeline/load.h"
#include "stream/engine.h"

namespace penstock::app {

struct Layers {
    broker::Topics& topics;
    stream::Engine& engine;
    ingest::Sources& sources;
    orchestrate::Scheduler& scheduler;
    metadata::Metadata& metadata;
    const Clock& clock;
    coordinate::Coordinator& coordinator;
};

/// A file as it stands: what runs of it, and what is wrong with its newest text.
struct DeployedFile {
    std::string file;
    std::shared_ptr<const pipeline::Pipeline> running;  ///< the last good version, or null
    std::int64_t revision = 0;
    std::int64_t loaded_us = 0;
    std::vector<pipeline::Problem> problems;
    std::vector<pipeline::Problem> start_problems;  ///< of what runs: what could not be started
    std::string newest_text;                        ///< what the problems' places refer to
    bool is_new = false;                            ///< what runs has changed and is to be started
};

/// Thread-safe.
class Deployment {
public:
    Deployment(Layers layers, std::vector<std::string> files_and_folders);
    ~Deployment();  ///< stop()

    /// Loads all files and applies what is good. Called at start and whenever a file has changed.
    void load();
    /// Stops all queries and sources, in the data's way, so that what was fetched is processed.
    void stop();

    std::vector<DeployedFile> files() const;
    /// Folders to watch for changes.
    std::vector<std::string> folders() const;

    struct FoundSource {
        std::string pipeline;
        pipeline::SourceSpec spec;
    };
    struct FoundQuery {
        std::string pipeline;
        pipeline::QuerySpec spec;
        std::vector<pipeline::TopicSpec> topics;
    };
    std::optional<FoundSource> find_source(std::string_view name) const;
    std::optional<FoundQuery> find_query(std::string_view name) const;

    /// A source or query that was this process's has been taken over by another, or seems to have been: it is
    /// started again if it is still ours. Does not block.
    void lost(std::string_view name);

private:
    using Names = std::set<std::string, std::less<>>;

    // With the mutex held, unless they say otherwise.
    void load_files();
    std::vector<pipeline::TopicSpec> all_topics() const;
    std::vector<pipeline::TopicSpec> topics_with(const std::vector<pipeline::Loaded>& loaded) const;
    void load_one(pipeline::Loaded loaded, const std::vector<pipeline::TopicSpec>& topics);
    void keep_last_good(DeployedFile& file, const std::vector<pipeline::TopicSpec>& topics);
    void check_meaning(const pipeline::Pipeline& pipeline, const std::vector<pipeline::TopicSpec>& topics,
                       std::vector<pipeline::Problem>& problems) const;
    void apply(DeployedFile& file, pipeline::Pipeline next, const std::vector<pipeline::TopicSpec>& topics);
    void stop_what_went(const pipeline::Pipeline& old, const pipeline::Pipeline& next);
    void remove(DeployedFile& file);
    Result<> ensure_topic(const pipeline::TopicSpec& topic);

    std::vector<std::string> all_work() const;
    void run_what_is_ours(const Names& lost);
    void run_file(DeployedFile& file, const Names& ours, const Names& lost);
    void keep(std::stop_token stop);

    Layers layers_;
    std::vector<std::string> roots_;
    std::mutex load_mutex_;  ///< one load at a time; taken before mutex_
    mutable std::mutex mutex_;
    std::map<std::string, DeployedFile> files_;  ///< by path
    Names started_;                              ///< work; what somebody stops by hand stays in it
    bool stopped_ = false;

    std::mutex lost_mutex_;
    std::condition_variable_any lost_changed_;
    Names lost_;
    std::jthread keeper_;
};

/// What the coordinator calls a source and a query: what a DAG's task runs goes with the leader, who runs the
/// DAG.
std::string work_of_source(std::string_view name, bool is_leaders);
std::string work_of_query(std::string_view name, bool is_leaders);

/// The epoch of this process's right to run either of two works; nothing: it has none.
std::optional<std::int64_t> right_to(const coordinate::Coordinator& coordinator, const std::string& work,
                                     const std::string& leaders_work);

/// All topics of the pipeline: those declared, and those that a source writes without declaring them.
std::vector<pipeline::TopicSpec> topics_of(const pipeline::Pipeline& pipeline);

}  // namespace penstock::app
