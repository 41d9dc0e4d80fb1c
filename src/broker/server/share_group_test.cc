// Share groups over the protocol: sessions, acknowledgements, what is left after a restart, and what is
// refused.
#include <gtest/gtest.h>

#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using Acquired = ShareFetch::Response::Topic::Partition::Acquired;
using Batch = kafka::ShareFetchRequest::Topic::Partition::Batch;

class ShareGroupTest : public KafkaServerTest {
protected:
    void SetUp() override { begin({}); }
    void begin(KafkaServerOptions options) {
        start(std::move(options));
        if (!topics_->find(std::string_view("t"))) create("t");
        id_ = topics_->find(std::string_view("t"))->id;
        set("share.auto.offset.reset", "earliest");
    }
    void set(const std::string& name, const std::string& value, ErrorCode expected = ErrorCode::none) {
        kafka::IncrementalAlterConfigsRequest request{
            .resources = {
                {.type = 32, .name = "g", .configs = {{.name = name, .operation = 0, .value = value}}}}};
        auto response = client_->call<IncrementalAlterConfigs>(request, 1);
        EXPECT_EQ(response.results.at(0).error, expected)
            << response.results.at(0).error_message.value_or("");
    }
    ShareGroupHeartbeat::Response beat(const std::string& member, std::int32_t epoch,
                                       std::optional<std::vector<std::string>> topics = std::nullopt,
                                       const std::string& group = "g") {
        return client_->call<ShareGroupHeartbeat>(
            {.group_id = group, .member_id = member, .member_epoch = epoch, .subscribed_topic_names = topics},
            1);
    }
    kafka::ShareFetchRequest request(const std::string& member, std::int32_t epoch,
                                     std::vector<Batch> said = {}) {
        return {.group_id = "g",
                .member_id = member,
                .share_session_epoch = epoch,
                .max_wait_ms = 0,
                .min_bytes = 1,
                .max_bytes = 1 << 20,
                .max_records = 100,
                .batch_size = 100,
                .topics = {{.topic_id = id_,
                            .partitions = {{.partition = 0, .acknowledgements = std::move(said)}}}}};
    }
    ShareFetch::Response fetch(const std::string& member, std::int32_t epoch, std::vector<Batch> said = {}) {
        return client_->call<ShareFetch>(request(member, epoch, std::move(said)), 2);
    }
    /// What a member leaves behind is free once that is on disk, which may be after the answer.
    ShareFetch::Response wait_and_fetch(const std::string& member, std::int32_t epoch) {
        auto waits = request(member, epoch);
        waits.max_wait_ms = 60'000;
        return client_->call<ShareFetch>(waits, 2);
    }
    static std::vector<std::tuple<std::int64_t, std::int64_t, int>> acquired(
        const ShareFetch::Response& response) {
        std::vector<std::tuple<std::int64_t, std::int64_t, int>> out;
        for (const auto& topic : response.topics)
            for (const auto& partition : topic.partitions) {
                EXPECT_EQ(partition.error, ErrorCode::none) << partition.error_message.value_or("");
                EXPECT_EQ(partition.records.bytes.empty(), partition.acquired_records.empty());
                for (const auto& each : partition.acquired_records)
                    out.emplace_back(each.first_offset, each.last_offset, each.delivery_count);
            }
        return out;
    }
    ShareAcknowledge::Response say(const std::string& member, std::int32_t epoch, std::int64_t first,
                                   std::int64_t last, std::vector<std::int8_t> types) {
        return client_->call<ShareAcknowledge>(
            {.group_id = "g",
             .member_id = member,
             .share_session_epoch = epoch,
             .topics = {{.topic_id = id_,
                         .partitions = {{.partition = 0, .acknowledgements = {{first, last, types}}}}}}},
            2);
    }
    static ErrorCode outcome(const ShareAcknowledge::Response& response) {
        return response.topics.at(0).partitions.at(0).error;
    }
    std::pair<std::int64_t, std::int64_t> start_and_lag() {
        auto response = client_->call<DescribeShareGroupOffsets>(
            {.groups = {{.group_id = "g", .topics = std::nullopt}}}, 1);
        const auto& partition = response.groups.at(0).topics.at(0).partitions.at(0);
        return {partition.start_offset, partition.lag};
    }
    using List = std::vector<std::tuple<std::int64_t, std::int64_t, int>>;

    codec::Uuid id_;
};

TEST_F(ShareGroupTest, RecordsGoToOneMemberAndAreDoneWithWhenItSaysSo) {
    auto joined = beat("a", 0, {{"t"}});
    ASSERT_EQ(joined.error, ErrorCode::none) << joined.error_message.value_or("");
    EXPECT_EQ(joined.heartbeat_interval_ms, 5000);
    ASSERT_TRUE(joined.assignment);
    EXPECT_EQ(joined.assignment->topic_partitions.at(0).partitions, std::vector<std::int32_t>{0});
    beat("b", 0, {{"t"}});
    produce("t", batch_of({"0", "1", "2"}));
    auto first = fetch("a", 0);
    EXPECT_EQ(first.acquisition_lock_timeout_ms, 30'000);
    EXPECT_EQ(acquired(first), (List{{0, 2, 1}}));
    EXPECT_EQ(acquired(fetch("b", 0)), List{});
    EXPECT_EQ(outcome(say("b", 1, 0, 2, {1})), ErrorCode::invalid_record_state);
    EXPECT_EQ(outcome(say("a", 1, 0, 2, {1, 2, 3})), ErrorCode::none);
    EXPECT_EQ(acquired(fetch("b", 2)), (List{{1, 1, 2}}));
    auto last = fetch("b", 3, {{1, 1, {1}}});
    EXPECT_EQ(last.topics.at(0).partitions.at(0).acknowledge_error, ErrorCode::none);
    EXPECT_EQ(start_and_lag(), (std::pair<std::int64_t, std::int64_t>{3, 0}));
}

TEST_F(ShareGroupTest, SessionsHaveEpochs) {
    beat("a", 0, {{"t"}});
    EXPECT_EQ(fetch("a", 1).error, ErrorCode::share_session_not_found);
    EXPECT_EQ(fetch("a", -1).error, ErrorCode::share_session_not_found);
    EXPECT_EQ(fetch("a", 0, {{0, 0, {1}}}).error, ErrorCode::invalid_request);
    EXPECT_EQ(fetch("a", 0).error, ErrorCode::none);
    EXPECT_EQ(fetch("a", 2).error, ErrorCode::invalid_share_session_epoch);
    EXPECT_EQ(fetch("a", 1).error, ErrorCode::none);
    EXPECT_EQ(say("a", 0, 0, 0, {1}).error, ErrorCode::invalid_share_session_epoch);
    EXPECT_EQ(say("nobody", 1, 0, 0, {1}).error, ErrorCode::share_session_not_found);
    auto renews = request("a", 2);
    renews.is_renew_ack = true;
    EXPECT_EQ(client_->call<ShareFetch>(renews, 2).error, ErrorCode::invalid_request);
    EXPECT_EQ(fetch("a", -1).error, ErrorCode::none);
    EXPECT_EQ(fetch("a", 2).error, ErrorCode::share_session_not_found);
}

/// Clients say both at once when they close, on two connections.
TEST_F(ShareGroupTest, WhoHasLeftTheGroupStillAcknowledgesInItsSession) {
    beat("a", 0, {{"t"}});
    produce("t", batch_of({"0", "1", "2"}));
    EXPECT_EQ(acquired(fetch("a", 0)), (List{{0, 2, 1}}));
    EXPECT_EQ(beat("a", -1).error, ErrorCode::none);
    beat("b", 0, {{"t"}});
    EXPECT_EQ(acquired(fetch("b", 0)), List{}) << "the session ends with its last epoch or its connection";
    EXPECT_EQ(outcome(say("a", -1, 0, 1, {1})), ErrorCode::none);
    EXPECT_EQ(acquired(wait_and_fetch("b", 1)), (List{{2, 2, 2}}));
}

TEST_F(ShareGroupTest, ThereAreOnlySoManySessions) {
    begin({.share_groups = {.max_members = 1, .max_sessions = 1}});
    beat("a", 0, {{"t"}});
    EXPECT_EQ(beat("b", 0, {{"t"}}).error, ErrorCode::group_max_size_reached);
    EXPECT_EQ(fetch("a", 0).error, ErrorCode::none);
    EXPECT_EQ(fetch("b", 0).error, ErrorCode::share_session_limit_reached);
    EXPECT_EQ(fetch("a", 0).error, ErrorCode::none) << "in place of its own";
}

TEST_F(ShareGroupTest, AFetchWaitsForRecordsAndForLocksToEnd) {
    beat("a", 0, {{"t"}});
    Client other(server_->port());
    produce("t", batch_of({"0"}));
    EXPECT_EQ(acquired(fetch("a", 0)), (List{{0, 0, 1}}));
    auto waits = request("b", 0);
    waits.max_wait_ms = 60'000;
    other.send_raw(Client::request(waits, 2));
    clock_.advance_us(30'001'000);
    auto bytes = other.receive();
    ShareFetch::Response response;
    ASSERT_TRUE(kafka::decode(std::string_view(bytes).substr(5), 2, response));
    EXPECT_EQ(acquired(response), (List{{0, 0, 2}}));
    waits.share_session_epoch = 1;
    other.send_raw(Client::request(waits, 2));
    produce("t", batch_of({"1"}));
    bytes = other.receive();
    ASSERT_TRUE(kafka::decode(std::string_view(bytes).substr(5), 2, response));
    EXPECT_EQ(acquired(response), (List{{1, 1, 1}}));
}

TEST_F(ShareGroupTest, WhatAConnectionHasIsFreeWhenItEnds) {
    beat("a", 0, {{"t"}});
    produce("t", batch_of({"0"}));
    {
        Client other(server_->port());
        EXPECT_EQ(acquired(other.call<ShareFetch>(request("b", 0), 2)), (List{{0, 0, 1}}));
    }
    EXPECT_EQ(acquired(wait_and_fetch("a", 0)), (List{{0, 0, 2}}));
}

TEST_F(ShareGroupTest, WhatWasSaidOutlivesARestart) {
    beat("a", 0, {{"t"}});
    produce("t", batch_of({"0", "1", "2", "3"}));
    EXPECT_EQ(acquired(fetch("a", 0)), (List{{0, 3, 1}}));
    EXPECT_EQ(outcome(say("a", 1, 0, 2, {1, 2, 1})), ErrorCode::none);
    start({});
    auto listed = client_->call<ListGroups>({.types_filter = {"Share"}}, 5);
    ASSERT_EQ(listed.groups.size(), 1u);
    EXPECT_EQ(listed.groups.at(0).state, "Empty");
    EXPECT_EQ(start_and_lag(), (std::pair<std::int64_t, std::int64_t>{1, 2}));
    EXPECT_EQ(acquired(fetch("a", 0)), (List{{1, 1, 2}, {3, 3, 2}})) << "the connection has ended";
}

TEST_F(ShareGroupTest, HeartbeatsThatAreRefused) {
    EXPECT_EQ(beat("", 0, {{"t"}}).error, ErrorCode::invalid_request);
    EXPECT_EQ(beat("a", 0, {{"t"}}, "").error, ErrorCode::invalid_request);
    EXPECT_EQ(beat("a", -2).error, ErrorCode::invalid_request);
    EXPECT_EQ(beat("a", 0).error, ErrorCode::invalid_request);
    EXPECT_EQ(beat("a", 1).error, ErrorCode::unknown_member_id);
    auto epoch = beat("a", 0, {{"t"}}).member_epoch;
    EXPECT_EQ(beat("b", 1).error, ErrorCode::unknown_member_id);
    EXPECT_EQ(beat("a", epoch + 1).error, ErrorCode::fenced_member_epoch);
    EXPECT_EQ(beat("a", epoch).error, ErrorCode::none);
    kafka::ConsumerGroupHeartbeatRequest other{.group_id = "g",
                                               .member_id = "c",
                                               .member_epoch = 0,
                                               .rebalance_timeout_ms = 1000,
                                               .subscribed_topic_names = {{"t"}},
                                               .topic_partitions = {{}}};
    EXPECT_EQ(client_->call<ConsumerGroupHeartbeat>(other, 1).error, ErrorCode::group_id_not_found);
    other.group_id = "consumers";
    EXPECT_EQ(client_->call<ConsumerGroupHeartbeat>(other, 1).error, ErrorCode::none);
    EXPECT_EQ(beat("a", 0, {{"t"}}, "consumers").error, ErrorCode::group_id_not_found);
}

TEST_F(ShareGroupTest, GroupsAreDescribedResetAndDeleted) {
    beat("a", 0, {{"t"}});
    auto described = client_->call<ShareGroupDescribe>({.group_ids = {"g", "none"}}, 1);
    EXPECT_EQ(described.groups.at(0).group_state, "Stable");
    EXPECT_EQ(described.groups.at(0).assignor_name, "simple");
    EXPECT_EQ(described.groups.at(0).members.at(0).assignment.topic_partitions.at(0).topic_name, "t");
    EXPECT_EQ(described.groups.at(1).error, ErrorCode::group_id_not_found);
    produce("t", batch_of({"0", "1"}));
    EXPECT_EQ(acquired(fetch("a", 0)), (List{{0, 1, 1}}));
    EXPECT_EQ(outcome(say("a", 1, 0, 1, {1})), ErrorCode::none);
    kafka::AlterShareGroupOffsetsRequest alter{
        .group_id = "g",
        .topics = {{.name = "t", .partitions = {{.partition = 0, .start_offset = 1}, {.partition = 9}}}}};
    EXPECT_EQ(client_->call<AlterShareGroupOffsets>(alter, 0).error, ErrorCode::non_empty_group);
    EXPECT_EQ(client_->call<DeleteGroups>({.groups = {"g"}}, 2).results.at(0).error,
              ErrorCode::non_empty_group);
    EXPECT_EQ(beat("a", -1).error, ErrorCode::none);
    auto altered = client_->call<AlterShareGroupOffsets>(alter, 0);
    EXPECT_EQ(altered.topics.at(0).partitions.at(0).error, ErrorCode::none);
    EXPECT_EQ(altered.topics.at(0).partitions.at(1).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(start_and_lag(), (std::pair<std::int64_t, std::int64_t>{1, 1}));
    auto deleted = client_->call<DeleteShareGroupOffsets>({.group_id = "g", .topics = {{"t"}, {"none"}}}, 0);
    EXPECT_EQ(deleted.topics.at(0).error, ErrorCode::none);
    EXPECT_EQ(deleted.topics.at(1).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(client_->call<DeleteGroups>({.groups = {"g"}}, 2).results.at(0).error, ErrorCode::none);
    EXPECT_TRUE(client_->call<ListGroups>({.types_filter = {"share"}}, 5).groups.empty());
    EXPECT_EQ(client_->call<DeleteShareGroupOffsets>({.group_id = "g", .topics = {}}, 0).error,
              ErrorCode::group_id_not_found);
}

TEST_F(ShareGroupTest, SettingsOfGroupsHaveBounds) {
    set("share.record.lock.duration.ms", "1", ErrorCode::invalid_config);
    set("share.delivery.count.limit", "11", ErrorCode::invalid_config);
    set("share.isolation.level", "serializable", ErrorCode::invalid_config);
    set("share.auto.offset.reset", "by_duration:soon", ErrorCode::invalid_config);
    set("share.auto.offset.reset", "by_duration:PT1H");
    set("share.record.lock.duration.ms", "20000");
    beat("a", 0, {{"t"}});
    EXPECT_EQ(fetch("a", 0).acquisition_lock_timeout_ms, 20'000);
    EXPECT_EQ(*parse_duration_ms("P1DT2H3M4.5S"), ((26 * 60 + 3) * 60 + 4) * 1000 + 500);
    for (const auto* wrong : {"", "P", "PT", "1H", "P1H", "PT1D", "PT1", "PT1.5H", "PT1.S", "P9999999999D"})
        EXPECT_FALSE(parse_duration_ms(wrong)) << wrong;
}

TEST_F(ShareGroupTest, AbortedRecordsAndMarkersAreNotGivenOut) {
    set("share.isolation.level", "read_committed");
    beat("a", 0, {{"t"}});
    produce("t", batch_of({"plain"}));
    auto transactional = [&](std::int64_t producer) {
        return batch_of({"x"}, {.attributes = wire::kafka::attribute::transactional,
                                .producer_id = producer,
                                .producer_epoch = 0,
                                .base_sequence = 0});
    };
    kafka::InitProducerIdRequest init{.transactional_id = "tx", .transaction_timeout_ms = 60'000};
    auto producer = client_->call<InitProducerId>(init, 2);
    ASSERT_EQ(producer.error, ErrorCode::none);
    kafka::AddPartitionsToTxnRequest add{.transactional_id = "tx",
                                         .producer_id = producer.producer_id,
                                         .producer_epoch = producer.producer_epoch,
                                         .topics = {{.name = "t", .partitions = {0}}}};
    (void)client_->call<AddPartitionsToTxn>(add, 3);
    kafka::ProduceRequest records{.transactional_id = "tx", .acks = -1, .timeout_ms = 1000, .topics = {}};
    auto batch = transactional(producer.producer_id);
    records.topics = {{.name = "t", .partitions = {{.index = 0, .records = {batch}}}}};
    ASSERT_EQ(client_->call<Produce>(records, 9).topics.at(0).partitions.at(0).error, ErrorCode::none);
    EXPECT_EQ(acquired(fetch("a", 0)), (List{{0, 0, 1}}));
    kafka::EndTxnRequest end{.transactional_id = "tx",
                             .producer_id = producer.producer_id,
                             .producer_epoch = producer.producer_epoch,
                             .committed = false};
    ASSERT_EQ(client_->call<EndTxn>(end, 3).error, ErrorCode::none);
    produce("t", batch_of({"after"}));
    EXPECT_EQ(acquired(fetch("a", 1)), (List{{3, 3, 1}}));
}

TEST_F(ShareGroupTest, WithoutPermissionThereIsNothing) {
    start({.security = {.is_authorized = true}});
    auto denied = ErrorCode::group_authorization_failed;
    EXPECT_EQ(beat("a", 0, {{"t"}}).error, denied);
    EXPECT_EQ(fetch("a", 0).error, denied);
    EXPECT_EQ(say("a", 1, 0, 0, {1}).error, denied);
    EXPECT_EQ(client_->call<ShareGroupDescribe>({.group_ids = {"g"}}, 1).groups.at(0).error, denied);
    EXPECT_EQ(client_->call<AlterShareGroupOffsets>({.group_id = "g", .topics = {}}, 0).error, denied);
    EXPECT_EQ(client_->call<DeleteShareGroupOffsets>({.group_id = "g", .topics = {}}, 0).error, denied);
    kafka::DescribeShareGroupOffsetsRequest describe{.groups = {{.group_id = "g", .topics = std::nullopt}}};
    EXPECT_EQ(client_->call<DescribeShareGroupOffsets>(describe, 1).groups.at(0).error, denied);
    kafka::CreateAclsRequest allow{.creations = {{.resource_type = 3,
                                                  .resource_name = "g",
                                                  .pattern_type = 3,
                                                  .principal = "User:ANONYMOUS",
                                                  .host = "*",
                                                  .operation = 3,
                                                  .permission = 3}}};
    start({.security = {.super_users = {"User:ANONYMOUS"}, .is_authorized = true}});
    EXPECT_EQ(client_->call<CreateAcls>(allow, 3).results.at(0).error, ErrorCode::none);
    start({.security = {.is_authorized = true}});
    EXPECT_EQ(beat("a", 0, {{"t"}}).error, ErrorCode::topic_authorization_failed);
    auto refused = fetch("a", 0);
    EXPECT_EQ(refused.error, ErrorCode::none);
    EXPECT_EQ(refused.topics.at(0).partitions.at(0).error, ErrorCode::topic_authorization_failed);
    EXPECT_EQ(outcome(say("a", 1, 0, 0, {1})), ErrorCode::topic_authorization_failed);
}

TEST_F(ShareGroupTest, ItIsNoGroupOfConsumers) {
    ASSERT_EQ(beat("a", 0, std::vector<std::string>{"t"}).error, ErrorCode::none);
    kafka::JoinGroupRequest join{.group_id = "g",
                                 .session_timeout_ms = 10'000,
                                 .rebalance_timeout_ms = 10'000,
                                 .member_id = "m",
                                 .protocol_type = "consumer",
                                 .protocols = {{"range", {1}}}};
    auto joined = client_->call<JoinGroup>(join, 3);
    EXPECT_EQ(joined.error, ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(joined.member_id, "");
    for (std::int16_t version = 7; version <= 9; ++version) {
        kafka::OffsetCommitRequest commit{
            .group_id = "g",
            .generation_id = -1,
            .member_id = "",
            .topics = {{.name = "t", .partitions = {{.index = 0, .committed_offset = 1}}}}};
        EXPECT_EQ(client_->call<OffsetCommit>(commit, version).topics[0].partitions[0].error,
                  ErrorCode::group_id_not_found)
            << version;
    }
}

}  // namespace
}  // namespace penstock::broker
