#include "broker/server/fetch_sessions.h"

#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

class FetchSessionsTest : public KafkaServerTest {
protected:
    kafka::FetchRequest ask(std::int32_t session, std::int32_t epoch,
                            std::vector<std::pair<std::int32_t, std::int64_t>> partitions) {
        kafka::FetchRequest request{.max_wait_ms = 0,
                                    .min_bytes = 1,
                                    .max_bytes = 1 << 20,
                                    .session_id = session,
                                    .session_epoch = epoch};
        if (!partitions.empty()) request.topics.push_back({.topic = "t"});
        for (auto [partition, offset] : partitions)
            request.topics[0].partitions.push_back(
                {.partition = partition, .fetch_offset = offset, .partition_max_bytes = 1 << 20});
        return request;
    }
    Fetch::Response fetch_in(const kafka::FetchRequest& request) { return client_->call<Fetch>(request, 11); }
};

TEST_F(FetchSessionsTest, OnlyPartitionsWithNewsAreAnswered) {
    create("t", 3);
    auto first = fetch_in(ask(0, 0, {{0, 0}, {1, 0}, {2, 0}}));
    ASSERT_NE(first.session_id, 0);
    EXPECT_EQ(first.topics.at(0).partitions.size(), 3u);
    auto id = first.session_id;
    EXPECT_TRUE(fetch_in(ask(id, 1, {})).topics.empty());
    ASSERT_EQ(produce("t", batch_of({"a"}), 9, 1).error, ErrorCode::none);
    auto news = fetch_in(ask(id, 2, {}));
    ASSERT_EQ(news.topics.at(0).partitions.size(), 1u);
    EXPECT_EQ(news.topics[0].partitions[0].partition, 1);
    EXPECT_NE(news.topics[0].partitions[0].records.bytes, "");
    EXPECT_EQ(fetch_in(ask(id, 3, {})).topics.size(), 1u);  // its offset has not moved
    EXPECT_TRUE(fetch_in(ask(id, 4, {{1, 1}})).topics.empty());

    auto forget = ask(id, 5, {});
    forget.forgotten_topics = {{.topic = "t", .partitions = {1}}};
    fetch_in(forget);
    ASSERT_EQ(produce("t", batch_of({"b"}), 9, 1).error, ErrorCode::none);
    EXPECT_TRUE(fetch_in(ask(id, 6, {})).topics.empty());
}

TEST_F(FetchSessionsTest, WrongEpochsAndUnknownSessionsAreRefused) {
    create("t", 1);
    auto id = fetch_in(ask(0, 0, {{0, 0}})).session_id;
    EXPECT_EQ(fetch_in(ask(id, 2, {})).error, ErrorCode::invalid_fetch_session_epoch);
    EXPECT_EQ(fetch_in(ask(id + 1, 1, {})).error, ErrorCode::fetch_session_id_not_found);
    auto by_id = client_->call<Fetch>(ask(id, 1, {}), 13);
    EXPECT_EQ(by_id.error, ErrorCode::fetch_session_topic_id_error);
    EXPECT_EQ(fetch_in(ask(id, -1, {{0, 0}})).session_id, 0);  // ends it
    EXPECT_EQ(fetch_in(ask(id, 1, {})).error, ErrorCode::fetch_session_id_not_found);
}

TEST_F(FetchSessionsTest, PartitionsTakeTurnsWhenTheyDoNotAllFit) {
    create("t", 2);
    for (auto partition : {0, 1})
        for (int i = 0; i < 2; ++i)
            ASSERT_EQ(produce("t", batch_of({std::string(500, 'x')}), 9, partition).error, ErrorCode::none);
    auto request = ask(0, 0, {{0, 0}, {1, 0}});
    request.max_bytes = 600;
    auto first = fetch_in(request);
    ASSERT_NE(first.topics.at(0).partitions.at(0).records.bytes, "");
    EXPECT_EQ(first.topics[0].partitions[0].partition, 0);
    request = ask(first.session_id, 1, {{0, 1}});
    request.max_bytes = 600;
    auto second = fetch_in(request);
    for (const auto& partition : second.topics.at(0).partitions)
        EXPECT_EQ(partition.records.bytes.empty(), partition.partition == 0);
}

TEST_F(FetchSessionsTest, AnErrorIsAnsweredAgainAndAgain) {
    create("t", 1);
    auto first = fetch_in(ask(0, 0, {{0, 0}, {7, 0}}));
    for (std::int32_t epoch = 1; epoch < 4; ++epoch) {
        auto answer = fetch_in(ask(first.session_id, epoch, {}));
        ASSERT_EQ(answer.topics.at(0).partitions.size(), 1u);
        EXPECT_EQ(answer.topics[0].partitions[0].error, ErrorCode::unknown_topic_or_partition);
    }
}

TEST(FetchSessions, TheirNumberIsBoundedAndTheIdleOnesGoFirst) {
    ManualClock clock;
    FetchSessions sessions(clock, {.sessions = 2, .partitions = 4, .kept_idle_ms = 1000});
    auto open = [&](std::int32_t partitions) {
        kafka::FetchRequest request{.session_epoch = 0, .topics = {{.topic = "t"}}};
        for (std::int32_t i = 0; i < partitions; ++i)
            request.topics[0].partitions.push_back({.partition = i});
        EXPECT_EQ(sessions.open(request, false), ErrorCode::none);
        return request.session_id;
    };
    EXPECT_NE(open(1), 0);
    EXPECT_NE(open(1), 0);
    EXPECT_EQ(open(1), 0);
    clock.advance_us(2'000'000);
    EXPECT_NE(open(3), 0);
    EXPECT_EQ(open(2), 0) << "4 partitions at most";
    EXPECT_LE(sessions.sessions(), 2u);
    clock.advance_us(2'000'000);
    EXPECT_EQ(open(5), 0);
}

}  // namespace
}  // namespace penstock::broker
