// Pipelines put to work: loads the files, creates topics, starts sources and queries, hands DAGs to the
// scheduler, and does it again for what changed when a file is saved. A file with a problem is listed with
// it, while the last good version keeps running.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "broker/topics.h"
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
};

/// A file as it stands: what runs of it, and what is wrong with its newest text.
struct DeployedFile {
    std::string file;
    std::shared_ptr<const pipeline::Pipeline> running;  ///< the last good version, or null
    std::int64_t revision = 0;
    std::int64_t loaded_us = 0;
    std::vector<pipeline::Problem> problems;
    std::string newest_text;  ///< what the problems' places refer to
};

/// Thread-safe.
class Deployment {
public:
    Deployment(Layers layers, std::vector<std::string> files_and_folders);

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

private:
    std::vector<pipeline::TopicSpec> all_topics(const std::vector<pipeline::Loaded>& loaded) const;
    void load_one(pipeline::Loaded loaded, const std::vector<pipeline::TopicSpec>& topics);
    void keep_last_good(DeployedFile& file, const std::vector<pipeline::TopicSpec>& topics);
    void check_meaning(const pipeline::Pipeline& pipeline, const std::vector<pipeline::TopicSpec>& topics,
                       std::vector<pipeline::Problem>& problems) const;
    void apply(DeployedFile& file, pipeline::Pipeline next, const std::vector<pipeline::TopicSpec>& topics);
    void remove(DeployedFile& file);
    Result<> ensure_topic(const pipeline::TopicSpec& topic);

    Layers layers_;
    std::vector<std::string> roots_;
    mutable std::mutex mutex_;
    std::map<std::string, DeployedFile> files_;  ///< by path
};

/// All topics of the pipeline: those declared, and those that a source writes without declaring them.
std::vector<pipeline::TopicSpec> topics_of(const pipeline::Pipeline& pipeline);

}  // namespace penstock::app
