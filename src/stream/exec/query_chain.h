// A plan's operators in their order, with the ends that its owner needs to reach.
#pragma once

#include <memory>

#include "stream/decode/decoder.h"
#include "stream/exec/operator.h"
#include "stream/exec/sink.h"
#include "stream/exec/watermark.h"
#include "stream/plan/plan.h"

namespace penstock::stream {

struct QueryChain {
    std::unique_ptr<QueryPlan> plan;  ///< the operators refer to it
    std::unique_ptr<Decoder> decoder;
    Chain chain;
    Watermark* watermark = nullptr;  ///< none when the query has no watermark
    Sink* sink = nullptr;
};

struct ChainOptions {
    std::vector<std::size_t> key;  ///< output columns that must not be null
    std::size_t max_groups = 0;
    bool bounded = false;
    std::size_t max_rows = 0;              ///< bounded: of the result; 0: no limit
    std::int64_t max_bytes = 0;            ///< bounded: of its text
    bool strict = false;                   ///< fields that the schema does not know are misfits
    registry::Schemas* schemas = nullptr;  ///< of topics whose records have a schema
};

QueryChain make_query_chain(QueryPlan plan, const ChainOptions& options);

}  // namespace penstock::stream
