#include "broker/server/kafka_server.h"

#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

TEST_F(KafkaServerTest, ApiVersionsListsWhatIsOfferedInEveryVersion) {
    for (std::int16_t version = 0; version <= 4; ++version) {
        auto response = client_->call<ApiVersions>({}, version);
        EXPECT_EQ(response.error, ErrorCode::none);
        EXPECT_EQ(response.api_keys.size(), 68u);
        EXPECT_EQ(response.finalized_features.size(), version >= 3 ? 3u : 0u);
    }
}

TEST_F(KafkaServerTest, ApiVersionsTellsOldClientsOfNoRangeFromZero) {
    for (auto version : {std::int16_t(3), std::int16_t(4)}) {
        auto features = client_->call<ApiVersions>({}, version).supported_features;
        ASSERT_EQ(features.size(), 3u);
        for (const auto& feature : features) EXPECT_EQ(feature.min_version, version < 4 ? 1 : 0) << version;
    }
}

TEST_F(KafkaServerTest, ApiVersionsOfAnUnknownVersionIsAnsweredInVersionZero) {
    std::string bytes;
    codec::append_big(bytes, std::int16_t(18));
    codec::append_big(bytes, std::int16_t(99));
    codec::append_big(bytes, std::int32_t(5));
    codec::append_big(bytes, std::int16_t(-1));
    bytes += "whatever is behind";
    client_->send_raw(bytes);
    auto answer = client_->receive();
    kafka::ApiVersionsResponse response;
    ASSERT_TRUE(kafka::decode(std::string_view(answer).substr(4), 0, response));
    EXPECT_EQ(response.error, ErrorCode::unsupported_version);
    EXPECT_FALSE(response.api_keys.empty());
    EXPECT_EQ(client_->call<ApiVersions>({}, 3).error, ErrorCode::none);
}

TEST_F(KafkaServerTest, WhatIsNotOfferedOrCannotBeReadEndsTheConnection) {
    for (std::string bytes : {std::string("\0\x63\0\0\0\0\0\1\xff\xff", 10),    // API 99
                              std::string("\0\1\0\x63\0\0\0\1\xff\xff", 10),    // Fetch 99
                              std::string("\0\3\0\1\0\0\0\1\xff\xff\1\2", 12),  // Metadata, damaged
                              std::string("\0\3\0\1\0\0\0\1\x7f\xff", 10)}) {   // its header, damaged
        Client client(server_->port());
        client.send_raw(bytes);
        EXPECT_EQ(client.receive(), "");
    }
    EXPECT_EQ(client_->call<ApiVersions>({}, 3).error, ErrorCode::none);
}

TEST_F(KafkaServerTest, ARequestAboveTheLimitEndsTheConnection) {
    start({.max_request_bytes = 1000});
    client_->send_raw(std::string(2000, 'x'));
    EXPECT_EQ(client_->receive(), "");
}

TEST_F(KafkaServerTest, ProducedBatchesAreFetchedByteForByte) {
    create("t");
    for (auto compression : {codec::Compression::none, codec::Compression::gzip, codec::Compression::snappy,
                             codec::Compression::lz4, codec::Compression::zstd}) {
        auto batch = batch_of({"a", "b"}, {.compression = compression});
        auto answer = produce("t", batch);
        ASSERT_EQ(answer.error, ErrorCode::none) << answer.error_message.value_or("");
        patch_base_offset(batch.data(), answer.base_offset);
        EXPECT_EQ(fetch("t", answer.base_offset).records.bytes, batch);
    }
    auto got = fetch("t", 10);
    EXPECT_EQ(got.high_watermark, 10);
    EXPECT_EQ(got.records.bytes, "");
}

TEST_F(KafkaServerTest, EveryProduceVersionIsAnswered) {
    create("t");
    for (std::int16_t version = 3; version <= 12; ++version)
        EXPECT_EQ(produce("t", batch_of({"x"}), version).base_offset, version - 3);
}

TEST_F(KafkaServerTest, NewVersionsNameTopicsByTheirIds) {
    create("t");
    auto id = topics_->find(std::string_view("t"))->id;
    auto unknown = id;
    unknown.bytes[0] ^= 1;
    auto batch = batch_of({"a"});
    kafka::ProduceRequest produce{
        .acks = -1,
        .topics = {{.topic_id = id, .partitions = {{.index = 0, .records = {batch}}}},
                   {.topic_id = unknown, .partitions = {{.index = 0}}}}};
    auto produced = client_->call<Produce>(produce, 13);
    EXPECT_EQ(produced.topics[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(produced.topics[0].topic_id, id);
    EXPECT_EQ(produced.topics[1].partitions[0].error, ErrorCode::unknown_topic_id);
    kafka::OffsetCommitRequest commit{
        .group_id = "g",
        .topics = {{.topic_id = id, .partitions = {{.index = 0, .committed_offset = 1}}},
                   {.topic_id = unknown, .partitions = {{.index = 0, .committed_offset = 1}}}}};
    auto committed = client_->call<OffsetCommit>(commit, 10);
    EXPECT_EQ(committed.topics[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(committed.topics[1].partitions[0].error, ErrorCode::unknown_topic_id);
    using Wanted = kafka::OffsetFetchRequest::Group::GroupTopic;
    kafka::OffsetFetchRequest fetch;
    fetch.groups.push_back({.group_id = "g"});
    fetch.groups[0].topics = {Wanted{.topic_id = id, .partitions = {0}},
                              Wanted{.topic_id = unknown, .partitions = {0}}};
    auto fetched = client_->call<OffsetFetch>(fetch, 10).groups.at(0).topics;
    EXPECT_EQ(fetched[0].partitions[0].committed_offset, 1);
    EXPECT_EQ(fetched[1].partitions[0].error, ErrorCode::unknown_topic_id);
}

TEST_F(KafkaServerTest, WrongBatchesAreRefusedWithKafkasCodes) {
    create("t", 1, {{"max.message.bytes", "1000"}});
    auto damaged = batch_of({"a"});
    damaged.back() = char(damaged.back() ^ 1);
    EXPECT_EQ(produce("t", damaged).error, ErrorCode::corrupt_message);
    EXPECT_EQ(produce("t", "").error, ErrorCode::invalid_record);
    EXPECT_EQ(produce("t", batch_of({"a"}) + batch_of({"b"})).error, ErrorCode::invalid_record);
    EXPECT_EQ(produce("t", batch_of({std::string(2000, 'x')})).error, ErrorCode::message_too_large);
    auto old = batch_of({"a"});
    old[16] = 1;
    EXPECT_EQ(produce("t", old).error, ErrorCode::unsupported_for_message_format);
    EXPECT_EQ(produce("none", batch_of({"a"})).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce("t", batch_of({"a"}), 9, 5).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce("t", batch_of({"a"}), 9, 0, 2).error, ErrorCode::invalid_required_acks);
    EXPECT_EQ(produce("__consumer_offsets", batch_of({"a"})).error, ErrorCode::invalid_topic_exception);
    EXPECT_EQ(produce("t", batch_of({"a"}, {.compression = codec::Compression::zstd}), 6).error,
              ErrorCode::unsupported_compression_type);
    EXPECT_EQ(fetch("t", 0).high_watermark, 0);
}

TEST_F(KafkaServerTest, AnIdempotentProducerIsServed) {
    create("t");
    auto id = client_->call<InitProducerId>({.transaction_timeout_ms = 1000}, 4);
    ASSERT_EQ(id.error, ErrorCode::none);
    auto send = [&](std::int32_t sequence, std::int16_t epoch) {
        return produce("t", batch_of({"a"}, {.producer_id = id.producer_id,
                                             .producer_epoch = epoch,
                                             .base_sequence = sequence}));
    };
    EXPECT_EQ(send(0, 0).base_offset, 0);
    EXPECT_EQ(send(0, 0).base_offset, 0);
    EXPECT_EQ(send(2, 0).error, ErrorCode::out_of_order_sequence_number);
    EXPECT_EQ(send(0, 1).base_offset, 1);
    EXPECT_EQ(send(1, 0).error, ErrorCode::invalid_producer_epoch);
    auto nameless = client_->call<InitProducerId>({.transactional_id = ""}, 4);
    EXPECT_EQ(nameless.error, ErrorCode::invalid_request);
}

TEST_F(KafkaServerTest, AcksZeroHasNoAnswer) {
    create("t");
    auto batch = batch_of({"a"});
    kafka::ProduceRequest request{
        .acks = 0, .topics = {{.name = "t", .partitions = {{.index = 0, .records = {batch}}}}}};
    client_->send_raw(Client::request(request, 9));
    EXPECT_EQ(client_->call<ApiVersions>({}, 3).error, ErrorCode::none);  // the next answer is its
    EXPECT_EQ(topics_->info("t")->partitions[0].end_offset, 1);
}

TEST_F(KafkaServerTest, FetchWaitsForAnAppend) {
    create("t");
    auto request = fetch_request("t", 0);
    request.max_wait_ms = 60'000;
    client_->send_raw(Client::request(request, 11));
    NewRecord record{.value = "late", .headers = {}};
    ASSERT_TRUE(append_and_wait(*topics_, {.topic = "t", .records = std::span(&record, 1)}));
    auto bytes = client_->receive();
    kafka::FetchResponse response;
    ASSERT_TRUE(kafka::decode(std::string_view(bytes).substr(4), 11, response));
    EXPECT_NE(response.topics[0].partitions[0].records.bytes.find("late"), std::string::npos);
}

/// As Kafka: a segment's end may be all that one read gives, and is no reason to wait.
TEST_F(KafkaServerTest, FetchDoesNotWaitWhenTheNextSegmentHasMore) {
    create("t", 1, {{"segment.bytes", "100"}});
    const auto batch = batch_of({"a"});
    for (int i = 0; i < 2; ++i) ASSERT_EQ(produce("t", batch).error, ErrorCode::none);
    auto request = fetch_request("t", 0);
    request.max_wait_ms = 300'000;
    request.min_bytes = 1000;
    auto answer = client_->call<Fetch>(request, 11).topics.at(0).partitions.at(0);
    EXPECT_EQ(answer.records.bytes, batch);
    EXPECT_EQ(answer.high_watermark, 2);
}

TEST_F(KafkaServerTest, StoppingEndsAFetchThatWaits) {
    create("t");
    auto request = fetch_request("t", 0);
    request.max_wait_ms = 300'000;
    client_->send_raw(Client::request(request, 11));
    server_->stop();
    EXPECT_EQ(server_->connections(), 0);
}

TEST_F(KafkaServerTest, FetchKnowsTopicsByIdAndRefusesWhatIsNotThere) {
    create("t");
    ASSERT_EQ(produce("t", batch_of({"a"})).error, ErrorCode::none);
    auto request = fetch_request("t", 0);
    request.topics[0].topic_id = topics_->find("t")->id;
    auto by_id = client_->call<Fetch>(request, 16);
    EXPECT_NE(by_id.topics[0].partitions[0].records.bytes, "");
    request.topics[0].topic_id.bytes[0] ^= 1;
    EXPECT_EQ(client_->call<Fetch>(request, 16).topics[0].partitions[0].error, ErrorCode::unknown_topic_id);
    EXPECT_EQ(fetch("t", 9).error, ErrorCode::offset_out_of_range);
    EXPECT_EQ(fetch("none", 0).error, ErrorCode::unknown_topic_or_partition);
    auto session = fetch_request("t", 0);
    session.session_id = 5;
    session.session_epoch = 1;
    EXPECT_EQ(client_->call<Fetch>(session, 11).error, ErrorCode::fetch_session_id_not_found);
    auto epoch = fetch_request("t", 0);
    epoch.topics[0].partitions[0].current_leader_epoch = 3;
    EXPECT_EQ(client_->call<Fetch>(epoch, 11).topics[0].partitions[0].error, ErrorCode::unknown_leader_epoch);
}

TEST_F(KafkaServerTest, LeaderEpochsOfTheFutureAndBelowNoneAreErrors) {
    create("t");
    auto list = [&](std::int32_t epoch) {
        kafka::ListOffsetsRequest asked{
            .topics = {{.name = "t", .partitions = {{.current_leader_epoch = epoch, .timestamp = -1}}}}};
        return client_->call<ListOffsets>(asked, 5).topics.at(0).partitions.at(0).error;
    };
    auto end_of = [&](std::int32_t epoch) {
        kafka::OffsetForLeaderEpochRequest asked{
            .topics = {{.topic = "t", .partitions = {{.current_leader_epoch = epoch}}}}};
        return client_->call<OffsetForLeaderEpoch>(asked, 3).topics.at(0).partitions.at(0).error;
    };
    for (const auto& ask : {std::function(list), std::function(end_of)}) {
        EXPECT_EQ(ask(-1), ErrorCode::none);
        EXPECT_EQ(ask(0), ErrorCode::none);
        EXPECT_EQ(ask(1), ErrorCode::unknown_leader_epoch);
        EXPECT_EQ(ask(-2), ErrorCode::fenced_leader_epoch);
    }
}

TEST_F(KafkaServerTest, RecordsOfATopicThatIsCompactedOnlyAreNotDeleted) {
    auto deleted = [&](const std::string& topic, const std::string& policy) {
        create(topic, 1, {{"cleanup.policy", policy}});
        kafka::DeleteRecordsRequest cut{
            .topics = {{.name = topic, .partitions = {{.index = 0, .offset = -1}}}}};
        return client_->call<DeleteRecords>(cut, 2).topics.at(0).partitions.at(0).error;
    };
    EXPECT_EQ(deleted("compacted", "compact"), ErrorCode::policy_violation);
    EXPECT_EQ(deleted("both", "compact,delete"), ErrorCode::none);
    EXPECT_EQ(deleted("deleted", "delete"), ErrorCode::none);
}

TEST_F(KafkaServerTest, FetchKeepsToItsLimitsButAlwaysMovesOn) {
    create("t");
    for (int i = 0; i < 5; ++i)
        ASSERT_EQ(produce("t", batch_of({std::string(500, 'x')})).error, ErrorCode::none);
    auto request = fetch_request("t", 0);
    request.max_bytes = 10;
    auto one = client_->call<Fetch>(request, 11).topics[0].partitions[0].records.bytes.size();
    EXPECT_GT(one, 500u);
    EXPECT_LT(one, 700u);
    request.max_bytes = std::int32_t(3 * one);
    EXPECT_EQ(client_->call<Fetch>(request, 11).topics[0].partitions[0].records.bytes.size(), 3 * one);
}

TEST_F(KafkaServerTest, MetadataCreatesTopicsWhenAllowed) {
    kafka::MetadataRequest request{.topics = {{{.name = "new"}}}};
    auto response = client_->call<Metadata>(request, 9);
    EXPECT_EQ(response.topics[0].error, ErrorCode::unknown_topic_or_partition) << "as Kafka: not yet";
    response = client_->call<Metadata>(request, 9);
    EXPECT_EQ(response.topics[0].error, ErrorCode::unknown_topic_or_partition) << "nor at once";
    EXPECT_EQ(produce("new", batch_of({"v"})).error, ErrorCode::none);
    clock_.advance_us(FreshTopics::fresh_us);
    response = client_->call<Metadata>(request, 9);
    EXPECT_EQ(response.topics[0].error, ErrorCode::none);
    EXPECT_EQ(response.topics[0].partitions.size(), 1u);
    EXPECT_EQ(response.brokers[0].host, "127.0.0.1");
    EXPECT_EQ(response.brokers[0].port, server_->port());
    kafka::MetadataRequest asks{.topics = {{{.name = "other"}}}, .allow_auto_topic_creation = false};
    EXPECT_EQ(client_->call<Metadata>(asks, 9).topics[0].error, ErrorCode::unknown_topic_or_partition);
    kafka::MetadataRequest wrong{.topics = {{{.name = "a/b"}}}};
    EXPECT_EQ(client_->call<Metadata>(wrong, 9).topics[0].error, ErrorCode::invalid_topic_exception);
    kafka::MetadataRequest by_id{.topics = {{{.topic_id = topics_->find("new")->id}}}};
    EXPECT_EQ(client_->call<Metadata>(by_id, 12).topics[0].name, "new");
    start({.advertised_host = "kafka.example", .advertised_port = 19, .auto_create_topics = false});
    response = client_->call<Metadata>({.topics = {{{.name = "third"}}}}, 9);
    EXPECT_EQ(response.topics[0].error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(response.brokers[0].host, "kafka.example");
    EXPECT_EQ(response.brokers[0].port, 19);
}

TEST_F(KafkaServerTest, EveryMetadataVersionListsAllTopics) {
    create("t", 3);
    for (std::int16_t version = 0; version <= 13; ++version) {
        kafka::MetadataRequest request;
        if (version == 0) request.topics.emplace();
        auto response = client_->call<Metadata>(request, version);
        ASSERT_EQ(response.topics.size(), 2u) << version;
        EXPECT_EQ(response.topics[1].partitions.size(), 3u);
    }
}

TEST_F(KafkaServerTest, BytesBehindARequestAreLeftAlone) {
    client_->send_raw(Client::request(kafka::MetadataRequest{}, 12) + "xyz");
    EXPECT_NE(client_->receive(), "");
}

TEST_F(KafkaServerTest, ListOffsetsKnowsEndsAndTimes) {
    create("t");
    ASSERT_EQ(produce("t", batch_of({"a", "b"})).error, ErrorCode::none);
    auto at = [&](std::int64_t timestamp) {
        kafka::ListOffsetsRequest request{
            .topics = {{.name = "t", .partitions = {{.index = 0, .timestamp = timestamp}}}}};
        return client_->call<ListOffsets>(request, 10).topics[0].partitions[0];
    };
    EXPECT_EQ(at(-1).offset, 2);
    EXPECT_EQ(at(-2).offset, 0);
    EXPECT_EQ(at(-3).timestamp, 1000);
    EXPECT_EQ(at(1000).offset, 0);
    EXPECT_EQ(at(1001).offset, -1);
}

TEST_F(KafkaServerTest, TopicsAreCreatedChangedAndDeleted) {
    kafka::CreateTopicsRequest request{
        .topics = {
            {.name = "t", .partitions = 2, .replication_factor = 1, .configs = {{"retention.ms", "5000"}}}}};
    auto created = client_->call<CreateTopics>(request, 7).topics[0];
    EXPECT_EQ(created.error, ErrorCode::none);
    EXPECT_FALSE(created.topic_id.is_zero());
    EXPECT_EQ(client_->call<CreateTopics>(request, 7).topics[0].error, ErrorCode::topic_already_exists);
    auto wrong = [&](kafka::CreateTopicsRequest::Topic topic) {
        kafka::CreateTopicsRequest each{.topics = {std::move(topic)}};
        return client_->call<CreateTopics>(each, 5).topics[0].error;
    };
    EXPECT_EQ(wrong({.name = "x", .partitions = 1, .replication_factor = 3}),
              ErrorCode::invalid_replication_factor);
    EXPECT_EQ(wrong({.name = "x", .partitions = 0, .replication_factor = 1}), ErrorCode::invalid_partitions);
    EXPECT_EQ(wrong({.name = "x/", .partitions = 1, .replication_factor = 1}),
              ErrorCode::invalid_topic_exception);
    EXPECT_EQ(wrong({.name = "x", .partitions = 1, .replication_factor = 1, .configs = {{"nonsense", "1"}}}),
              ErrorCode::invalid_config);

    kafka::IncrementalAlterConfigsRequest alter{
        .resources = {{.type = 2, .name = "t", .configs = {{"segment.ms", 0, "77"}}}}};
    EXPECT_EQ(client_->call<IncrementalAlterConfigs>(alter, 1).results[0].error, ErrorCode::none);
    kafka::DescribeConfigsRequest describe{
        .resources = {{.type = 2, .name = "t", .keys = {{"segment.ms", "retention.ms"}}}}};
    auto configs = client_->call<DescribeConfigs>(describe, 4).results[0].configs;
    ASSERT_EQ(configs.size(), 2u);
    EXPECT_EQ(configs[0].value, "5000");
    EXPECT_EQ(configs[1].value, "77");

    kafka::CreatePartitionsRequest more{.topics = {{.name = "t", .count = 4}}};
    EXPECT_EQ(client_->call<CreatePartitions>(more, 3).results[0].error, ErrorCode::none);
    EXPECT_EQ(client_->call<CreatePartitions>(more, 3).results[0].error, ErrorCode::invalid_partitions);
    ASSERT_EQ(produce("t", batch_of({"a", "b", "c"})).error, ErrorCode::none);
    kafka::DeleteRecordsRequest cut{.topics = {{.name = "t", .partitions = {{.index = 0, .offset = 2}}}}};
    EXPECT_EQ(client_->call<DeleteRecords>(cut, 2).topics[0].partitions[0].low_watermark, 2);
    EXPECT_EQ(fetch("t", 0).error, ErrorCode::offset_out_of_range);

    kafka::DeleteTopicsRequest remove{.topic_names = {"t"}};
    EXPECT_EQ(client_->call<DeleteTopics>(remove, 5).topics[0].error, ErrorCode::none);
    EXPECT_EQ(client_->call<DeleteTopics>(remove, 5).topics[0].error, ErrorCode::unknown_topic_or_partition);
}

TEST_F(KafkaServerTest, AGroupJoinsSyncsCommitsAndFetchesItsOffsets) {
    create("t");
    auto coordinator = client_->call<FindCoordinator>({.coordinator_keys = {"g"}}, 4);
    EXPECT_EQ(coordinator.coordinators[0].port, server_->port());
    kafka::JoinGroupRequest join{.group_id = "g",
                                 .session_timeout_ms = 10'000,
                                 .rebalance_timeout_ms = 10'000,
                                 .protocol_type = "consumer",
                                 .protocols = {{"range", {1}}}};
    auto joined = client_->call<JoinGroup>(join, 9);
    ASSERT_EQ(joined.error, ErrorCode::member_id_required);
    join.member_id = joined.member_id;
    joined = client_->call<JoinGroup>(join, 9);
    ASSERT_EQ(joined.error, ErrorCode::none);
    kafka::SyncGroupRequest sync{.group_id = "g",
                                 .generation_id = joined.generation_id,
                                 .member_id = joined.member_id,
                                 .assignments = {{joined.member_id, {4}}}};
    auto rebalancing = client_->call<DescribeGroups>({.groups = {"g"}}, 5).groups[0];
    EXPECT_EQ(rebalancing.state, "CompletingRebalance");
    EXPECT_EQ(rebalancing.protocol_name, "") << "it is told of stable groups";
    EXPECT_EQ(rebalancing.members.at(0).metadata, Bytes{});
    EXPECT_EQ(client_->call<SyncGroup>(sync, 5).error, ErrorCode::inconsistent_group_protocol)
        << "version 5 names the protocol";
    sync.protocol_type = "consumer";
    sync.protocol_name = "range";
    EXPECT_EQ(client_->call<SyncGroup>(sync, 5).assignment, Bytes{4});
    kafka::HeartbeatRequest beat{
        .group_id = "g", .generation_id = joined.generation_id, .member_id = joined.member_id};
    EXPECT_EQ(client_->call<Heartbeat>(beat, 4).error, ErrorCode::none);
    kafka::OffsetCommitRequest commit{
        .group_id = "g",
        .generation_id = joined.generation_id,
        .member_id = joined.member_id,
        .topics = {{.name = "t", .partitions = {{.index = 0, .committed_offset = 42, .metadata = "m"}}},
                   {.name = "none", .partitions = {{.index = 0}}}}};
    auto committed = client_->call<OffsetCommit>(commit, 8);
    EXPECT_EQ(committed.topics[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(committed.topics[1].partitions[0].error, ErrorCode::unknown_topic_or_partition);
    auto listed = client_->call<ListGroups>({}, 4).groups;
    ASSERT_EQ(listed.size(), 1u);
    EXPECT_EQ(listed[0].state, "Stable");
    auto described = client_->call<DescribeGroups>({.groups = {"g", "none"}}, 5).groups;
    EXPECT_EQ(described[0].members.at(0).client_host, "/127.0.0.1");
    EXPECT_EQ(described[1].state, "Dead");
    EXPECT_EQ(client_->call<DeleteGroups>({.groups = {"g"}}, 2).results[0].error, ErrorCode::non_empty_group);
    kafka::LeaveGroupRequest leave{.group_id = "g", .members = {{.member_id = joined.member_id}}};
    EXPECT_EQ(client_->call<LeaveGroup>(leave, 4).members[0].error, ErrorCode::none);

    start({});  // committed offsets are read back
    kafka::OffsetFetchRequest one{.group_id = "g", .topics = {{{.name = "t", .partitions = {0, 1}}}}};
    auto old_form = client_->call<OffsetFetch>(one, 5).topics[0].partitions;
    EXPECT_EQ(old_form[0].committed_offset, 42);
    EXPECT_EQ(old_form[0].metadata, "m");
    EXPECT_EQ(old_form[1].committed_offset, -1);
    kafka::OffsetFetchRequest all{.groups = {{.group_id = "g"}}};
    auto new_form = client_->call<OffsetFetch>(all, 8).groups[0].topics;
    ASSERT_EQ(new_form.size(), 1u);
    EXPECT_EQ(new_form[0].partitions[0].committed_offset, 42);
    EXPECT_EQ(client_->call<DeleteGroups>({.groups = {"g"}}, 2).results[0].error, ErrorCode::none);
    EXPECT_TRUE(client_->call<OffsetFetch>(all, 8).groups[0].topics.empty());
}

TEST_F(KafkaServerTest, AFullDiskIsAStorageErrorThatPasses) {
    create("t");
    files_.fill_up();
    EXPECT_EQ(produce("t", batch_of({"a"})).error, ErrorCode::kafka_storage_error);
    files_.set_room();
    EXPECT_EQ(produce("t", batch_of({"a"})).base_offset, 0);
}

TEST_F(KafkaServerTest, DescribeClusterNamesTheOnlyBroker) {
    auto response = client_->call<DescribeCluster>({}, 2);
    EXPECT_EQ(response.cluster_id, topics_->cluster_id());
    ASSERT_EQ(response.brokers.size(), 1u);
    EXPECT_EQ(response.brokers[0].port, server_->port());
    EXPECT_EQ(client_->call<DescribeCluster>({.endpoint_type = 2}, 1).error,
              ErrorCode::mismatched_endpoint_type);
}

TEST_F(KafkaServerTest, AGroupOfOffsetsAloneHasTheProtocolTypeOfTheMembersThatItHad) {
    create("t");
    auto type_of = [&](const std::string& group) {
        for (const auto& each : client_->call<ListGroups>({}, 5).groups)
            if (each.group_id == group) {
                auto described = client_->call<DescribeGroups>({.groups = {group}}, 5).groups.at(0);
                EXPECT_EQ(described.protocol_type, each.protocol_type);
                return each.state + " " + each.protocol_type;
            }
        return std::string("none");
    };
    kafka::OffsetCommitRequest commit{
        .group_id = "g",
        .generation_id = -1,
        .member_id = "",
        .topics = {{.name = "t", .partitions = {{.index = 0, .committed_offset = 1, .metadata = "m"}}}}};
    ASSERT_EQ(client_->call<OffsetCommit>(commit, 8).topics[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(type_of("g"), "Empty ");
    kafka::JoinGroupRequest join{.group_id = "g",
                                 .session_timeout_ms = 10'000,
                                 .rebalance_timeout_ms = 10'000,
                                 .protocol_type = "connect",
                                 .protocols = {{"range", {1}}}};
    auto joined = client_->call<JoinGroup>(join, 3);
    ASSERT_EQ(joined.error, ErrorCode::none);
    kafka::SyncGroupRequest sync{
        .group_id = "g", .generation_id = joined.generation_id, .member_id = joined.member_id};
    ASSERT_EQ(client_->call<SyncGroup>(sync, 3).error, ErrorCode::none);
    commit.generation_id = joined.generation_id;
    commit.member_id = joined.member_id;
    ASSERT_EQ(client_->call<OffsetCommit>(commit, 8).topics[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(type_of("g"), "Stable connect");
    start({});
    EXPECT_EQ(type_of("g"), "Empty connect");
    ASSERT_EQ(client_->call<DeleteGroups>({.groups = {"g"}}, 2).results[0].error, ErrorCode::none);
    commit.generation_id = -1;
    commit.member_id = "";
    ASSERT_EQ(client_->call<OffsetCommit>(commit, 8).topics[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(type_of("g"), "Empty ") << "a group of the same name";
    start({});
    EXPECT_EQ(type_of("g"), "Empty ");
}

TEST_F(KafkaServerTest, OffsetsOfTopicsThatMembersMayReadAreNotDeleted) {
    create("t");
    kafka::JoinGroupRequest join{.group_id = "g",
                                 .session_timeout_ms = 10'000,
                                 .rebalance_timeout_ms = 10'000,
                                 .protocol_type = "consumer",
                                 .protocols = {{"range", {1}}}};
    ASSERT_EQ(client_->call<JoinGroup>(join, 3).error, ErrorCode::none);
    kafka::OffsetDeleteRequest remove{.group_id = "g", .topics = {{"t", {{0}}}}};
    EXPECT_EQ(client_->call<OffsetDelete>(remove, 0).topics[0].partitions[0].error,
              ErrorCode::group_subscribed_to_topic)
        << "what it has subscribed to cannot be read";
}

TEST_F(KafkaServerTest, OffsetForLeaderEpochKnowsTheOneEpoch) {
    create("t");
    ASSERT_EQ(produce("t", batch_of({"a"})).error, ErrorCode::none);
    kafka::OffsetForLeaderEpochRequest request{
        .topics = {
            {.topic = "t",
             .partitions = {{.partition = 0, .leader_epoch = 0}, {.partition = 0, .leader_epoch = 5}}}}};
    auto answers = client_->call<OffsetForLeaderEpoch>(request, 4).topics[0].partitions;
    EXPECT_EQ(answers[0].end_offset, 1);
    EXPECT_EQ(answers[1].end_offset, -1);
}

TEST_F(KafkaServerTest, NewPartitionsCanOnlyBeOnTheOnlyBroker) {
    create("t", 2);
    auto add = [&](std::vector<std::vector<std::int32_t>> replicas) {
        CreatePartitions::Message message{.topics = {{.name = "t", .count = 4}}, .validate_only = true};
        auto& assignments = message.topics[0].assignments.emplace();
        for (auto& each : replicas) assignments.push_back({.broker_ids = each});
        return client_->call<CreatePartitions>(message, 3).results.at(0);
    };
    EXPECT_EQ(add({{1}, {1}}).error, ErrorCode::none);
    for (const auto& wrong : std::vector<std::vector<std::vector<std::int32_t>>>{
             {{1}}, {{1}, {1}, {1}}, {{1}, {2}}, {{1}, {}}, {{1}, {1, 1}}}) {
        auto answer = add(wrong);
        EXPECT_EQ(answer.error, ErrorCode::invalid_replica_assignment);
        EXPECT_FALSE(answer.error_message->empty());
    }
}

TEST_F(KafkaServerTest, PartitionsStayInTheOnlyDirectory) {
    create("t");
    AlterReplicaLogDirs::Message message{
        .dirs = {{.path = "data", .topics = {{.name = "t", .partitions = {0, 7}}}},
                 {.path = "elsewhere", .topics = {{.name = "t", .partitions = {0}}}}}};
    auto answer = client_->call<AlterReplicaLogDirs>(message, 2);
    ASSERT_EQ(answer.topics.size(), 1u);
    ASSERT_EQ(answer.topics[0].partitions.size(), 3u);
    EXPECT_EQ(answer.topics[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(answer.topics[0].partitions[1].error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(answer.topics[0].partitions[2].error, ErrorCode::log_dir_not_found);
}

}  // namespace
}  // namespace penstock::broker
