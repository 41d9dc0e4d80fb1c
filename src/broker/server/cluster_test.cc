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

TEST_F(ClusterTest, FeaturesStayAtTheirLevels) {
    auto update = [&](std::string feature, std::int16_t level) {
        kafka::UpdateFeaturesRequest request{
            .updates = {{.feature = std::move(feature), .max_version_level = level}}};
        return client_->call<UpdateFeatures>(request, 2);
    };
    EXPECT_EQ(update("transaction.version", 2).error, ErrorCode::none);
    EXPECT_EQ(update("transaction.version", 1).error, ErrorCode::invalid_update_version);
    EXPECT_EQ(update("transaction.version", 9).error, ErrorCode::invalid_update_version);
    auto unknown = update("planet", 1);
    EXPECT_EQ(unknown.error, ErrorCode::invalid_update_version);
    EXPECT_NE(unknown.error_message.value_or("").find("planet"), std::string::npos);
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
