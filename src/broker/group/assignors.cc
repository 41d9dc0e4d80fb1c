// How partitions are shared out among the members of a consumer group.
#include <algorithm>
#include <functional>
#include <tuple>

#include "broker/group/consumer_groups.h"

namespace penstock::broker {
namespace {

using Partition = std::pair<codec::Uuid, std::int32_t>;

/// A member while partitions are handed out.
struct Share {
    const AssignedMember* member;
    Assignment* target;
    std::size_t count = 0;

    void give(const Partition& partition) {
        (*target)[partition.first].insert(partition.second);
        ++count;
    }
    void take(const Partition& partition) {
        auto topic = target->find(partition.first);
        topic->second.erase(partition.second);
        if (topic->second.empty()) target->erase(topic);
        --count;
    }
};

/// The member with the fewest partitions of those that read the topic; nullptr: nobody does.
Share* least_loaded(std::vector<Share>& shares, const codec::Uuid& topic) {
    Share* least = nullptr;
    for (auto& share : shares)
        if (share.member->topics.contains(topic) && (!least || share.count < least->count)) least = &share;
    return least;
}

/// Gives one of its partitions to a member that has at least two fewer. False when there is none to give.
bool give_one(Share& from, std::vector<Share>& shares, std::int64_t& work) {
    for (const auto& [topic, partitions] : *from.target) {
        work -= std::int64_t(shares.size());
        auto* to = least_loaded(shares, topic);
        if (!to || to->count + 1 >= from.count) continue;
        Partition moved{topic, *partitions.rbegin()};
        from.take(moved);
        to->give(moved);
        return true;
    }
    return false;
}

/// Moves single partitions until no move makes the shares more even, or it has taken too long: what is left
/// then is a little less even.
void balance(std::vector<Share>& shares) {
    std::int64_t work = 20'000'000;
    for (bool moved = true; moved && work > 0;) {
        work -= std::int64_t(shares.size());
        std::ranges::sort(shares, std::greater(), [](const Share& share) {
            return std::pair(share.count, std::string_view(share.member->id));
        });
        if (shares.front().count <= shares.back().count + 1) return;
        moved = std::ranges::any_of(shares, [&](Share& from) { return give_one(from, shares, work); });
    }
}

}  // namespace

std::map<std::string, Assignment> assign_uniform(const std::vector<AssignedMember>& members,
                                                 const std::map<codec::Uuid, std::int32_t>& partitions) {
    std::map<std::string, Assignment> targets;
    std::vector<Share> shares;
    for (const auto& member : members) shares.push_back({&member, &targets[member.id]});
    if (members.empty()) return targets;
    std::set<Partition> left;
    for (const auto& [topic, count] : partitions)
        for (std::int32_t i = 0; i < count; ++i) left.insert({topic, i});
    for (auto& share : shares)  // who has something keeps it
        for (const auto& [topic, owned] : share.member->current)
            for (auto partition : owned)
                if (share.member->topics.contains(topic) && left.erase({topic, partition}) > 0)
                    share.give({topic, partition});
    for (const auto& partition : left)
        if (auto* share = least_loaded(shares, partition.first)) share->give(partition);
    balance(shares);
    return targets;
}

std::map<std::string, Assignment> assign_range(const std::vector<AssignedMember>& members,
                                               const std::map<codec::Uuid, std::int32_t>& partitions) {
    std::map<std::string, Assignment> targets;
    for (const auto& member : members) targets[member.id];
    for (const auto& [topic, count] : partitions) {
        std::vector<const AssignedMember*> readers;
        for (const auto& member : members)
            if (member.topics.contains(topic)) readers.push_back(&member);
        std::ranges::sort(readers, {}, [](const AssignedMember* member) {
            return std::tuple(!member->instance_id, member->instance_id.value_or(""), member->id);
        });
        auto size = std::int32_t(readers.size());
        std::int32_t next = 0;
        for (std::int32_t i = 0; i < size; ++i) {
            auto share = count / size + (i < count % size ? 1 : 0);
            for (std::int32_t k = 0; k < share; ++k)
                targets[readers[std::size_t(i)]->id][topic].insert(next++);
        }
    }
    return targets;
}

}  // namespace penstock::broker
