#include "broker/share/share_groups.h"

#include <algorithm>

namespace penstock::broker {

using wire::kafka::ErrorCode;

namespace {

constexpr std::int32_t joins = 0, leaves = -1;
constexpr std::int64_t look_ms = 1000;      // between two looks at the topics
constexpr std::int64_t forget_ms = 10'000;  // between two looks for empty groups
constexpr std::size_t most_groups = 100'000;
constexpr std::size_t many_groups = 50'000;  // from here on those without members are forgotten

ShareHeartbeatResult refuse(ErrorCode error, std::string text) {
    return {.error = error, .error_message = std::move(text), .assignment = {}};
}

}  // namespace

std::map<std::string, Assignment> assign_simple(const std::map<std::string, std::set<codec::Uuid>>& members,
                                                const std::map<codec::Uuid, std::int32_t>& partitions) {
    std::map<std::string, Assignment> out;
    std::map<std::string, std::size_t> loads;
    std::map<std::set<codec::Uuid>, std::vector<std::string>> alike;  // by what they read
    for (const auto& [id, topics] : members) {
        out[id];
        loads[id] = 0;
        alike[topics].push_back(id);
    }
    std::map<codec::Uuid, std::vector<std::string>> readers;
    for (const auto& [id, topics] : members)
        for (const auto& topic : topics) readers[topic].push_back(id);
    auto give = [&](const std::string& id, const codec::Uuid& topic, std::int32_t partition) {
        if (out[id][topic].insert(partition).second) ++loads[id];
    };
    auto least = [&](const std::vector<std::string>& of, const codec::Uuid& topic, std::int32_t partition) {
        const std::string* best = nullptr;
        for (const auto& id : of) {
            auto has = out[id].find(topic);
            if (has != out[id].end() && has->second.contains(partition)) continue;
            if (!best || loads[id] < loads[*best]) best = &id;
        }
        return best;
    };
    // Every partition is read by somebody.
    for (const auto& [topic, count] : partitions)
        for (std::int32_t partition = 0; partition < count && readers.contains(topic); ++partition)
            if (const auto* id = least(readers[topic], topic, partition)) give(*id, topic, partition);
    // Those who read the same and have less get what others have too.
    for (const auto& [topics, ids] : alike) {
        std::size_t all = 0, most = 0;
        for (const auto& topic : topics)
            if (auto found = partitions.find(topic); found != partitions.end())
                all += std::size_t(found->second);
        if (all == 0) continue;
        auto sharing = (ids.size() + all - 1) / all;
        most = std::max<std::size_t>(1, all * sharing / ids.size());
        std::size_t next = 0;
        for (const auto& id : ids) {
            for (std::size_t tried = 0; loads[id] < most && tried < all; ++tried, ++next) {
                auto at = next % all;
                for (const auto& topic : topics) {
                    auto found = partitions.find(topic);
                    if (found == partitions.end()) continue;
                    if (at < std::size_t(found->second)) {
                        give(id, topic, std::int32_t(at));
                        break;
                    }
                    at -= std::size_t(found->second);
                }
            }
        }
    }
    return out;
}

ShareGroups::ShareGroups(const Clock& clock, const ShareConfigs& configs, Topics topics)
    : clock_(clock), configs_(configs), topics_(std::move(topics)) {}

ShareHeartbeatResult ShareGroups::heartbeat(const ShareHeartbeat& request) {
    if (request.member_id.empty()) return refuse(ErrorCode::invalid_request, "MemberId can't be empty.");
    if (request.group.empty()) return refuse(ErrorCode::invalid_request, "GroupId can't be empty.");
    if (request.member_epoch < leaves) return refuse(ErrorCode::invalid_request, "MemberEpoch is invalid.");
    if (request.member_epoch == joins && (!request.topics || request.topics->empty()))
        return refuse(ErrorCode::invalid_request, "SubscribedTopicNames must be set in first request.");
    std::lock_guard lock(mutex_);
    auto found = groups_.find(request.group);
    if (found == groups_.end()) {
        if (request.member_epoch != joins)
            return refuse(ErrorCode::unknown_member_id, fmt::format("Member {} is not a member of group {}.",
                                                                    request.member_id, request.group));
        if (groups_.size() >= most_groups)
            return refuse(ErrorCode::coordinator_not_available, "There are too many groups.");
        found = groups_.emplace(request.group, Group()).first;
    }
    return serve(found, request);
}

/// With mutex_ held, as what follows.
ShareHeartbeatResult ShareGroups::serve(Groups::iterator found, const ShareHeartbeat& request) {
    auto& group = found->second;
    auto at = group.members.find(request.member_id);
    auto unknown = [&] {
        return refuse(ErrorCode::unknown_member_id, fmt::format("Member {} is not a member of group {}.",
                                                                request.member_id, request.group));
    };
    ShareHeartbeatResult result;
    if (request.member_epoch == leaves) {
        if (at == group.members.end()) return unknown();
        group.members.erase(at);
        assign(group, true);
        result.member_epoch = leaves;
        return result;
    }
    bool has_changed = false;
    if (at == group.members.end()) {
        if (request.member_epoch != joins) return unknown();
        auto most = configs_.options().max_members;
        if (std::int32_t(group.members.size()) >= most)
            return refuse(
                ErrorCode::group_max_size_reached,
                fmt::format("The share group has reached its maximum capacity of {} members.", most));
        at = group.members.emplace(request.member_id, Member()).first;
        has_changed = true;
    }
    auto& member = at->second;
    if (request.member_epoch > member.epoch)
        return refuse(
            ErrorCode::fenced_member_epoch,
            fmt::format("The share group member has a greater member epoch ({}) than the one known by the "
                        "group coordinator ({}). The member must abandon all its partitions and rejoin.",
                        request.member_epoch, member.epoch));
    if (request.member_epoch != joins && request.member_epoch < member.epoch &&
        request.member_epoch != member.previous_epoch)
        return refuse(
            ErrorCode::fenced_member_epoch,
            fmt::format("The share group member has a smaller member epoch ({}) than the one known by the "
                        "group coordinator ({}), and it does not match the previous member epoch ({}). The "
                        "member must abandon all its partitions and rejoin.",
                        request.member_epoch, member.epoch, member.previous_epoch));
    if (request.rack_id) member.rack_id = request.rack_id;
    member.client_id = request.client_id;
    member.client_host = request.client_host;
    if (request.topics) {
        std::set<std::string> topics(request.topics->begin(), request.topics->end());
        has_changed = has_changed || topics != member.topics;
        member.topics = std::move(topics);
    }
    assign(group, has_changed);
    auto config = configs_.of(request.group);
    member.session_ends_ms = now_ms() + config.session_timeout_ms;
    const auto& target = group.targets[request.member_id];
    bool is_news = member.epoch != group.epoch && member.assigned != target;
    bool lost = request.member_epoch < member.epoch;  // the answer with the newer epoch
    member.assigned = target;
    if (member.epoch != group.epoch) {
        member.previous_epoch = member.epoch;
        member.epoch = group.epoch;
    }
    result.member_epoch = member.epoch;
    result.interval_ms = config.heartbeat_interval_ms;
    if (is_news || lost || request.topics || request.member_epoch == joins)
        result.assignment = member.assigned;
    return result;
}

/// A new target for everyone when members, what they read, or the topics have changed.
void ShareGroups::assign(Group& group, bool has_changed) {
    if (auto now = now_ms(); has_changed || now - looked_ms_ >= look_ms) {
        known_topics_ = topics_();
        looked_ms_ = now;
    }
    std::map<std::string, std::set<codec::Uuid>> members;
    std::map<codec::Uuid, std::int32_t> partitions;
    for (const auto& [id, member] : group.members) {
        auto& reads = members[id];
        for (const auto& name : member.topics)
            if (auto found = known_topics_.find(name); found != known_topics_.end()) {
                reads.insert(found->second.id);
                partitions[found->second.id] = found->second.partitions;
            }
    }
    if (!has_changed && partitions == group.partitions) return;
    ++group.epoch;
    group.targets = assign_simple(members, partitions);
    group.partitions = std::move(partitions);
}

bool ShareGroups::contains(std::string_view group) const {
    std::lock_guard lock(mutex_);
    return groups_.contains(group);
}

bool ShareGroups::has_members(std::string_view group) const {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(group);
    return found != groups_.end() && !found->second.members.empty();
}

std::optional<ShareGroupDescription> ShareGroups::describe(std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(name);
    if (found == groups_.end()) return std::nullopt;
    const auto& group = found->second;
    ShareGroupDescription out{
        .group = found->first, .epoch = group.epoch, .assignment_epoch = group.epoch, .members = {}};
    for (const auto& [id, member] : group.members)
        out.members.push_back({.member_id = id,
                               .rack_id = member.rack_id,
                               .member_epoch = member.epoch,
                               .client_id = member.client_id,
                               .client_host = member.client_host,
                               .topics = {member.topics.begin(), member.topics.end()},
                               .assignment = member.assigned});
    return out;
}

std::vector<ShareGroupDescription> ShareGroups::all() const {
    std::vector<std::string> names;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [name, group] : groups_) names.push_back(name);
    }
    std::vector<ShareGroupDescription> all;
    for (const auto& name : names)
        if (auto described = describe(name)) all.push_back(std::move(*described));
    return all;
}

ErrorCode ShareGroups::remove(std::string_view group) {
    std::lock_guard lock(mutex_);
    auto found = groups_.find(group);
    if (found == groups_.end()) return ErrorCode::group_id_not_found;
    if (!found->second.members.empty()) return ErrorCode::non_empty_group;
    groups_.erase(found);
    return ErrorCode::none;
}

std::vector<std::pair<std::string, std::string>> ShareGroups::tick(
    const std::function<bool(const std::string&)>& is_kept) {
    std::lock_guard lock(mutex_);
    auto now = now_ms();
    std::vector<std::pair<std::string, std::string>> gone;
    for (auto& [name, group] : groups_) {
        auto left = std::erase_if(group.members, [&](const auto& each) {
            if (now <= each.second.session_ends_ms) return false;
            gone.emplace_back(name, each.first);
            return true;
        });
        if (left > 0) assign(group, true);
    }
    if (groups_.size() >= many_groups && now - emptied_ms_ >= forget_ms) {
        emptied_ms_ = now;
        std::erase_if(groups_,
                      [&](const auto& each) { return each.second.members.empty() && !is_kept(each.first); });
    }
    return gone;
}

}  // namespace penstock::broker
