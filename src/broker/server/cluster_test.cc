#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

using ClusterTest = KafkaServerTest;

TEST_F(ClusterTest, TheQuorumIsThisNodeAlone) {
    kafka::DescribeQuorumRequest request{.topics = {{"__cluster_metadata", {{0}}}}};
    const auto before = client_->call<DescribeQuorum>(request, 2);
    create("t");
    for (std::int16_t version = 0; version <= 2; ++version) {
        auto response = client_->call<DescribeQuorum>(request, version);
        EXPECT_EQ(response.error, ErrorCode::none);
        const auto& partition = response.topics.at(0).partitions.at(0);
        EXPECT_EQ(partition.leader_id, 1);
        ASSERT_EQ(partition.voters.size(), 1U);
        EXPECT_EQ(partition.voters[0].replica_id, 1);
        EXPECT_EQ(partition.voters[0].log_end_offset, partition.high_watermark);
        EXPECT_GT(partition.high_watermark, before.topics.at(0).partitions.at(0).high_watermark);
        EXPECT_TRUE(partition.observers.empty());
        EXPECT_EQ(response.nodes.size(), version < 2 ? 0U : 1U);
    }
    kafka::DescribeQuorumRequest other{.topics = {{"t", {{0}}}}};
    EXPECT_EQ(client_->call<DescribeQuorum>(other, 2).topics.at(0).partitions.at(0).error,
              ErrorCode::unknown_topic_or_partition);
}

class FeaturesTest : public KafkaServerTest {
protected:
    enum Type : std::int8_t { upgrade = 1, safe_downgrade = 2, unsafe_downgrade = 3 };
    UpdateFeatures::Response update(const std::string& feature, std::int16_t level, std::int8_t type,
                                    bool validate_only = false) {
        return client_->call<UpdateFeatures>(
            {.updates = {{.feature = feature, .max_version_level = level, .upgrade_type = type}},
             .validate_only = validate_only},
            2);
    }
    /// 0: it is not among those that hold.
    std::int16_t level(const std::string& feature) {
        for (const auto& each : client_->call<ApiVersions>({}, 4).finalized_features)
            if (each.name == feature) return each.max_version_level;
        return 0;
    }
    std::int64_t epoch() { return client_->call<ApiVersions>({}, 4).finalized_features_epoch; }
};

TEST_F(FeaturesTest, WrongLevelsAreRefused) {
    const std::string name = "transaction.version";
    for (auto type : {upgrade, safe_downgrade, unsafe_downgrade})
        EXPECT_EQ(update(name, 2, type).error, ErrorCode::none) << int(type);
    EXPECT_EQ(update(name, 1, upgrade).error, ErrorCode::invalid_update_version);
    EXPECT_EQ(update(name, 9, upgrade).error, ErrorCode::invalid_update_version);
    EXPECT_EQ(update(name, -1, safe_downgrade).error, ErrorCode::invalid_update_version);
    for (int type : {0, 4})
        EXPECT_EQ(update(name, 2, std::int8_t(type)).error, ErrorCode::invalid_update_version);
    auto unknown = update("planet", 1, upgrade);
    EXPECT_EQ(unknown.error, ErrorCode::invalid_update_version);
    EXPECT_NE(unknown.error_message.value_or("").find("planet"), std::string::npos);
    EXPECT_EQ(epoch(), 1);
}

TEST_F(FeaturesTest, ALevelIsLoweredKeptAndRaisedAgain) {
    const std::string name = "transaction.version";
    EXPECT_EQ(update(name, 1, safe_downgrade, true).error, ErrorCode::none);
    EXPECT_EQ(level(name), 2) << "only asked";
    EXPECT_EQ(update(name, 1, safe_downgrade).error, ErrorCode::none);
    EXPECT_EQ(level(name), 1);
    EXPECT_EQ(epoch(), 2);
    start({});
    EXPECT_EQ(level(name), 1);
    EXPECT_EQ(update(name, 2, safe_downgrade).error, ErrorCode::invalid_update_version) << "it is higher";
    EXPECT_EQ(update(name, 0, unsafe_downgrade).error, ErrorCode::none);
    EXPECT_EQ(level(name), 0);
    EXPECT_EQ(update(name, 2, upgrade).error, ErrorCode::none);
    EXPECT_EQ(level(name), 2);
    start({});
    EXPECT_EQ(level(name), 2);
    EXPECT_EQ(epoch(), 4);
    kafka::UpdateFeaturesRequest oldest{
        .updates = {{.feature = name, .max_version_level = 1, .allow_downgrade = true}}};
    auto response = client_->call<UpdateFeatures>(oldest, 0);
    EXPECT_EQ(response.error, ErrorCode::none);
    EXPECT_EQ(response.results.size(), 1U);
    EXPECT_EQ(level(name), 1);
}

TEST_F(FeaturesTest, GroupsThatTheBrokerAssignsToNeedTheirFeatures) {
    create("t");
    ASSERT_EQ(update("group.version", 0, safe_downgrade).error, ErrorCode::none);
    ASSERT_EQ(update("share.version", 0, safe_downgrade).error, ErrorCode::none);
    const auto unsupported = ErrorCode::unsupported_version;
    kafka::ConsumerGroupHeartbeatRequest joins{
        .group_id = "g", .member_id = "m", .rebalance_timeout_ms = 1000};
    joins.subscribed_topic_names.emplace().push_back("t");
    joins.topic_partitions.emplace();
    EXPECT_EQ(client_->call<ConsumerGroupHeartbeat>(joins, 1).error, unsupported);
    EXPECT_EQ(client_->call<ConsumerGroupDescribe>({.group_ids = {"g"}}, 1).groups.at(0).error, unsupported);
    kafka::ShareGroupHeartbeatRequest shares{.group_id = "s", .member_id = "m"};
    shares.subscribed_topic_names.emplace().push_back("t");
    EXPECT_EQ(client_->call<ShareGroupHeartbeat>(shares, 1).error, unsupported);
    EXPECT_EQ(client_->call<ShareGroupDescribe>({.group_ids = {"s"}}, 1).groups.at(0).error, unsupported);
    EXPECT_EQ(client_->call<ShareFetch>({.group_id = "s", .member_id = "m"}, 2).error, unsupported);
    EXPECT_EQ(client_->call<ShareAcknowledge>({.group_id = "s", .member_id = "m"}, 2).error, unsupported);
    EXPECT_EQ(client_->call<AlterShareGroupOffsets>({.group_id = "s"}, 0).error, unsupported);
    EXPECT_EQ(client_->call<DeleteShareGroupOffsets>({.group_id = "s"}, 0).error, unsupported);
    EXPECT_EQ(client_->call<DescribeShareGroupOffsets>({.groups = {{.group_id = "s"}}}, 1).groups.at(0).error,
              unsupported);
    ASSERT_EQ(update("group.version", 1, upgrade).error, ErrorCode::none);
    EXPECT_EQ(client_->call<ConsumerGroupHeartbeat>(joins, 1).error, ErrorCode::none);
}

TEST_F(ClusterTest, TheLogHasOneDirectory) {
    create("t", 2);
    for (std::int16_t version = 1; version <= 5; ++version) {
        auto all = client_->call<DescribeLogDirs>({.topics = {{{"t", {0, 1}}}}}, version);
        ASSERT_EQ(all.results.size(), 1U) << version;
        EXPECT_EQ(all.results[0].error, ErrorCode::none);
        EXPECT_EQ(all.results[0].topics.at(0).partitions.size(), 2U);
        EXPECT_FALSE(all.results[0].is_cordoned);
    }
}

TEST_F(ClusterTest, NobodyElseIsAMember) {
    EXPECT_EQ(client_->call<UnregisterBroker>({.broker_id = 7}, 0).error,
              ErrorCode::broker_id_not_registered);
    EXPECT_EQ(client_->call<UnregisterBroker>({.broker_id = 1}, 0).error, ErrorCode::invalid_request);
    EXPECT_EQ(client_->call<AddRaftVoter>({.voter_id = 7}, 1).error, ErrorCode::unsupported_version);
    EXPECT_EQ(client_->call<RemoveRaftVoter>({.voter_id = 7}, 0).error, ErrorCode::unsupported_version);
}

TEST_F(ClusterTest, ThereAreNoDelegationTokens) {
    for (std::int16_t version = 1; version <= 3; ++version) {
        EXPECT_EQ(client_->call<CreateDelegationToken>({}, version).error,
                  ErrorCode::delegation_token_request_not_allowed);
        EXPECT_EQ(client_->call<DescribeDelegationToken>({}, version).error,
                  ErrorCode::delegation_token_request_not_allowed);
    }
    EXPECT_EQ(client_->call<RenewDelegationToken>({}, 2).error,
              ErrorCode::delegation_token_request_not_allowed);
    EXPECT_EQ(client_->call<ExpireDelegationToken>({}, 2).error,
              ErrorCode::delegation_token_request_not_allowed);
}

}  // namespace
}  // namespace penstock::broker
