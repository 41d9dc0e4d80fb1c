// ConsumerGroupHeartbeat and ConsumerGroupDescribe (KIP-848): ConsumerGroups decides, this only translates.
#include <array>

#include "broker/server/assigned_groups.h"
#include "broker/server/handlers.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

namespace {

/// Makes the group one that the broker assigns to, when a member joins it. With group_kinds held.
bool change_over(ServerState& server, const ConsumerGroupHeartbeat::Message& message) {
    if (message.member_epoch != 0) return false;
    auto group = server.groups.snapshot(message.group_id);
    if (!group || !server.consumer_groups.take_over(message.group_id, *group)) return false;
    server.groups.drop(message.group_id);
    return true;
}

ConsumerHeartbeat heartbeat_of(const Request& request, ConsumerGroupHeartbeat::Message& message) {
    ConsumerHeartbeat beat;
    beat.group = std::move(message.group_id);
    beat.member_id = std::move(message.member_id);
    beat.member_epoch = message.member_epoch;
    beat.instance_id = std::move(message.instance_id);
    beat.rack_id = std::move(message.rack_id);
    beat.rebalance_timeout_ms = message.rebalance_timeout_ms;
    beat.topics = std::move(message.subscribed_topic_names);
    beat.topic_regex = std::move(message.subscribed_topic_regex);
    beat.assignor = std::move(message.server_assignor);
    beat.client_id = request.client_id;
    beat.client_host = request.client_host;
    beat.names_itself = request.version >= 1;
    if (request.server.enforces())
        beat.may_see = [server = &request.server, login = request.login,
                        host = request.client_host](const std::string& topic) {
            Request member{.server = *server, .login = login, .client_host = host};
            return member.may_with_topic(Operation::describe, topic);
        };
    if (!message.topic_partitions) return beat;
    auto& owned = beat.owned.emplace();
    for (const auto& topic : *message.topic_partitions)
        owned[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
    return beat;
}

}  // namespace

ConsumerGroupHeartbeat::Response ConsumerGroupHeartbeat::handle(RequestPointer request, Message message) {
    Response response;
    auto& server = request->server;
    auto refuse = [&](ErrorCode error, std::string text) {
        response.error = error;
        response.error_message = std::move(text);
        return response;
    };
    if (!server.features.has(Feature::group_version)) {
        response.error = ErrorCode::unsupported_version;
        return response;
    }
    if (auto no = refused_membership(*request, message.group_id, message.subscribed_topic_names))
        return refuse(no->first, std::move(no->second));
    std::lock_guard one_kind(server.group_kinds);
    auto classic = server.groups.describe(message.group_id);
    bool is_other = server.share->contains(message.group_id);
    if (is_other || (classic && !classic->members.empty() && !change_over(server, message)))
        return refuse(ErrorCode::group_id_not_found,
                      "Group " + message.group_id + " is not a consumer group.");
    auto result = server.consumer_groups.heartbeat(heartbeat_of(*request, message));
    if (result.error != ErrorCode::none) return refuse(result.error, std::move(result.error_message));
    response.member_id = std::move(result.member_id);
    response.member_epoch = result.member_epoch;
    response.heartbeat_interval_ms = result.interval_ms;
    if (!result.assignment) return response;
    Response::Assignment assignment;
    assignment.topic_partitions = topics_of<decltype(assignment.topic_partitions)>(*result.assignment);
    response.assignment = std::move(assignment);
    return response;
}

ConsumerGroupDescribe::Response ConsumerGroupDescribe::handle(RequestPointer request, Message message) {
    Response response;
    const auto& server = request->server;
    for (const auto& name : message.group_ids) {
        auto& answer = response.groups.emplace_back();
        answer.group_id = name;
        if (!server.features.has(Feature::group_version)) {
            answer.error = ErrorCode::unsupported_version;
            continue;
        }
        if (!request->may_with_group(Operation::describe, name)) {
            answer.error = ErrorCode::group_authorization_failed;
            continue;
        }
        auto group = server.consumer_groups.describe(name);
        auto assignments_of = [](const auto& member) {
            return std::array{&member.assignment, &member.target};
        };
        if (group && !may_see_all(*request, *group, assignments_of)) {
            answer.error = ErrorCode::topic_authorization_failed;
            answer.error_message =
                "The group has described topic(s) that the client is not authorized to describe.";
            continue;
        }
        if (!group) {
            answer.error = ErrorCode::group_id_not_found;
            answer.error_message = "Group " + name + " is not a consumer group.";
            continue;
        }
        if (message.include_authorized_operations)
            answer.authorized_operations = request->operations_on(ResourceType::group, name);
        answer.group_state = group->state;
        answer.group_epoch = group->epoch;
        answer.assignment_epoch = group->assignment_epoch;
        answer.assignor_name = group->assignor;
        for (auto& member : group->members) {
            auto& out = answer.members.emplace_back();
            out.member_id = member.member_id;
            out.instance_id = member.instance_id;
            out.rack_id = member.rack_id;
            out.member_epoch = member.member_epoch;
            out.client_id = member.client_id;
            out.client_host = member.client_host;
            out.subscribed_topic_names = std::move(member.topics);
            out.subscribed_topic_regex = member.topic_regex;
            out.assignment.topic_partitions =
                named_topics_of<decltype(out.assignment.topic_partitions)>(server.topics, member.assignment);
            out.target_assignment.topic_partitions =
                named_topics_of<decltype(out.target_assignment.topic_partitions)>(server.topics,
                                                                                  member.target);
            out.member_type = member.is_classic ? 0 : 1;
        }
    }
    return response;
}

}  // namespace penstock::broker
