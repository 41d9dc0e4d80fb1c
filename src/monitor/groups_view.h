// Consumer groups, as the REST API shows them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/group/consumer_groups.h"
#include "broker/group/coordinator.h"
#include "broker/local_topics.h"
#include "broker/remote_topics.h"

namespace penstock::monitor {

struct GroupView {
    std::string group;
    std::string state;  ///< Kafka's names: Empty, Stable, ...
    std::size_t members = 0;
    broker::PartitionOffsets committed;
    /// Who reads a partition: as far as the member's assignment can be read, and its topic is there.
    std::map<broker::TopicPartition, broker::GroupReader> readers;
};

/// Groups that have members, and those of which only committed offsets are left (queries are of these). By
/// name.
std::vector<GroupView> groups_of(broker::LocalTopics& topics, const broker::GroupCoordinator& classic,
                                 const broker::ConsumerGroups& consumer);
Result<std::vector<GroupView>> groups_of(broker::KafkaTopics& topics);

}  // namespace penstock::monitor
