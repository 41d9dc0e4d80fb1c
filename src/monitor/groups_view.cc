#include "monitor/groups_view.h"

#include <map>

#include "broker/group/committed_offsets.h"

namespace penstock::monitor {

std::vector<GroupView> groups_of(broker::LocalTopics& topics, const broker::GroupCoordinator& classic,
                                 const broker::ConsumerGroups& consumer) {
    std::map<std::string, GroupView> by_name;
    for (const auto& name : topics.offsets().groups()) {
        by_name[name].state = to_string(broker::GroupState::empty);
    }
    for (const auto& group : classic.groups()) {
        auto& view = by_name[group.group];
        view.state = to_string(group.state);
        view.members = group.members.size();
    }
    for (const auto& group : consumer.all()) {
        auto& view = by_name[group.group];
        view.state = group.state;
        view.members = group.members.size();
    }
    std::vector<GroupView> all;
    for (auto& [name, view] : by_name) {
        view.group = name;
        for (const auto& [key, committed] : topics.offsets().of_group(name)) {
            view.positions.push_back({key.topic, key.partition, committed.offset});
        }
        all.push_back(std::move(view));
    }
    return all;
}

Result<std::vector<GroupView>> groups_of(broker::KafkaTopics& topics) {
    std::vector<GroupView> all;
    for (auto& group : TRY(topics.groups())) {
        auto& view = all.emplace_back();
        view.group = std::move(group.name);
        view.state = std::move(group.state);
        view.members = group.members;
        for (auto& position : group.positions)
            view.positions.push_back({std::move(position.topic), position.partition, position.committed});
    }
    return all;
}

}  // namespace penstock::monitor
