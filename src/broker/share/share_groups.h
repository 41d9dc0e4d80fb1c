// Members of share groups (KIP-932): every member is given partitions, and several may be given the same one.
// Kept in memory: after a restart members join again; what the group has read is in ShareStates.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "broker/group/consumer_groups.h"
#include "broker/share/share_options.h"

namespace penstock::broker {

/// "simple": every partition has a member, or as many as there are to spare; every member has as many
/// partitions as any other that reads the same, give or take one.
std::map<std::string, Assignment> assign_simple(const std::map<std::string, std::set<codec::Uuid>>& members,
                                                const std::map<codec::Uuid, std::int32_t>& partitions);

struct ShareHeartbeat {
    std::string group, member_id;
    std::int32_t member_epoch = 0;  ///< 0: joins; -1: leaves
    std::optional<std::string> rack_id;
    std::optional<std::vector<std::string>> topics;
    std::string client_id, client_host;
};

struct ShareHeartbeatResult {
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string error_message;
    std::int32_t member_epoch = 0;
    std::int32_t interval_ms = 0;
    std::optional<Assignment> assignment;  ///< when it has changed, or the member has asked
};

struct ShareMemberDescription {
    std::string member_id;
    std::optional<std::string> rack_id;
    std::int32_t member_epoch = 0;
    std::string client_id, client_host;
    std::vector<std::string> topics;
    Assignment assignment;
};

struct ShareGroupDescription {
    std::string group;
    std::int32_t epoch = 0, assignment_epoch = 0;
    std::vector<ShareMemberDescription> members;
    std::string state() const { return members.empty() ? "Empty" : "Stable"; }
};

/// Thread-safe.
class ShareGroups {
public:
    using Error = wire::kafka::ErrorCode;
    using Topics = ConsumerGroups::Topics;

    ShareGroups(const Clock& clock, const ShareConfigs& configs, Topics topics);

    ShareHeartbeatResult heartbeat(const ShareHeartbeat& request);
    bool contains(std::string_view group) const;
    bool has_members(std::string_view group) const;
    std::optional<ShareGroupDescription> describe(std::string_view group) const;
    std::vector<ShareGroupDescription> all() const;
    /// none, non_empty_group or group_id_not_found.
    Error remove(std::string_view group);
    /// Ends sessions whose time is up; group and member of each. Forgets groups without members unless
    /// is_kept.
    std::vector<std::pair<std::string, std::string>> tick(
        const std::function<bool(const std::string&)>& is_kept);

private:
    struct Member {
        std::optional<std::string> rack_id;
        std::int32_t epoch = 0, previous_epoch = -1;
        std::string client_id, client_host;
        std::set<std::string> topics;
        Assignment assigned;
        std::int64_t session_ends_ms = 0;
    };
    struct Group {
        std::int32_t epoch = 0;
        std::map<std::string, Member> members;
        std::map<std::string, Assignment> targets;
        std::map<codec::Uuid, std::int32_t> partitions;
    };
    using Groups = std::map<std::string, Group, std::less<>>;

    ShareHeartbeatResult serve(Groups::iterator found, const ShareHeartbeat& request);
    void assign(Group& group, bool has_changed);
    std::int64_t now_ms() const { return clock_.monotonic_us() / 1000; }

    const Clock& clock_;
    const ShareConfigs& configs_;
    const Topics topics_;
    mutable std::mutex mutex_;  // guards what follows
    Groups groups_;
    ConsumerGroups::TopicsByName known_topics_;
    std::int64_t looked_ms_ = INT64_MIN / 2, emptied_ms_ = INT64_MIN / 2;
};

}  // namespace penstock::broker
