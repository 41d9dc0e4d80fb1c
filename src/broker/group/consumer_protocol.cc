#include "broker/group/consumer_protocol.h"

#include <string_view>

namespace penstock::broker {
namespace {

using wire::kafka::Bytes;
using wire::kafka::Decoder;
using wire::kafka::Encoder;

struct TopicPartitions {
    std::string topic;
    std::vector<std::int32_t> partitions;
};

Decoder decoder_of(const Bytes& bytes) {
    return {{reinterpret_cast<const char*>(bytes.data()), bytes.size()}, false};
}

PartitionsByTopic read_partitions(Decoder& from) {
    std::vector<TopicPartitions> topics;
    from.array(topics, [&](TopicPartitions& each) {
        from.value(each.topic);
        from.value(each.partitions);
    });
    PartitionsByTopic all;
    if (!from.ok()) return all;
    for (auto& each : topics) all[each.topic].insert(each.partitions.begin(), each.partitions.end());
    return all;
}

}  // namespace

std::optional<ConsumerSubscription> parse_subscription(const Bytes& bytes) {
    auto from = decoder_of(bytes);
    ConsumerSubscription subscription;
    std::optional<Bytes> user_data;
    from.value(subscription.version);
    from.value(subscription.topics);
    if (!from.ok() || subscription.version < 0) return std::nullopt;
    if (!from.left().empty()) from.value(user_data);
    if (subscription.version >= 1 && !from.left().empty()) subscription.owned = read_partitions(from);
    return from.ok() ? std::optional(std::move(subscription)) : std::nullopt;
}

PartitionsByTopic parse_assignment(const Bytes& bytes) {
    auto from = decoder_of(bytes);
    std::int16_t version = 0;
    from.value(version);
    return read_partitions(from);
}

Bytes encode_assignment(const PartitionsByTopic& assignment, std::int16_t version) {
    std::string out;
    Encoder to(out, false);
    to.value(version);
    std::vector<TopicPartitions> topics;
    for (const auto& [topic, partitions] : assignment)
        topics.push_back({topic, {partitions.begin(), partitions.end()}});
    to.array(topics, [&](const TopicPartitions& each) {
        to.value(each.topic);
        to.value(each.partitions);
    });
    to.value(std::optional<Bytes>());
    return {out.begin(), out.end()};
}

}  // namespace penstock::broker
