#include <future>

#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

using codec::Compression;

TEST_F(KafkaServerTest, TopicsWithACompressionKeepEveryBatchInIt) {
    create("t", 1, {{"compression.type", "lz4"}});
    create("plain", 1, {{"compression.type", "uncompressed"}});
    for (auto compression : {Compression::none, Compression::gzip, Compression::lz4}) {
        auto batch = batch_of({"a", "b"}, {.compression = compression});
        for (const auto* topic : {"t", "plain"}) {
            auto answer = produce(topic, batch);
            ASSERT_EQ(answer.error, ErrorCode::none) << answer.error_message.value_or("");
            auto records = fetch(topic, answer.base_offset).records.bytes;
            auto header = kafka::validate_batch(records, 1 << 20);
            ASSERT_TRUE(header) << header.error().text;
            EXPECT_EQ(header->compression(), topic[0] == 't' ? Compression::lz4 : Compression::none);
            EXPECT_EQ(header->base_offset, answer.base_offset);
            EXPECT_EQ(header->last_offset_delta, 1);
        }
    }
}

TEST_F(KafkaServerTest, WhatIsWrittenInProcessHasTheTopicsCompression) {
    create("t", 1, {{"compression.type", "zstd"}});
    const std::string value(1000, 'x');
    std::vector<NewRecord> records{{.value = value}};
    std::promise<Result<std::int64_t>> done;
    topics_->append({.topic = "t", .records = records},
                    [&](auto result) { done.set_value(std::move(result)); });
    ASSERT_TRUE(done.get_future().get());
    auto header = kafka::validate_batch(fetch("t", 0).records.bytes, 1 << 20);
    ASSERT_TRUE(header) << header.error().text;
    EXPECT_EQ(header->compression(), Compression::zstd);
}

TEST_F(KafkaServerTest, ABatchThatIsTooLargeInTheTopicsCompressionIsRefused) {
    create("t", 1, {{"compression.type", "uncompressed"}, {"max.message.bytes", "1000"}});
    const std::string long_value(2000, 'x');
    auto answer = produce("t", batch_of({long_value}, {.compression = Compression::gzip}));
    EXPECT_EQ(answer.error, ErrorCode::message_too_large);
}

TEST_F(KafkaServerTest, RecordsThatACompactedTopicDoesNotTakeAreNamed) {
    create("t", 1, {{"cleanup.policy", "compact"}});
    BatchBuilder builder;
    for (auto key : {"a", "", "b", ""})
        builder.add({.timestamp_ms = 1000,
                     .key = *key ? std::optional<std::string_view>(key) : std::nullopt,
                     .value = "v",
                     .headers = {}});
    auto batch = builder.finish();
    auto answer = produce("t", batch);
    EXPECT_EQ(answer.error, ErrorCode::invalid_record);
    EXPECT_TRUE(answer.error_message->starts_with("One or more records have been rejected"));
    ASSERT_EQ(answer.record_errors.size(), 2u);
    EXPECT_EQ(answer.record_errors[0].batch_index, 1);
    EXPECT_EQ(answer.record_errors[1].batch_index, 3);
    EXPECT_EQ(produce("t", batch, 7).error, ErrorCode::invalid_record);
    EXPECT_EQ(fetch("t", 0).high_watermark, 0);
}

TEST_F(KafkaServerTest, TimestampsAreNotTooFarFromNow) {
    create("t");
    create("narrow", 1, {{"message.timestamp.before.max.ms", "1000"}});
    create("any", 1, {{"message.timestamp.after.max.ms", "9223372036854775807"}});
    create("own", 1, {{"message.timestamp.type", "LogAppendTime"}});
    auto batch_at = [&](std::int64_t from_now_ms) {
        BatchBuilder builder;
        for (auto timestamp : {clock_.now_ms(), clock_.now_ms() + from_now_ms})
            builder.add({.timestamp_ms = timestamp, .key = {}, .value = "v", .headers = {}});
        return builder.finish();
    };
    const std::int64_t hour_ms = 3'600'000;
    EXPECT_EQ(produce("t", batch_at(hour_ms)).error, ErrorCode::none);
    auto late = produce("t", batch_at(hour_ms + 1));
    EXPECT_EQ(late.error, ErrorCode::invalid_timestamp);
    ASSERT_EQ(late.record_errors.size(), 1u);
    EXPECT_EQ(late.record_errors[0].batch_index, 1);
    EXPECT_EQ(produce("any", batch_at(hour_ms + 1)).error, ErrorCode::none);
    EXPECT_EQ(produce("own", batch_at(hour_ms + 1)).error, ErrorCode::none);
    EXPECT_EQ(produce("t", batch_at(-100 * hour_ms)).error, ErrorCode::none);
    EXPECT_EQ(produce("narrow", batch_at(-1001)).error, ErrorCode::invalid_timestamp);
    EXPECT_EQ(produce("narrow", batch_at(-1000)).error, ErrorCode::none);
}

}  // namespace
}  // namespace penstock::broker
