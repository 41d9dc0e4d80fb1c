// The steps of a dataflow, and the chain that they stand in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "record/batch.h"
#include "store/tables.h"

namespace penstock::stream {

/// Rows on their way, and the records that they came from.
struct Rows {
    Batch batch;
    std::vector<std::uint32_t>
        origins;  ///< for each row, its record's index in the chunk; empty: of no one record
    std::int32_t partition = -1;
};

/// Where operators write state; it becomes durable together with the rows and the input's offsets.
class StateWriter {
public:
    void put(std::string key, std::string value) { writes_.push_back({std::move(key), std::move(value)}); }
    void remove(std::string key) { writes_.push_back({std::move(key), std::nullopt}); }
    std::vector<store::StateWrite> take() { return std::exchange(writes_, {}); }

private:
    std::vector<store::StateWrite> writes_;
};

/// What operators wrote, at a restart.
class StateReader {
public:
    StateReader(store::Tables* tables, std::string query) : tables_(tables), query_(std::move(query)) {}
    Result<std::vector<std::pair<std::string, std::string>>> read(std::string_view prefix) {
        if (!tables_) return std::vector<std::pair<std::string, std::string>>();
        return tables_->state(query_, prefix);
    }

private:
    store::Tables* tables_;
    std::string query_;
};

/// What the chain's owner learns besides rows. Times come from here, so that a chain has one idea of now.
struct ChainContext {
    std::int64_t now_us = 0;
    /// A record that failed in an operator: its index in the chunk, and why.
    std::function<void(std::uint32_t record, std::string reason)> reject;
    std::int64_t late = 0;
    std::int64_t watermark_us = INT64_MIN;
};

class Operator;

/// What an operator hands on. Refers to the chain; not kept beyond the call.
class Output {
public:
    Output(std::vector<std::unique_ptr<Operator>>& operators, std::size_t next, ChainContext& context)
        : operators_(operators), next_(next), context_(context) {}
    Result<> rows(Rows rows);
    Result<> watermark(std::int64_t us);
    Result<> end();
    ChainContext& context() { return context_; }

private:
    std::vector<std::unique_ptr<Operator>>& operators_;
    std::size_t next_;
    ChainContext& context_;
};

/// One step of a dataflow. Called by its chain only, on one thread, never concurrently, and never waits.
class Operator {
public:
    virtual ~Operator() = default;
    virtual Result<> on_batch(Rows rows, Output& out) = 0;
    /// No later row is expected to have an event time before this.
    virtual Result<> on_watermark(std::int64_t us, Output& out) { return out.watermark(us); }
    /// Hands on what it holds back, and writes what it must know after a restart.
    virtual Result<> on_barrier(StateWriter&, Output&) { return {}; }
    virtual Result<> on_restore(StateReader&) { return {}; }
    /// The input is bounded and has ended.
    virtual Result<> on_end(Output& out) { return out.end(); }
};

/// Operators in order.
class Chain {
public:
    void add(std::unique_ptr<Operator> step) { operators_.push_back(std::move(step)); }
    ChainContext& context() { return context_; }

    Result<> batch(Rows rows) { return Output(operators_, 0, context_).rows(std::move(rows)); }
    Result<> watermark(std::int64_t us) { return Output(operators_, 0, context_).watermark(us); }
    Result<> end() { return Output(operators_, 0, context_).end(); }
    Result<> barrier(StateWriter& to);
    Result<> restore(StateReader& from);

private:
    std::vector<std::unique_ptr<Operator>> operators_;
    ChainContext context_;
};

/// The rows of the batch at these places, in this order. Strings are shared.
Rows gather(const Rows& from, const std::vector<std::uint32_t>& places);

}  // namespace penstock::stream
