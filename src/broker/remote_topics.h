// Topics in a real Apache Kafka, by librdkafka.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/consumer_group.h"
#include "broker/topics.h"

namespace penstock::broker {

class KafkaTopics : public Topics {
public:
    /// Of the whole Kafka, by name, as its own tools show them.
    virtual Result<std::vector<ConsumerGroup>> groups() = 0;
    /// Commits as a client that is no member, which Kafka refuses while the group has members.
    virtual Result<> set_offsets(const std::string& group, const PartitionOffsets& offsets) = 0;
};

/// kafka://[user[:${PASSWORD}]@]h1:9092,h2:9092?security.protocol=sasl_ssl&...
/// docs/howto/switch_layers.md lists what the options are. Waits until a broker answers.
/// Errc::invalid: the URL or an option; Errc::unauthorized: the brokers refuse user or password;
/// Errc::unavailable: none answers in time (option retry.for, 15s). No error shows a password.
///
/// What is different from the embedded log:
/// - Appends of a named producer are transactions, and position() takes the producer over: another process
/// that still
///   appends in its name gets Errc::fenced. Records of appends without a name are written once and in order,
///   each batch (one megabyte) as a whole; when Kafka goes away in the middle of several batches, a part may
///   stay.
/// - An append is given up (Errc::unavailable) when Kafka has not acknowledged it in time (option
/// deliver.for, 60s).
/// - TopicInfo::id is derived from the cluster's id and the topic's name, as librdkafka 2.0 does not tell
///   the topic's own (KIP-516): a topic that was deleted and made again keeps it. PartitionInfo::bytes is 0.
/// - publish_position() is written within half a second, in the background.
/// - A timestamp of 0 means now.
Result<std::unique_ptr<KafkaTopics>> open_remote_topics(const std::string& url);

}  // namespace penstock::broker
