// Event time: how far it has come in each partition, and so as a whole.
#pragma once

#include <map>

#include "stream/exec/operator.h"
#include "stream/expr/expression.h"

namespace penstock::stream {

/// The watermark is the least, over the partitions that are not idle, of the greatest event time seen less
/// the delay. It never goes back. A partition is idle when all its records have been read and none came for a
/// while.
class Watermark final : public Operator {
public:
    /// time lives longer than the operator.
    Watermark(const Expression& time, std::int64_t delay_us) : time_(time), delay_us_(delay_us) {}

    Result<> on_batch(Rows rows, Output& out) override;
    Result<> on_barrier(StateWriter& to, Output& out) override;
    Result<> on_restore(StateReader& from) override;

    /// Says which partitions still have unread records. The watermark as it is now.
    std::int64_t advance(const std::vector<bool>& unread, std::int64_t now_us);

    static constexpr std::int64_t idle_after_us = 10'000'000;

private:
    struct Partition {
        std::int64_t max_us = INT64_MIN;
        std::int64_t seen_us = INT64_MIN;  ///< the clock when the last record came
        bool changed = false;
    };
    const Expression& time_;
    std::int64_t delay_us_;
    std::map<std::int32_t, Partition> partitions_;
    std::int64_t watermark_us_ = INT64_MIN;
    bool changed_ = false;
};

}  // namespace penstock::stream
