// A SELECT over what is there now: rows in, one sorted and limited batch out.
#pragma once

#include <functional>

#include "stream/exec/query_chain.h"

namespace penstock::stream {

struct BoundedOptions {
    registry::Schemas* schemas = nullptr;
    std::size_t max_rows = 1'000'000;
    std::int64_t max_bytes = 256 << 20;  ///< of text in the result, also before sorting
    std::size_t max_groups = 2'000'000;
    std::int64_t now_us = 0;
    bool skip_failed = false;  ///< rows that fail are left out instead of failing the query
};

class BoundedQuery {
public:
    BoundedQuery(QueryPlan plan, const BoundedOptions& options);

    const QueryPlan& plan() const { return *chain_.plan; }
    Decoder& decoder() { return *chain_.decoder; }
    /// Rows of the plan's scan_schema.
    Result<> add(Rows rows);
    /// No more rows are needed.
    bool satisfied() const;
    Result<Batch> finish();

private:
    Schema sorted_schema() const;
    Batch sorted();
    bool keeps_top() const;

    QueryChain chain_;
    BoundedOptions options_;
};

}  // namespace penstock::stream
