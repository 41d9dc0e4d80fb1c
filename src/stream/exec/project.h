// SELECT: computes the output columns.
#pragma once

#include "stream/exec/operator.h"
#include "stream/expr/expression.h"

namespace penstock::stream {

class Project final : public Operator {
public:
    /// outputs live longer than the operator; schema names them.
    Project(const std::vector<ExpressionPtr>& outputs, Schema schema)
        : outputs_(outputs), schema_(std::move(schema)) {}
    Result<> on_batch(Rows rows, Output& out) override;

private:
    const std::vector<ExpressionPtr>& outputs_;
    Schema schema_;
};

/// The vector as a column of its own with a value for each row.
Column materialise(Vector vector, std::size_t rows);

}  // namespace penstock::stream
