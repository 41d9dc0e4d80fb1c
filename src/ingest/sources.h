// Runs sources: fetches records, keys them, appends them to a topic, and counts what the log acknowledged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/topics.h"
#include "pipeline/spec.h"
#include "registry/schemas.h"

namespace penstock::ingest {

enum class SourceState { waiting, running, backing_off, circuit_open, stopped, finished, failed };
std::string_view to_string(SourceState state);

/// Counts since the process started, over all runs of the source, or of one run of a task.
struct SourceCounts {
    std::int64_t fetched = 0;       ///< records in responses
    std::int64_t acknowledged = 0;  ///< records that the log has made durable
    std::int64_t rejected = 0;      ///< records sent to the dead-letter topic
    std::int64_t requests = 0;
    std::int64_t failures = 0;  ///< requests that failed
    std::int64_t bytes = 0;

    SourceCounts& operator+=(const SourceCounts& other);
};

struct SourceStatus {
    std::string name;
    std::string kind;  ///< http, file, webhook
    std::string topic;
    SourceState state = SourceState::stopped;
    std::string detail;    ///< the last error, or what it waits for
    std::string endpoint;  ///< where records come from now
    bool replica = false;  ///< the built-in replica answers instead of the real API
    SourceCounts counts;
};

/// Where the built-in replica of an API listens; empty when there is none of that name.
class Replicas {
public:
    virtual ~Replicas() = default;
    /// Starts it on a free loopback port at the first call: "http://127.0.0.1:40123".
    virtual Result<std::string> base_url(std::string_view name) = 0;
};

/// Thread-safe.
class Sources {
public:
    virtual ~Sources() = default;
    /// Starts, or restarts when the spec has changed, from the position kept with the records.
    virtual Result<> start(std::string_view pipeline, const pipeline::SourceSpec& source) = 0;
    /// Stops after what is in flight has been acknowledged; no-op when it does not run.
    virtual Result<> stop(std::string_view source) = 0;
    virtual std::vector<SourceStatus> status() = 0;
    /// Runs a source for a time (0: until it has no more) beside, or without, its continuous run; returns
    /// what the log acknowledged. cancelled is polled; progress, when given, is told the counts so far as
    /// often.
    virtual Result<SourceCounts> run_bounded(const pipeline::SourceSpec& source, std::int64_t for_us,
                                             std::string_view run_id, const std::function<bool()>& cancelled,
                                             const std::function<void(const SourceCounts&)>& progress) = 0;
    Result<SourceCounts> run_bounded(const pipeline::SourceSpec& source, std::int64_t for_us,
                                     std::string_view run_id, const std::function<bool()>& cancelled) {
        return run_bounded(source, for_us, run_id, cancelled, {});
    }
    /// A POST to a webhook source: appends the body's records and returns when the log has acknowledged them.
    virtual void webhook(std::string_view path, std::string_view authorization, std::string_view body,
                         std::function<void(Result<SourceCounts>)> done) = 0;
};

/// With several processes: which of the sources this one runs.
struct SourceOwnership {
    /// The epoch of this process's right to run the source; nothing: it has none (any more). Must be quick.
    std::function<std::optional<std::int64_t>(std::string_view source)> epoch;
    /// The source has stopped because somebody else has taken it over, or had. From any thread; must not
    /// block.
    std::function<void(std::string_view source)> lost;
};

struct SourcesOptions {
    int threads = 2;
    registry::Schemas* schemas = nullptr;  ///< for topics whose records have a schema; outlives the sources
    /// None: this process is the only one. With several, every run appends under a name, so that the log
    /// fences whoever had the source before. Webhooks have no owner: they are posted to any process.
    std::optional<SourceOwnership> ownership;
};

std::unique_ptr<Sources> make_sources(broker::Topics& topics, Replicas& replicas,
                                      SourcesOptions options = {});

}  // namespace penstock::ingest
