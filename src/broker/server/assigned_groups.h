// What the two kinds of groups have in common whose members the broker assigns: consumer groups (KIP-848) and
// share groups (KIP-932).
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/server/request.h"

namespace penstock::broker {

/// Why the client may not be a member that reads these topics: the error and its text.
std::optional<std::pair<wire::kafka::ErrorCode, std::string>> refused_membership(
    const Request& request, const std::string& group, const std::optional<std::vector<std::string>>& topics);

/// Whether there is a group of that name, and it is no share group.
bool is_not_a_share_group(const ServerState& server, const std::string& group);

/// [{topic_id, partitions}] of either message.
template <class Topics>
Topics topics_of(const Assignment& assignment) {
    Topics topics;
    for (const auto& [id, partitions] : assignment) {
        auto& topic = topics.emplace_back();
        topic.topic_id = id;
        topic.partitions.assign(partitions.begin(), partitions.end());
    }
    return topics;
}

/// [{topic_id, topic_name, partitions}].
template <class Topics>
Topics named_topics_of(const LocalTopics& all, const Assignment& assignment) {
    auto topics = topics_of<Topics>(assignment);
    for (auto& topic : topics)
        if (auto found = all.find(topic.topic_id)) topic.topic_name = found->spec.name;
    return topics;
}

/// Whether the client may describe all topics that members read or have. assignments_of: pointers to a
/// member's.
template <class Group, class AssignmentsOf>
bool may_see_all(const Request& request, const Group& group, AssignmentsOf assignments_of) {
    if (!request.server.enforces()) return true;
    std::set<std::string> names;
    for (const auto& member : group.members) {
        names.insert(member.topics.begin(), member.topics.end());
        for (const Assignment* each : assignments_of(member))
            for (const auto& [id, partitions] : *each)
                if (auto topic = request.server.topics.find(id)) names.insert(topic->spec.name);
    }
    return std::ranges::all_of(
        names, [&](const auto& name) { return request.may_with_topic(Operation::describe, name); });
}

}  // namespace penstock::broker
