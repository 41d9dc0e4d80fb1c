// The end of a chain: collects rows until they are committed or shown.
#pragma once

#include <vector>

#include "stream/exec/operator.h"

namespace penstock::stream {

class Sink final : public Operator {
public:
    /// key: the columns that must not be null, by index; a row without one is rejected.
    explicit Sink(std::vector<std::size_t> key) : key_(std::move(key)) {}
    /// For bounded results: rows bring their strings, and nothing else of their input, and there are limits
    /// on both.
    Sink(std::size_t max_rows, std::int64_t max_bytes)
        : max_rows_(max_rows), max_bytes_(max_bytes), arena_(std::make_shared<Arena>()) {}

    Result<> on_batch(Rows rows, Output& out) override;

    std::size_t rows() const { return rows_; }
    /// What was collected since the last time.
    std::vector<Batch> take();
    /// Of rows with equal keys only the last stays, so that within a commit nothing depends on the order in
    /// which the table takes rows of one timestamp.
    void drop_replaced();
    /// Puts rows back in the place of what was taken.
    Result<> put(Batch batch);

private:
    Result<> keep(Rows rows);

    std::vector<std::size_t> key_;
    std::size_t max_rows_ = 0;  ///< 0: no limit
    std::int64_t max_bytes_ = 0;
    std::shared_ptr<Arena> arena_;
    std::vector<Rows> collected_;
    std::size_t rows_ = 0;
};

}  // namespace penstock::stream
