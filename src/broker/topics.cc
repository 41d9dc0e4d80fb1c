#include "broker/topics.h"

#include <condition_variable>
#include <mutex>

#include "codec/varint.h"
#include "wire/kafka/record_batch.h"

namespace penstock::broker {
namespace {

/// MurmurHash2, 32 bits, little-endian words, with the seed of Kafka's clients (public domain, Austin
/// Appleby).
std::uint32_t murmur2(std::string_view bytes) {
    constexpr std::uint32_t seed = 0x9747b28c, multiplier = 0x5bd1e995;
    auto byte = [&](std::size_t i) { return std::uint32_t(std::uint8_t(bytes[i])); };
    auto hash = seed ^ std::uint32_t(bytes.size());
    std::size_t i = 0;
    for (; i + 4 <= bytes.size(); i += 4) {
        auto word = byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
        word *= multiplier;
        word ^= word >> 24;
        hash = (hash * multiplier) ^ (word * multiplier);
    }
    auto left = bytes.size() - i;
    if (left == 3) hash ^= byte(i + 2) << 16;
    if (left >= 2) hash ^= byte(i + 1) << 8;
    if (left >= 1) hash = (hash ^ byte(i)) * multiplier;
    hash ^= hash >> 13;
    hash *= multiplier;
    return hash ^ hash >> 15;
}

}  // namespace

std::vector<Header> decode_headers(std::string_view encoded) {
    std::vector<Header> headers;
    wire::kafka::HeaderCursor cursor(encoded);
    for (wire::kafka::HeaderView each; cursor.next(each);)
        headers.push_back({each.name, each.value.value_or(std::string_view())});
    return headers;
}

Result<std::int64_t> append_and_wait(Topics& topics, const AppendRequest& request) {
    struct Answer {
        std::mutex mutex;
        std::condition_variable arrived;
        std::optional<Result<std::int64_t>> result;
    };
    auto answer = std::make_shared<Answer>();
    topics.append(request, [answer](Result<std::int64_t> result) {
        std::lock_guard lock(answer->mutex);
        answer->result = std::move(result);
        answer->arrived.notify_one();
    });
    std::unique_lock lock(answer->mutex);
    answer->arrived.wait(lock, [&] { return answer->result.has_value(); });
    return std::move(*answer->result);
}

std::int32_t partition_of_key(std::string_view key, std::int32_t partitions) {
    return std::int32_t(murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace penstock::broker
