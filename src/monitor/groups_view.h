// Consumer groups of the embedded log, as the REST API shows them.
#pragma once

#include <vector>

#include "broker/consumer_group.h"
#include "broker/group/consumer_groups.h"
#include "broker/group/coordinator.h"
#include "broker/local_topics.h"

namespace penstock::monitor {

/// Groups that have members, and those of which only committed offsets are left (queries are of these). By
/// name.
std::vector<broker::ConsumerGroup> groups_of(broker::LocalTopics& topics,
                                             const broker::GroupCoordinator& classic,
                                             const broker::ConsumerGroups& consumer);

}  // namespace penstock::monitor
