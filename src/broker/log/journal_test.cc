#include "broker/log/journal.h"

#include <gtest/gtest.h>

#include <random>

#include "broker/local_topics.h"
#include "io/memory_files.h"
#include "io/slow_removal.h"

namespace penstock::broker {
namespace {

using Values = std::vector<std::string>;

TEST(JournalFrameTest, WhatWasEncodedIsDecoded) {
    std::string_view first[] = {"ab", "", "cde"}, second[] = {"f"};
    LogId log{{{1, 2, 3}}, 7};
    JournalEntry entries[] = {{{log, 42, 1'000'000'000'000}, first}, {{{}, 0, 5}, second}};
    std::string frame(std::size_t(frame_size(entries)), '\0');
    const codec::Uuid journal{{9, 8, 7}};
    encode_frame(journal, 99, entries, frame);
    auto header = decode_frame_header(frame);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->journal, journal);
    EXPECT_EQ(header->sequence, 99u);
    EXPECT_EQ(header->size, std::int64_t(frame.size()));
    auto stored = decode_frame(*header, frame);
    ASSERT_TRUE(stored);
    ASSERT_EQ(stored->size(), 2u);
    EXPECT_EQ((*stored)[0].place, entries[0].place);
    EXPECT_EQ((*stored)[0].bytes, "abcde");
    EXPECT_EQ((*stored)[1].place, entries[1].place);
    EXPECT_EQ((*stored)[1].bytes, "f");
}

TEST(JournalFrameTest, AnyFlippedBitIsFound) {
    std::string_view pieces[] = {"some bytes"};
    JournalEntry entries[] = {{{{}, 1, 2}, pieces}};
    std::string frame(std::size_t(frame_size(entries)), '\0');
    encode_frame({}, 3, entries, frame);
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
        auto damaged = frame;
        damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << bit % 8));
        auto header = decode_frame_header(damaged);
        EXPECT_FALSE(header && decode_frame(*header, damaged)) << bit;
    }
}

/// Topics on a disk in memory, and what power cuts would leave of them.
class JournalTest : public ::testing::Test {
protected:
    void SetUp() override { topics_ = open(files_); }

    LocalTopicsOptions options(io::Files& files) {
        return {.data_directory = "data",
                .flush_interval_us = 1000,
                .journal = journal_,
                .topic_defaults = {{"segment.bytes", "20000"}},
                .files = &files};
    }
    std::unique_ptr<LocalTopics> open(io::Files& files) {
        auto opened = LocalTopics::open(options(files));
        EXPECT_TRUE(opened) << opened.error().text;
        return opened ? std::move(*opened) : nullptr;
    }
    static Result<std::int64_t> append(LocalTopics& topics, std::string_view topic, std::string_view value,
                                       std::int32_t partition = 0) {
        NewRecord record{.key = {}, .value = value, .headers = {}};
        return append_and_wait(topics,
                               {.topic = topic, .partition = partition, .records = std::span(&record, 1)});
    }
    static Values values(LocalTopics& topics, std::string_view topic, std::int32_t partition = 0) {
        Values all;
        for (std::int64_t offset = 0;;) {
            auto set = topics.read(topic, partition, offset, 1 << 20);
            EXPECT_TRUE(set) << set.error().text;
            if (!set || set->next_offset == offset) return all;
            for (const auto& record : set->records) all.emplace_back(*record.value);
            offset = set->next_offset;
        }
    }
    std::unique_ptr<LocalTopics> cut_and_open(const io::CrashOptions& how = {}) {
        after_ = files_.after_power_cut(how);
        return open(*after_);
    }
    static std::int64_t size_of(io::Files& files, const std::string& path) {
        return *(*files.open(path, io::OpenMode::read))->size();
    }

    static constexpr auto first_segment = "data/t-0/00000000000000000000.log";
    // So small that it goes round within a test.
    JournalOptions journal_{
        .files = 3, .file_bytes = 64 << 10, .frame_bytes = 16 << 10, .extend_bytes = 8192};
    io::MemoryFiles files_;
    std::unique_ptr<io::MemoryFiles> after_;
    std::unique_ptr<LocalTopics> topics_;
};

TEST_F(JournalTest, WhatSegmentsLostIsRestored) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    for (auto value : {"a", "b", "c"}) ASSERT_TRUE(append(*topics_, "t", value));
    auto after = files_.after_power_cut({});
    ASSERT_EQ(size_of(*after, first_segment), 0);  // else the journal is not what this shows
    auto again = open(*after);
    EXPECT_EQ(values(*again, "t"), (Values{"a", "b", "c"}));
    EXPECT_EQ(*append(*again, "t", "d"), 3);
    auto later = after->after_power_cut({});
    EXPECT_EQ(values(*open(*later), "t"), (Values{"a", "b", "c", "d"}));
}

TEST_F(JournalTest, NobodyWaitsForAPartitionWhoseSegmentsAreBeingDeleted) {
    topics_.reset();
    io::SlowRemoval slow(files_);
    topics_ = open(slow);
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 2, .config = {}}));
    const std::string large(15'000, 'x');
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(append(*topics_, "t", large));  // two segments
    auto log = topics_->find(std::string_view("t"))->logs[0];
    std::jthread deleting([log] { EXPECT_TRUE(log->delete_before(1)); });
    slow.begun.wait();
    std::atomic<bool> is_done = false;
    NewRecord record{.key = {}, .value = "a", .headers = {}};
    topics_->append({.topic = "t", .records = std::span(&record, 1)}, [&](auto result) {
        EXPECT_EQ(*result, 2);
        is_done = true;
    });
    for (auto value : {"b", "c"}) ASSERT_TRUE(append(*topics_, "t", value, 1));
    EXPECT_FALSE(is_done);
    slow.may_go_on.count_down();
    while (!is_done) std::this_thread::yield();
    EXPECT_EQ(values(*cut_and_open(), "t", 1), (Values{"b", "c"}));
    topics_.reset();
}

TEST_F(JournalTest, OneWriteIsForAllPartitionsThatWait) {
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 50, .config = {}}));
    const auto before = files_.syncs();
    std::atomic<int> done = 0;
    for (std::int32_t i = 0; i < 50; ++i) {
        NewRecord record{.key = {}, .value = "v", .headers = {}};
        topics_->append({.topic = "t", .partition = i, .records = std::span(&record, 1)}, [&](auto result) {
            EXPECT_TRUE(result);
            ++done;
        });
    }
    while (done < 50) std::this_thread::yield();
    // How many is the scheduler's choice; without the journal it is one for each.
    EXPECT_LT(files_.syncs() - before, 50);
    auto again = cut_and_open();
    for (std::int32_t i = 0; i < 50; ++i) EXPECT_EQ(values(*again, "t", i), (Values{"v"}));
}

TEST_F(JournalTest, ItGoesRound) {
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 2, .config = {}}));
    Values expected[2];
    for (int i = 0; i < 400; ++i) {
        expected[i % 2].push_back(std::to_string(i) + std::string(std::size_t(i), 'x'));
        ASSERT_TRUE(append(*topics_, "t", expected[i % 2].back(), i % 2));
        if (i % 25 != 0) continue;
        auto again = cut_and_open();
        for (int p : {0, 1}) ASSERT_EQ(values(*again, "t", p), expected[p]) << i;
    }
    for (auto name : {"0", "1", "2"})
        EXPECT_LE(size_of(files_, "data/journal/" + std::string(name)), 64 << 10);
}

TEST_F(JournalTest, ALargeAppendIsSyncedInItsSegmentAlone) {
    for (std::int64_t most : {16 << 10, 4 << 10}) {  // of a frame; of one log in it
        topics_.reset();
        journal_.entry_bytes = most;
        topics_ = open(files_);
        const auto topic = fmt::format("t{}", most);
        ASSERT_TRUE(topics_->create({.name = topic, .config = {}}));
        Values expected{"a", std::string(std::size_t(most), 'b'), "c"};
        for (const auto& value : expected) ASSERT_TRUE(append(*topics_, topic, value));
        EXPECT_EQ(files_.read_file("data/journal/0")->find(expected[1]), std::string::npos);
        EXPECT_EQ(values(*cut_and_open(), topic), expected);
    }
}

TEST_F(JournalTest, ASyncThatFailsEndsTheJournalAndNotTheLog) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    ASSERT_TRUE(append(*topics_, "t", "a"));
    files_.fail_sync();
    ASSERT_TRUE(append(*topics_, "t", "b"));
    ASSERT_TRUE(append(*topics_, "t", "c"));
    EXPECT_EQ(values(*cut_and_open(), "t"), (Values{"a", "b", "c"}));
    topics_.reset();
    topics_ = open(files_);
    EXPECT_EQ(values(*topics_, "t"), (Values{"a", "b", "c"}));
}

TEST_F(JournalTest, WithoutRoomForItSegmentsAreSynced) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    files_.fill_up(1);  // the segment's write has room, the journal's first has none
    ASSERT_TRUE(append(*topics_, "t", "a"));
    EXPECT_EQ(append(*topics_, "t", "b").error().code, Errc::full);
    EXPECT_EQ(values(*cut_and_open(), "t"), (Values{"a"}));
    files_.set_room();
    ASSERT_TRUE(append(*topics_, "t", "c"));
    auto after = files_.after_power_cut({});
    EXPECT_LT(size_of(*after, first_segment), size_of(files_, first_segment));  // the journal has it again
    EXPECT_EQ(values(*open(*after), "t"), (Values{"a", "c"}));
}

TEST_F(JournalTest, ATopicMadeAnewGetsNothingOfTheOneBefore) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    for (auto value : {"a", "b", "c"}) ASSERT_TRUE(append(*topics_, "t", value));
    ASSERT_TRUE(topics_->remove("t"));
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    ASSERT_TRUE(append(*topics_, "t", "d"));
    EXPECT_EQ(values(*cut_and_open(), "t"), (Values{"d"}));
}

TEST_F(JournalTest, DeletedRecordsStayDeleted) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    for (auto value : {"a", "b", "c"}) ASSERT_TRUE(append(*topics_, "t", value));
    auto log = topics_->find(std::string_view("t"))->logs[0];
    ASSERT_TRUE(log->delete_before(3));
    ASSERT_TRUE(append(*topics_, "t", "d"));
    auto again = cut_and_open();
    EXPECT_EQ(again->find(std::string_view("t"))->logs[0]->start_offset(), 3);
    EXPECT_EQ(again->find(std::string_view("t"))->logs[0]->end_offset(), 4);
}

TEST_F(JournalTest, AfterACleanEndNothingIsRestored) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    for (auto value : {"a", "b"}) ASSERT_TRUE(append(*topics_, "t", value));
    topics_.reset();
    ASSERT_TRUE((*files_.open(first_segment, io::OpenMode::read_write))->truncate(0));
    topics_ = open(files_);
    EXPECT_EQ(values(*topics_, "t"), Values{});
}

TEST_F(JournalTest, AStartThatFailsForgetsNothing) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    ASSERT_TRUE(append(*topics_, "t", "a"));
    auto after = files_.after_power_cut({});
    const auto catalogue = *after->read_file("data/topics");
    ASSERT_TRUE(after->replace_file("data/topics", "what somebody's editor left"));
    EXPECT_FALSE(LocalTopics::open(options(*after)));
    ASSERT_TRUE(after->replace_file("data/topics", catalogue));
    EXPECT_EQ(values(*open(*after), "t"), (Values{"a"}));
}

TEST_F(JournalTest, FramesOfASegmentThatCannotBeSyncedStay) {
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 2, .config = {}}));
    files_.fail_sync(0, "t-0/");  // when the journal's first file is full; its bytes never become durable
    Values expected;
    Result<std::int64_t> last = 0;
    for (int i = 0; i < 1000 && last; ++i) {
        last = append(*topics_, "t", std::to_string(i));
        if (last) expected.push_back(std::to_string(i));
    }
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code, Errc::io);
    ASSERT_GE(expected.size(), 10u);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(append(*topics_, "t", std::to_string(i), 1));
    auto again = cut_and_open();
    auto found = values(*again, "t");
    ASSERT_GE(found.size(), expected.size());
    found.resize(expected.size());  // what was refused may be there or not
    EXPECT_EQ(found, expected);
    EXPECT_EQ(values(*again, "t", 1).size(), 100u);
}

TEST_F(JournalTest, WhatIsBehindADamagedFrameIsRestored) {
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 3, .config = {}}));
    for (std::int32_t i = 0; i < 3; ++i) ASSERT_TRUE(append(*topics_, "t", "v", i));
    auto after = files_.after_power_cut({});
    auto journal = *after->open("data/journal/0", io::OpenMode::read_write);
    ASSERT_TRUE(journal->write_at(journal_block + 40, "damage"));
    ASSERT_TRUE(journal->sync());
    auto again = open(*after);
    EXPECT_EQ(values(*again, "t", 0), (Values{"v"}));
    EXPECT_EQ(values(*again, "t", 1), Values{});  // which the log's error names
    EXPECT_EQ(values(*again, "t", 2), (Values{"v"}));
}

TEST_F(JournalTest, AFrameInsideARecordIsNone) {
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 2, .config = {}}));
    ASSERT_TRUE(topics_->create({.name = "other", .config = {}}));
    ASSERT_TRUE(append(*topics_, "other", "forged"));
    const auto batch = *files_.read_file("data/other-0/00000000000000000000.log");
    // Where in its frame's blocks a value stands, so that a block of the next one begins with what a client
    // has made up: a frame that adds to the other partition.
    std::string value(3 * journal_block, 'x');
    ASSERT_TRUE(append(*topics_, "t", value, 0));
    const auto before = *files_.read_file("data/journal/0");
    const auto last_frame = before.rfind("PJNL");
    const auto inside = before.find(value) - last_frame;
    const auto id = topics_->find(std::string_view("t"))->id;
    std::string_view bytes[] = {batch};
    JournalEntry forged[] = {{{{id, 1}, 0, 0}, bytes}};
    std::string frame(std::size_t(frame_size(forged)), '\0');
    encode_frame({}, 1000, forged, frame);
    value.replace(journal_block - inside % journal_block, frame.size(), frame);
    ASSERT_TRUE(append(*topics_, "t", value, 0));
    auto after = files_.after_power_cut({});
    const auto written = *after->read_file("data/journal/0");
    const auto outer = written.find("PJNL", last_frame + 1), inner = written.find("PJNL", outer + 1);
    ASSERT_EQ(inner % journal_block, 0u);
    ASSERT_TRUE(
        decode_frame(*decode_frame_header(written.substr(inner)), written.substr(inner, frame.size())));
    auto journal = *after->open("data/journal/0", io::OpenMode::read_write);
    ASSERT_TRUE(journal->write_at(std::int64_t(outer) + 50, "damage"));
    ASSERT_TRUE(journal->sync());
    EXPECT_EQ(values(*open(*after), "t", 1), Values{});
    EXPECT_EQ(size_of(*after, "data/t-1/00000000000000000000.log"), 0);
}

TEST_F(JournalTest, ManyLargeAppendsMakeSeveralFrames) {
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 8, .config = {}}));
    std::atomic<int> done = 0;
    const std::string value(7000, 'v');
    for (std::int32_t i = 0; i < 8; ++i) {
        NewRecord record{.key = {}, .value = value, .headers = {}};
        topics_->append({.topic = "t", .partition = i, .records = std::span(&record, 1)}, [&](auto result) {
            EXPECT_TRUE(result);
            ++done;
        });
    }
    while (done < 8) std::this_thread::yield();
    auto after = files_.after_power_cut({});
    for (std::int32_t i = 0; i < 8; ++i)
        EXPECT_EQ(size_of(*after, fmt::format("data/t-{}/00000000000000000000.log", i)), 0);
    auto again = open(*after);
    for (std::int32_t i = 0; i < 8; ++i) EXPECT_EQ(values(*again, "t", i), (Values{value}));
}

TEST_F(JournalTest, MemoryDurabilityRestoresAndWritesNone) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    ASSERT_TRUE(append(*topics_, "t", "a"));
    auto after = files_.after_power_cut({});
    auto how = options(*after);
    how.durability = Durability::memory;
    auto again = std::move(*LocalTopics::open(how));
    EXPECT_EQ(values(*again, "t"), (Values{"a"}));
    auto syncs = after->syncs();
    ASSERT_TRUE(append(*again, "t", "b"));
    EXPECT_EQ(after->syncs(), syncs);
}

/// Four threads append to three partitions; at some moment the power is cut, and what the page cache had
/// written until then is left to chance. Nothing acknowledged before is missing, and nothing is there twice
/// or out of order.
TEST_F(JournalTest, NothingAcknowledgedIsLostWhateverWasWrittenBack) {
    constexpr int writers = 4;
    constexpr std::int32_t partitions = 3;
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = partitions, .config = {}}));
    std::atomic<bool> stops = false;
    std::array<std::array<std::atomic<int>, partitions>, writers> acknowledged{};
    std::vector<std::jthread> threads;
    for (int w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            std::minstd_rand random(std::uint32_t(w + 1));
            std::array<int, partitions> next{};
            while (!stops) {
                auto p = std::int32_t(random() % partitions);
                auto value = fmt::format("{} {} {}", w, next[p], std::string(random() % 3000, 'x'));
                ASSERT_TRUE(append(*topics_, "t", value, p));
                acknowledged[w][p] = ++next[p];
            }
        });
    for (std::uint32_t round = 1; round <= 30; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::array<std::array<int, partitions>, writers> known{};
        for (int w = 0; w < writers; ++w)
            for (int p = 0; p < partitions; ++p) known[w][p] = acknowledged[w][p];
        auto again = cut_and_open({.scatter = round});
        for (std::int32_t p = 0; p < partitions; ++p) {
            std::array<int, writers> next{};
            for (const auto& value : values(*again, "t", p)) {
                int w = value[0] - '0';
                ASSERT_EQ(std::stoi(value.substr(2)), next[w]++) << "partition " << p << ", round " << round;
            }
            for (int w = 0; w < writers; ++w) ASSERT_GE(next[w], known[w][p]) << "round " << round;
        }
    }
    stops = true;
}

}  // namespace
}  // namespace penstock::broker
