// Consumer groups: who is a member, who leads, and when everyone must join again (Kafka's classic group
// protocol). Source: protocol guide, "Group Membership API"; KIP-62 (rebalance timeout), KIP-345 (static
// members), KIP-394 (member ids before joining), KIP-559, KIP-814.
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
#include "wire/kafka/codec.h"

namespace penstock::broker {

using wire::kafka::Bytes;
using wire::kafka::ErrorCode;

enum class GroupState { empty, preparing_rebalance, completing_rebalance, stable };
/// Kafka's names: "Empty", "PreparingRebalance", "CompletingRebalance", "Stable".
std::string_view to_string(GroupState state);

struct GroupProtocol {
    std::string name;
    Bytes metadata;
    bool operator==(const GroupProtocol&) const = default;
};

struct JoinRequest {
    std::string group, member_id;
    std::optional<std::string> instance_id;
    std::string client_id, client_host;
    std::int32_t session_timeout_ms = 0, rebalance_timeout_ms = 0;
    std::string protocol_type;
    std::vector<GroupProtocol> protocols;
    bool wants_member_id_first = false;  ///< JoinGroup 4 and newer
};

struct JoinedMember {
    std::string member_id;
    std::optional<std::string> instance_id;
    Bytes metadata;
};

struct JoinResult {
    ErrorCode error = ErrorCode::none;
    std::int32_t generation = -1;
    std::optional<std::string> protocol_type, protocol;
    std::string leader, member_id;
    bool skip_assignment = false;
    std::vector<JoinedMember> members;  ///< for the leader only
};

/// What a member says to prove who it is.
struct MemberIdentity {
    std::string group, member_id;
    std::optional<std::string> instance_id;
    std::int32_t generation = -1;
};

struct SyncRequest {
    MemberIdentity member;
    std::optional<std::string> protocol_type, protocol;
    std::map<std::string, Bytes> assignments;  ///< by member id; from the leader
};

struct SyncResult {
    ErrorCode error = ErrorCode::none;
    std::optional<std::string> protocol_type, protocol;
    Bytes assignment;
};

struct GroupMember {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::string client_id, client_host;
    Bytes metadata, assignment;
};

struct GroupDescription {
    std::string group;
    GroupState state = GroupState::empty;
    std::string protocol_type, protocol;
    std::vector<GroupMember> members;
};

/// A group on its way from one protocol to the other.
struct HandedOverGroup {
    struct Member {
        std::string id;
        std::optional<std::string> instance_id;
        std::string client_id, client_host;
        std::int32_t session_timeout_ms = 0, rebalance_timeout_ms = 0;
        std::vector<GroupProtocol> protocols;
        Bytes assignment;
    };
    std::int32_t generation = 0;
    std::string protocol;
    std::vector<Member> members;
};

struct CoordinatorOptions {
    std::int32_t session_timeout_ms_min = 6000;
    std::int32_t session_timeout_ms_max = 1'800'000;
    /// How long a new group waits for more members before its first generation, and as long again when some
    /// have come, up to the longest rebalance timeout.
    std::int32_t initial_delay_ms = 0;
    std::size_t max_members = 10'000;  ///< of one group
    /// A group that nobody is in any more is shown for so long, if it has no offsets either.
    std::int32_t keep_empty_ms = 5000;
};

/// Thread-safe. Callbacks run without locks, on the thread of whatever completed them.
class GroupCoordinator {
public:
    GroupCoordinator(const Clock& clock, CoordinatorOptions options);
    ~GroupCoordinator();

    void join(JoinRequest request, std::function<void(JoinResult)> done);
    void sync(SyncRequest request, std::function<void(SyncResult)> done);
    ErrorCode heartbeat(const MemberIdentity& member);
    ErrorCode leave(const MemberIdentity& member);
    /// Whether the member may commit offsets now.
    ErrorCode check_commit(const MemberIdentity& member);

    std::vector<GroupDescription> groups() const;
    std::optional<GroupDescription> describe(std::string_view group) const;
    /// "": it has none, or is not there.
    std::string protocol_type(std::string_view group) const;
    /// Errc none, non_empty_group, or group_id_not_found.
    ErrorCode remove(std::string_view group);

    /// A group of consumers with its members, which are told to join again when they wait for something.
    /// drop() takes it away.
    std::optional<HandedOverGroup> snapshot(std::string_view group) const;
    void drop(std::string_view group);
    /// Makes the group; its members are told to join again.
    void take_back(const std::string& name, HandedOverGroup group);

    /// Ends sessions and rebalances whose time is up. Call it several times a second.
    void tick();
    /// Answers everyone who waits, and refuses whoever comes later, with coordinator_not_available.
    void stop();

private:
    struct Member;
    struct Group;
    using Calls = std::vector<std::function<void()>>;
    using Join = std::function<void(JoinResult)>;

    ErrorCode find(const MemberIdentity& identity, Group*& group, Member*& member);
    void join_unknown(Group& group, JoinRequest& request, Join done, Calls& calls);
    void join_known(Group& group, JoinRequest& request, Join done, Calls& calls);
    bool replace_static(Group& group, JoinRequest& request, Join& done, Calls& calls);
    void add_member(Group& group, JoinRequest& request, Join done, Calls& calls);
    void update_member(Group& group, Member& member, JoinRequest& request, Join done, Calls& calls);
    void prepare_rebalance(Group& group, Calls& calls);
    void complete_join_when_ready(Group& group, bool time_is_up, Calls& calls);
    void wait_for_more(Group& group);
    void complete_join(Group& group, Calls& calls);
    void remove_member(Group& group, const std::string& member_id, Calls& calls);
    void tick_group(Group& group, Calls& calls);
    JoinResult current_generation(const Group& group, const Member& member) const;
    std::int64_t now_ms() const { return clock_.monotonic_us() / 1000; }

    const Clock& clock_;
    const CoordinatorOptions options_;
    mutable std::mutex mutex_;
    bool stopped_ = false;
    std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;
};

}  // namespace penstock::broker
