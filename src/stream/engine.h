// The engine seam: continuous queries and ad-hoc SQL. Below it stand our own engine (NativeEngine) and a real
// Apache Spark by Spark Connect.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/spec.h"
#include "record/batch.h"

namespace penstock::stream {

/// An error in SQL text. line and column count from 1 within the text.
struct SqlError {
    int line = 1;
    int column = 1;
    std::string text;
};

enum class QueryState { waiting, running, stopped, failed };
std::string_view to_string(QueryState state);

struct QueryStatus {
    std::string name;
    QueryState state = QueryState::stopped;
    std::string detail;          ///< what it waits for, or why it failed
    std::int64_t processed = 0;  ///< records read since the process started
    std::int64_t stored = 0;     ///< rows written since then
    std::int64_t rejected = 0;   ///< records sent to the dead-letter topic since then
    std::int64_t late = 0;       ///< records behind the watermark since then
    std::int64_t lag = 0;        ///< records in the topics not yet committed
    std::int64_t watermark_us = INT64_MIN;
    std::int64_t last_commit_us = 0;
    std::vector<std::string> reads;  ///< topics
    std::string into;
};

/// Thread-safe.
class Engine {
public:
    virtual ~Engine() = default;
    virtual std::string describe() const = 0;

    /// Parses and binds as far as that goes without data; topics are those of the pipeline.
    virtual std::vector<SqlError> check(const pipeline::QuerySpec& query,
                                        const std::vector<pipeline::TopicSpec>& topics) = 0;
    /// Starts, or restarts when the spec has changed, from its last checkpoint. pipeline names the query's
    /// owner.
    virtual Result<> start(std::string_view pipeline, const pipeline::QuerySpec& query,
                           const std::vector<pipeline::TopicSpec>& topics) = 0;
    /// Stops after committing what it has; no-op when it does not run.
    virtual Result<> stop(std::string_view query) = 0;
    virtual std::vector<QueryStatus> status() = 0;
    /// Waits until the query has committed all that was in its topics when this was called; Errc::timeout.
    virtual Result<> wait_caught_up(std::string_view query, std::int64_t timeout_us) = 0;

    /// A bounded SELECT over tables and topics.
    virtual Result<Batch> select(std::string_view sql) = 0;
    /// Runs the query's SQL on the last max_records of its topics with the sink off.
    virtual Result<Batch> preview(const pipeline::QuerySpec& query,
                                  const std::vector<pipeline::TopicSpec>& topics,
                                  std::int64_t max_records) = 0;
};

}  // namespace penstock::stream
