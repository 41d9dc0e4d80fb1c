// ShareGroupHeartbeat and ShareGroupDescribe (KIP-932): ShareGroups decides, this only translates.
#include <array>

#include "broker/server/assigned_groups.h"
#include "broker/server/handlers.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

namespace {

ShareHeartbeatResult beat(const Request& request, ShareGroupHeartbeat::Message& message) {
    auto& server = request.server;
    std::lock_guard one_kind(server.group_kinds);
    if (is_not_a_share_group(server, message.group_id))
        return {.error = ErrorCode::group_id_not_found,
                .error_message = "Group " + message.group_id + " is not a share group.",
                .assignment = {}};
    return server.share->groups.heartbeat({.group = message.group_id,
                                           .member_id = message.member_id,
                                           .member_epoch = message.member_epoch,
                                           .rack_id = std::move(message.rack_id),
                                           .topics = std::move(message.subscribed_topic_names),
                                           .client_id = request.client_id,
                                           .client_host = request.client_host});
}

}  // namespace

net::Task<ShareGroupHeartbeat::Response> ShareGroupHeartbeat::handle(RequestPointer request,
                                                                     Message message) {
    Response response;
    auto refuse = [&](ErrorCode error, std::string text) {
        response.error = error;
        response.error_message = std::move(text);
    };
    if (!request->server.features.has(Feature::share_version)) {
        response.error = ErrorCode::unsupported_version;
        co_return response;
    }
    if (auto no = refused_membership(*request, message.group_id, message.subscribed_topic_names)) {
        refuse(no->first, std::move(no->second));
        co_return response;
    }
    auto& share = *request->server.share;
    auto result = beat(*request, message);
    if (result.error == ErrorCode::none && result.assignment) {
        std::function<Result<>()> work = [&] {
            return share.initialize(message.group_id, *result.assignment);
        };
        auto ready = co_await request->server.blocking.run<Result<>>(work);
        if (!ready) {
            result.error = ErrorCode::coordinator_not_available;
            result.error_message = ready.error().text;
        }
    }
    if (result.error != ErrorCode::none) {
        refuse(result.error, std::move(result.error_message));
        co_return response;
    }
    response.member_id = std::move(message.member_id);
    response.member_epoch = result.member_epoch;
    response.heartbeat_interval_ms = result.interval_ms;
    if (!result.assignment) co_return response;
    Response::Assignment assignment;
    assignment.topic_partitions = topics_of<decltype(assignment.topic_partitions)>(*result.assignment);
    response.assignment = std::move(assignment);
    co_return response;
}

ShareGroupDescribe::Response ShareGroupDescribe::handle(RequestPointer request, Message message) {
    Response response;
    const auto& server = request->server;
    for (const auto& name : message.group_ids) {
        auto& answer = response.groups.emplace_back();
        answer.group_id = name;
        if (!server.features.has(Feature::share_version)) {
            answer.error = ErrorCode::unsupported_version;
            continue;
        }
        if (!request->may_with_group(Operation::describe, name)) {
            answer.error = ErrorCode::group_authorization_failed;
            continue;
        }
        auto group = server.share->groups.describe(name);
        if (!group && server.share->states.has_group(name))
            group = ShareGroupDescription{.group = name, .members = {}};
        if (!group) {
            answer.error = ErrorCode::group_id_not_found;
            answer.error_message = "Group " + name + " not found.";
            continue;
        }
        if (!may_see_all(*request, *group,
                         [](const auto& member) { return std::array{&member.assignment}; })) {
            answer.error = ErrorCode::topic_authorization_failed;
            answer.error_message =
                "The group has described topic(s) that the client is not authorized to describe.";
            continue;
        }
        if (message.include_authorized_operations)
            answer.authorized_operations = request->operations_on(ResourceType::group, name);
        answer.group_state = group->state();
        answer.group_epoch = group->epoch;
        answer.assignment_epoch = group->assignment_epoch;
        answer.assignor_name = "simple";
        for (auto& member : group->members) {
            auto& out = answer.members.emplace_back();
            out.member_id = std::move(member.member_id);
            out.rack_id = std::move(member.rack_id);
            out.member_epoch = member.member_epoch;
            out.client_id = std::move(member.client_id);
            out.client_host = std::move(member.client_host);
            out.subscribed_topic_names = std::move(member.topics);
            out.assignment.topic_partitions =
                named_topics_of<decltype(out.assignment.topic_partitions)>(server.topics, member.assignment);
        }
    }
    return response;
}

}  // namespace penstock::broker
