// JoinGroup, SyncGroup, Heartbeat and LeaveGroup: GroupCoordinator decides, this only translates.
#include "broker/server/handlers.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

net::Task<JoinGroup::Response> JoinGroup::handle(RequestPointer request, Message message) {
    if (!request->may_with_group(Operation::read, message.group_id)) {
        Response refused;
        refused.error = ErrorCode::group_authorization_failed;
        refused.generation_id = -1;
        co_return refused;
    }
    JoinRequest join{.group = std::move(message.group_id),
                     .member_id = std::move(message.member_id),
                     .instance_id = std::move(message.group_instance_id),
                     .client_id = request->client_id,
                     .client_host = request->client_host,
                     .session_timeout_ms = message.session_timeout_ms,
                     .rebalance_timeout_ms = message.rebalance_timeout_ms,
                     .protocol_type = std::move(message.protocol_type),
                     .protocols = {},
                     .wants_member_id_first = request->version >= 4};
    for (auto& protocol : message.protocols)
        join.protocols.push_back({std::move(protocol.name), std::move(protocol.metadata)});
    net::Completion<JoinResult> joined(co_await net::this_executor());
    auto& server = request->server;
    {
        std::lock_guard one_kind(server.group_kinds);
        if (server.share->contains(join.group)) {
            joined.set({.error = ErrorCode::inconsistent_group_protocol, .member_id = "", .members = {}});
        } else if (server.consumer_groups.has_members(join.group)) {
            joined.set(server.consumer_groups.join(std::move(join)));
        } else {
            server.consumer_groups.remove(join.group);
            server.groups.join(std::move(join),
                               [joined](JoinResult result) { joined.set(std::move(result)); });
        }
    }
    const Waits waits(*request);
    auto result = co_await joined.wait();
    Response response;
    response.error = result.error;
    response.generation_id = result.generation;
    response.protocol_type = std::move(result.protocol_type);
    response.protocol_name = std::move(result.protocol);
    response.leader = std::move(result.leader);
    response.skip_assignment = result.skip_assignment;
    response.member_id = std::move(result.member_id);
    for (auto& member : result.members)
        response.members.push_back(
            {std::move(member.member_id), std::move(member.instance_id), std::move(member.metadata)});
    co_return response;
}

net::Task<SyncGroup::Response> SyncGroup::handle(RequestPointer request, Message message) {
    constexpr std::int16_t names_protocol = 5;
    if (request->version >= names_protocol && (!message.protocol_type || !message.protocol_name)) {
        Response refused;
        refused.error = ErrorCode::inconsistent_group_protocol;
        co_return refused;
    }
    if (!request->may_with_group(Operation::read, message.group_id)) {
        Response refused;
        refused.error = ErrorCode::group_authorization_failed;
        co_return refused;
    }
    SyncRequest sync{.member = {.group = std::move(message.group_id),
                                .member_id = std::move(message.member_id),
                                .instance_id = std::move(message.group_instance_id),
                                .generation = message.generation_id},
                     .protocol_type = std::move(message.protocol_type),
                     .protocol = std::move(message.protocol_name),
                     .assignments = {}};
    for (auto& assignment : message.assignments)
        sync.assignments[assignment.member_id] = std::move(assignment.assignment);
    net::Completion<SyncResult> synced(co_await net::this_executor());
    auto& server = request->server;
    {
        std::lock_guard one_kind(server.group_kinds);
        if (server.consumer_groups.has_members(sync.member.group))
            synced.set(server.consumer_groups.sync(sync));
        else
            server.groups.sync(std::move(sync),
                               [synced](SyncResult result) { synced.set(std::move(result)); });
    }
    const Waits waits(*request);
    auto result = co_await synced.wait();
    Response response;
    response.error = result.error;
    response.protocol_type = std::move(result.protocol_type);
    response.protocol_name = std::move(result.protocol);
    response.assignment = std::move(result.assignment);
    co_return response;
}

Heartbeat::Response Heartbeat::handle(RequestPointer request, Message message) {
    Response response;
    if (!request->may_with_group(Operation::read, message.group_id)) {
        response.error = ErrorCode::group_authorization_failed;
        return response;
    }
    const MemberIdentity member{.group = std::move(message.group_id),
                                .member_id = std::move(message.member_id),
                                .instance_id = std::move(message.group_instance_id),
                                .generation = message.generation_id};
    auto& server = request->server;
    std::lock_guard one_kind(server.group_kinds);
    response.error = server.consumer_groups.has_members(member.group)
                         ? server.consumer_groups.classic_heartbeat(member)
                         : server.groups.heartbeat(member);
    return response;
}

LeaveGroup::Response LeaveGroup::handle(RequestPointer request, Message message) {
    Response response;
    auto leave = [&server = request->server](const MemberIdentity& member) {
        std::lock_guard one_kind(server.group_kinds);
        return server.consumer_groups.has_members(member.group) ? server.consumer_groups.classic_leave(member)
                                                                : server.groups.leave(member);
    };
    if (!request->may_with_group(Operation::read, message.group_id)) {
        response.error = ErrorCode::group_authorization_failed;
        return response;
    }
    if (request->version < 3) {
        response.error =
            leave({.group = message.group_id, .member_id = message.member_id, .instance_id = {}});
        return response;
    }
    for (const auto& member : message.members) {
        auto error = leave({.group = message.group_id,
                            .member_id = member.member_id,
                            .instance_id = member.group_instance_id});
        response.members.push_back({member.member_id, member.group_instance_id, error});
    }
    return response;
}

}  // namespace penstock::broker
