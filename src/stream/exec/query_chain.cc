#include "stream/exec/query_chain.h"

#include "stream/exec/filter.h"
#include "stream/exec/project.h"
#include "stream/exec/window_aggregate.h"

namespace penstock::stream {

QueryChain make_query_chain(QueryPlan plan, const ChainOptions& options) {
    QueryChain out;
    out.plan = std::make_unique<QueryPlan>(std::move(plan));
    const auto& own = *out.plan;
    out.decoder = make_decoder(own, options.strict, options.schemas);
    if (own.watermark) {
        auto watermark = std::make_unique<Watermark>(*own.watermark, own.watermark_delay_us);
        out.watermark = watermark.get();
        out.chain.add(std::move(watermark));
    }
    if (own.filter) out.chain.add(std::make_unique<Filter>(*own.filter));
    if (own.group) out.chain.add(std::make_unique<WindowAggregate>(*own.group, options.max_groups));
    if (own.having) out.chain.add(std::make_unique<Filter>(*own.having));
    auto schema = own.schema;
    // Outputs behind the shown ones are for sorting.
    for (auto i = schema.size(); i < own.outputs.size(); ++i)
        schema.push_back({fmt::format("order{}", i), own.outputs[i]->type});
    out.chain.add(std::make_unique<Project>(own.outputs, std::move(schema)));
    auto sink = options.bounded ? std::make_unique<Sink>(options.max_rows, options.max_bytes)
                                : std::make_unique<Sink>(options.key);
    out.sink = sink.get();
    out.chain.add(std::move(sink));
    return out;
}

}  // namespace penstock::stream
