#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using Asked = kafka::DescribeClientQuotasRequest::Component;
using Entry = kafka::AlterClientQuotasRequest::Entry;

class ClientQuotasServerTest : public KafkaServerTest {
protected:
    ErrorCode alter(std::vector<Entry::Entity> entity, std::string key, double value, bool remove = false) {
        kafka::AlterClientQuotasRequest request{
            .entries = {{.entity = std::move(entity), .ops = {{std::move(key), value, remove}}}}};
        return client_->call<AlterClientQuotas>(request, 1).entries.at(0).error;
    }
    /// What is told of, as "user/client-id".
    std::vector<std::string> described(std::vector<Asked> components, bool strict = false) {
        kafka::DescribeClientQuotasRequest request{.components = std::move(components), .strict = strict};
        auto response = client_->call<DescribeClientQuotas>(request, 1);
        EXPECT_EQ(response.error, ErrorCode::none);
        std::vector<std::string> all;
        for (const auto& entry : response.entries.value()) {
            std::string user, client;
            for (const auto& each : entry.entity)
                (each.entity_type == "user" ? user : client) = each.entity_name.value_or("*");
            all.push_back(user + "/" + client);
        }
        std::ranges::sort(all);
        return all;
    }
};

using Names = std::vector<std::string>;

TEST_F(ClientQuotasServerTest, QuotasAreSetDescribedKeptAndTakenAway) {
    EXPECT_EQ(alter({{"client-id", "app"}}, "producer_byte_rate", 1024), ErrorCode::none);
    EXPECT_EQ(alter({{"user", "alice"}, {"client-id", std::nullopt}}, "consumer_byte_rate", 2048),
              ErrorCode::none);
    EXPECT_EQ(alter({{"user", std::nullopt}}, "consumer_byte_rate", 4096), ErrorCode::none);
    EXPECT_EQ(described({}), (Names{"*/", "/app", "alice/*"}));
    EXPECT_EQ(described({{"user", 0, "alice"}}), (Names{"alice/*"}));
    EXPECT_EQ(described({{"user", 0, "alice"}}, true), Names{}) << "has a client id as well";
    EXPECT_EQ(described({{"user", 1, std::nullopt}}), (Names{"*/"}));
    EXPECT_EQ(described({{"user", 2, std::nullopt}}), (Names{"*/", "alice/*"}));
    EXPECT_EQ(described({{"client-id", 2, std::nullopt}}, true), (Names{"/app"}));
    EXPECT_EQ(described({{"ip", 2, std::nullopt}}), Names{});
    start({});
    EXPECT_EQ(described({}).size(), 3U);
    kafka::DescribeClientQuotasRequest request{.components = {{"client-id", 0, "app"}}};
    auto values = client_->call<DescribeClientQuotas>(request, 0).entries.value().at(0).values;
    ASSERT_EQ(values.size(), 1U);
    EXPECT_EQ(values[0].key, "producer_byte_rate");
    EXPECT_EQ(values[0].value, 1024);
    EXPECT_EQ(alter({{"client-id", "app"}}, "producer_byte_rate", 0, true), ErrorCode::none);
    EXPECT_EQ(described({}).size(), 2U);
}

TEST_F(ClientQuotasServerTest, WhatCannotBeIsRefused) {
    EXPECT_EQ(alter({}, "producer_byte_rate", 1), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"planet", "x"}}, "producer_byte_rate", 1), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"user", ""}}, "producer_byte_rate", 1), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"user", "a"}}, "nonsense", 1), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"user", "a"}}, "request_percentage", 0), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"user", "a"}}, "connection_creation_rate", 1), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"ip", "10.0.0.1"}}, "producer_byte_rate", 1), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"ip", "10.0.0.1"}}, "connection_creation_rate", 1.5), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"ip", "not an ip"}}, "connection_creation_rate", 1), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"ip", "10.0.0.1"}, {"user", "a"}}, "connection_creation_rate", 1),
              ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"user", "a"}}, "producer_byte_rate", 0), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"user", "a"}}, "producer_byte_rate", 1.5), ErrorCode::invalid_request);
    EXPECT_EQ(alter({{"user", "a"}}, "producer_byte_rate", NAN), ErrorCode::invalid_request);
    kafka::DescribeClientQuotasRequest twice{
        .components = {{"user", 2, std::nullopt}, {"user", 2, std::nullopt}}};
    EXPECT_EQ(client_->call<DescribeClientQuotas>(twice, 1).error, ErrorCode::invalid_request);
    kafka::DescribeClientQuotasRequest mixed{
        .components = {{"user", 2, std::nullopt}, {"ip", 2, std::nullopt}}};
    EXPECT_EQ(client_->call<DescribeClientQuotas>(mixed, 1).error, ErrorCode::invalid_request);
    kafka::DescribeClientQuotasRequest unknown{.components = {{"planet", 2, std::nullopt}}};
    EXPECT_EQ(client_->call<DescribeClientQuotas>(unknown, 1).error, ErrorCode::unsupported_version);
    kafka::AlterClientQuotasRequest only_checked{
        .entries = {{.entity = {{"user", "a"}}, .ops = {{"producer_byte_rate", 1, false}}}},
        .validate_only = true};
    EXPECT_EQ(client_->call<AlterClientQuotas>(only_checked, 1).entries.at(0).error, ErrorCode::none);
    EXPECT_EQ(described({}), Names{});
}

TEST_F(ClientQuotasServerTest, AProducerAboveItsQuotaIsToldAndMadeToWait) {
    create("t");
    ASSERT_EQ(alter({{"client-id", "test"}}, "producer_byte_rate", 2000), ErrorCode::none);
    const auto batch = batch_of({std::string(20'300, 'x')});
    kafka::ProduceRequest request{
        .acks = -1,
        .timeout_ms = 1000,
        .topics = {{.name = "t", .partitions = {{.index = 0, .records = {batch}}}}}};
    const auto before = std::chrono::steady_clock::now();
    auto response = client_->call<Produce>(request, 9);
    EXPECT_EQ(response.topics.at(0).partitions.at(0).error, ErrorCode::none) << "it is taken all the same";
    EXPECT_GE(response.throttle_ms, 150);
    EXPECT_LE(response.throttle_ms, 400);
    client_->call<ApiVersions>({}, 3);  // is not read before the time has passed
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(response.throttle_ms));
}

TEST_F(ClientQuotasServerTest, AConsumerAboveItsQuotaGetsNothingUntilLater) {
    create("t");
    produce("t", batch_of({std::string(10'000, 'x')}));
    ASSERT_EQ(alter({{"user", "ANONYMOUS"}}, "consumer_byte_rate", 1000), ErrorCode::none);
    auto request = fetch_request("t", 0);
    auto first = client_->call<Fetch>(request, 11);
    EXPECT_EQ(first.throttle_ms, 0);
    EXPECT_FALSE(first.topics.at(0).partitions.at(0).records.bytes.empty());
    request.session_epoch = 0;  // asks for a session
    auto second = client_->call<Fetch>(request, 11);
    EXPECT_GT(second.throttle_ms, 0);
    EXPECT_TRUE(second.topics.empty());
    EXPECT_EQ(second.session_id, 0) << "none is left behind";
    client_.emplace(server_->port());  // the other connection rests
    clock_.advance_us(11'000'000);
    EXPECT_FALSE(client_->call<Fetch>(request, 11).topics.at(0).partitions.at(0).records.bytes.empty());
}

TEST_F(ClientQuotasServerTest, EveryAnswerTellsAClientWhoseRequestsTakeTooLongToRest) {
    ASSERT_EQ(alter({{"client-id", "test"}}, "request_percentage", 1e-7), ErrorCode::none);
    const auto before = std::chrono::steady_clock::now();
    const auto ms = client_->call<ListGroups>({}, 4).throttle_ms;
    EXPECT_EQ(ms, 1000);
    client_->call<ApiVersions>({}, 3);  // is not read before the time has passed
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(ms));
}

TEST_F(ClientQuotasServerTest, PartitionsAboveTheQuotaAreNotMade) {
    ASSERT_EQ(alter({{"user", "ANONYMOUS"}}, "controller_mutation_rate", 0.5), ErrorCode::none);
    kafka::CreateTopicsRequest request{.topics = {{.name = "a", .partitions = 7, .replication_factor = 1},
                                                  {.name = "b", .partitions = 1, .replication_factor = 1}}};
    auto created = client_->call<CreateTopics>(request, 7);
    EXPECT_EQ(created.topics.at(0).error, ErrorCode::none) << "5.5 are free, and once it may be more";
    EXPECT_EQ(created.topics.at(1).error, ErrorCode::throttling_quota_exceeded);
    EXPECT_EQ(created.throttle_ms, 3000);
    EXPECT_TRUE(topics_->find("a"));
    EXPECT_FALSE(topics_->find("b"));
    client_.emplace(server_->port());  // the other connection rests
    kafka::DeleteTopicsRequest removal{.topic_names = {"a"}};
    EXPECT_EQ(client_->call<DeleteTopics>(removal, 5).topics.at(0).error,
              ErrorCode::throttling_quota_exceeded);
    client_.emplace(server_->port());
    auto removed = client_->call<DeleteTopics>(removal, 4);
    EXPECT_EQ(removed.topics.at(0).error, ErrorCode::none) << "an old client does not know the error";
    EXPECT_EQ(removed.throttle_ms, 17'000);
}

TEST_F(ClientQuotasServerTest, StoppingDoesNotWaitForClientsThatRest) {
    create("t");
    ASSERT_EQ(alter({{"client-id", std::nullopt}}, "producer_byte_rate", 1), ErrorCode::none);
    EXPECT_EQ(produce("t", batch_of({std::string(1000, 'x')})).error, ErrorCode::none);
    server_->stop();  // or the test would take a quarter of an hour
}

}  // namespace
}  // namespace penstock::broker
