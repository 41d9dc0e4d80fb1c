#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

class ConsumerGroupServerTest : public KafkaServerTest {
protected:
    ConsumerGroupHeartbeat::Response join(const std::string& member, std::int32_t epoch = 0) {
        kafka::ConsumerGroupHeartbeatRequest request;
        request.group_id = "g";
        request.member_id = member;
        request.member_epoch = epoch;
        request.rebalance_timeout_ms = 10'000;
        request.subscribed_topic_names.emplace().push_back("t");
        request.topic_partitions.emplace();
        return client_->call<ConsumerGroupHeartbeat>(request, 1);
    }
    JoinGroup::Response join_classic() {
        kafka::JoinGroupRequest request{.group_id = "g",
                                        .session_timeout_ms = 10'000,
                                        .rebalance_timeout_ms = 10'000,
                                        .protocol_type = "consumer",
                                        .protocols = {{.name = "range"}}};
        return client_->call<JoinGroup>(request, 3);
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

TEST_F(ConsumerGroupServerTest, AGroupHasMembersOfOneProtocolOnly) {
    create("t");
    ASSERT_EQ(join("m").error, ErrorCode::none);
    EXPECT_EQ(join_classic().error, ErrorCode::inconsistent_group_protocol);
    ASSERT_EQ(join("m", -1).error, ErrorCode::none);
    auto classic = join_classic();
    EXPECT_EQ(classic.error, ErrorCode::none) << "an empty group may be of either";
    EXPECT_EQ(join("m").error, ErrorCode::group_id_not_found);
    kafka::LeaveGroupRequest leave{.group_id = "g", .members = {{.member_id = classic.member_id}}};
    EXPECT_EQ(client_->call<LeaveGroup>(leave, 4).error, ErrorCode::none);
    EXPECT_EQ(join("m").error, ErrorCode::none);
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
