#include "monitor/groups_view.h"

#include <map>

#include "broker/group/committed_offsets.h"

namespace penstock::monitor {
namespace {

/// An assignment is as large as a client makes it, and takes some forty times as much when it is taken apart.
constexpr std::size_t most_assignment_bytes = 1 << 20;

/// Those that are there: an assignment is what a client says.
broker::PartitionsByTopic assigned(const broker::LocalTopics& topics, const wire::kafka::Bytes& assignment) {
    if (assignment.size() > most_assignment_bytes) return {};
    auto named = broker::parse_assignment(assignment);
    for (auto& [name, partitions] : named) {
        const auto topic = topics.find(name);
        std::erase_if(partitions, [&](auto partition) { return !topic || !topic->has(partition); });
    }
    return named;
}

broker::PartitionsByTopic by_name_of_topic(const broker::LocalTopics& topics,
                                           const broker::Assignment& assignment) {
    broker::PartitionsByTopic named;
    for (const auto& [id, partitions] : assignment)
        if (auto topic = topics.find(id)) named[topic->spec.name] = partitions;
    return named;
}

}  // namespace

std::vector<broker::ConsumerGroup> groups_of(broker::LocalTopics& topics,
                                             const broker::GroupCoordinator& classic,
                                             const broker::ConsumerGroups& consumer) {
    std::map<std::string, broker::ConsumerGroup> by_name;
    for (const auto& name : topics.offsets().groups()) {
        by_name[name].state = to_string(broker::GroupState::empty);
    }
    for (const auto& group : classic.groups()) {
        auto& view = by_name[group.group];
        view.state = to_string(group.state);
        view.members = group.members.size();
        // Of other types, such as Connect's workers, an assignment means something else.
        if (group.protocol_type != "consumer") continue;
        for (const auto& member : group.members)
            view.add_reader({member.client_id, member.client_host}, assigned(topics, member.assignment));
    }
    for (const auto& group : consumer.all()) {
        auto& view = by_name[group.group];
        view.state = group.state;
        view.members = group.members.size();
        for (const auto& member : group.members)
            view.add_reader({member.client_id, member.client_host},
                            by_name_of_topic(topics, member.assignment));
    }
    std::vector<broker::ConsumerGroup> all;
    for (auto& [name, view] : by_name) {
        view.name = name;
        for (const auto& [key, committed] : topics.offsets().of_group(name)) {
            view.committed[{key.topic, key.partition}] = committed.offset;
        }
        all.push_back(std::move(view));
    }
    return all;
}

}  // namespace penstock::monitor
