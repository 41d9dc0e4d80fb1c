#include "broker/server/pipeline.h"

#include "broker/server/kafka_server_fixture.h"
#include "io/slow_removal.h"

namespace penstock::broker {
namespace {

/// Requests that are sent without waiting for answers. Appends to partition 0 wait until let_go(), as its
/// first segment is being deleted.
class PipelineTest : public KafkaServerTest {
protected:
    void SetUp() override {
        of_topics_ = &slow_;
        start({});
        create("t", 2, {{"segment.bytes", "20000000"}, {"max.message.bytes", "10000000"}});
        const std::string large(9'000'000, 'x');
        for (int i = 0; i < 3; ++i) ASSERT_EQ(produce("t", batch_of({large})).base_offset, i);
        deleting_ = std::jthread([log = log(0)] { EXPECT_TRUE(log->delete_before(2)); });
        slow_.begun.wait();
    }
    void TearDown() override {
        if (!is_let_go_) let_go();
        deleting_.join();
        server_.reset();
        topics_.reset();
    }
    void let_go() {
        slow_.may_go_on.count_down();
        is_let_go_ = true;
    }
    std::shared_ptr<Log> log(std::size_t partition) {
        return topics_->find(std::string_view("t"))->logs[partition];
    }
    void send(std::int32_t partition, std::string_view batch, std::int16_t acks = -1,
              const std::string& topic = "t") {
        client_->send_raw(Client::request(
            kafka::ProduceRequest{
                .acks = acks,
                .timeout_ms = 1000,
                .topics = {{.name = topic, .partitions = {{.index = partition, .records = {batch}}}}}},
            9));
    }
    struct Told {
        std::int32_t partition = -1;
        std::int64_t offset = -1;
        kafka::ErrorCode error = kafka::ErrorCode::none;
        bool operator==(const Told&) const = default;
    };
    Told receive() {
        auto bytes = client_->receive();
        if (bytes.size() < 5) return {};
        kafka::ProduceResponse response;
        EXPECT_TRUE(kafka::decode(std::string_view(bytes).substr(5), 9, response));
        const auto& partition = response.topics.at(0).partitions.at(0);
        return {partition.index, partition.base_offset, partition.error};
    }
    static void wait_for_end(const Log& log, std::int64_t end) {
        while (log.end_offset() < end) std::this_thread::yield();
    }

    io::SlowRemoval slow_{files_};
    std::jthread deleting_;
    bool is_let_go_ = false;
};

TEST_F(PipelineTest, WhatIsBehindAnAppendThatWaitsIsAppendedAndAnsweredAfterIt) {
    send(0, batch_of({"a"}));
    send(1, batch_of({"b"}));
    wait_for_end(*log(1), 1);
    EXPECT_EQ(log(0)->end_offset(), 3);
    let_go();
    EXPECT_EQ(receive(), (Told{0, 3}));
    EXPECT_EQ(receive(), (Told{1, 0}));
}

TEST_F(PipelineTest, OtherRequestsSeeWhatWasProducedBeforeThem) {
    send(0, batch_of({"a"}));
    kafka::ListOffsetsRequest latest{
        .topics = {{.name = "t", .partitions = {{.index = 0, .timestamp = -1}}}}};
    client_->send_raw(Client::request(latest, 5));
    let_go();
    EXPECT_EQ(receive(), (Told{0, 3}));
    auto bytes = client_->receive();
    kafka::ListOffsetsResponse response;
    ASSERT_TRUE(kafka::decode(std::string_view(bytes).substr(4), 5, response));
    EXPECT_EQ(response.topics.at(0).partitions.at(0).offset, 4);
}

TEST_F(PipelineTest, OneConnectionHasEightRequestsUnderWay) {
    send(0, batch_of({"a"}));
    for (int i = 0; i < 20; ++i) send(1, batch_of({"b"}));
    wait_for_end(*log(1), 7);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    EXPECT_EQ(log(1)->end_offset(), 7);
    let_go();
    EXPECT_EQ(receive(), (Told{0, 3}));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(receive(), (Told{1, i}));
}

TEST_F(PipelineTest, OneConnectionHasFourMegabytesUnderWay) {
    const std::string large(3 << 20, 'x');
    send(0, batch_of({"a"}));
    for (int i = 0; i < 2; ++i) send(1, batch_of({large}));
    wait_for_end(*log(1), 1);
    send(1, batch_of({"b"}));
    let_go();
    EXPECT_EQ(receive(), (Told{0, 3}));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(receive(), (Told{1, i}));
}

TEST_F(PipelineTest, SequencesOfAnIdempotentProducerAreCheckedInOrder) {
    auto numbered = [](std::int32_t sequence) {
        return batch_of({"v"}, {.producer_id = 5, .producer_epoch = 0, .base_sequence = sequence});
    };
    for (std::int32_t sequence : {0, 1, 1, 2, 9, 3}) send(0, numbered(sequence));
    let_go();
    for (std::int64_t offset : {3, 4, 4, 5}) EXPECT_EQ(receive(), (Told{0, offset}));
    EXPECT_EQ(receive().error, kafka::ErrorCode::out_of_order_sequence_number);
    EXPECT_EQ(receive(), (Told{0, 6}));
}

TEST_F(PipelineTest, AnErrorWithoutAnswerEndsTheConnectionBehindTheAnswersBefore) {
    send(0, batch_of({"a"}));
    send(0, batch_of({"b"}), 0, "nothing");
    send(1, batch_of({"c"}));
    wait_for_end(*log(1), 1);
    let_go();
    EXPECT_EQ(receive(), (Told{0, 3}));
    EXPECT_EQ(receive(), Told{});
}

TEST_F(PipelineTest, AClientThatLeavesHasAppendedWhatItSent) {
    send(0, batch_of({"a"}));
    send(1, batch_of({"b"}));
    wait_for_end(*log(1), 1);
    client_.emplace(server_->port());
    let_go();
    wait_for_end(*log(0), 4);
    EXPECT_EQ(produce("t", batch_of({"c"})).base_offset, 4);
}

}  // namespace
}  // namespace penstock::broker
