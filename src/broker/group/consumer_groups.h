// Consumer groups whose partitions the broker assigns (KIP-848): members heartbeat, and are told step by step
// what to give up and what to take. Kept in memory: after a restart members join again.
// Source: KIP-848; what Kafka 4.3 answers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "broker/group/consumer_protocol.h"
#include "broker/group/coordinator.h"
#include "codec/uuid.h"
#include "wire/kafka/error_code.h"

namespace penstock::broker {

/// Partitions by topic id.
using Assignment = std::map<codec::Uuid, std::set<std::int32_t>>;

struct SubscribedTopic {
    codec::Uuid id;
    std::int32_t partitions = 0;
    bool operator==(const SubscribedTopic&) const = default;
};

/// What assigns: each member's subscription and what it has, to what it shall have.
struct AssignedMember {
    std::string id;
    std::optional<std::string> instance_id;
    std::set<codec::Uuid> topics;
    Assignment current;
};
/// "uniform": as even as can be, and as little moves as can be.
std::map<std::string, Assignment> assign_uniform(const std::vector<AssignedMember>& members,
                                                 const std::map<codec::Uuid, std::int32_t>& partitions);
/// "range": of every topic each member has partitions side by side, so that topics are read together. Static
/// members come first, in the order of their instance ids.
std::map<std::string, Assignment> assign_range(const std::vector<AssignedMember>& members,
                                               const std::map<codec::Uuid, std::int32_t>& partitions);

struct ConsumerHeartbeat {
    std::string group, member_id;
    std::int32_t member_epoch = 0;  ///< 0: joins; -1: leaves; -2: a static member that will come back
    std::optional<std::string> instance_id, rack_id;
    std::int32_t rebalance_timeout_ms = -1;  ///< -1: as before, and so for whatever is absent
    std::optional<std::vector<std::string>> topics;
    std::optional<std::string> topic_regex;
    std::optional<std::string> assignor;
    std::optional<Assignment> owned;
    std::string client_id, client_host;
    bool names_itself = true;  ///< version 1 and newer
    /// Which of the topics that an expression matches the member may see; empty: all. Called for as long as
    /// it is a member, with the group's lock held.
    std::function<bool(const std::string&)> may_see;
};

struct ConsumerHeartbeatResult {
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string error_message;
    std::string member_id;
    std::int32_t member_epoch = 0;
    std::int32_t interval_ms = 0;
    std::optional<Assignment> assignment;  ///< when it has changed, or was asked for
};

struct ConsumerMemberDescription {
    std::string member_id;
    std::optional<std::string> instance_id, rack_id;
    std::int32_t member_epoch = 0;
    std::string client_id, client_host;
    std::vector<std::string> topics;
    std::string topic_regex;
    bool is_classic = false;
    Assignment assignment, target;
};

struct ConsumerGroupDescription {
    std::string group, state, assignor;
    std::int32_t epoch = 0, assignment_epoch = 0;
    std::vector<ConsumerMemberDescription> members;
};

struct ConsumerGroupOptions {
    std::int32_t session_timeout_ms = 45'000;
    std::int32_t heartbeat_interval_ms = 5'000;
    // What a group may be given of its own.
    std::int32_t session_timeout_ms_min = 45'000, session_timeout_ms_max = 60'000;
    std::int32_t heartbeat_interval_ms_min = 5'000, heartbeat_interval_ms_max = 15'000;
    std::size_t max_members = 1000;  ///< of one group
    std::size_t max_groups = 100'000;
};

/// What a group has of its own; nullopt: as the options say.
struct GroupTiming {
    std::optional<std::int32_t> session_timeout_ms, heartbeat_interval_ms;
};

/// Thread-safe.
class ConsumerGroups {
public:
    using Error = wire::kafka::ErrorCode;
    /// Every topic that there is, by name.
    using TopicsByName = std::map<std::string, SubscribedTopic>;
    using Topics = std::function<TopicsByName()>;

    ConsumerGroups(const Clock& clock, ConsumerGroupOptions options, Topics topics);
    ~ConsumerGroups();

    /// Holds from the members' next heartbeats on, also for a group that is not there yet.
    void set_timing(const std::string& group, GroupTiming timing);
    ConsumerHeartbeatResult heartbeat(ConsumerHeartbeat request);
    bool contains(std::string_view group) const;
    bool has_members(std::string_view group) const;
    /// Whether it is a member of that epoch: none, unknown_member_id or stale_member_epoch.
    Error check_member(std::string_view group, std::string_view member, std::int32_t epoch) const;
    /// The same; and a tool, which names no member, may commit while the group has none.
    /// knows_epochs: the request's version; of a member that the broker assigns to, an older one is refused.
    Error check_commit(std::string_view group, std::string_view member, std::int32_t epoch,
                       bool knows_epochs) const;
    std::optional<ConsumerGroupDescription> describe(std::string_view group) const;
    std::vector<ConsumerGroupDescription> all() const;
    /// none, non_empty_group or group_id_not_found.
    Error remove(std::string_view group);
    /// Ends sessions whose time is up, and forgets groups that are empty unless is_kept says that something
    /// else is left of them. Call it several times a second.
    void tick(const std::function<bool(const std::string&)>& is_kept);

    // Members that speak the classic protocol in a group that is changed over to this one, as Kafka lets them
    // (KIP-848, online migration).
    /// False when the members' subscriptions cannot be read; then nothing has changed.
    bool take_over(const std::string& name, const HandedOverGroup& group);
    /// A group all of whose members speak the classic protocol; it is gone from here afterwards.
    std::optional<HandedOverGroup> hand_back(const std::string& name);
    std::vector<std::string> only_classic() const;
    JoinResult join(JoinRequest request);
    SyncResult sync(const SyncRequest& request);
    Error classic_heartbeat(const MemberIdentity& identity);
    Error classic_leave(const MemberIdentity& identity);

private:
    struct Member;
    struct Group;

    ConsumerHeartbeatResult refuse(Error error, std::string text) const;
    static Error check_instance(const Group& group, const ConsumerHeartbeat& request);
    ConsumerHeartbeatResult leave(Group& group, const ConsumerHeartbeat& request);
    ConsumerHeartbeatResult serve(Group& group, Member& member, const ConsumerHeartbeat& request,
                                  bool joined);
    Member* find_or_add(Group& group, ConsumerHeartbeat& request, ConsumerHeartbeatResult& refused);
    bool update(Member& member, const ConsumerHeartbeat& request);
    void look_at_topics(bool now);
    void assign(Group& group);
    void reconcile(Group& group, Member& member, const ConsumerHeartbeat& request);
    void remove_member(Group& group, const std::string& id);
    JoinResult join_group(Group& group, JoinRequest& request, ConsumerSubscription subscription);
    Error find_classic(const MemberIdentity& identity, Group*& group, Member*& member);
    Assignment by_id(const PartitionsByTopic& partitions) const;
    PartitionsByTopic by_name(const Assignment& assignment) const;
    std::int32_t session_timeout_ms(const std::string& group) const;
    std::int32_t heartbeat_interval_ms(const std::string& group) const;
    std::int64_t now_ms() const { return clock_.monotonic_us() / 1000; }

    const Clock& clock_;
    const ConsumerGroupOptions options_;
    const Topics topics_;
    mutable std::mutex mutex_;  // guards what follows
    std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;
    std::map<std::string, GroupTiming> timings_;
    TopicsByName known_topics_;
    std::int64_t known_version_ = 0, looked_ms_ = INT64_MIN / 2, emptied_ms_ = INT64_MIN / 2;
};

}  // namespace penstock::broker
