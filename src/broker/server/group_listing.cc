// FindCoordinator, ListGroups, DescribeGroups and DeleteGroups.
#include <set>

#include "base/units.h"
#include "broker/group/committed_offsets.h"
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::int8_t group_key = 0, transaction_key = 1, share_key = 2;

/// "group:topic id:partition", as brokers ask who keeps what a share group has read.
bool is_share_key(const std::string& key) {
    auto last = key.rfind(':');
    auto middle = last == key.npos || last == 0 ? key.npos : key.rfind(':', last - 1);
    if (middle == key.npos || middle == 0) return false;
    auto partition = parse_int(std::string_view(key).substr(last + 1));
    return partition && *partition >= 0 && last - middle > 1;
}

/// Groups with members, and those of which only committed offsets are left.
std::vector<GroupDescription> all_groups(ServerState& server) {
    auto groups = server.groups.groups();
    std::set<std::string> known;
    for (const auto& group : groups) known.insert(group.group);
    const auto& offsets = server.topics.offsets();
    for (const auto& name : offsets.groups())
        if (!known.contains(name) && !server.consumer_groups.contains(name))
            groups.push_back({name, GroupState::empty, offsets.protocol_type(name), "", {}});
    return groups;
}

/// Those with members, and those of which only what they have read is left.
std::vector<ShareGroupDescription> share_groups(const ServerState& server) {
    auto groups = server.share->groups.all();
    std::set<std::string> known;
    for (const auto& group : groups) known.insert(group.group);
    for (auto& name : server.share->states.groups())
        if (!known.contains(name)) groups.push_back({.group = std::move(name), .members = {}});
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
    constexpr std::int16_t share_since = 6;
    bool offered = message.key_type == group_key || message.key_type == transaction_key ||
                   (message.key_type == share_key && request->version >= share_since);
    if (message.key_type == share_key) {
        if (offered && !request->may_with_cluster(Operation::cluster_action)) {
            for (const auto& key : message.coordinator_keys)
                response.coordinators.push_back(
                    {key, -1, "", -1, ErrorCode::cluster_authorization_failed, std::nullopt});
            return response;
        }
        for (const auto& key : message.coordinator_keys) offered = offered && is_share_key(key);
    }
    auto error = offered ? ErrorCode::none : ErrorCode::invalid_request;
    std::optional<std::string> text;
    if (!offered) text = "expected a group, a transactional id or, from version 6, a share group's partition";
    auto node = offered ? request->server.node_id() : -1;
    auto host = offered ? request->host : std::string();
    auto port = offered ? std::int32_t(request->port) : -1;
    response.error = error;
    response.error_message = text;
    response.node_id = node;
    response.host = host;
    response.port = port;
    auto denied = [&](const std::string& key) {
        if (message.key_type == transaction_key)
            return request->may(Operation::describe, ResourceType::transactional_id, key)
                       ? ErrorCode::none
                       : ErrorCode::transactional_id_authorization_failed;
        if (message.key_type == share_key) return ErrorCode::none;  // asked above
        return request->may_with_group(Operation::describe, key) ? ErrorCode::none
                                                                 : ErrorCode::group_authorization_failed;
    };
    if (request->version < 4 && offered && denied(message.key) != ErrorCode::none) {
        response.error = denied(message.key);
        response.node_id = response.port = -1;
        response.host.clear();
    }
    for (const auto& key : message.coordinator_keys) {
        if (auto refused = offered ? denied(key) : ErrorCode::none; refused != ErrorCode::none)
            response.coordinators.push_back({key, -1, "", -1, refused, std::nullopt});
        else
            response.coordinators.push_back({key, node, host, port, error, text});
    }
    return response;
}

ListGroups::Response ListGroups::handle(RequestPointer request, Message message) {
    Response response;
    for (const auto& group : all_groups(request->server)) {
        auto state = std::string(to_string(group.state));
        bool may = request->may_with_cluster(Operation::describe) ||
                   request->may_with_group(Operation::describe, group.group);
        if (!may) continue;
        if (!wanted(message.states_filter, state) || !wanted(message.types_filter, "classic")) continue;
        response.groups.push_back({group.group, group.protocol_type, state, "classic"});
    }
    for (const auto& group : request->server.consumer_groups.all()) {
        bool may = request->may_with_cluster(Operation::describe) ||
                   request->may_with_group(Operation::describe, group.group);
        if (!may || !wanted(message.states_filter, group.state) || !wanted(message.types_filter, "consumer"))
            continue;
        response.groups.push_back({group.group, "consumer", group.state, "consumer"});
    }
    for (const auto& group : share_groups(request->server)) {
        bool may = request->may_with_cluster(Operation::describe) ||
                   request->may_with_group(Operation::describe, group.group);
        if (!may || !wanted(message.states_filter, group.state()) || !wanted(message.types_filter, "share"))
            continue;
        response.groups.push_back({group.group, "share", group.state(), "share"});
    }
    return response;
}

constexpr std::int16_t not_found_since = 6;  // before, a group that is not there is Dead

DescribeGroups::Response DescribeGroups::handle(RequestPointer request, Message message) {
    Response response;
    auto& server = request->server;
    auto all = all_groups(server);
    for (const auto& name : message.groups) {
        auto& answer = response.groups.emplace_back();
        answer.group_id = name;
        if (!request->may_with_group(Operation::describe, name)) {
            answer.error = ErrorCode::group_authorization_failed;
            continue;
        }
        auto found = std::ranges::find(all, name, &GroupDescription::group);
        if (message.include_authorized_operations &&
            (found != all.end() || request->version < not_found_since))
            answer.authorized_operations = request->operations_on(ResourceType::group, name);
        if (found == all.end()) {
            answer.state = "Dead";
            if (request->version >= not_found_since) {
                answer.error = ErrorCode::group_id_not_found;
                answer.error_message = server.consumer_groups.contains(name) || server.share->contains(name)
                                           ? "Group " + name + " is not a classic group."
                                           : "Group " + name + " not found.";
            }
            continue;
        }
        answer.state = to_string(found->state);
        answer.protocol_type = found->protocol_type;
        const bool is_stable = found->state == GroupState::stable;
        if (is_stable) answer.protocol_name = found->protocol;
        for (const auto& member : found->members)
            answer.members.push_back({member.member_id, member.instance_id, member.client_id,
                                      member.client_host, is_stable ? member.metadata : Bytes(),
                                      member.assignment});
    }
    return response;
}

namespace {

ErrorCode delete_share_group(Sharing& share, const std::string& name) {
    if (share.groups.has_members(name)) return ErrorCode::non_empty_group;
    ShareStates::Changes changes;
    for (const auto& [key, state] : share.states.of_group(name)) changes.emplace_back(key, std::nullopt);
    if (auto written = share.write(std::move(changes)); !written)
        return error_code(written.error(), Doing::other);
    share.groups.remove(name);
    return ErrorCode::none;
}

}  // namespace

ErrorCode ServerState::delete_group(const std::string& name) {
    if (share->contains(name)) return delete_share_group(*share, name);
    auto error = consumer_groups.contains(name) ? consumer_groups.remove(name) : groups.remove(name);
    auto offsets = topics.offsets().of_group(name);
    if (error == ErrorCode::group_id_not_found && !offsets.empty()) error = ErrorCode::none;
    if (error != ErrorCode::none || offsets.empty()) return error;
    OffsetChanges changes;
    for (const auto& [key, value] : offsets) changes.emplace_back(key, std::nullopt);
    auto committed = commit_and_wait(std::move(changes));
    return committed ? ErrorCode::none : error_code(committed.error(), Doing::other);
}

net::Task<DeleteGroups::Response> DeleteGroups::handle(RequestPointer request, Message message) {
    Response response;
    auto& server = request->server;
    for (const auto& name : message.groups) {
        auto error = ErrorCode::group_authorization_failed;
        if (request->may_with_group(Operation::remove, name)) {
            std::function<ErrorCode()> work = [&server, &name] { return server.delete_group(name); };
            error = co_await server.blocking.run<ErrorCode>(work);
        }
        response.results.push_back({name, error});
    }
    co_return response;
}

namespace {

/// nullopt: any may be among them.
using TopicsInUse = std::optional<std::set<std::string>>;

/// Adds the topics that a consumer of the classic protocol has subscribed to, out of its metadata.
void add_subscribed_topics(const Bytes& metadata, TopicsInUse& to) {
    wire::kafka::Decoder decoder({reinterpret_cast<const char*>(metadata.data()), metadata.size()}, false);
    std::int16_t version = 0;
    std::vector<std::string> topics;
    decoder.value(version);
    decoder.value(topics);
    if (!decoder.ok()) to.reset();
    if (to) to->insert(topics.begin(), topics.end());
}

/// Whether offsets of the group may be deleted; in_use: the topics that its members read.
ErrorCode check_deletion(const ServerState& server, const std::string& group, TopicsInUse& in_use) {
    if (group.empty()) return ErrorCode::invalid_group_id;
    if (auto consumers = server.consumer_groups.describe(group)) {
        for (auto& member : consumers->members) in_use->insert(member.topics.begin(), member.topics.end());
        return ErrorCode::none;
    }
    auto described = server.groups.describe(group);
    if (!described || described->state == GroupState::empty)
        return described || !server.topics.offsets().of_group(group).empty() ? ErrorCode::none
                                                                             : ErrorCode::group_id_not_found;
    if (described->protocol_type != "consumer") return ErrorCode::non_empty_group;
    for (const auto& member : described->members) add_subscribed_topics(member.metadata, in_use);
    return ErrorCode::none;
}

}  // namespace

net::Task<OffsetDelete::Response> OffsetDelete::handle(RequestPointer request, Message message) {
    auto& offsets = request->server.topics.offsets();
    Response response;
    TopicsInUse in_use(std::in_place);
    response.error = request->may_with_group(Operation::remove, message.group_id)
                         ? check_deletion(request->server, message.group_id, in_use)
                         : ErrorCode::group_authorization_failed;
    if (response.error != ErrorCode::none) co_return response;
    OffsetChanges changes;
    for (const auto& topic : message.topics) {
        auto& answers = response.topics.emplace_back();
        answers.name = topic.name;
        auto found = request->server.topics.find(std::string_view(topic.name));
        for (const auto& partition : topic.partitions) {
            auto error = ErrorCode::none;
            bool known = found && found->has(partition.index);
            if (!request->may_with_topic(Operation::read, topic.name))
                error = ErrorCode::topic_authorization_failed;
            else if (!known)
                error = ErrorCode::unknown_topic_or_partition;
            else if (!in_use || in_use->contains(topic.name))
                error = ErrorCode::group_subscribed_to_topic;
            answers.partitions.push_back({partition.index, error});
            GroupPartition key{message.group_id, topic.name, partition.index};
            if (error == ErrorCode::none && offsets.find(key))
                changes.emplace_back(std::move(key), std::nullopt);
        }
    }
    net::Completion<Result<>> done(co_await net::this_executor());
    offsets.commit(std::move(changes), [done](Result<> result) { done.set(std::move(result)); });
    auto result = co_await done.wait();
    if (!result) response.error = ErrorCode::coordinator_not_available;
    co_return response;
}

}  // namespace penstock::broker
