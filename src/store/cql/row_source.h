// Where a SELECT's rows come from.
#pragma once

#include <string>

#include "base/result.h"
#include "store/cql/evaluator.h"

namespace penstock::store::cql {

class RowSource {
public:
    virtual ~RowSource() = default;
    virtual Result<bool> next(RowValues& out) = 0;
    virtual void skip_partition() {}
    /// Where a following page continues, behind the row that came last.
    virtual std::string position() const = 0;
};

}  // namespace penstock::store::cql
