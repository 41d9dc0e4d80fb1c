// The members and the state of a group whose partitions the broker assigns: what consumer_groups.cc and
// classic_members.cc share.
#pragma once

#include <re2/re2.h>

#include <algorithm>

#include "broker/group/consumer_groups.h"
#include "broker/group/consumer_protocol.h"
#include "broker/random_uuid.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

inline constexpr std::string_view uniform = "uniform", range = "range";  // assignors

/// Of a member that speaks the classic protocol, as in a group that is changed over.
struct ClassicPart {
    std::int32_t session_timeout_ms = 0;
    std::vector<GroupProtocol> protocols;
    std::int16_t version = 0;               ///< of what it sends as its subscription
    std::int64_t join_ends_ms = INT64_MAX;  ///< until when it has to join again
};

struct ConsumerGroups::Member {
    enum class State { stable, unrevoked, unreleased };

    std::string id;
    std::optional<std::string> instance_id, rack_id;
    std::string client_id, client_host;
    std::int32_t epoch = 0, previous_epoch = -1;
    std::int32_t rebalance_timeout_ms = 300'000;
    std::set<std::string> topics;
    std::string topic_regex;
    std::shared_ptr<re2::RE2> pattern;
    std::function<bool(const std::string&)> may_see;
    std::string assignor;
    State state = State::stable;
    Assignment assigned, revoking;
    std::int64_t session_ends_ms = 0, revocation_ends_ms = 0;
    std::optional<ClassicPart> classic;
};

struct ConsumerGroups::Group {
    std::string id;
    std::int32_t epoch = 0, assignment_epoch = 0;
    std::map<std::string, Member> members;
    std::map<std::string, std::string> static_members;  // instance id -> member id
    std::map<std::string, Assignment> targets;
    std::map<codec::Uuid, std::int32_t> partitions;  // of the topics that members read
    std::int64_t refreshed_ms = INT64_MIN / 2, topics_version = -1;

    bool is_taken(const codec::Uuid& topic, std::int32_t partition, const Member& by_others_than) const {
        return std::ranges::any_of(members, [&](const auto& each) {
            if (&each.second == &by_others_than) return false;
            for (const auto* has : {&each.second.assigned, &each.second.revoking})
                if (auto found = has->find(topic); found != has->end() && found->second.contains(partition))
                    return true;
            return false;
        });
    }
    /// Whether it waits for what others still have.
    bool is_waiting(const Member& member) const {
        auto target = targets.find(member.id);
        if (target == targets.end()) return false;
        for (const auto& [topic, wanted] : target->second)
            for (auto partition : wanted)
                if (is_taken(topic, partition, member)) return true;
        return false;
    }
    /// What most members ask for, of those who do.
    std::string_view assignor() const {
        std::map<std::string_view, int> votes;
        for (const auto& [name, member] : members)
            if (!member.assignor.empty()) ++votes[member.assignor];
        auto best = std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
        return best == votes.end() ? uniform : best->first;
    }
    std::string_view state() const {
        if (members.empty()) return "Empty";
        if (epoch > assignment_epoch) return "Assigning";
        bool all = std::ranges::all_of(members, [&](const auto& each) {
            return each.second.state == Member::State::stable && each.second.epoch == assignment_epoch;
        });
        return all ? "Stable" : "Reconciling";
    }
};

}  // namespace penstock::broker
