// A consumer group as people are shown it, of the embedded log or of a real Kafka.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "broker/group/consumer_protocol.h"
#include "broker/topics.h"

namespace penstock::broker {

/// A member of a group, as people tell it from others.
struct GroupReader {
    std::string client_id;
    std::string host;  ///< as Kafka shows it, with a slash before it
};

struct ConsumerGroup {
    std::string name;
    /// Kafka's names: Stable, Empty, ...; Unknown: Kafka does not tell, and of members neither (groups of the
    /// protocol of KIP-848).
    std::string state;
    std::size_t members = 0;
    PartitionOffsets committed;
    std::map<TopicPartition, GroupReader> readers;  ///< as far as assignments can be read

    void add_reader(const GroupReader& reader, const PartitionsByTopic& assignment) {
        for (const auto& [topic, partitions] : assignment)
            for (auto partition : partitions) readers[{topic, partition}] = reader;
    }
};

}  // namespace penstock::broker
