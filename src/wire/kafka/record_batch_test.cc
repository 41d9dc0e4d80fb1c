#include "wire/kafka/record_batch.h"

#include <gtest/gtest.h>

#include <random>

#include "codec/big_endian.h"

namespace penstock::wire::kafka {
namespace {

std::string three_records(codec::Compression compression = codec::Compression::none) {
    BatchBuilder builder;
    HeaderView headers[] = {{"trace", "abc"}, {"empty", ""}, {"null", std::nullopt}};
    builder.add({.timestamp_ms = 1000, .key = "k1", .value = "v1", .headers = headers});
    builder.add({.timestamp_ms = 900, .key = std::nullopt, .value = "v2", .headers = {}});
    builder.add({.timestamp_ms = 1100, .key = "", .value = std::nullopt, .headers = {}});
    return builder.finish({.compression = compression});
}

class RecordBatchTest : public ::testing::TestWithParam<codec::Compression> {};

TEST_P(RecordBatchTest, BuiltRecordsAreReadBack) {
    auto batch = three_records(GetParam());
    auto header = validate_batch(batch, 1000);
    ASSERT_TRUE(header) << header.error().text;
    EXPECT_EQ(header->record_count, 3);
    EXPECT_EQ(header->base_timestamp, 1000);
    EXPECT_EQ(header->max_timestamp, 1100);
    EXPECT_EQ(header->size(), std::int64_t(batch.size()));
    std::string scratch;
    RecordCursor cursor(*batch_records(batch, *header, scratch, 1000));
    RecordView record;
    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(record.key, "k1");
    EXPECT_EQ(record.value, "v1");
    HeaderCursor headers(record.headers);
    HeaderView each;
    ASSERT_TRUE(headers.next(each));
    EXPECT_EQ(each.name, "trace");
    EXPECT_EQ(each.value, "abc");
    ASSERT_TRUE(headers.next(each));
    EXPECT_EQ(each.value, "");
    ASSERT_TRUE(headers.next(each));
    EXPECT_EQ(each.value, std::nullopt);
    EXPECT_FALSE(headers.next(each));
    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(record.key, std::nullopt);
    EXPECT_EQ(record.timestamp_delta, -100);
    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(record.key, "");
    EXPECT_EQ(record.value, std::nullopt);
    EXPECT_FALSE(cursor.next(record));
    EXPECT_TRUE(cursor.ok());
    EXPECT_TRUE(cursor.at_end());
}

TEST_P(RecordBatchTest, EveryDamagedByteIsFound) {
    auto batch = three_records(GetParam());
    for (std::size_t i = 0; i < batch.size(); ++i) {
        bool free = i < 8 || (i >= 12 && i < 16);  // base offset and leader epoch: not covered
        auto damaged = batch;
        damaged[i] = char(damaged[i] ^ 0x10);
        if (!free) EXPECT_FALSE(validate_batch(damaged, 1000)) << i;
    }
}

TEST_P(RecordBatchTest, EveryTruncationIsFound) {
    auto batch = three_records(GetParam());
    for (std::size_t size = 0; size < batch.size(); ++size)
        EXPECT_FALSE(validate_batch(std::string_view(batch).substr(0, size), 1000)) << size;
    EXPECT_FALSE(validate_batch(batch + "x", 1000));
}

INSTANTIATE_TEST_SUITE_P(All, RecordBatchTest,
                         ::testing::Values(codec::Compression::none, codec::Compression::gzip,
                                           codec::Compression::snappy, codec::Compression::lz4,
                                           codec::Compression::zstd),
                         [](const auto& info) { return std::string(to_string(info.param)); });

TEST(RecordBatchBytesTest, OneRecordByHand) {
    BatchBuilder builder;
    builder.add({.timestamp_ms = 7, .key = std::nullopt, .value = "hi", .headers = {}});
    auto batch = builder.finish();
    ASSERT_EQ(batch.size(), 61u + 9);
    EXPECT_EQ(batch[16], 2);                                             // magic
    EXPECT_EQ(codec::load_big<std::int32_t>(batch.data() + 8), 49 + 9);  // length
    EXPECT_EQ(codec::load_big<std::int64_t>(batch.data() + 27), 7);      // base timestamp
    EXPECT_EQ(codec::load_big<std::int64_t>(batch.data() + 43), -1);     // producer id
    // length 8, attributes, timestamp delta, offset delta, key -1, value length 2, "hi", no headers
    EXPECT_EQ(batch.substr(61), std::string("\x10\0\0\0\x01\x04hi\0", 9));
}

TEST(RecordBatchBytesTest, ALyingRecordCountIsRefused) {
    BatchBuilder builder;
    builder.add({.timestamp_ms = 7, .key = std::nullopt, .value = "hi", .headers = {}});
    builder.add({.timestamp_ms = 7, .key = std::nullopt, .value = "ho", .headers = {}});
    auto batch = builder.finish();
    codec::store_big(batch.data() + 57, std::int32_t(1));
    patch_append_time(batch, 5);  // also makes the checksum right
    auto got = validate_batch(batch, 1000);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::invalid);
}

TEST(RecordBatchBytesTest, ABombIsRefused) {
    BatchBuilder builder;
    builder.add({.timestamp_ms = 7,
                 .key = std::nullopt,
                 .value = std::string_view(std::string(1'000'000, 'a')),
                 .headers = {}});
    auto batch = builder.finish({.compression = codec::Compression::zstd});
    auto got = validate_batch(batch, 100'000);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::full);
}

TEST(RecordBatchBytesTest, OffsetsAndEpochsArePatchedWithoutTouchingTheChecksum) {
    auto batch = three_records();
    patch_base_offset(batch.data(), 41);
    patch_leader_epoch(batch.data(), 3);
    auto header = validate_batch(batch, 1000);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->base_offset, 41);
    EXPECT_EQ(header->last_offset(), 43);
    EXPECT_EQ(header->partition_leader_epoch, 3);
}

TEST(RecordBatchBytesTest, ClientsMayNotSetReservedBits) {
    BatchBuilder builder;
    builder.add({.timestamp_ms = 7, .key = std::nullopt, .value = "hi", .headers = {}});
    EXPECT_FALSE(validate_batch(builder.finish({.attributes = attribute::producer_position}), 1000));
    builder.add({.timestamp_ms = 7, .key = std::nullopt, .value = "hi", .headers = {}});
    EXPECT_FALSE(validate_batch(builder.finish({.attributes = attribute::control}), 1000));
}

}  // namespace
}  // namespace penstock::wire::kafka
