// Members of the classic protocol in a group whose partitions the broker assigns. Each step that the broker
// wants of them is a rebalance to them: they are told so by their heartbeats, join (with what they own still)
// and sync (and are told what is theirs). Their generation is their epoch.
#include "broker/group/consumer_groups_state.h"

namespace penstock::broker {
namespace {

JoinResult refused(ErrorCode error, std::string member_id) {
    JoinResult result;
    result.error = error;
    result.member_id = std::move(member_id);
    return result;
}

bool share_a_protocol(const std::vector<GroupProtocol>& one, const std::vector<GroupProtocol>& other) {
    return std::ranges::any_of(one, [&](const GroupProtocol& each) {
        return std::ranges::find(other, each.name, &GroupProtocol::name) != other.end();
    });
}

}  // namespace

/// With mutex_ held, as all that is private.
Assignment ConsumerGroups::by_id(const PartitionsByTopic& partitions) const {
    Assignment out;
    for (const auto& [topic, numbers] : partitions)
        if (auto known = known_topics_.find(topic); known != known_topics_.end() && !numbers.empty())
            out[known->second.id] = numbers;
    return out;
}

PartitionsByTopic ConsumerGroups::by_name(const Assignment& assignment) const {
    PartitionsByTopic out;
    for (const auto& [name, topic] : known_topics_)
        if (auto found = assignment.find(topic.id); found != assignment.end() && !found->second.empty())
            out[name] = found->second;
    return out;
}

bool ConsumerGroups::take_over(const std::string& name, const HandedOverGroup& handed) {
    std::lock_guard lock(mutex_);
    if (handed.members.size() > options_.max_members || groups_.size() >= options_.max_groups) return false;
    look_at_topics(true);
    auto group = std::make_unique<Group>();
    group->id = name;
    group->epoch = group->assignment_epoch = handed.generation;
    for (const auto& each : handed.members) {
        // Before its first assignment the group has no protocol: what the member likes best.
        auto spoken = std::ranges::find(each.protocols, handed.protocol, &GroupProtocol::name);
        if (spoken == each.protocols.end()) spoken = each.protocols.begin();
        if (spoken == each.protocols.end()) return false;
        auto subscription = parse_subscription(spoken->metadata);
        if (!subscription) return false;
        auto& member = group->members[each.id];
        member.id = each.id;
        member.instance_id = each.instance_id;
        if (each.instance_id) group->static_members[*each.instance_id] = each.id;
        member.client_id = each.client_id;
        member.client_host = each.client_host;
        member.epoch = handed.generation;
        member.rebalance_timeout_ms = each.rebalance_timeout_ms;
        member.topics = {subscription->topics.begin(), subscription->topics.end()};
        member.assigned = by_id(parse_assignment(each.assignment));
        group->targets[each.id] = member.assigned;
        member.session_ends_ms = now_ms() + each.session_timeout_ms;
        member.classic.emplace();
        member.classic->session_timeout_ms = each.session_timeout_ms;
        member.classic->protocols = each.protocols;
        member.classic->version = subscription->version;
    }
    groups_[name] = std::move(group);
    return true;
}

std::vector<std::string> ConsumerGroups::only_classic() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, group] : groups_)
        if (!group->members.empty() &&
            std::ranges::all_of(group->members, [](const auto& each) { return bool(each.second.classic); }))
            names.push_back(name);
    return names;
}

std::optional<HandedOverGroup> ConsumerGroups::hand_back(const std::string& name) {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(name);
    if (found == groups_.end() || found->second->members.empty()) return std::nullopt;
    HandedOverGroup out;
    for (auto& [id, member] : found->second->members) {
        if (!member.classic) return std::nullopt;
        out.generation = std::max(out.generation, member.epoch);  // which the members have, or most of them
        out.members.push_back(
            {.id = id,
             .instance_id = member.instance_id,
             .client_id = member.client_id,
             .client_host = member.client_host,
             .session_timeout_ms = member.classic->session_timeout_ms,
             .rebalance_timeout_ms = member.rebalance_timeout_ms,
             .protocols = member.classic->protocols,
             .assignment = encode_assignment(by_name(member.assigned), member.classic->version)});
    }
    groups_.erase(found);
    return out;
}

JoinResult ConsumerGroups::join(JoinRequest request) {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(request.group);
    if (found == groups_.end()) return refused(ErrorCode::unknown_member_id, request.member_id);
    auto& group = *found->second;
    const bool is_consumer = !request.protocols.empty() && request.protocol_type == "consumer";
    const bool fits = is_consumer && std::ranges::all_of(group.members, [&](const auto& each) {
                          return !each.second.classic || each.first == request.member_id ||
                                 share_a_protocol(each.second.classic->protocols, request.protocols);
                      });
    if (!fits) return refused(ErrorCode::inconsistent_group_protocol, request.member_id);
    if (request.member_id.empty() && request.wants_member_id_first && !request.instance_id)
        return refused(ErrorCode::member_id_required, request.client_id + "-" + random_uuid().text());
    auto subscription = parse_subscription(request.protocols[0].metadata);
    if (!subscription) return refused(ErrorCode::inconsistent_group_protocol, request.member_id);
    return join_group(group, request, std::move(*subscription));
}

JoinResult ConsumerGroups::join_group(Group& group, JoinRequest& request, ConsumerSubscription subscription) {
    const auto prefix = request.instance_id.value_or(request.client_id) + "-";
    if (request.instance_id) {
        auto known = group.static_members.find(*request.instance_id);
        const bool is_known = known != group.static_members.end();
        if (is_known && !request.member_id.empty() && known->second != request.member_id)
            return refused(ErrorCode::fenced_instance_id, request.member_id);
        if (is_known && request.member_id.empty()) {  // has started again: takes its place
            request.member_id = prefix + random_uuid().text();
            auto node = group.members.extract(known->second);
            group.targets[request.member_id] = std::move(group.targets[node.key()]);
            group.targets.erase(node.key());
            node.key() = node.mapped().id = known->second = request.member_id;
            group.members.insert(std::move(node));
        }
    }
    if (request.member_id.empty()) request.member_id = prefix + random_uuid().text();
    auto found = group.members.find(request.member_id);
    if (found == group.members.end()) {
        if (group.members.size() >= options_.max_members)
            return refused(ErrorCode::group_max_size_reached, request.member_id);
        found = group.members.emplace(request.member_id, Member()).first;
        found->second.id = request.member_id;
        found->second.instance_id = request.instance_id;
        if (request.instance_id) group.static_members[*request.instance_id] = request.member_id;
        ++group.epoch;
    }
    auto& member = found->second;
    look_at_topics(true);
    ConsumerHeartbeat beat;
    beat.rebalance_timeout_ms = request.rebalance_timeout_ms;
    beat.topics = std::move(subscription.topics);
    beat.topic_regex.emplace();
    beat.owned = by_id(subscription.owned);
    beat.client_id = request.client_id;
    beat.client_host = request.client_host;
    serve(group, member, beat, true);
    member.session_ends_ms = now_ms() + request.session_timeout_ms;
    member.classic.emplace();
    member.classic->session_timeout_ms = request.session_timeout_ms;
    member.classic->version = subscription.version;
    member.classic->protocols = std::move(request.protocols);
    JoinResult result;
    result.generation = member.epoch;
    result.protocol_type = "consumer";
    result.protocol = member.classic->protocols[0].name;
    result.member_id = member.id;
    return result;
}

ErrorCode ConsumerGroups::find_classic(const MemberIdentity& identity, Group*& group, Member*& member) {
    auto found = groups_.find(identity.group);
    if (found == groups_.end()) return ErrorCode::unknown_member_id;
    group = found->second.get();
    auto id = identity.member_id;
    if (identity.instance_id) {
        auto known = group->static_members.find(*identity.instance_id);
        if (known == group->static_members.end()) return ErrorCode::unknown_member_id;
        if (id.empty()) id = known->second;  // a tool knows the instance only
        if (known->second != id) return ErrorCode::fenced_instance_id;
    }
    auto at = group->members.find(id);
    if (at == group->members.end() || !at->second.classic) return ErrorCode::unknown_member_id;
    member = &at->second;
    return ErrorCode::none;
}

SyncResult ConsumerGroups::sync(const SyncRequest& request) {
    std::lock_guard lock(mutex_);
    Group* group = nullptr;
    Member* member = nullptr;
    auto error = find_classic(request.member, group, member);
    if (error == ErrorCode::none && request.member.generation != member->epoch)
        error = ErrorCode::illegal_generation;
    const bool is_behind =
        error == ErrorCode::none && group->epoch > member->epoch && member->state != Member::State::unrevoked;
    if (is_behind) error = ErrorCode::rebalance_in_progress;
    if (error != ErrorCode::none)
        return {.error = error, .protocol_type = {}, .protocol = {}, .assignment = {}};
    const auto& name = member->classic->protocols[0].name;
    if ((request.protocol_type && *request.protocol_type != "consumer") ||
        (request.protocol && *request.protocol != name))
        return {.error = ErrorCode::inconsistent_group_protocol,
                .protocol_type = {},
                .protocol = {},
                .assignment = {}};
    member->session_ends_ms = now_ms() + member->classic->session_timeout_ms;
    return {.error = ErrorCode::none,
            .protocol_type = "consumer",
            .protocol = name,
            .assignment = encode_assignment(by_name(member->assigned), member->classic->version)};
}

ErrorCode ConsumerGroups::classic_heartbeat(const MemberIdentity& identity) {
    std::lock_guard lock(mutex_);
    Group* group = nullptr;
    Member* member = nullptr;
    if (auto error = find_classic(identity, group, member); error != ErrorCode::none) return error;
    if (identity.generation != member->epoch) return ErrorCode::illegal_generation;
    member->session_ends_ms = now_ms() + member->classic->session_timeout_ms;
    const bool has_to_join = member->epoch < group->epoch || member->state == Member::State::unrevoked ||
                             (member->state == Member::State::unreleased && !group->is_waiting(*member));
    if (!has_to_join) return ErrorCode::none;
    auto& ends = member->classic->join_ends_ms;
    if (ends == INT64_MAX) ends = now_ms() + member->rebalance_timeout_ms;
    return ErrorCode::rebalance_in_progress;
}

/// Tools take any member out that they know by its instance alone, of either protocol.
ErrorCode ConsumerGroups::classic_leave(const MemberIdentity& identity) {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(identity.group);
    if (found != groups_.end() && identity.instance_id && identity.member_id.empty()) {
        auto known = found->second->static_members.find(*identity.instance_id);
        if (known == found->second->static_members.end()) return ErrorCode::unknown_member_id;
        const auto id = known->second;
        remove_member(*found->second, id);
        return ErrorCode::none;
    }
    Group* group = nullptr;
    Member* member = nullptr;
    if (auto error = find_classic(identity, group, member); error != ErrorCode::none) return error;
    const auto id = member->id;
    remove_member(*group, id);
    return ErrorCode::none;
}

}  // namespace penstock::broker
