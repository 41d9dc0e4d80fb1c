// GROUP BY, with or without window(): groups in memory, their changes written with each commit.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "stream/exec/aggregate_state.h"
#include "stream/exec/operator.h"

namespace penstock::stream {

/// Hands on, at each barrier, the groups that changed since the last one, as rows that replace earlier ones.
/// Rows of windows that have closed are late: dropped and counted. Closed windows are forgotten. A bounded
/// input's groups are handed on at its end.
class WindowAggregate final : public Operator {
public:
    /// plan lives longer than the operator.
    WindowAggregate(const GroupPlan& plan, std::size_t max_groups) : plan_(plan), max_groups_(max_groups) {}

    Result<> on_batch(Rows rows, Output& out) override;
    Result<> on_watermark(std::int64_t us, Output& out) override;
    Result<> on_barrier(StateWriter& to, Output& out) override;
    Result<> on_restore(StateReader& from) override;
    Result<> on_end(Output& out) override;

private:
    struct Group {
        std::vector<AggregateState> states;
        bool dirty = false;
        bool stored = false;
    };
    using Groups = std::unordered_map<std::string, Group>;
    using Entry = Groups::value_type;

    struct Inputs {
        Vector time;
        std::vector<Vector> keys;
        std::vector<Vector> arguments;
    };
    Inputs evaluate_inputs(Evaluation& evaluation) const;
    Result<> add(const Inputs& inputs, std::size_t row, std::int64_t start, Output& out, const Rows& rows);
    void encode_key(const Inputs& inputs, std::size_t row);
    Result<> emit(const std::vector<std::pair<std::int64_t, const Entry*>>& groups, Output& out);
    std::string state_key(std::int64_t start, const std::string& key) const;
    void close_windows(StateWriter& to);

    const GroupPlan& plan_;
    std::size_t max_groups_;
    std::size_t group_count_ = 0;
    std::map<std::int64_t, Groups> windows_;  ///< by start; without window(): all at 0
    std::vector<std::pair<std::int64_t, Entry*>> dirty_;
    std::int64_t watermark_us_ = INT64_MIN;
    std::string key_;
};

}  // namespace penstock::stream
