// The end of a chain: collects rows until they are committed or shown.
#pragma once

#include <vector>

#include "stream/exec/operator.h"

namespace penstock::stream {

class Sink final : public Operator {
public:
    /// key: the columns that must not be null, by index; a row without one is rejected.
    Sink(std::vector<std::size_t> key, std::size_t max_rows) : key_(std::move(key)), max_rows_(max_rows) {}

    Result<> on_batch(Rows rows, Output& out) override;

    std::size_t rows() const { return rows_; }
    /// What was collected since the last time.
    std::vector<Batch> take();
    /// Of rows with equal keys only the last stays, so that within a commit nothing depends on the order in which the
    /// table takes rows of one timestamp.
    void drop_replaced();

private:
    std::vector<std::size_t> key_;
    std::size_t max_rows_;
    std::vector<Rows> collected_;
    std::size_t rows_ = 0;
};

}  // namespace penstock::stream
