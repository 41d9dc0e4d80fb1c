// The engine seam on our own continuous SQL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "broker/topics.h"
#include "registry/schemas.h"
#include "store/tables.h"
#include "stream/engine.h"

namespace penstock::stream {

/// With several processes: which of the queries this one runs.
struct QueryOwnership {
    /// The epoch of this process's right to run the query; nothing: it has none (any more). Must be quick.
    std::function<std::optional<std::int64_t>(std::string_view query)> epoch;
    /// The query has stopped because somebody else has taken it over, or had. From any thread; must not
    /// block.
    std::function<void(std::string_view query)> lost;
    /// Tables are where the other processes find them: what one has committed, the next one goes on from.
    bool shares_tables = true;
};

struct EngineOptions {
    std::size_t batch_rows = 2048;         ///< rows that go through the operators at once
    std::int64_t read_bytes = 4 << 20;     ///< of one partition before the next one's turn
    std::size_t commit_rows = 50'000;      ///< with a backlog, a commit is made when this many rows wait,
    std::int64_t commit_bytes = 64 << 20;  ///< this much input was read,
    std::int64_t commit_interval_us = 2'000'000;  ///< or this long after the last one
    std::size_t linger_rows = 10'000;         ///< without one, a stream that brings this many rows or more
    std::int64_t linger_us = 250'000;         ///< in this time makes a commit so often, slower ones at once
    std::size_t max_groups = 2'000'000;       ///< groups in memory of one query
    std::size_t select_max_rows = 1'000'000;  ///< of a bounded result, also before sorting
    int sample_records = 1000;                ///< that a schema is inferred from
    std::int64_t idle_us = 1'000'000;         ///< between two looks at a quiet topic
    std::int64_t retry_us = 200'000;          ///< after a commit or read that failed; doubles
    std::int64_t retry_max_us = 10'000'000;
    registry::Schemas* schemas = nullptr;     ///< for avro and json_schema topics; outlives the engine
    std::optional<QueryOwnership> ownership;  ///< none: this process is the only one
};

/// topics, tables and clock live longer than the engine; its destruction stops every query, after a last
/// commit. One thread for each query that runs.
std::unique_ptr<Engine> make_native_engine(broker::Topics& topics, store::Tables& tables, const Clock& clock,
                                           const EngineOptions& options = {});

}  // namespace penstock::stream
