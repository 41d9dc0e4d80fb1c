#include "wire/kafka/filter_batch.h"

#include <gtest/gtest.h>

namespace penstock::wire::kafka {
namespace {

constexpr std::size_t limit = 1 << 20;

std::vector<std::string> values(std::string_view batch, const BatchHeader& header) {
    std::string scratch;
    std::vector<std::string> out;
    RecordCursor cursor(*batch_records(batch, header, scratch, limit));
    for (RecordView record; cursor.next(record);) out.emplace_back(record.value.value_or(""));
    return out;
}

TEST(FilterBatch, RecordsStayTheSameInEveryCompression) {
    using enum codec::Compression;
    BatchBuilder builder;
    const std::string long_value(10'000, 'x');
    for (const auto& value : {std::string("a"), long_value, std::string()})
        builder.add({.timestamp_ms = 1000, .key = "k", .value = value, .headers = {}});
    auto batch = builder.finish({.compression = gzip, .attributes = attribute::transactional});
    for (auto compression : {none, snappy, lz4, zstd, gzip}) {
        auto before = validate_batch(batch, limit);
        ASSERT_TRUE(before) << to_string(compression);
        auto other = recompress_batch(batch, *before, compression);
        ASSERT_TRUE(other) << other.error().text;
        auto after = validate_batch(*other, limit);
        ASSERT_TRUE(after) << after.error().text;
        EXPECT_EQ(after->compression(), compression);
        EXPECT_TRUE(after->has(attribute::transactional));
        EXPECT_EQ(after->last_offset_delta, 2);
        EXPECT_EQ(after->max_timestamp, 1000);
        EXPECT_EQ(other->size() > 10'000, compression == none);
        EXPECT_EQ(values(*other, *after), (std::vector<std::string>{"a", long_value, ""}));
        batch = std::move(*other);
    }
}

TEST(FilterBatch, WhatIsLeftHasItsOffsetsAndCompression) {
    BatchBuilder builder;
    for (auto value : {"a", "b", "c"})
        builder.add({.timestamp_ms = 1000, .key = value, .value = value, .headers = {}});
    auto batch = builder.finish({.compression = codec::Compression::lz4});
    auto header = validate_batch(batch, limit);
    ASSERT_TRUE(header);
    auto left = filter_batch(batch, *header, [](const RecordView& record) { return record.key != "b"; });
    ASSERT_TRUE(left && left->changed);
    auto after = parse_batch_header(left->batch);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->compression(), codec::Compression::lz4);
    EXPECT_EQ(after->last_offset_delta, 2);
    EXPECT_EQ(values(left->batch, *after), (std::vector<std::string>{"a", "c"}));
    auto all = filter_batch(batch, *header, [](const RecordView&) { return true; });
    EXPECT_TRUE(all && !all->changed);
    auto none = filter_batch(batch, *header, [](const RecordView&) { return false; });
    EXPECT_TRUE(none && none->changed && none->batch.empty());
}

}  // namespace
}  // namespace penstock::wire::kafka
