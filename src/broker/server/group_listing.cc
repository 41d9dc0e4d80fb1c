// FindCoordinator, ListGroups, DescribeGroups and DeleteGroups.
#include <set>

#include "broker/group/committed_offsets.h"
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::int8_t group_key = 0;

/// Groups with members, and those of which only committed offsets are left.
std::vector<GroupDescription> all_groups(ServerState& server) {
    auto groups = server.groups.groups();
    std::set<std::string> known;
    for (const auto& group : groups) known.insert(group.group);
    for (const auto& name : server.topics.offsets().groups())
        if (!known.contains(name)) groups.push_back({name, GroupState::empty, "consumer", "", {}});
    return groups;
}

bool wanted(const std::vector<std::string>& filter, std::string_view value) {
    if (filter.empty()) return true;
    return std::ranges::any_of(filter, [&](const std::string& each) {
        return std::ranges::equal(each, value, [](char a, char b) {
            return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
        });
    });
}

}  // namespace

FindCoordinator::Response FindCoordinator::handle(RequestPointer request, Message message) {
    Response response;
    bool offered = message.key_type == group_key;
    auto error = offered ? ErrorCode::none : ErrorCode::unsupported_version;
    std::optional<std::string> text;
    if (!offered) text = "only consumer groups have a coordinator: transactions are not offered";
    auto node = offered ? request->server.options.node_id : -1;
    auto host = offered ? request->host : std::string();
    auto port = offered ? std::int32_t(request->port) : -1;
    response.error = error;
    response.error_message = text;
    response.node_id = node;
    response.host = host;
    response.port = port;
    for (const auto& key : message.coordinator_keys)
        response.coordinators.push_back({key, node, host, port, error, text});
    return response;
}

ListGroups::Response ListGroups::handle(RequestPointer request, Message message) {
    Response response;
    for (const auto& group : all_groups(request->server)) {
        auto state = std::string(to_string(group.state));
        if (!wanted(message.states_filter, state) || !wanted(message.types_filter, "classic")) continue;
        response.groups.push_back({group.group, group.protocol_type, state, "classic"});
    }
    return response;
}

DescribeGroups::Response DescribeGroups::handle(RequestPointer request, Message message) {
    Response response;
    auto all = all_groups(request->server);
    for (const auto& name : message.groups) {
        auto& answer = response.groups.emplace_back();
        answer.group_id = name;
        auto found = std::ranges::find(all, name, &GroupDescription::group);
        if (found == all.end()) {
            answer.state = "Dead";
            if (request->version >= 6) {
                answer.error = ErrorCode::group_id_not_found;
                answer.error_message = "Group " + name + " not found.";
            }
            continue;
        }
        answer.state = to_string(found->state);
        answer.protocol_type = found->protocol_type;
        answer.protocol_name = found->protocol;
        for (const auto& member : found->members)
            answer.members.push_back({member.member_id, member.instance_id, member.client_id,
                                      member.client_host, member.metadata, member.assignment});
    }
    return response;
}

net::Task<DeleteGroups::Response> DeleteGroups::handle(RequestPointer request, Message message) {
    Response response;
    auto& server = request->server;
    for (const auto& name : message.groups) {
        auto error = server.groups.remove(name);
        auto offsets = server.topics.offsets().of_group(name);
        if (error == ErrorCode::group_id_not_found && !offsets.empty()) error = ErrorCode::none;
        if (error == ErrorCode::none && !offsets.empty()) {
            OffsetChanges changes;
            for (const auto& [key, value] : offsets) changes.emplace_back(key, std::nullopt);
            net::Completion<Result<>> done(co_await net::this_executor());
            server.topics.offsets().commit(std::move(changes),
                                           [done](Result<> result) { done.set(std::move(result)); });
            auto result = co_await done.wait();
            if (!result) error = error_code(result.error(), Doing::other);
        }
        response.results.push_back({name, error});
    }
    co_return response;
}

}  // namespace penstock::broker
