#include "broker/log/log.h"

#include <gtest/gtest.h>

#include <condition_variable>

#include "broker/log/committer.h"
#include "codec/big_endian.h"
#include "io/memory_files.h"

namespace penstock::broker {
namespace {

using wire::kafka::BatchBuilder;

std::string batch_of(std::initializer_list<std::string_view> values, BatchBuilder::Options options = {},
                     std::int64_t timestamp_ms = 1000) {
    BatchBuilder builder;
    for (auto value : values)
        builder.add({.timestamp_ms = timestamp_ms++, .key = {}, .value = value, .headers = {}});
    return builder.finish(options);
}

/// A log on a disk in memory, where appends are waited for.
class LogTest : public ::testing::Test {
protected:
    void SetUp() override { open(); }
    void TearDown() override {
        log_.reset();
        committer_.reset();
    }

    void open() {
        log_.reset();
        committer_ = std::make_unique<Committer>(2);
        auto log = Log::open({.files = &files_,
                              .clock = &clock_,
                              .committer = committer_.get(),
                              .directory = "data/t-0",
                              .name = "t-0",
                              .durability = durability_},
                             options_, [this] { ++moves_; });
        ASSERT_TRUE(log) << log.error().text;
        log_ = *log;
    }
    void crash(const io::CrashOptions& options = {}) {
        log_.reset();
        committer_.reset();
        files_.crash(options);
        open();
    }

    Result<std::int64_t> append(std::vector<std::string> batches, std::string producer = "",
                                std::string position = "") {
        auto bytes = std::make_shared<std::vector<std::string>>(std::move(batches));
        Append append;
        for (auto& batch : *bytes) append.batches.emplace_back(batch);
        append.owner = bytes;
        append.producer = std::move(producer);
        append.position = std::move(position);
        struct Answer {
            std::mutex mutex;
            std::condition_variable arrived;
            std::optional<Result<std::int64_t>> result;
        };
        auto answer = std::make_shared<Answer>();
        append.done = [answer](Result<std::int64_t> result) {
            std::lock_guard lock(answer->mutex);
            answer->result = std::move(result);
            answer->arrived.notify_one();
        };
        log_->append(std::move(append));
        std::unique_lock lock(answer->mutex);
        answer->arrived.wait(lock, [&] { return answer->result.has_value(); });
        return *answer->result;
    }

    /// Every value that can be read from offset on.
    std::vector<std::string> values(std::int64_t offset = 0) {
        std::vector<std::string> all;
        while (true) {
            auto slice = log_->read(offset, 100);
            EXPECT_TRUE(slice) << slice.error().text;
            if (!slice || slice->next_offset == offset) return all;
            for (auto left = slice->bytes; !left.empty();) {
                auto header = *wire::kafka::parse_batch_header(left);
                wire::kafka::RecordCursor cursor(left.substr(61, std::size_t(header.size() - 61)));
                for (wire::kafka::RecordView record; cursor.next(record);)
                    if (header.base_offset + record.offset_delta >= offset) all.emplace_back(*record.value);
                left.remove_prefix(std::size_t(header.size()));
            }
            offset = slice->next_offset;
        }
    }

    std::string file(std::string_view name) { return "data/t-0/" + std::string(name); }
    void flip(std::int64_t position, const std::string& name) {
        auto opened = files_.open(file(name), io::OpenMode::read_write);
        char byte = 0;
        ASSERT_TRUE((*opened)->read_at(position, std::span(&byte, 1)));
        byte = char(byte ^ 1);
        ASSERT_TRUE((*opened)->write_at(position, std::string_view(&byte, 1)));
        ASSERT_TRUE((*opened)->sync());
    }

    io::MemoryFiles files_;
    ManualClock clock_{1'700'000'000'000'000};
    LogOptions options_{.segment_bytes = 100'000};
    Durability durability_ = Durability::durable;
    std::atomic<int> moves_{0};
    std::unique_ptr<Committer> committer_;
    std::shared_ptr<Log> log_;
};

using Values = std::vector<std::string>;
constexpr auto first_log = "00000000000000000000.log";

TEST_F(LogTest, AppendedBatchesGetOffsetsInOrder) {
    EXPECT_EQ(*append({batch_of({"a", "b"})}), 0);
    EXPECT_EQ(*append({batch_of({"c"})}), 2);
    EXPECT_EQ(log_->end_offset(), 3);
    EXPECT_EQ(values(), (Values{"a", "b", "c"}));
    EXPECT_EQ(values(1), (Values{"b", "c"}));
    EXPECT_GE(moves_, 2);
}

TEST_F(LogTest, ReadingOutsideIsRefusedAndTheEndIsEmpty) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    EXPECT_TRUE(log_->read(1, 100)->bytes.empty());
    EXPECT_EQ(log_->read(2, 100).error().code, Errc::out_of_range);
    EXPECT_EQ(log_->read(-1, 100).error().code, Errc::out_of_range);
}

TEST_F(LogTest, AcknowledgedRecordsSurviveAPowerCut) {
    ASSERT_TRUE(append({batch_of({"a", "b"})}));
    crash();
    EXPECT_EQ(values(), (Values{"a", "b"}));
    EXPECT_EQ(*append({batch_of({"c"})}), 2);
    crash();
    EXPECT_EQ(values(), (Values{"a", "b", "c"}));
}

TEST_F(LogTest, MemoryDurabilityLosesNothingOnACleanClose) {
    durability_ = Durability::memory;
    open();
    ASSERT_TRUE(append({batch_of({"a"})}));
    ASSERT_TRUE(log_->close());
    crash();
    EXPECT_EQ(values(), (Values{"a"}));
}

TEST_F(LogTest, FlushMakesFlushedDurabilityDurable) {
    durability_ = Durability::flushed;
    open();
    ASSERT_TRUE(append({batch_of({"a"})}));
    ASSERT_TRUE(log_->flush());
    ASSERT_TRUE(append({batch_of({"b"})}));
    crash();
    EXPECT_EQ(values(), (Values{"a"}));
}

TEST_F(LogTest, ATailTornAtAnyByteIsCutOff) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    auto whole = *files_.read_file(file(first_log));
    auto tail = batch_of({"b", "c"});
    wire::kafka::patch_base_offset(tail.data(), 1);
    for (std::size_t size = 0; size <= tail.size(); ++size) {
        ASSERT_TRUE(files_.replace_file(file(first_log), whole + tail.substr(0, size)));
        open();
        bool kept = size == tail.size();
        EXPECT_EQ(values(), kept ? (Values{"a", "b", "c"}) : (Values{"a"})) << size;
        EXPECT_EQ(*append({batch_of({"d"})}), kept ? 3 : 1);
    }
}

TEST_F(LogTest, AnyFlippedBitInTheLastBatchCutsItOff) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    ASSERT_TRUE(append({batch_of({"b"})}));
    auto whole = *files_.read_file(file(first_log));
    auto half = whole.size() / 2;
    for (auto at = half; at < whole.size(); ++at) {
        if (at >= half + 12 && at < half + 16) continue;  // the leader epoch is not covered
        if (at < half + 8) continue;                      // nor is the offset, checked by order
        auto damaged = whole;
        damaged[at] = char(damaged[at] ^ 4);
        ASSERT_TRUE(files_.replace_file(file(first_log), damaged));
        open();
        EXPECT_EQ(values(), (Values{"a"})) << at;
    }
}

TEST_F(LogTest, SeveralBatchesOfOneAppendAreKeptAllOrNone) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    auto whole = *files_.read_file(file(first_log));
    auto first = batch_of({"b"}, {.attributes = wire::kafka::attribute::more_follows});
    auto second = batch_of({"c"});
    wire::kafka::patch_base_offset(first.data(), 1);
    wire::kafka::patch_base_offset(second.data(), 2);
    ASSERT_TRUE(files_.replace_file(file(first_log), whole + first));
    open();
    EXPECT_EQ(values(), (Values{"a"}));
    ASSERT_TRUE(files_.replace_file(file(first_log), whole + first + second));
    open();
    EXPECT_EQ(values(), (Values{"a", "b", "c"}));
}

TEST_F(LogTest, DamageBeforeWholeBatchesIsReportedAndSteppedOver) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    auto at = std::int64_t(files_.read_file(file(first_log))->size());
    ASSERT_TRUE(append({batch_of({"b", "b2"})}));
    ASSERT_TRUE(append({batch_of({"c"})}));
    flip(at + 70, first_log);
    crash();
    EXPECT_EQ(values(), (Values{"a", "c"}));
    auto damages = log_->damages();
    ASSERT_EQ(damages.size(), 1u);
    EXPECT_EQ(damages[0].from_offset, 1);
    EXPECT_EQ(damages[0].to_offset, 3);
    EXPECT_EQ(*append({batch_of({"d"})}), 4);
}

TEST_F(LogTest, SectorsThatNeverReachedTheDiskAreATornTail) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    auto whole = *files_.read_file(file(first_log));
    auto lost = batch_of({std::string(2000, 'x')});
    auto after = batch_of({"c"});
    wire::kafka::patch_base_offset(lost.data(), 1);
    wire::kafka::patch_base_offset(after.data(), 2);
    lost.replace(300, 1500, std::string(1500, '\0'));
    ASSERT_TRUE(files_.replace_file(file(first_log), whole + lost + after));
    open();
    EXPECT_EQ(values(), (Values{"a"}));
}

TEST_F(LogTest, DamageInASealedSegmentIsFoundWhenItIsRead) {
    options_.segment_bytes = 200;
    open();
    for (auto value : {"a", "b", "c", "d", "e", "f"}) ASSERT_TRUE(append({batch_of({value})}));
    ASSERT_TRUE(log_->close());
    flip(65, first_log);
    open();
    auto read = values();
    EXPECT_EQ(read.back(), "f");
    EXPECT_EQ(read.size(), 5u);
    ASSERT_EQ(log_->damages().size(), 1u);
    EXPECT_EQ(log_->damages()[0].from_offset, 0);
}

TEST_F(LogTest, AFullSegmentIsFollowedByAnother) {
    options_.segment_bytes = 200;
    open();
    for (auto value : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(append({batch_of({value})}));
    auto names = *files_.list("data/t-0");
    auto logs = std::ranges::count_if(names, [](auto& name) { return name.ends_with(".log"); });
    EXPECT_EQ(logs, 3);
    EXPECT_EQ(values(), (Values{"a", "b", "c", "d", "e"}));
    crash();
    EXPECT_EQ(values(), (Values{"a", "b", "c", "d", "e"}));
    EXPECT_EQ(values(3), (Values{"d", "e"}));
}

TEST_F(LogTest, AnOldSegmentIsFollowedByAnother) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    clock_.advance_us(8LL * 24 * 3600 * 1'000'000);
    ASSERT_TRUE(append({batch_of({"b"})}));
    EXPECT_TRUE(files_.exists(file("00000000000000000001.log")));
}

TEST_F(LogTest, MissingAndWrongIndexesAreRebuilt) {
    options_.segment_bytes = 500;
    options_.index_interval_bytes = 1;
    open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(append({batch_of({std::to_string(i)}, {}, 1000 + i)}));
    ASSERT_TRUE(log_->close());
    ASSERT_TRUE(files_.remove(file("00000000000000000000.index")));
    ASSERT_TRUE(files_.replace_file(file("00000000000000000007.timeindex"), "nonsense"));
    open();
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(values(i).front(), std::to_string(i));
        EXPECT_EQ((*log_->find_time(1000 + i))->offset, i);
    }
    EXPECT_FALSE(*log_->find_time(2000));
    EXPECT_EQ((*log_->find_max_time())->offset, 19);
}

TEST_F(LogTest, FindTimeIsExactInsideABatch) {
    ASSERT_TRUE(append({batch_of({"a", "b", "c"}, {}, 100)}));
    ASSERT_TRUE(append({batch_of({"d"}, {}, 50)}));
    ASSERT_TRUE(append({batch_of({"e"}, {}, 200)}));
    EXPECT_EQ((*log_->find_time(0))->offset, 0);
    EXPECT_EQ((*log_->find_time(101))->offset, 1);
    EXPECT_EQ((*log_->find_time(103))->offset, 4);
    EXPECT_EQ((*log_->find_time(103))->timestamp_ms, 200);
}

TEST_F(LogTest, AFullDiskRefusesAndRecoversWhenThereIsRoom) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    files_.fill_up();
    auto refused = append({batch_of({"b"})});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::full);
    EXPECT_EQ(values(), (Values{"a"}));
    files_.set_room();
    EXPECT_EQ(*append({batch_of({"c"})}), 1);
    crash();
    EXPECT_EQ(values(), (Values{"a", "c"}));
}

TEST_F(LogTest, AFailedFsyncStopsThePartitionForGood) {
    ASSERT_TRUE(append({batch_of({"a"})}));
    files_.fail_sync();
    auto refused = append({batch_of({"b"})});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::io);
    EXPECT_FALSE(append({batch_of({"c"})}));
    EXPECT_EQ(values(), (Values{"a"}));
    crash();
    EXPECT_EQ(values(), (Values{"a"}));
    EXPECT_EQ(*append({batch_of({"d"})}), 1);
}

TEST_F(LogTest, AnIdempotentProducersRepetitionIsAnsweredWithItsOffset) {
    auto send = [&](std::int32_t sequence, std::int16_t epoch = 0) {
        return append(
            {batch_of({"x", "y"}, {.producer_id = 7, .producer_epoch = epoch, .base_sequence = sequence})});
    };
    EXPECT_EQ(*send(0), 0);
    EXPECT_EQ(*send(2), 2);
    EXPECT_EQ(*send(0), 0);
    EXPECT_EQ(*send(2), 2);
    EXPECT_EQ(log_->end_offset(), 4);
    EXPECT_EQ(send(6).error().code, Errc::out_of_range);
    EXPECT_EQ(*send(0, 1), 4);
    EXPECT_EQ(send(4, 0).error().code, Errc::fenced);
    crash();
    EXPECT_EQ(*send(0, 1), 4);  // known from the log
    ASSERT_TRUE(log_->close());
    open();
    EXPECT_EQ(*send(0, 1), 4);  // known from the checkpoint
    EXPECT_EQ(*send(2, 1), 6);
}

TEST_F(LogTest, ARefusedBatchMayBeSentAgainByItsProducer) {
    auto send = [&] {
        return append({batch_of({"x"}, {.producer_id = 7, .producer_epoch = 0, .base_sequence = 0})});
    };
    files_.fill_up();
    EXPECT_FALSE(send());
    files_.set_room();
    EXPECT_EQ(*send(), 0);
    EXPECT_EQ(log_->end_offset(), 1);
}

TEST_F(LogTest, DeletedRecordsAreGoneAfterARestart) {
    options_.segment_bytes = 200;
    open();
    for (auto value : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(append({batch_of({value})}));
    EXPECT_EQ(*log_->delete_before(3), 3);
    EXPECT_FALSE(files_.exists(file(first_log)));
    EXPECT_EQ(values(3), (Values{"d", "e"}));
    EXPECT_EQ(log_->read(2, 100).error().code, Errc::out_of_range);
    EXPECT_EQ(log_->delete_before(9).error().code, Errc::out_of_range);
    crash();
    EXPECT_EQ(log_->start_offset(), 3);
    EXPECT_EQ(*log_->delete_before(5), 5);
    EXPECT_EQ(*append({batch_of({"f"})}), 5);
    crash();
    EXPECT_EQ(log_->start_offset(), 5);
    EXPECT_EQ(values(5), (Values{"f"}));
}

TEST_F(LogTest, RetentionByTimeAndSize) {
    options_.segment_bytes = 200;
    options_.retention_ms = 1000;
    open();
    auto now = clock_.now_ms();
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(append({batch_of({std::to_string(i)}, {}, now)}));
    ASSERT_TRUE(log_->clean());
    EXPECT_EQ(log_->start_offset(), 0);
    options_.retention_bytes = 200;
    log_->set_options(options_);
    ASSERT_TRUE(log_->clean());
    EXPECT_EQ(log_->start_offset(), 2);
    clock_.advance_us(2'000'000);
    ASSERT_TRUE(log_->clean());
    EXPECT_EQ(log_->start_offset(), 6);
    EXPECT_EQ(*append({batch_of({"next"})}), 6);
    crash();
    EXPECT_EQ(log_->start_offset(), 6);
    EXPECT_EQ(values(6), (Values{"next"}));
}

TEST_F(LogTest, ACleanCloseLeavesNothingToScan) {
    for (auto value : {"a", "b"}) ASSERT_TRUE(append({batch_of({value})}));
    ASSERT_TRUE(log_->close());
    // A scan would find this damage and cut; without one it is found when it is read.
    flip(100, first_log);
    open();
    EXPECT_EQ(log_->end_offset(), 2);
}

TEST_F(LogTest, WhatWasNotWrittenToIsNotWrittenWhenItCloses) {
    ASSERT_TRUE(append({batch_of({"a"}, {}, 1000)}));
    ASSERT_TRUE(log_->close());
    open();
    const auto syncs = files_.syncs();
    ASSERT_TRUE(log_->close());
    EXPECT_EQ(files_.syncs(), syncs);
    open();
    EXPECT_EQ(values(), (Values{"a"}));
    EXPECT_EQ((*log_->find_max_time())->timestamp_ms, 1000);
}

TEST_F(LogTest, RetentionEmptiesALogThatNobodyHasWrittenToSinceTheStart) {
    options_.retention_ms = 60'000;
    ASSERT_TRUE(append({batch_of({"a"}, {}, 1000)}));
    ASSERT_TRUE(log_->close());
    open();
    ASSERT_TRUE(log_->clean());  // the record's time is long ago
    EXPECT_EQ(log_->start_offset(), 1);
    ASSERT_TRUE(log_->close());
    open();
    EXPECT_EQ(log_->start_offset(), 1);
    EXPECT_EQ(*append({batch_of({"b"}, {}, clock_.now_ms())}), 1);
    ASSERT_TRUE(log_->close());
    open();
    EXPECT_EQ(values(1), (Values{"b"}));
}

TEST_F(LogTest, IndexesOfTheLastCloseAreNotTrustedOnceMoreWasWritten) {
    ASSERT_TRUE(append({batch_of({"a"}, {}, 1000)}));
    ASSERT_TRUE(log_->close());
    open();
    ASSERT_TRUE(append({batch_of({"b"}, {}, 5000)}));
    EXPECT_FALSE(files_.exists(file("00000000000000000000.index")));
    crash();  // the names of a moment ago are back
    EXPECT_EQ(values(), (Values{"a", "b"}));
    EXPECT_EQ((*log_->find_max_time())->timestamp_ms, 5000);
    ASSERT_TRUE(log_->close());
    open();
    EXPECT_EQ((*log_->find_max_time())->timestamp_ms, 5000);
    EXPECT_EQ(*append({batch_of({"c"}, {}, 6000)}), 2);
    ASSERT_TRUE(log_->close());
    open();
    EXPECT_EQ((*log_->find_max_time())->timestamp_ms, 6000);
    EXPECT_EQ(values(), (Values{"a", "b", "c"}));
}

TEST_F(LogTest, LogAppendTimeReplacesTimestamps) {
    options_.append_time = true;
    open();
    ASSERT_TRUE(append({batch_of({"a"}, {}, 5)}));
    EXPECT_EQ((*log_->find_max_time())->timestamp_ms, clock_.now_ms());
}

}  // namespace
}  // namespace penstock::broker
