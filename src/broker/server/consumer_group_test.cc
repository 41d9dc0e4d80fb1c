#include <thread>

#include "broker/group/consumer_protocol.h"
#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

class ConsumerGroupServerTest : public KafkaServerTest {
protected:
    ConsumerGroupHeartbeat::Response join(const std::string& member, std::int32_t epoch = 0,
                                          const std::string& group = "g") {
        kafka::ConsumerGroupHeartbeatRequest request;
        request.group_id = group;
        request.member_id = member;
        request.member_epoch = epoch;
        request.rebalance_timeout_ms = 10'000;
        request.subscribed_topic_names.emplace().push_back("t");
        request.topic_partitions.emplace();
        return client_->call<ConsumerGroupHeartbeat>(request, 1);
    }
    ConsumerGroupHeartbeat::Response beat(const std::string& member, std::int32_t epoch) {
        kafka::ConsumerGroupHeartbeatRequest request{
            .group_id = "g", .member_id = member, .member_epoch = epoch};
        return client_->call<ConsumerGroupHeartbeat>(request, 1);
    }
    /// Of the topic t, as a consumer sends it in JoinGroup; owned: of t, still.
    static kafka::Bytes subscription(const std::set<std::int32_t>& owned = {}) {
        std::string out;
        kafka::Encoder to(out, false);
        to.value(std::int16_t(1));
        to.value(std::vector<std::string>{"t"});
        to.value(std::optional<kafka::Bytes>());
        to.value(std::int32_t(1));
        to.value(std::string("t"));
        to.value(std::vector<std::int32_t>(owned.begin(), owned.end()));
        return {out.begin(), out.end()};
    }
    JoinGroup::Response join_classic(const std::string& type, kafka::Bytes metadata,
                                     const std::string& group = "g", const std::string& member = {}) {
        kafka::JoinGroupRequest request{
            .group_id = group,
            .session_timeout_ms = 10'000,
            .rebalance_timeout_ms = 10'000,
            .member_id = member,
            .protocol_type = type,
            .protocols = {{.name = "cooperative-sticky", .metadata = std::move(metadata)}}};
        return client_->call<JoinGroup>(request, 3);
    }
    SyncGroup::Response sync(const JoinGroup::Response& joined, kafka::Bytes assignment) {
        kafka::SyncGroupRequest request{
            .group_id = "g", .generation_id = joined.generation_id, .member_id = joined.member_id};
        request.assignments.push_back({joined.member_id, std::move(assignment)});
        return client_->call<SyncGroup>(request, 3);
    }
    ErrorCode heartbeat(const JoinGroup::Response& joined) {
        kafka::HeartbeatRequest request{
            .group_id = "g", .generation_id = joined.generation_id, .member_id = joined.member_id};
        return client_->call<Heartbeat>(request, 3).error;
    }
    ErrorCode commit(const std::string& member, std::int32_t epoch, std::int16_t version = 9) {
        kafka::OffsetCommitRequest request{
            .group_id = "g",
            .generation_id = epoch,
            .member_id = member,
            .topics = {{.name = "t", .partitions = {{.index = 0, .committed_offset = 5}}}}};
        return client_->call<OffsetCommit>(request, version).topics.at(0).partitions.at(0).error;
    }
};

TEST_F(ConsumerGroupServerTest, ToolsTakeAMemberOutByItsInstance) {
    create("t", 3);
    kafka::ConsumerGroupHeartbeatRequest request{.group_id = "g", .member_id = "m", .instance_id = "i"};
    request.rebalance_timeout_ms = 10'000;
    request.subscribed_topic_names.emplace().push_back("t");
    request.topic_partitions.emplace();
    ASSERT_EQ(client_->call<ConsumerGroupHeartbeat>(request, 1).error, ErrorCode::none);
    auto leave = [&](std::string member, std::string instance) {
        kafka::LeaveGroupRequest asked{
            .group_id = "g",
            .members = {{.member_id = std::move(member), .group_instance_id = std::move(instance)}}};
        return client_->call<LeaveGroup>(asked, 5).members.at(0).error;
    };
    EXPECT_EQ(leave("", "other"), ErrorCode::unknown_member_id);
    EXPECT_EQ(leave("m", "i"), ErrorCode::unknown_member_id) << "it leaves by its heartbeat";
    EXPECT_EQ(leave("", "i"), ErrorCode::none);
    EXPECT_EQ(beat("m", 1).error, ErrorCode::unknown_member_id);
}

TEST_F(ConsumerGroupServerTest, AMemberJoinsCommitsIsDescribedAndLeaves) {
    create("t", 3);
    auto joined = join("m");
    ASSERT_EQ(joined.error, ErrorCode::none);
    ASSERT_TRUE(joined.assignment);
    EXPECT_EQ(joined.assignment->topic_partitions.at(0).partitions.size(), 3U);
    EXPECT_EQ(joined.assignment->topic_partitions.at(0).topic_id, topics_->find(std::string_view("t"))->id);
    EXPECT_EQ(commit("m", joined.member_epoch), ErrorCode::none);
    EXPECT_EQ(commit("m", joined.member_epoch + 1), ErrorCode::stale_member_epoch);
    EXPECT_EQ(commit("other", joined.member_epoch), ErrorCode::unknown_member_id);
    EXPECT_EQ(commit("", -1), ErrorCode::unknown_member_id);
    kafka::OffsetFetchRequest fetch;
    fetch.groups.push_back({.group_id = "g", .member_id = "m", .member_epoch = joined.member_epoch});
    EXPECT_EQ(client_->call<OffsetFetch>(fetch, 9).groups.at(0).error, ErrorCode::none);
    fetch.groups[0].member_epoch += 1;
    EXPECT_EQ(client_->call<OffsetFetch>(fetch, 9).groups.at(0).error, ErrorCode::stale_member_epoch);
    auto groups = client_->call<ConsumerGroupDescribe>({.group_ids = {"g", "none"}}, 1).groups;
    EXPECT_EQ(groups.at(0).group_state, "Stable");
    EXPECT_EQ(groups[0].members.at(0).assignment.topic_partitions.at(0).topic_name, "t");
    EXPECT_EQ(groups.at(1).error, ErrorCode::group_id_not_found);
    auto listed = client_->call<ListGroups>({.types_filter = {"Consumer"}}, 5).groups;
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].type, "consumer");
    EXPECT_TRUE(client_->call<ListGroups>({.types_filter = {"classic"}}, 5).groups.empty());
    auto classic = client_->call<DescribeGroups>({.groups = {"g"}}, 6).groups.at(0);
    EXPECT_EQ(classic.error, ErrorCode::group_id_not_found);
    EXPECT_EQ(classic.error_message, "Group g is not a classic group.");
    EXPECT_EQ(join("m", -1).error, ErrorCode::none);
    EXPECT_EQ(commit("", -1), ErrorCode::none);
    EXPECT_EQ(client_->call<DeleteGroups>({.groups = {"g"}}, 2).results.at(0).error, ErrorCode::none);
}

TEST_F(ConsumerGroupServerTest, AGroupOfAnotherKindIsNotChangedOver) {
    create("t");
    ASSERT_EQ(join_classic("connect", {}).error, ErrorCode::none);
    EXPECT_EQ(join("m").error, ErrorCode::group_id_not_found) << "its members are no consumers";
    ASSERT_EQ(join("m", 0, "h").error, ErrorCode::none);
    EXPECT_EQ(join_classic("connect", {}, "h").error, ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(join_classic("consumer", {1, 2}, "h").error, ErrorCode::inconsistent_group_protocol);
}

TEST_F(ConsumerGroupServerTest, AClassicMemberIsNamedBeforeItsSubscriptionIsRead) {
    create("t");
    ASSERT_EQ(join("m").error, ErrorCode::none);
    kafka::JoinGroupRequest request{.group_id = "g",
                                    .session_timeout_ms = 10'000,
                                    .rebalance_timeout_ms = 10'000,
                                    .protocol_type = "consumer",
                                    .protocols = {{.name = "range", .metadata = {1}}}};
    auto named = client_->call<JoinGroup>(request, 5);
    EXPECT_EQ(named.error, ErrorCode::member_id_required);
    request.member_id = named.member_id;
    EXPECT_EQ(client_->call<JoinGroup>(request, 5).error, ErrorCode::inconsistent_group_protocol);
}

TEST_F(ConsumerGroupServerTest, AGroupIsChangedOverMemberByMemberAndBack) {
    create("t", 4);
    auto classic = join_classic("consumer", subscription());
    ASSERT_EQ(classic.error, ErrorCode::none);
    EXPECT_EQ(classic.leader, classic.member_id);
    auto all = encode_assignment({{"t", {0, 1, 2, 3}}}, 1);
    ASSERT_EQ(sync(classic, all).error, ErrorCode::none);
    auto newer = join("m");
    ASSERT_EQ(newer.error, ErrorCode::none) << newer.error_message.value_or("");
    EXPECT_TRUE(newer.assignment->topic_partitions.empty()) << "the other one has all";
    EXPECT_EQ(heartbeat(classic), ErrorCode::rebalance_in_progress);
    auto described = client_->call<ConsumerGroupDescribe>({.group_ids = {"g"}}, 1).groups.at(0).members;
    EXPECT_EQ(described.size(), 2U);
    // Cooperative: it joins with what it has, is told what it keeps, and joins again without the rest.
    classic = join_classic("consumer", subscription({0, 1, 2, 3}), "g", classic.member_id);
    ASSERT_EQ(classic.error, ErrorCode::none);
    auto kept = parse_assignment(sync(classic, {}).assignment);
    ASSERT_EQ(kept["t"].size(), 2U);
    EXPECT_EQ(heartbeat(classic), ErrorCode::rebalance_in_progress) << "it has not said yet that it gave up";
    classic = join_classic("consumer", subscription(kept["t"]), "g", classic.member_id);
    EXPECT_EQ(parse_assignment(sync(classic, {}).assignment), kept);
    EXPECT_EQ(heartbeat(classic), ErrorCode::none);
    EXPECT_EQ(commit(classic.member_id, classic.generation_id, 5), ErrorCode::none);
    EXPECT_EQ(commit(classic.member_id, classic.generation_id + 1, 5), ErrorCode::illegal_generation);
    newer = beat("m", newer.member_epoch);
    EXPECT_EQ(newer.assignment->topic_partitions.at(0).partitions.size(), 2U);
    EXPECT_EQ(commit("m", newer.member_epoch, 5), ErrorCode::unsupported_version);
    // The newer one leaves: what is left is a classic group again, whose members join once more.
    ASSERT_EQ(join("m", -1).error, ErrorCode::none);
    while (client_->call<DescribeGroups>({.groups = {"g"}}, 6).groups.at(0).error != ErrorCode::none)
        std::this_thread::yield();
    EXPECT_EQ(heartbeat(classic), ErrorCode::rebalance_in_progress);
    classic = join_classic("consumer", subscription(kept["t"]), "g", classic.member_id);
    EXPECT_EQ(classic.leader, classic.member_id);
    EXPECT_EQ(sync(classic, all).error, ErrorCode::none);
    EXPECT_EQ(heartbeat(classic), ErrorCode::none);
}

TEST_F(ConsumerGroupServerTest, AClassicMemberOfAChangedGroupThatDoesNotJoinIsTakenOut) {
    create("t", 4);
    auto classic = join_classic("consumer", subscription());
    ASSERT_EQ(sync(classic, encode_assignment({{"t", {0, 1, 2, 3}}}, 1)).error, ErrorCode::none);
    auto newer = join("m");
    EXPECT_EQ(heartbeat(classic), ErrorCode::rebalance_in_progress);
    for (int i = 0; i < 3; ++i) {  // alive, and does not join
        clock_.advance_us(4'000'000);
        (void)heartbeat(classic);
        newer = beat("m", newer.member_epoch);
    }
    while (heartbeat(classic) != ErrorCode::unknown_member_id) std::this_thread::yield();
    newer = beat("m", newer.member_epoch);
    ASSERT_TRUE(newer.assignment);
    EXPECT_EQ(newer.assignment->topic_partitions.at(0).partitions.size(), 4U);
}

TEST_F(ConsumerGroupServerTest, AfterARestartMembersAreToldToJoinAgain) {
    create("t");
    const auto epoch = join("m").member_epoch;
    EXPECT_EQ(commit("m", epoch), ErrorCode::none);
    start({});
    EXPECT_EQ(commit("m", epoch), ErrorCode::unknown_member_id);
    EXPECT_EQ(join("m", epoch).error, ErrorCode::unknown_member_id);
    EXPECT_EQ(join("m").error, ErrorCode::none);
}

}  // namespace
}  // namespace penstock::broker
