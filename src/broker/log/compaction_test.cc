#include "broker/log/compaction.h"

#include <gtest/gtest.h>

#include <future>

#include "broker/log/committer.h"
#include "broker/log/log.h"
#include "io/memory_files.h"

namespace penstock::broker {
namespace {

using wire::kafka::BatchBuilder;
namespace attribute = wire::kafka::attribute;

/// Key and value; a value of "" is a tombstone.
using Pairs = std::vector<std::pair<std::string, std::string>>;

class CompactionTest : public ::testing::Test {
protected:
    void SetUp() override {
        options_.compacts = true;
        options_.deletes = false;
        options_.segment_bytes = 1;  // a segment for each append
        options_.min_dirty_ratio = 0;
        options_.delete_retention_ms = 1000;
        open();
    }
    void TearDown() override { close(); }
    void close() {
        log_.reset();
        committer_.reset();
    }
    void open() {
        close();
        committer_ = std::make_unique<Committer>(1);
        auto log = Log::open({.files = &files_,
                              .clock = &clock_,
                              .committer = committer_.get(),
                              .directory = "data/t-0",
                              .name = "t-0"},
                             options_, nullptr);
        ASSERT_TRUE(log) << log.error().text;
        log_ = *log;
    }
    void append_batch(std::string batch) {
        auto bytes = std::make_shared<std::string>(std::move(batch));
        auto done = std::make_shared<std::promise<Result<std::int64_t>>>();
        Append append;
        append.batches.emplace_back(*bytes);
        append.owner = bytes;
        append.done = [done](Result<std::int64_t> result) { done->set_value(std::move(result)); };
        log_->append(std::move(append));
        auto result = done->get_future().get();
        ASSERT_TRUE(result) << result.error().text;
    }
    void append(const Pairs& pairs, BatchBuilder::Options options = {}) {
        BatchBuilder builder;
        for (const auto& [key, value] : pairs)
            builder.add({.timestamp_ms = clock_.now_us() / 1000,
                         .key = key,
                         .value = value.empty() ? std::nullopt : std::optional<std::string_view>(value),
                         .headers = {}});
        append_batch(builder.finish(options));
    }
    void compact() {
        auto done = log_->compact();
        ASSERT_TRUE(done) << done.error().text;
    }
    /// "offset key=value" of all that is there.
    std::vector<std::string> records() {
        std::vector<std::string> all;
        auto offset = log_->start_offset();
        while (offset < log_->end_offset()) {
            auto slice = log_->read(offset, 100);
            EXPECT_TRUE(slice) << slice.error().text;
            if (!slice) return all;
            for (auto left = slice->bytes; !left.empty();) {
                auto header = *wire::kafka::parse_batch_header(left);
                auto batch = left.substr(0, std::size_t(header.size()));
                EXPECT_TRUE(wire::kafka::has_valid_crc(batch));
                std::string scratch;
                wire::kafka::RecordCursor cursor(
                    *wire::kafka::batch_records(batch, header, scratch, 1 << 20));
                int count = 0;
                for (wire::kafka::RecordView record; cursor.next(record); ++count)
                    if (!header.has(attribute::control))
                        all.push_back(fmt::format("{} {}={}", header.base_offset + record.offset_delta,
                                                  record.key.value_or("?"), record.value.value_or("null")));
                EXPECT_EQ(count, header.record_count);
                left.remove_prefix(batch.size());
            }
            offset = slice->next_offset;
        }
        return all;
    }

    io::MemoryFiles files_;
    ManualClock clock_{1'700'000'000'000'000};
    LogOptions options_;
    std::unique_ptr<Committer> committer_;
    std::shared_ptr<Log> log_;
};

using Lines = std::vector<std::string>;

TEST_F(CompactionTest, OfEveryKeyTheNewestRecordStaysWithItsOffset) {
    append({{"a", "1"}, {"b", "1"}});
    append({{"a", "2"}, {"c", "1"}});
    append({{"b", "2"}});
    append({{"a", "3"}});  // the active segment, which is left alone, and does not count
    compact();
    EXPECT_EQ(records(), (Lines{"2 a=2", "3 c=1", "4 b=2", "5 a=3"}));
    append({{"c", "2"}});
    compact();
    EXPECT_EQ(records(), (Lines{"3 c=1", "4 b=2", "5 a=3", "6 c=2"}));
    EXPECT_EQ(log_->start_offset(), 0);
    EXPECT_TRUE(log_->read(0, 100)->next_offset > 0);
    open();  // recovered as it was
    EXPECT_EQ(records(), (Lines{"3 c=1", "4 b=2", "5 a=3", "6 c=2"}));
    files_.crash();
    open();
    EXPECT_EQ(records(), (Lines{"3 c=1", "4 b=2", "5 a=3", "6 c=2"}));
    EXPECT_EQ(log_->end_offset(), 7);
}

TEST_F(CompactionTest, EveryCompressionIsKept) {
    for (auto compression : {codec::Compression::gzip, codec::Compression::snappy, codec::Compression::lz4,
                             codec::Compression::zstd})
        append({{"a", std::to_string(int(compression))}, {std::to_string(int(compression)), "x"}},
               {.compression = compression});
    append({{"z", "1"}});
    compact();
    EXPECT_EQ(records(), (Lines{"1 1=x", "3 2=x", "5 3=x", "6 a=4", "7 4=x", "8 z=1"}));
}

TEST_F(CompactionTest, TombstonesGoAfterTheirTimeAndNotBefore) {
    append({{"a", "1"}, {"b", "1"}});
    append({{"a", ""}});
    append({{"z", "1"}});
    compact();
    EXPECT_EQ(records(), (Lines{"1 b=1", "2 a=null", "3 z=1"}));
    append({{"z", "2"}});
    compact();  // a second pass, too early
    EXPECT_EQ(records(), (Lines{"1 b=1", "2 a=null", "3 z=1", "4 z=2"}));
    clock_.advance_us(2'000'000);
    append({{"z", "3"}});
    compact();
    EXPECT_EQ(records(), (Lines{"1 b=1", "4 z=2", "5 z=3"}));
}

TEST_F(CompactionTest, AbortedRecordsGoAndOpenTransactionsAreLeftAlone) {
    BatchBuilder::Options first{
        .attributes = attribute::transactional, .producer_id = 7, .producer_epoch = 0, .base_sequence = 0};
    append({{"a", "kept"}});
    append({{"a", "aborted"}}, first);
    append_batch(encode_marker(7, 0, {.commits = false}, 1000));
    first.base_sequence = 1;
    append({{"b", "committed"}}, first);
    append_batch(encode_marker(7, 0, {.commits = true}, 1000));
    first.base_sequence = 2;
    append({{"a", "open"}}, first);
    append({{"b", "after"}});
    append({{"z", "1"}});
    compact();
    EXPECT_EQ(records(), (Lines{"0 a=kept", "3 b=committed", "5 a=open", "6 b=after", "7 z=1"}));
    EXPECT_EQ(log_->stable_offset(), 5);
    append_batch(encode_marker(7, 0, {.commits = true}, 1000));
    append({{"z", "2"}});
    compact();
    EXPECT_EQ(records(), (Lines{"5 a=open", "6 b=after", "7 z=1", "9 z=2"}));
    for (const auto& name : *files_.list("data/t-0"))  // as if no checkpoint could be read
        if (name.ends_with(".snapshot")) ASSERT_TRUE(files_.remove("data/t-0/" + name));
    open();
    EXPECT_EQ(log_->stable_offset(), log_->end_offset());
}

TEST_F(CompactionTest, LittleThatIsNewAndWhatIsYoungIsLeftAlone) {
    for (int i = 0; i < 10; ++i) append({{"a", std::to_string(i)}, {std::to_string(i), "x"}});
    append({{"z", "1"}});
    compact();
    auto before = records();
    options_.min_dirty_ratio = 0.9;
    log_->set_options(options_);
    append({{"z", "2"}});
    compact();
    EXPECT_EQ(records().size(), before.size() + 1);
    options_.min_dirty_ratio = 0;
    options_.min_compaction_lag_ms = 60'000;
    log_->set_options(options_);
    append({{"z", "3"}});
    compact();
    EXPECT_EQ(records().size(), before.size() + 2);
    clock_.advance_us(61'000'000);
    append({{"z", "4"}});
    compact();
    EXPECT_EQ(records().size(), before.size() + 1);
}

TEST_F(CompactionTest, KeysThatDoNotFitAreLeftForTheNextPass) {
    NewestOffsets newest(2);
    EXPECT_TRUE(newest.put("a", 1));
    EXPECT_TRUE(newest.put("b", 2));
    EXPECT_FALSE(newest.put("c", 3));
    EXPECT_TRUE(newest.put("a", 4));
    EXPECT_TRUE(newest.is_outdated("a", 1));
    EXPECT_FALSE(newest.is_outdated("a", 4));
    EXPECT_FALSE(newest.is_outdated("c", 1));
}

TEST_F(CompactionTest, ADiskThatIsFullLeavesTheLogAsItWas) {
    append({{"a", "1"}});
    append({{"a", "2"}});
    append({{"z", "1"}});
    auto before = records();
    files_.fill_up();
    EXPECT_FALSE(log_->compact());
    EXPECT_EQ(records(), before);
    files_.set_room();
    compact();
    EXPECT_EQ(records(), (Lines{"1 a=2", "2 z=1"}));
}

}  // namespace
}  // namespace penstock::broker
