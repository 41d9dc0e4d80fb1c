#include "broker/producing.h"

#include <algorithm>

#include "broker/log/producer_state.h"
#include "wire/kafka/record_batch.h"

namespace penstock::broker {
namespace {

using wire::kafka::BatchBuilder;
using wire::kafka::HeaderView;
namespace attribute = wire::kafka::attribute;

constexpr std::size_t wanted_batch_bytes = 1 << 20;
constexpr std::size_t most_overhead = 64;  // of a record without headers: lengths, deltas

std::size_t size_bound(const NewRecord& record) {
    auto bytes =
        most_overhead + (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
    for (const auto& header : record.headers) bytes += 20 + header.name.size() + header.value.size();
    return bytes;
}

}  // namespace

Result<std::vector<std::string>> encode_batches(const AppendRequest& request, std::int64_t max_batch_bytes,
                                                std::int64_t now_ms, BufferPool& buffers) {
    if (request.records.empty()) return fail(Errc::invalid, "an append without records");
    const bool named = !request.producer.empty();
    const auto position_bytes = named ? request.producer.size() + request.position.size() + 100 : 0;
    const auto limit = std::min(wanted_batch_bytes, std::size_t(max_batch_bytes));

    std::size_t expected = std::size_t(wire::kafka::batch_header_size) + position_bytes;
    for (const auto& record : request.records) expected += size_bound(record);

    std::vector<std::string> batches;
    std::vector<HeaderView> headers;
    BatchBuilder builder;
    constexpr std::size_t worth_a_buffer = 64 * 1024;
    if (expected >= worth_a_buffer) builder.use(buffers.take());
    builder.reserve(std::min(expected, limit));
    for (std::size_t i = 0; i < request.records.size(); ++i) {
        const auto& record = request.records[i];
        const bool last = i + 1 == request.records.size();
        auto bound = size_bound(record) + (last ? position_bytes : 0);
        if (builder.records() > 0 && builder.size() + bound > limit) {
            batches.push_back(builder.finish({.attributes = attribute::more_follows}));
            builder.use(buffers.take());
            builder.reserve(limit);
        }
        headers.clear();
        for (const auto& header : record.headers) headers.push_back({header.name, header.value});
        if (last && named) {
            headers.push_back({producer_header, request.producer});
            headers.push_back({position_header, request.position});
        }
        builder.add({.timestamp_ms = record.timestamp_ms < 0 ? now_ms : record.timestamp_ms,
                     .key = record.key,
                     .value = record.value,
                     .headers = headers});
        if (std::int64_t(builder.size()) > max_batch_bytes)
            return fail(Errc::full,
                        "record {} is larger than a batch may be: max.message.bytes is "
                        "{}",
                        i, max_batch_bytes);
    }
    batches.push_back(builder.finish({.attributes = named ? attribute::producer_position : std::int16_t(0)}));
    return batches;
}

}  // namespace penstock::broker
