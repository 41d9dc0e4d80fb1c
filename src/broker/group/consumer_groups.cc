// A group has an epoch that rises whenever its members, what they read, or the topics change; with it comes a
// new target for everyone. A member goes from what it has to its target on its own heartbeats:
//   unrevoked: it must give up what it shall not have any more, and says so by what it owns.
//   unreleased: it has what is free, and waits for what others still have.
//   stable: it has its target, and the group's epoch.
#include "broker/group/consumer_groups.h"

#include <re2/re2.h>

#include <algorithm>

#include "broker/group/consumer_groups_state.h"

namespace penstock::broker {

namespace {

constexpr std::int32_t joins = 0, leaves = -1, leaves_for_a_while = -2;
constexpr std::int64_t look_ms = 1000;        // between two looks at the topics
constexpr std::int64_t refresh_ms = 600'000;  // until expressions are matched anew, as permissions change
constexpr std::int64_t forget_ms = 10'000;    // between two looks for empty groups

bool has_any_of(const Assignment& owned, const Assignment& wanted) {
    for (const auto& [topic, partitions] : wanted) {
        auto found = owned.find(topic);
        if (found == owned.end()) continue;
        for (auto partition : partitions)
            if (found->second.contains(partition)) return true;
    }
    return false;
}

bool has_all_of(const Assignment& whole, const Assignment& part) {
    return std::ranges::all_of(part, [&](const auto& topic) {
        auto found = whole.find(topic.first);
        return found != whole.end() && std::ranges::includes(found->second, topic.second);
    });
}

}  // namespace

ConsumerGroups::ConsumerGroups(const Clock& clock, ConsumerGroupOptions options, Topics topics)
    : clock_(clock), options_(options), topics_(std::move(topics)) {}
ConsumerGroups::~ConsumerGroups() = default;

ConsumerHeartbeatResult ConsumerGroups::refuse(Error error, std::string text) const {
    return {.error = error, .error_message = std::move(text), .member_id = {}, .assignment = {}};
}

ConsumerHeartbeatResult ConsumerGroups::heartbeat(ConsumerHeartbeat request) {
    if (request.group.empty()) return refuse(ErrorCode::invalid_request, "GroupId can't be empty.");
    if (request.member_epoch < leaves_for_a_while)
        return refuse(ErrorCode::invalid_request, "MemberEpoch is invalid.");
    bool is_new = request.member_epoch == joins;
    if (request.member_id.empty() && (request.names_itself || !is_new))
        return refuse(ErrorCode::invalid_request, "MemberId can't be empty.");
    if (request.instance_id && request.instance_id->empty())
        return refuse(ErrorCode::invalid_request, "InstanceId can't be empty.");
    if (request.member_epoch == leaves_for_a_while && !request.instance_id)
        return refuse(ErrorCode::invalid_request, "InstanceId can't be null.");
    if (request.assignor && *request.assignor != uniform && *request.assignor != range)
        return refuse(ErrorCode::unsupported_assignor,
                      "ServerAssignor " + *request.assignor +
                          " is not supported. Supported assignors: uniform, range.");
    if (request.topic_regex && !re2::RE2(*request.topic_regex, re2::RE2::Quiet).ok())
        return refuse(ErrorCode::invalid_regular_expression,
                      "SubscribedTopicRegex is not a valid regular expression.");
    if (is_new) {
        if (request.rebalance_timeout_ms <= 0)
            return refuse(ErrorCode::invalid_request,
                          "RebalanceTimeoutMs must be provided in first request.");
        if (!request.topics && !request.topic_regex)
            return refuse(
                ErrorCode::invalid_request,
                "Either SubscribedTopicNames or SubscribedTopicRegex must be set in first request.");
        if (request.owned && !request.owned->empty())
            return refuse(ErrorCode::invalid_request, "TopicPartitions must be empty when (re-)joining.");
    }
    std::lock_guard lock(mutex_);
    auto found = groups_.find(request.group);
    if (found == groups_.end()) {
        if (!is_new) return refuse(ErrorCode::unknown_member_id, "Member is not a member of the group.");
        if (groups_.size() >= options_.max_groups)
            return refuse(ErrorCode::coordinator_not_available, "There are too many groups.");
        found = groups_.emplace(request.group, std::make_unique<Group>()).first;
        found->second->id = request.group;
    }
    auto& group = *found->second;
    if (request.member_epoch == leaves || request.member_epoch == leaves_for_a_while)
        return leave(group, request);
    ConsumerHeartbeatResult refused;
    auto* member = find_or_add(group, request, refused);
    if (!member) return refused;
    return serve(group, *member, request, is_new);
}

/// Whether the member has the instance id that it names. With mutex_ held, as all that follows.
ErrorCode ConsumerGroups::check_instance(const Group& group, const ConsumerHeartbeat& request) {
    if (!request.instance_id) return ErrorCode::none;
    auto known = group.static_members.find(*request.instance_id);
    if (known == group.static_members.end()) return ErrorCode::unknown_member_id;
    return known->second == request.member_id ? ErrorCode::none : ErrorCode::fenced_instance_id;
}

/// nullptr: refused says why.
ConsumerGroups::Member* ConsumerGroups::find_or_add(Group& group, ConsumerHeartbeat& request,
                                                    ConsumerHeartbeatResult& refused) {
    auto refuse_it = [&](Error error, std::string text) -> Member* {
        refused = refuse(error, std::move(text));
        return nullptr;
    };
    if (request.member_epoch != joins) {
        auto found = group.members.find(request.member_id);
        if (found == group.members.end())
            return refuse_it(ErrorCode::unknown_member_id, "Member is not a member of the group.");
        auto& member = found->second;
        if (auto error = check_instance(group, request); error != ErrorCode::none)
            return refuse_it(error, "The instance id belongs to no member, or to another one.");
        // The answer with the newer epoch may have been lost.
        bool lost = request.member_epoch == member.previous_epoch && request.owned &&
                    has_all_of(member.assigned, *request.owned);
        if (request.member_epoch != member.epoch && !lost)
            return refuse_it(
                ErrorCode::fenced_member_epoch,
                "The consumer group member has another member epoch. The member must abandon all its "
                "partitions and rejoin.");
        return &member;
    }
    if (request.member_id.empty()) request.member_id = random_uuid().text();
    if (auto found = group.members.find(request.member_id); found != group.members.end()) {
        found->second.classic.reset();
        return &found->second;
    }
    if (request.instance_id) {
        auto known = group.static_members.find(*request.instance_id);
        if (known != group.static_members.end()) {
            auto old = group.members.extract(known->second);
            if (!old.empty() && old.mapped().epoch != leaves_for_a_while && !old.mapped().classic) {
                group.members.insert(std::move(old));
                return refuse_it(ErrorCode::unreleased_instance_id,
                                 "The static member is still in the group; it must leave first.");
            }
            if (!old.empty()) {  // takes its place, and what it had
                group.targets[request.member_id] = group.targets[old.key()];
                group.targets.erase(old.key());
                old.key() = old.mapped().id = request.member_id;
                known->second = request.member_id;
                auto& back = group.members.insert(std::move(old)).position->second;
                back.epoch = joins;
                back.classic.reset();
                return &back;
            }
        }
    }
    if (group.members.size() >= options_.max_members)
        return refuse_it(ErrorCode::group_max_size_reached,
                         "The consumer group has reached its maximum capacity.");
    auto& member = group.members[request.member_id];
    member.id = request.member_id;
    member.instance_id = request.instance_id;
    if (request.instance_id) group.static_members[*request.instance_id] = member.id;
    ++group.epoch;
    return &member;
}

/// Takes over what the request says. Whether the member reads something else now.
bool ConsumerGroups::update(Member& member, const ConsumerHeartbeat& request) {
    member.client_id = request.client_id;
    member.client_host = request.client_host;
    member.may_see = request.may_see;
    if (request.rack_id) member.rack_id = request.rack_id;
    if (request.rebalance_timeout_ms > 0) member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    bool changed = false;
    if (request.topics) {
        std::set<std::string> topics(request.topics->begin(), request.topics->end());
        changed |= topics != member.topics;
        member.topics = std::move(topics);
    }
    if (request.topic_regex && *request.topic_regex != member.topic_regex) {
        member.topic_regex = *request.topic_regex;
        member.pattern = member.topic_regex.empty()
                             ? nullptr
                             : std::make_shared<re2::RE2>(member.topic_regex, re2::RE2::Quiet);
        changed = true;
    }
    if (request.assignor && *request.assignor != member.assignor) {
        member.assignor = *request.assignor;
        changed = true;
    }
    return changed;
}

ConsumerHeartbeatResult ConsumerGroups::serve(Group& group, Member& member, const ConsumerHeartbeat& request,
                                              bool joined) {
    // One step for all that a heartbeat changes.
    if (update(member, request) && group.epoch == group.assignment_epoch) ++group.epoch;
    auto now = now_ms();
    member.session_ends_ms = now + session_timeout_ms(group.id);
    const bool has_news = group.epoch > group.assignment_epoch;
    look_at_topics(has_news);
    if (has_news || group.topics_version != known_version_ || now - group.refreshed_ms >= refresh_ms)
        assign(group);
    auto before = member.assigned;
    bool asks_again = !joined && request.member_epoch != member.epoch;
    reconcile(group, member, request);
    ConsumerHeartbeatResult result;
    result.member_id = member.id;
    result.member_epoch = member.epoch;
    result.interval_ms = heartbeat_interval_ms(group.id);
    bool says_all = (request.topics || request.topic_regex) && request.owned;
    if (joined || asks_again || says_all || before != member.assigned) result.assignment = member.assigned;
    return result;
}

void ConsumerGroups::look_at_topics(bool now) {
    if (!now && now_ms() - looked_ms_ < look_ms) return;
    looked_ms_ = now_ms();
    auto topics = topics_();
    if (topics == known_topics_) return;
    known_topics_ = std::move(topics);
    ++known_version_;
}

/// A new target for everyone when the group's epoch, or the topics, have moved on.
void ConsumerGroups::assign(Group& group) {
    group.refreshed_ms = now_ms();
    group.topics_version = known_version_;
    using Topic = TopicsByName::value_type;
    std::map<std::string_view, std::vector<const Topic*>> matched;  // by expression
    std::map<codec::Uuid, std::int32_t> partitions;
    std::vector<AssignedMember> members;
    for (const auto& [id, member] : group.members) {
        AssignedMember wants{
            .id = id, .instance_id = member.instance_id, .topics = {}, .current = group.targets[id]};
        auto want = [&](const SubscribedTopic& topic) {
            wants.topics.insert(topic.id);
            partitions[topic.id] = topic.partitions;
        };
        for (const auto& name : member.topics)
            if (auto found = known_topics_.find(name); found != known_topics_.end()) want(found->second);
        if (member.pattern) {
            auto [at, is_new] = matched.try_emplace(member.topic_regex);
            for (const auto& topic : known_topics_)
                if (is_new && re2::RE2::FullMatch(topic.first, *member.pattern)) at->second.push_back(&topic);
            for (const auto* topic : at->second)
                if (!member.may_see || member.may_see(topic->first)) want(topic->second);
        }
        members.push_back(std::move(wants));
    }
    if (partitions != group.partitions && group.epoch == group.assignment_epoch) ++group.epoch;
    if (group.epoch == group.assignment_epoch) return;
    group.targets =
        group.assignor() == range ? assign_range(members, partitions) : assign_uniform(members, partitions);
    group.partitions = std::move(partitions);
    group.assignment_epoch = group.epoch;
}

/// The member's next step towards its target.
void ConsumerGroups::reconcile(Group& group, Member& member, const ConsumerHeartbeat& request) {
    if (member.state == Member::State::unrevoked) {
        if (!request.owned || has_any_of(*request.owned, member.revoking)) return;
        member.revoking.clear();
    } else if (member.state == Member::State::stable && member.epoch == group.assignment_epoch) {
        return;
    }
    const auto& target = group.targets[member.id];
    Assignment kept, revoked, taken;
    bool waits = false;
    for (const auto& [topic, partitions] : member.assigned) {
        auto wanted = target.find(topic);
        for (auto partition : partitions) {
            bool stays = wanted != target.end() && wanted->second.contains(partition);
            (stays ? kept : revoked)[topic].insert(partition);
        }
    }
    for (const auto& [topic, partitions] : target)
        for (auto partition : partitions) {
            auto has = member.assigned.find(topic);
            if (has != member.assigned.end() && has->second.contains(partition)) continue;
            if (group.is_taken(topic, partition, member))
                waits = true;
            else
                taken[topic].insert(partition);
        }
    bool still_has = !revoked.empty() && (!request.owned || has_any_of(*request.owned, revoked));
    member.assigned = std::move(kept);
    if (still_has) {
        member.revoking = std::move(revoked);
        member.state = Member::State::unrevoked;
        member.revocation_ends_ms = now_ms() + member.rebalance_timeout_ms;
        return;
    }
    for (auto& [topic, partitions] : taken) member.assigned[topic].merge(partitions);
    member.state = waits ? Member::State::unreleased : Member::State::stable;
    if (member.epoch == group.assignment_epoch) return;
    member.previous_epoch = member.epoch;
    member.epoch = group.assignment_epoch;
}

ConsumerHeartbeatResult ConsumerGroups::leave(Group& group, const ConsumerHeartbeat& request) {
    if (auto error = check_instance(group, request); error != ErrorCode::none)
        return refuse(error, "The instance id belongs to no member, or to another one.");
    auto found = group.members.find(request.member_id);
    if (found == group.members.end())
        return refuse(ErrorCode::unknown_member_id, "Member is not a member of the group.");
    if (request.member_epoch == leaves_for_a_while)
        found->second.epoch = leaves_for_a_while;  // its session goes on for those that stay away
    else
        remove_member(group, request.member_id);
    ConsumerHeartbeatResult result;
    result.member_id = request.member_id;
    result.member_epoch = request.member_epoch;
    return result;
}

void ConsumerGroups::remove_member(Group& group, const std::string& id) {
    auto node = group.members.extract(id);
    if (node.empty()) return;
    if (node.mapped().instance_id) group.static_members.erase(*node.mapped().instance_id);
    group.targets.erase(node.key());
    ++group.epoch;
    if (group.members.empty()) group.assignment_epoch = group.epoch;
}

void ConsumerGroups::set_timing(const std::string& group, GroupTiming timing) {
    std::lock_guard lock(mutex_);
    if (timing.session_timeout_ms || timing.heartbeat_interval_ms)
        timings_[group] = timing;
    else
        timings_.erase(group);
}

std::int32_t ConsumerGroups::session_timeout_ms(const std::string& group) const {
    auto own = timings_.find(group);
    bool has_own = own != timings_.end() && own->second.session_timeout_ms;
    return has_own ? *own->second.session_timeout_ms : options_.session_timeout_ms;
}

std::int32_t ConsumerGroups::heartbeat_interval_ms(const std::string& group) const {
    auto own = timings_.find(group);
    bool has_own = own != timings_.end() && own->second.heartbeat_interval_ms;
    return has_own ? *own->second.heartbeat_interval_ms : options_.heartbeat_interval_ms;
}

bool ConsumerGroups::contains(std::string_view group) const {
    std::lock_guard lock(mutex_);
    return groups_.contains(group);
}

bool ConsumerGroups::has_members(std::string_view group) const {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(group);
    return found != groups_.end() && !found->second->members.empty();
}

ErrorCode ConsumerGroups::check_member(std::string_view group, std::string_view member,
                                       std::int32_t epoch) const {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(group);
    if (found == groups_.end()) return ErrorCode::unknown_member_id;
    auto at = found->second->members.find(std::string(member));
    if (at == found->second->members.end()) return ErrorCode::unknown_member_id;
    if (at->second.epoch == epoch) return ErrorCode::none;
    return at->second.classic ? ErrorCode::illegal_generation : ErrorCode::stale_member_epoch;
}

ErrorCode ConsumerGroups::check_commit(std::string_view group, std::string_view member, std::int32_t epoch,
                                       bool knows_epochs) const {
    if (epoch < 0 && !has_members(group)) return ErrorCode::none;
    if (auto error = check_member(group, member, epoch);
        error == ErrorCode::unknown_member_id || knows_epochs)
        return error;
    std::lock_guard lock(mutex_);
    auto found = groups_.find(group);
    if (found == groups_.end()) return ErrorCode::unknown_member_id;
    auto at = found->second->members.find(std::string(member));
    if (at == found->second->members.end()) return ErrorCode::unknown_member_id;
    if (!at->second.classic) return ErrorCode::unsupported_version;
    return at->second.epoch == epoch ? ErrorCode::none : ErrorCode::illegal_generation;
}

std::optional<ConsumerGroupDescription> ConsumerGroups::describe(std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(name);
    if (found == groups_.end()) return std::nullopt;
    const auto& group = *found->second;
    ConsumerGroupDescription out{.group = group.id,
                                 .state = std::string(group.state()),
                                 .assignor = std::string(group.assignor()),
                                 .epoch = group.epoch,
                                 .assignment_epoch = group.assignment_epoch,
                                 .members = {}};
    for (const auto& [id, member] : group.members) {
        auto target = group.targets.find(id);
        auto has = member.assigned;
        for (const auto& [topic, partitions] : member.revoking)
            has[topic].insert(partitions.begin(), partitions.end());
        out.members.push_back({.member_id = id,
                               .instance_id = member.instance_id,
                               .rack_id = member.rack_id,
                               .member_epoch = member.epoch,
                               .client_id = member.client_id,
                               .client_host = member.client_host,
                               .topics = {member.topics.begin(), member.topics.end()},
                               .topic_regex = member.topic_regex,
                               .is_classic = member.classic.has_value(),
                               .assignment = std::move(has),
                               .target = target == group.targets.end() ? Assignment() : target->second});
    }
    return out;
}

std::vector<ConsumerGroupDescription> ConsumerGroups::all() const {
    std::vector<std::string> names;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [name, group] : groups_) names.push_back(name);
    }
    std::vector<ConsumerGroupDescription> all;
    for (const auto& name : names)
        if (auto described = describe(name)) all.push_back(std::move(*described));
    return all;
}

ErrorCode ConsumerGroups::remove(std::string_view group) {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(group);
    if (found == groups_.end()) return ErrorCode::group_id_not_found;
    if (!found->second->members.empty()) return ErrorCode::non_empty_group;
    groups_.erase(found);
    return ErrorCode::none;
}

void ConsumerGroups::tick(const std::function<bool(const std::string&)>& is_kept) {
    std::lock_guard lock(mutex_);
    auto now = now_ms();
    for (auto& [name, group] : groups_) {
        std::vector<std::string> gone;
        for (const auto& [id, member] : group->members) {
            bool is_late = member.state == Member::State::unrevoked && now > member.revocation_ends_ms;
            if (member.classic) is_late = now > member.classic->join_ends_ms;
            if (now > member.session_ends_ms || is_late) gone.push_back(id);
        }
        for (const auto& id : gone) remove_member(*group, id);
    }
    if (now - emptied_ms_ < forget_ms) return;
    emptied_ms_ = now;
    std::erase_if(groups_,
                  [&](const auto& each) { return each.second->members.empty() && !is_kept(each.first); });
}

}  // namespace penstock::broker
