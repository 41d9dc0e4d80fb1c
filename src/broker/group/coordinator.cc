// A group's life:
//   empty -> preparing: someone joins. Every member must (re)join; the group waits for all it knows, at most
//   the
//            longest rebalance timeout.
//   preparing -> completing: a new generation; all joiners are answered, the leader with everyone's metadata.
//   completing -> stable: the leader's SyncGroup brings the assignment; every SyncGroup is answered with its
//   part. stable or completing -> preparing: a member comes, goes, is lost, or changes what it wants.
#include "broker/group/coordinator.h"

#include <algorithm>

#include "broker/random_uuid.h"

namespace penstock::broker {
namespace {

constexpr std::int64_t pending_member_ms = 60'000;

std::string new_member_id(const std::string& prefix) {
    return prefix + "-" + random_uuid().text();
}

JoinResult refused(ErrorCode error, std::string member_id = {}) {
    JoinResult result;
    result.error = error;
    result.member_id = std::move(member_id);
    return result;
}

}  // namespace

std::string_view to_string(GroupState state) {
    switch (state) {
        case GroupState::empty:
            return "Empty";
        case GroupState::preparing_rebalance:
            return "PreparingRebalance";
        case GroupState::completing_rebalance:
            return "CompletingRebalance";
        case GroupState::stable:
            return "Stable";
    }
    return "Dead";
}

struct GroupCoordinator::Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id, client_host;
    std::int32_t session_timeout_ms = 0, rebalance_timeout_ms = 0;
    std::vector<GroupProtocol> protocols;
    Bytes assignment;
    std::int64_t session_ends_ms = 0;
    Join waits_for_join;
    std::function<void(SyncResult)> waits_for_sync;

    bool supports(std::string_view protocol) const {
        return std::ranges::any_of(protocols, [&](auto& p) { return p.name == protocol; });
    }
    Bytes metadata(std::string_view protocol) const {
        auto found = std::ranges::find(protocols, protocol, &GroupProtocol::name);
        return found == protocols.end() ? Bytes{} : found->metadata;
    }
};

struct GroupCoordinator::Group {
    std::string id;
    GroupState state = GroupState::empty;
    std::int32_t generation = 0;
    std::string protocol_type, protocol, leader;
    std::map<std::string, std::unique_ptr<Member>> members;
    std::map<std::string, std::string> static_members;    // instance id -> member id
    std::map<std::string, std::int64_t> pending_members;  // ids given out -> until when they may join
    std::int64_t rebalance_ends_ms = 0;
    std::optional<std::int64_t> empty_since_ms;  // as seen at the last tick
    bool first_generation = false;  // waits its whole delay, and another one when somebody has come meanwhile
    bool somebody_came = false;
    std::int64_t first_ends_ms = 0;  // however many come

    std::vector<std::string> common_protocols() const {
        std::vector<std::string> common;
        if (members.empty()) return common;
        for (const auto& offer : members.begin()->second->protocols)
            if (std::ranges::all_of(members, [&](auto& m) { return m.second->supports(offer.name); }))
                common.push_back(offer.name);
        return common;
    }
    /// Whether a member with these could be in the group with all the others.
    bool accepts(const JoinRequest& request) const {
        if (request.protocol_type.empty() || request.protocols.empty()) return false;
        if (members.empty()) return true;
        if (request.protocol_type != protocol_type) return false;
        return std::ranges::any_of(request.protocols, [&](const auto& offer) {
            return std::ranges::all_of(members, [&](auto& m) {
                return m.first == request.member_id || m.second->supports(offer.name);
            });
        });
    }
    /// The protocol that most members like best.
    std::string choose_protocol() const {
        auto common = common_protocols();
        std::map<std::string, int> votes;
        for (const auto& [name, member] : members)
            for (const auto& offer : member->protocols)
                if (std::ranges::find(common, offer.name) != common.end()) {
                    ++votes[offer.name];
                    break;
                }
        auto best = std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
        return best == votes.end() ? std::string() : best->first;
    }
    std::int32_t longest_rebalance_ms() const {
        std::int32_t longest = 0;
        for (const auto& [name, member] : members) longest = std::max(longest, member->rebalance_timeout_ms);
        return longest;
    }
};

GroupCoordinator::GroupCoordinator(const Clock& clock, CoordinatorOptions options)
    : clock_(clock), options_(options) {}
GroupCoordinator::~GroupCoordinator() = default;

ErrorCode GroupCoordinator::find(const MemberIdentity& identity, Group*& group, Member*& member) {
    auto found = groups_.find(identity.group);
    if (found == groups_.end()) return ErrorCode::unknown_member_id;
    group = found->second.get();
    if (identity.instance_id) {
        auto known = group->static_members.find(*identity.instance_id);
        if (known == group->static_members.end()) return ErrorCode::unknown_member_id;
        if (known->second != identity.member_id) return ErrorCode::fenced_instance_id;
    }
    auto at = group->members.find(identity.member_id);
    if (at == group->members.end()) return ErrorCode::unknown_member_id;
    member = at->second.get();
    return ErrorCode::none;
}

void GroupCoordinator::join(JoinRequest request, Join done) {
    if (request.group.empty()) return done(refused(ErrorCode::invalid_group_id));
    if (request.session_timeout_ms < options_.session_timeout_ms_min ||
        request.session_timeout_ms > options_.session_timeout_ms_max)
        return done(refused(ErrorCode::invalid_session_timeout));
    if (request.rebalance_timeout_ms <= 0) request.rebalance_timeout_ms = request.session_timeout_ms;
    Calls calls;
    {
        std::lock_guard lock(mutex_);
        auto found = groups_.find(request.group);
        if (stopped_) {
            calls.push_back([done] { done(refused(ErrorCode::coordinator_not_available)); });
        } else if (found == groups_.end() && !request.member_id.empty()) {
            calls.push_back(
                [done, id = request.member_id] { done(refused(ErrorCode::unknown_member_id, id)); });
        } else {
            if (found == groups_.end()) {
                found = groups_.emplace(request.group, std::make_unique<Group>()).first;
                found->second->id = request.group;
            }
            auto& group = *found->second;
            if (!group.accepts(request)) {
                calls.push_back([done, id = request.member_id] {
                    done(refused(ErrorCode::inconsistent_group_protocol, id));
                });
            } else if (request.member_id.empty()) {
                join_unknown(group, request, std::move(done), calls);
            } else {
                join_known(group, request, std::move(done), calls);
            }
        }
    }
    for (auto& call : calls) call();
}

void GroupCoordinator::join_unknown(Group& group, JoinRequest& request, Join done, Calls& calls) {
    bool known_static = request.instance_id && group.static_members.contains(*request.instance_id);
    if (known_static && replace_static(group, request, done, calls)) return;
    if (group.members.size() + group.pending_members.size() >= options_.max_members) {
        calls.push_back([done] { done(refused(ErrorCode::group_max_size_reached)); });
        return;
    }
    request.member_id = new_member_id(request.instance_id.value_or(request.client_id));
    if (request.instance_id || !request.wants_member_id_first)
        return add_member(group, request, std::move(done), calls);
    group.pending_members[request.member_id] =
        now_ms() + std::min<std::int64_t>(pending_member_ms, request.session_timeout_ms);
    calls.push_back([done, id = request.member_id] { done(refused(ErrorCode::member_id_required, id)); });
}

/// A static member that has started again takes its place; the old process is fenced. True when that was all.
bool GroupCoordinator::replace_static(Group& group, JoinRequest& request, Join& done, Calls& calls) {
    auto& known_as = group.static_members[*request.instance_id];
    auto old_id = known_as;
    auto node = group.members.extract(old_id);
    if (node.empty()) return false;
    auto& member = *node.mapped();
    if (auto waits = std::exchange(member.waits_for_join, nullptr))
        calls.push_back([waits, old_id] { waits(refused(ErrorCode::fenced_instance_id, old_id)); });
    if (auto waits = std::exchange(member.waits_for_sync, nullptr))
        calls.push_back([waits] { waits(SyncResult{.error = ErrorCode::fenced_instance_id}); });
    request.member_id = new_member_id(*request.instance_id);
    known_as = member.id = node.key() = request.member_id;
    if (group.leader == old_id) group.leader = request.member_id;
    group.members.insert(std::move(node));
    bool same = member.protocols == request.protocols;
    bool leads = group.leader == member.id;
    if (group.state == GroupState::stable && same) {
        member.session_ends_ms = now_ms() + member.session_timeout_ms;
        auto result = current_generation(group, member);
        // The leader gets the members back, but must not assign anew: the assignment stands (KIP-814).
        result.skip_assignment = leads;
        calls.push_back([done, result = std::move(result)] { done(result); });
    } else {
        update_member(group, member, request, done, calls);
    }
    return true;
}

void GroupCoordinator::join_known(Group& group, JoinRequest& request, Join done, Calls& calls) {
    auto refuse = [&](ErrorCode error) {
        calls.push_back([done, error, id = request.member_id] { done(refused(error, id)); });
    };
    if (group.pending_members.erase(request.member_id) > 0)
        return add_member(group, request, std::move(done), calls);
    if (request.instance_id) {
        auto known = group.static_members.find(*request.instance_id);
        if (known != group.static_members.end() && known->second != request.member_id)
            return refuse(ErrorCode::fenced_instance_id);
    }
    auto found = group.members.find(request.member_id);
    if (found == group.members.end()) return refuse(ErrorCode::unknown_member_id);
    auto& member = *found->second;
    bool same = member.protocols == request.protocols;
    bool leads = group.leader == member.id;
    bool answered_before = (group.state == GroupState::completing_rebalance && same) ||
                           (group.state == GroupState::stable && same && !leads);
    if (answered_before) {  // its answer was lost on the way
        member.session_ends_ms = now_ms() + member.session_timeout_ms;
        auto result = current_generation(group, member);
        calls.push_back([done, result = std::move(result)] { done(result); });
        return;
    }
    update_member(group, member, request, std::move(done), calls);
}

void GroupCoordinator::add_member(Group& group, JoinRequest& request, Join done, Calls& calls) {
    auto member = std::make_unique<Member>();
    member->id = request.member_id;
    member->instance_id = request.instance_id;
    if (request.instance_id) group.static_members[*request.instance_id] = member->id;
    if (group.members.empty()) group.protocol_type = request.protocol_type;
    if (group.leader.empty()) group.leader = member->id;
    auto& added = *(group.members[member->id] = std::move(member));
    group.somebody_came = group.state == GroupState::preparing_rebalance;
    update_member(group, added, request, std::move(done), calls);
}

/// Takes over what the member says now, and makes it wait for the next generation.
void GroupCoordinator::update_member(Group& group, Member& member, JoinRequest& request, Join done,
                                     Calls& calls) {
    member.client_id = request.client_id;
    member.client_host = request.client_host;
    member.session_timeout_ms = request.session_timeout_ms;
    member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    member.protocols = std::move(request.protocols);
    member.session_ends_ms = now_ms() + member.session_timeout_ms;
    if (auto before = std::exchange(member.waits_for_join, std::move(done)))
        calls.push_back([before, id = member.id] { before(refused(ErrorCode::rebalance_in_progress, id)); });
    if (group.state != GroupState::preparing_rebalance)
        prepare_rebalance(group, calls);
    else
        complete_join_when_ready(group, false, calls);
}

void GroupCoordinator::prepare_rebalance(Group& group, Calls& calls) {
    for (auto& [id, member] : group.members) {
        if (group.state == GroupState::completing_rebalance) member->assignment.clear();
        if (auto waits = std::exchange(member->waits_for_sync, nullptr))
            calls.push_back([waits] { waits(SyncResult{.error = ErrorCode::rebalance_in_progress}); });
    }
    group.first_generation = group.state == GroupState::empty && options_.initial_delay_ms > 0;
    group.state = GroupState::preparing_rebalance;
    group.first_ends_ms = now_ms() + group.longest_rebalance_ms();
    group.rebalance_ends_ms = group.first_ends_ms;
    if (group.first_generation) wait_for_more(group);
    complete_join_when_ready(group, false, calls);
}

void GroupCoordinator::complete_join_when_ready(Group& group, bool time_is_up, Calls& calls) {
    if (group.state != GroupState::preparing_rebalance) return;
    bool all = group.pending_members.empty() &&
               std::ranges::all_of(group.members, [](auto& m) { return bool(m.second->waits_for_join); });
    bool waits_on = group.first_generation && group.somebody_came && now_ms() < group.first_ends_ms;
    if (time_is_up && waits_on)
        wait_for_more(group);
    else if (time_is_up || (all && !group.first_generation))
        complete_join(group, calls);
}

void GroupCoordinator::wait_for_more(Group& group) {
    group.somebody_came = false;
    group.rebalance_ends_ms = std::min(now_ms() + options_.initial_delay_ms, group.first_ends_ms);
}

void GroupCoordinator::complete_join(Group& group, Calls& calls) {
    std::erase_if(group.members,
                  [](auto& each) { return !each.second->waits_for_join && !each.second->instance_id; });
    ++group.generation;
    group.first_generation = false;
    if (group.members.empty()) {
        group.state = GroupState::empty;
        group.leader.clear();
        group.protocol.clear();
        return;
    }
    auto leader = group.members.find(group.leader);
    if (leader == group.members.end() || !leader->second->waits_for_join) {
        auto joined =
            std::ranges::find_if(group.members, [](auto& each) { return bool(each.second->waits_for_join); });
        group.leader = joined == group.members.end() ? group.members.begin()->first : joined->first;
    }
    group.protocol = group.choose_protocol();
    group.state = GroupState::completing_rebalance;
    group.rebalance_ends_ms = now_ms() + group.longest_rebalance_ms();
    for (auto& [id, member] : group.members) {
        auto waits = std::exchange(member->waits_for_join, nullptr);
        if (!waits) continue;
        member->session_ends_ms = now_ms() + member->session_timeout_ms;
        calls.push_back(
            [waits = std::move(waits), result = current_generation(group, *member)] { waits(result); });
    }
}

JoinResult GroupCoordinator::current_generation(const Group& group, const Member& member) const {
    JoinResult result;
    result.generation = group.generation;
    result.protocol_type = group.protocol_type;
    result.protocol = group.protocol;
    result.leader = group.leader;
    result.member_id = member.id;
    if (group.leader != member.id) return result;
    for (const auto& [id, each] : group.members)
        result.members.push_back({id, each->instance_id, each->metadata(group.protocol)});
    return result;
}

void GroupCoordinator::sync(SyncRequest request, std::function<void(SyncResult)> done) {
    Calls calls;
    {
        std::lock_guard lock(mutex_);
        Group* group = nullptr;
        Member* member = nullptr;
        auto error = find(request.member, group, member);
        if (stopped_) error = ErrorCode::coordinator_not_available;
        if (error == ErrorCode::none && request.member.generation != group->generation)
            error = ErrorCode::illegal_generation;
        if (error == ErrorCode::none && group->state == GroupState::preparing_rebalance)
            error = ErrorCode::rebalance_in_progress;
        if (error == ErrorCode::none &&
            ((request.protocol_type && *request.protocol_type != group->protocol_type) ||
             (request.protocol && *request.protocol != group->protocol)))
            error = ErrorCode::inconsistent_group_protocol;
        if (error != ErrorCode::none) {
            calls.push_back([done, error] { done(SyncResult{.error = error}); });
        } else {
            member->session_ends_ms = now_ms() + member->session_timeout_ms;
            member->waits_for_sync = std::move(done);
            if (group->state == GroupState::completing_rebalance && member->id == group->leader) {
                for (auto& [id, each] : group->members) each->assignment = request.assignments[id];
                group->state = GroupState::stable;
            }
            if (group->state == GroupState::stable)
                for (auto& [id, each] : group->members)
                    if (auto waits = std::exchange(each->waits_for_sync, nullptr))
                        calls.push_back(
                            [waits = std::move(waits),
                             result = SyncResult{.error = ErrorCode::none,
                                                 .protocol_type = group->protocol_type,
                                                 .protocol = group->protocol,
                                                 .assignment = each->assignment}] { waits(result); });
        }
    }
    for (auto& call : calls) call();
}

ErrorCode GroupCoordinator::heartbeat(const MemberIdentity& identity) {
    std::lock_guard lock(mutex_);
    Group* group = nullptr;
    Member* member = nullptr;
    if (auto error = find(identity, group, member); error != ErrorCode::none) return error;
    if (identity.generation != group->generation) return ErrorCode::illegal_generation;
    member->session_ends_ms = now_ms() + member->session_timeout_ms;
    return group->state == GroupState::preparing_rebalance ? ErrorCode::rebalance_in_progress
                                                           : ErrorCode::none;
}

ErrorCode GroupCoordinator::leave(const MemberIdentity& identity) {
    Calls calls;
    auto error = ErrorCode::none;
    {
        std::lock_guard lock(mutex_);
        auto found = groups_.find(identity.group);
        auto* group = found == groups_.end() ? nullptr : found->second.get();
        if (group && group->pending_members.erase(identity.member_id) > 0) {
            complete_join_when_ready(*group, false, calls);
        } else {
            // A tool that removes a static member knows its instance only.
            auto who = identity;
            if (group && who.instance_id && who.member_id.empty())
                if (auto known = group->static_members.find(*who.instance_id);
                    known != group->static_members.end())
                    who.member_id = known->second;
            Member* member = nullptr;
            error = find(who, group, member);
            if (error == ErrorCode::none) remove_member(*group, member->id, calls);
        }
    }
    for (auto& call : calls) call();
    return error;
}

void GroupCoordinator::remove_member(Group& group, const std::string& member_id, Calls& calls) {
    auto node = group.members.extract(member_id);
    if (node.empty()) return;
    auto& member = *node.mapped();
    if (member.instance_id) group.static_members.erase(*member.instance_id);
    if (auto waits = std::move(member.waits_for_join))
        calls.push_back([waits, id = member.id] { waits(refused(ErrorCode::unknown_member_id, id)); });
    if (auto waits = std::move(member.waits_for_sync))
        calls.push_back([waits] { waits(SyncResult{.error = ErrorCode::unknown_member_id}); });
    if (group.leader == member.id)
        group.leader = group.members.empty() ? std::string() : group.members.begin()->first;
    if (group.state == GroupState::preparing_rebalance)
        complete_join_when_ready(group, false, calls);
    else if (group.state != GroupState::empty)
        prepare_rebalance(group, calls);
}

ErrorCode GroupCoordinator::check_commit(const MemberIdentity& identity) {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(identity.group);
    bool empty = found == groups_.end() || found->second->members.empty();
    bool names_nobody = identity.generation < 0 && identity.member_id.empty();
    if (empty && identity.generation < 0) return ErrorCode::none;  // assigns partitions by itself
    if (found == groups_.end()) return ErrorCode::illegal_generation;
    if (names_nobody) return ErrorCode::unknown_member_id;
    Group* group = nullptr;
    Member* member = nullptr;
    if (auto error = find(identity, group, member); error != ErrorCode::none) return error;
    if (identity.generation != group->generation) return ErrorCode::illegal_generation;
    if (group->state == GroupState::completing_rebalance) return ErrorCode::rebalance_in_progress;
    member->session_ends_ms = now_ms() + member->session_timeout_ms;
    return ErrorCode::none;
}

std::vector<GroupDescription> GroupCoordinator::groups() const {
    std::vector<std::string> names;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [name, group] : groups_) names.push_back(name);
    }
    std::vector<GroupDescription> all;
    for (const auto& name : names)
        if (auto group = describe(name)) all.push_back(std::move(*group));
    return all;
}

std::optional<GroupDescription> GroupCoordinator::describe(std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(name);
    if (found == groups_.end()) return std::nullopt;
    const auto& group = *found->second;
    GroupDescription out{group.id, group.state, group.protocol_type, group.protocol, {}};
    for (const auto& [id, member] : group.members)
        out.members.push_back({id, member->instance_id, member->client_id, member->client_host,
                               member->metadata(group.protocol), member->assignment});
    return out;
}

std::string GroupCoordinator::protocol_type(std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(name);
    return found == groups_.end() ? std::string() : found->second->protocol_type;
}

ErrorCode GroupCoordinator::remove(std::string_view name) {
    Calls calls;
    auto error = ErrorCode::group_id_not_found;
    {
        std::lock_guard lock(mutex_);
        if (auto found = groups_.find(name); found != groups_.end()) {
            tick_group(*found->second, calls);  // a member whose time is up is none any more
            bool is_empty = found->second->members.empty();
            error = is_empty ? ErrorCode::none : ErrorCode::non_empty_group;
            if (is_empty) groups_.erase(found);
        }
    }
    for (auto& call : calls) call();
    return error;
}

std::optional<HandedOverGroup> GroupCoordinator::snapshot(std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(name);
    if (found == groups_.end() || found->second->protocol_type != "consumer") return std::nullopt;
    HandedOverGroup out{
        .generation = found->second->generation, .protocol = found->second->protocol, .members = {}};
    for (const auto& [id, member] : found->second->members)
        out.members.push_back({.id = id,
                               .instance_id = member->instance_id,
                               .client_id = member->client_id,
                               .client_host = member->client_host,
                               .session_timeout_ms = member->session_timeout_ms,
                               .rebalance_timeout_ms = member->rebalance_timeout_ms,
                               .protocols = member->protocols,
                               .assignment = member->assignment});
    return out;
}

void GroupCoordinator::drop(std::string_view name) {
    Calls calls;
    {
        std::lock_guard lock(mutex_);
        auto found = groups_.find(name);
        if (found == groups_.end()) return;
        for (auto& [id, member] : found->second->members) {
            if (auto waits = std::exchange(member->waits_for_join, nullptr))
                calls.push_back([waits, who = id] { waits(refused(ErrorCode::rebalance_in_progress, who)); });
            if (auto waits = std::exchange(member->waits_for_sync, nullptr))
                calls.push_back([waits] { waits(SyncResult{.error = ErrorCode::rebalance_in_progress}); });
        }
        groups_.erase(found);
    }
    for (auto& call : calls) call();
}

void GroupCoordinator::take_back(const std::string& name, HandedOverGroup handed) {
    Calls calls;
    {
        std::lock_guard lock(mutex_);
        auto group = std::make_unique<Group>();
        group->id = name;
        group->state = GroupState::stable;
        group->generation = handed.generation;
        group->protocol_type = "consumer";
        for (auto& each : handed.members) {
            auto member = std::make_unique<Member>();
            member->id = each.id;
            member->instance_id = each.instance_id;
            if (each.instance_id) group->static_members[*each.instance_id] = each.id;
            member->client_id = std::move(each.client_id);
            member->client_host = std::move(each.client_host);
            member->session_timeout_ms = each.session_timeout_ms;
            member->rebalance_timeout_ms = each.rebalance_timeout_ms;
            member->protocols = std::move(each.protocols);
            member->assignment = std::move(each.assignment);
            member->session_ends_ms = now_ms() + each.session_timeout_ms;
            group->members[each.id] = std::move(member);
        }
        group->protocol = group->choose_protocol();
        group->leader = group->members.begin()->first;
        auto& made = *(groups_[name] = std::move(group));
        prepare_rebalance(made, calls);
    }
    for (auto& call : calls) call();
}

void GroupCoordinator::tick() {
    Calls calls;
    {
        std::lock_guard lock(mutex_);
        auto now = now_ms();
        for (auto& [name, group] : groups_) {
            tick_group(*group, calls);
            bool is_empty = group->members.empty() && group->pending_members.empty();
            group->empty_since_ms =
                is_empty ? group->empty_since_ms.value_or(now) : std::optional<std::int64_t>();
        }
        std::erase_if(groups_, [&](const auto& each) {
            const auto& since = each.second->empty_since_ms;
            return since && now - *since >= options_.keep_empty_ms;
        });
    }
    for (auto& call : calls) call();
}

void GroupCoordinator::stop() {
    Calls calls;
    {
        std::lock_guard lock(mutex_);
        stopped_ = true;
        for (auto& [name, group] : groups_)
            for (auto& [id, member] : group->members) {
                if (auto waits = std::exchange(member->waits_for_join, nullptr))
                    calls.push_back([waits] { waits(refused(ErrorCode::coordinator_not_available)); });
                if (auto waits = std::exchange(member->waits_for_sync, nullptr))
                    calls.push_back(
                        [waits] { waits(SyncResult{.error = ErrorCode::coordinator_not_available}); });
            }
    }
    for (auto& call : calls) call();
}

void GroupCoordinator::tick_group(Group& group, Calls& calls) {
    auto now = now_ms();
    auto lapsed = std::erase_if(group.pending_members, [&](const auto& each) { return each.second <= now; });
    if (lapsed > 0) complete_join_when_ready(group, false, calls);
    std::vector<std::string> lost;
    bool sync_is_late = group.state == GroupState::completing_rebalance && group.rebalance_ends_ms <= now;
    for (const auto& [id, member] : group.members) {
        bool waits = member->waits_for_join || member->waits_for_sync;
        if (!waits && (member->session_ends_ms <= now || sync_is_late)) lost.push_back(id);
    }
    for (const auto& id : lost) remove_member(group, id, calls);
    if (group.state == GroupState::preparing_rebalance && group.rebalance_ends_ms <= now)
        complete_join_when_ready(group, true, calls);
}

}  // namespace penstock::broker
