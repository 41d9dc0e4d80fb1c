// WHERE and HAVING: keeps the rows whose condition is true. The example to copy for a new operator.
#pragma once

#include "stream/exec/operator.h"
#include "stream/expr/expression.h"

namespace penstock::stream {

class Filter final : public Operator {
public:
    /// condition lives longer than the operator.
    explicit Filter(const Expression& condition) : condition_(condition) {}
    Result<> on_batch(Rows rows, Output& out) override;

private:
    const Expression& condition_;
};

/// Rejects the records of the rows that failed, and gives the others' places; Errc::invalid when a row that
/// failed comes of no one record. No errors: all places are kept, and the result is empty.
Result<std::optional<std::vector<std::uint32_t>>> reject_failed(Evaluation& evaluation, const Rows& rows,
                                                                Output& out);

}  // namespace penstock::stream
