// What every implementation of Topics promises: one suite for the embedded log and, when
// PENSTOCK_TEST_KAFKA holds the URL of a Kafka, for that one as well (tests/real starts it).
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <thread>

#include "broker/local_topics.h"
#include "broker/remote_topics.h"
#include "broker/topics.h"

namespace penstock::broker {
namespace {

namespace fs = std::filesystem;

struct Implementation {
    std::string name;
    Result<std::unique_ptr<Topics>> (*open)(const std::string& directory);
};

const Implementation local{
    "Local", [](const std::string& directory) { return make_local_topics({.data_directory = directory}); }};
const Implementation remote{"Kafka", [](const std::string&) -> Result<std::unique_ptr<Topics>> {
                                return TRY(open_remote_topics(std::getenv("PENSTOCK_TEST_KAFKA")));
                            }};

std::vector<Implementation> implementations() {
    if (std::getenv("PENSTOCK_TEST_KAFKA")) return {local, remote};
    return {local};
}

class TopicsContractTest : public testing::TestWithParam<Implementation> {
protected:
    void SetUp() override {
        auto pattern = (fs::temp_directory_path() / "penstock_topics_XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        reopen();
        static int number = 0;
        topic_ = fmt::format("contract-{}-{}", ::getpid(), ++number);
    }
    void TearDown() override {
        topics_.reset();
        fs::remove_all(directory_);
    }
    void reopen() {
        topics_.reset();
        auto opened = GetParam().open(directory_);
        ASSERT_TRUE(opened) << opened.error().text;
        topics_ = std::move(*opened);
    }
    void create(std::int32_t partitions = 1, std::map<std::string, std::string> config = {}) {
        auto made = topics_->create({.name = topic_, .partitions = partitions, .config = std::move(config)});
        ASSERT_TRUE(made) << made.error().text;
    }
    Result<std::int64_t> append(const std::vector<std::string>& values, std::int32_t partition = 0,
                                std::string_view producer = "", std::string_view position = "") {
        std::vector<NewRecord> records;
        for (const auto& value : values) records.push_back({.value = value, .headers = {}});
        return append_and_wait(*topics_, {.topic = topic_,
                                          .partition = partition,
                                          .records = records,
                                          .producer = producer,
                                          .position = position});
    }
    /// All values from the offset to the end, read max_bytes at a time.
    std::vector<std::string> values(std::int32_t partition = 0, std::int64_t offset = 0,
                                    std::int64_t max_bytes = 1 << 20) {
        std::vector<std::string> all;
        for (;;) {
            auto set = topics_->read(topic_, partition, offset, max_bytes);
            EXPECT_TRUE(set) << set.error().text;
            if (!set || set->next_offset == offset) return all;
            for (const auto& record : set->records) {
                EXPECT_GE(record.offset, offset);
                all.emplace_back(record.value.value_or("null"));
            }
            offset = set->next_offset;
        }
    }
    std::int64_t end(std::int32_t partition = 0) {
        return topics_->info(topic_)->partitions[std::size_t(partition)].end_offset;
    }

    std::string directory_;
    std::string topic_;
    std::unique_ptr<Topics> topics_;
};

INSTANTIATE_TEST_SUITE_P(All, TopicsContractTest, testing::ValuesIn(implementations()),
                         [](const auto& about) { return about.param.name; });

using Values = std::vector<std::string>;

TEST_P(TopicsContractTest, RecordsComeBackAsTheyWereAppended) {
    create();
    Header headers[] = {{"a", "1"}, {"empty", ""}, {"a", std::string_view("\0\xff", 2)}};
    NewRecord records[] = {{.key = "k", .value = "v", .timestamp_ms = 1'700'000'000'123, .headers = headers},
                           {.key = std::nullopt, .value = std::nullopt, .timestamp_ms = 5, .headers = {}},
                           {.key = "", .value = "", .timestamp_ms = 6, .headers = {}}};
    auto base = append_and_wait(*topics_, {.topic = topic_, .records = records});
    ASSERT_TRUE(base) << base.error().text;
    EXPECT_EQ(*base, 0);
    auto set = topics_->read(topic_, 0, 0, 1 << 20);
    ASSERT_TRUE(set) << set.error().text;
    ASSERT_EQ(set->records.size(), 3u);
    EXPECT_EQ(set->next_offset, 3);
    EXPECT_EQ(set->records[0].key, "k");
    EXPECT_EQ(set->records[0].value, "v");
    EXPECT_EQ(set->records[0].timestamp_ms, 1'700'000'000'123);
    auto decoded = decode_headers(set->records[0].headers);
    ASSERT_EQ(decoded.size(), 3u);
    EXPECT_EQ(decoded[0].name, "a");
    EXPECT_EQ(decoded[0].value, "1");
    EXPECT_EQ(decoded[1].name, "empty");
    EXPECT_EQ(decoded[1].value, "");
    EXPECT_EQ(decoded[2].value, std::string_view("\0\xff", 2));
    EXPECT_EQ(set->records[1].offset, 1);
    EXPECT_FALSE(set->records[1].key);
    EXPECT_FALSE(set->records[1].value);
    EXPECT_TRUE(decode_headers(set->records[1].headers).empty());
    EXPECT_EQ(set->records[2].key, "");
    EXPECT_EQ(set->records[2].value, "");
    EXPECT_EQ(set->records[2].timestamp_ms, 6);
}

TEST_P(TopicsContractTest, ATimeThatIsNotGivenIsNow) {
    create();
    auto before = system_clock().now_ms();
    ASSERT_TRUE(append({"a"}));
    auto set = topics_->read(topic_, 0, 0, 100);
    ASSERT_TRUE(set);
    EXPECT_GE(set->records[0].timestamp_ms, before);
    EXPECT_LE(set->records[0].timestamp_ms, system_clock().now_ms());
}

TEST_P(TopicsContractTest, AppendsKeepTheirOrderInAPartition) {
    create(2);
    constexpr int appends = 300;
    std::mutex mutex;
    std::condition_variable all_in;
    std::vector<std::int64_t> bases(appends, -1);
    int open = appends;
    for (int i = 0; i < appends; ++i) {
        std::string first = fmt::format("{}a", i);
        std::string second = fmt::format("{}b", i);
        NewRecord records[] = {{.value = first, .headers = {}}, {.value = second, .headers = {}}};
        topics_->append({.topic = topic_, .partition = i % 2, .records = records}, [&, i](auto base) {
            std::lock_guard lock(mutex);
            bases[std::size_t(i)] = base.value_or(-1);
            if (--open == 0) all_in.notify_all();
        });
    }
    std::unique_lock lock(mutex);
    all_in.wait(lock, [&] { return open == 0; });
    for (int partition = 0; partition < 2; ++partition) {
        Values expected;
        for (int i = partition; i < appends; i += 2) {
            EXPECT_EQ(bases[std::size_t(i)], std::int64_t(expected.size()));
            expected.push_back(fmt::format("{}a", i));
            expected.push_back(fmt::format("{}b", i));
        }
        EXPECT_EQ(values(partition), expected);
    }
}

TEST_P(TopicsContractTest, AppendsFromManyThreadsStayTogether) {
    create();
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i) {
                auto name = fmt::format("{}-{}", t, i);
                if (!append({name, name, name})) ++failed;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(failed, 0);
    auto all = values();
    ASSERT_EQ(all.size(), 240u);
    for (std::size_t i = 0; i < all.size(); i += 3) {
        EXPECT_EQ(all[i], all[i + 1]);
        EXPECT_EQ(all[i], all[i + 2]);
    }
}

TEST_P(TopicsContractTest, AcknowledgedMeansReadable) {
    create();
    for (int i = 0; i < 30; ++i) {
        auto base = append({fmt::format("{}", i)});
        ASSERT_TRUE(base) << base.error().text;
        auto set = topics_->read(topic_, 0, *base, 1000);
        ASSERT_TRUE(set) << set.error().text;
        ASSERT_EQ(set->records.size(), 1u) << i;
        EXPECT_EQ(set->records[0].value, fmt::format("{}", i));
    }
}

TEST_P(TopicsContractTest, WhatWasAcknowledgedIsThereAfterReopening) {
    create(1, {{"retention.ms", "86400000"}});
    auto id = topics_->info(topic_)->id;
    ASSERT_TRUE(append({"a", "b"}));
    reopen();
    EXPECT_EQ(values(), (Values{"a", "b"}));
    auto info = topics_->info(topic_);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->id, id);
    EXPECT_EQ(info->spec.config.at("retention.ms"), "86400000");
}

TEST_P(TopicsContractTest, ReadsAreBoundedAndGiveAtLeastOneRecord) {
    create();
    Values big;
    for (int i = 0; i < 40; ++i) big.push_back(std::string(10'000, char('a' + i % 26)));
    ASSERT_TRUE(append(big));
    auto set = topics_->read(topic_, 0, 0, 1);
    ASSERT_TRUE(set);
    EXPECT_GE(set->records.size(), 1u);
    auto some = topics_->read(topic_, 0, 5, 35'000);
    ASSERT_TRUE(some);
    EXPECT_EQ(some->records.front().offset, 5);
    EXPECT_EQ(some->records.back().offset + 1, some->next_offset);
    EXPECT_EQ(values(0, 0, 25'000), big);
}

TEST_P(TopicsContractTest, BigValuesOfAnyBytes) {
    create(1, {{"max.message.bytes", "8000000"}});
    std::string value;
    for (std::size_t i = 0; i < 5'000'000; ++i) value += char((i * 2654435761u) >> 13);
    auto base = append({value, "small"});
    ASSERT_TRUE(base) << base.error().text;
    EXPECT_EQ(values(), (Values{value, "small"}));
}

TEST_P(TopicsContractTest, BytesFollowEveryValue) {
    create();
    ASSERT_TRUE(append({std::string(1000, 'x'), "y"}));
    auto set = topics_->read(topic_, 0, 0, 1 << 20);
    ASSERT_TRUE(set);
    int sum = 0;
    for (const auto& record : set->records)
        for (std::size_t i = 0; i < 64; ++i) sum += record.value->data()[record.value->size() + i];
    EXPECT_NE(sum, -1);  // the address sanitizer would have said so
}

TEST_P(TopicsContractTest, AtTheEndThereIsNothingAndBeyondItIsAnError) {
    create();
    auto nothing = topics_->read(topic_, 0, 0, 100);
    ASSERT_TRUE(nothing) << nothing.error().text;
    EXPECT_TRUE(nothing->records.empty());
    EXPECT_EQ(nothing->next_offset, 0);
    ASSERT_TRUE(append({"a"}));
    EXPECT_TRUE(topics_->read(topic_, 0, 1, 100)->records.empty());
    for (std::int64_t offset : {2, 1000, -1}) {
        auto beyond = topics_->read(topic_, 0, offset, 100);
        ASSERT_FALSE(beyond) << offset;
        EXPECT_EQ(beyond.error().code, Errc::out_of_range) << beyond.error().text;
    }
    EXPECT_EQ(topics_->read(topic_, 0, 0, 100)->records.size(), 1u);
}

TEST_P(TopicsContractTest, ReadersAtSeveralPlacesDoNotDisturbEachOther) {
    create();
    Values all;
    for (int i = 0; i < 100; ++i) all.push_back(fmt::format("{}", i));
    ASSERT_TRUE(append(all));
    std::int64_t offsets[] = {0, 7, 50, 99, 33, 12};
    for (int round = 0; round < 10; ++round) {
        for (auto& offset : offsets) {
            auto set = topics_->read(topic_, 0, offset, 1);
            ASSERT_TRUE(set) << set.error().text;
            if (offset < 100) EXPECT_EQ(set->records[0].value, fmt::format("{}", offset));
            offset = set->next_offset;
        }
    }
}

TEST_P(TopicsContractTest, UnknownTopicsAndPartitions) {
    create();
    NewRecord record{.value = "a", .headers = {}};
    for (auto [topic, partition] :
         {std::pair{std::string("none-such"), 0}, std::pair{topic_, 1}, std::pair{topic_, -1}}) {
        AppendRequest request{.topic = topic, .partition = partition, .records = std::span(&record, 1)};
        EXPECT_EQ(append_and_wait(*topics_, request).error().code, Errc::not_found);
        EXPECT_EQ(topics_->read(topic, partition, 0, 1).error().code, Errc::not_found);
        EXPECT_EQ(topics_->offset_for_time(topic, partition, 0).error().code, Errc::not_found);
        EXPECT_EQ(topics_->position(topic, partition, "p").error().code, Errc::not_found);
    }
    EXPECT_EQ(topics_->info("none-such").error().code, Errc::not_found);
    EXPECT_EQ(topics_->remove("none-such").error().code, Errc::not_found);
    EXPECT_EQ(topics_->alter("none-such", {}).error().code, Errc::not_found);
    EXPECT_EQ(topics_->subscribe("none-such", [] {}).error().code, Errc::not_found);
}

TEST_P(TopicsContractTest, WrongSpecificationsAreRefusedAndNamed) {
    EXPECT_EQ(topics_->create({.name = "a/b", .config = {}}).error().code, Errc::invalid);
    EXPECT_EQ(topics_->create({.name = topic_, .partitions = 0, .config = {}}).error().code, Errc::invalid);
    auto unknown = topics_->create({.name = topic_, .config = {{"colour", "red"}}});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::invalid) << unknown.error().text;
    EXPECT_NE(unknown.error().text.find("colour"), std::string::npos) << unknown.error().text;
    create();
    auto again = topics_->create({.name = topic_, .config = {}});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::exists) << again.error().text;
}

TEST_P(TopicsContractTest, AnEmptyAppendIsRefused) {
    create();
    EXPECT_EQ(append({}).error().code, Errc::invalid);
}

TEST_P(TopicsContractTest, ARecordAboveTheLimitIsRefusedByNumberAndNothingIsAppended) {
    create(1, {{"max.message.bytes", "20000"}});
    auto refused = append({"small", std::string(30'000, 'x')});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::full) << refused.error().text;
    EXPECT_NE(refused.error().text.find("record 1"), std::string::npos) << refused.error().text;
    EXPECT_EQ(end(), 0);
    Values many(20, std::string(9'000, 'y'));
    auto accepted = append(many);
    ASSERT_TRUE(accepted) << accepted.error().text;
    EXPECT_EQ(values(), many);
}

TEST_P(TopicsContractTest, SettingsChangeOneByOne) {
    create(1, {{"retention.ms", "5000000"}});
    auto changed = topics_->alter(topic_, {{"segment.ms", "9000000"}});
    ASSERT_TRUE(changed) << changed.error().text;
    auto config = topics_->info(topic_)->spec.config;
    EXPECT_EQ(config.at("retention.ms"), "5000000");
    EXPECT_EQ(config.at("segment.ms"), "9000000");
    EXPECT_EQ(topics_->alter(topic_, {{"retention.ms", "soon"}}).error().code, Errc::invalid);
}

TEST_P(TopicsContractTest, ListHasAllWithTheirOffsets) {
    create(3);
    ASSERT_TRUE(append({"a", "b"}, 1));
    auto list = topics_->list();
    ASSERT_TRUE(list) << list.error().text;
    EXPECT_TRUE(std::is_sorted(list->begin(), list->end(),
                               [](auto& a, auto& b) { return a.spec.name < b.spec.name; }));
    auto found =
        std::find_if(list->begin(), list->end(), [&](auto& info) { return info.spec.name == topic_; });
    ASSERT_NE(found, list->end());
    EXPECT_EQ(found->spec.partitions, 3);
    ASSERT_EQ(found->partitions.size(), 3u);
    EXPECT_EQ(found->partitions[1].start_offset, 0);
    EXPECT_EQ(found->partitions[1].end_offset, 2);
    EXPECT_EQ(found->partitions[2].end_offset, 0);
    EXPECT_FALSE(found->internal);
    EXPECT_FALSE(found->id.empty());
}

TEST_P(TopicsContractTest, ATopicMadeAnewIsEmptyAndCanBeWritten) {
    create();
    ASSERT_TRUE(append({"old", "older"}));
    EXPECT_EQ(values().size(), 2u);
    ASSERT_TRUE(topics_->remove(topic_));
    EXPECT_EQ(topics_->info(topic_).error().code, Errc::not_found);
    EXPECT_EQ(append({"x"}).error().code, Errc::not_found);
    create();
    EXPECT_EQ(values(), Values{});
    auto base = append({"new"});
    ASSERT_TRUE(base) << base.error().text;
    EXPECT_EQ(*base, 0);
    EXPECT_EQ(values(), Values{"new"});
}

TEST_P(TopicsContractTest, OffsetForTime) {
    create();
    // Kafka, too, refuses times far in the future, but not in the past.
    std::vector<NewRecord> records;
    for (std::int64_t time : {1'000, 2'000, 3'000})
        records.push_back({.value = "v", .timestamp_ms = time, .headers = {}});
    ASSERT_TRUE(append_and_wait(*topics_, {.topic = topic_, .records = records}));
    for (auto [time, offset] : {std::pair{0, 0}, std::pair{1'000, 0}, std::pair{1'001, 1},
                                std::pair{3'000, 2}, std::pair{3'001, 3}}) {
        auto found = topics_->offset_for_time(topic_, 0, time);
        ASSERT_TRUE(found) << found.error().text;
        EXPECT_EQ(*found, offset) << time;
    }
}

TEST_P(TopicsContractTest, SubscribersHearOfAppendsUntilTheHandleIsGone) {
    create(2);
    std::mutex mutex;
    std::condition_variable heard;
    int calls = 0;
    auto handle = topics_->subscribe(topic_, [&] {
        std::lock_guard lock(mutex);
        ++calls;
        heard.notify_all();
    });
    ASSERT_TRUE(handle) << handle.error().text;
    for (std::int32_t partition : {0, 1}) {
        int before = 0;
        {
            std::lock_guard lock(mutex);
            before = calls;
        }
        ASSERT_TRUE(append({"a"}, partition));
        std::unique_lock lock(mutex);
        heard.wait(lock, [&] { return calls > before; });
    }
    handle->reset();
    std::unique_lock lock(mutex);
    int before = calls;
    lock.unlock();
    ASSERT_TRUE(append({"b"}));
    lock.lock();
    EXPECT_EQ(calls, before);
}

TEST_P(TopicsContractTest, ASubscriberHearsOfAnotherInstancesAppends) {
    if (GetParam().name == "Local") return;  // one instance has the directory
    create();
    std::mutex mutex;
    std::condition_variable heard;
    bool has_moved = false;
    auto handle = topics_->subscribe(topic_, [&] {
        std::lock_guard lock(mutex);
        has_moved = true;
        heard.notify_all();
    });
    ASSERT_TRUE(handle);
    auto other = GetParam().open(directory_);
    ASSERT_TRUE(other);
    NewRecord record{.value = "a", .headers = {}};
    ASSERT_TRUE(append_and_wait(**other, {.topic = topic_, .records = std::span(&record, 1)}));
    std::unique_lock lock(mutex);
    heard.wait(lock, [&] { return has_moved; });
    EXPECT_EQ(values(), Values{"a"});
}

TEST_P(TopicsContractTest, APositionIsKeptWithItsRecords) {
    create(2);
    EXPECT_EQ(*topics_->position(topic_, 0, "source"), "");
    ASSERT_TRUE(append({"a", "b"}, 0, "source", "page 1"));
    EXPECT_EQ(*topics_->position(topic_, 0, "source"), "page 1");
    auto appended = append({"c"}, 0, "source", "page 2");
    ASSERT_TRUE(appended) << appended.error().text;
    ASSERT_TRUE(append({"d"}, 0, "other", "x"));
    ASSERT_TRUE(append({"e"}, 1, "source", "elsewhere"));
    EXPECT_EQ(*topics_->position(topic_, 0, "source"), "page 2");
    reopen();
    EXPECT_EQ(*topics_->position(topic_, 0, "source"), "page 2");
    EXPECT_EQ(*topics_->position(topic_, 0, "other"), "x");
    EXPECT_EQ(*topics_->position(topic_, 1, "source"), "elsewhere");
    EXPECT_EQ(*topics_->position(topic_, 1, "other"), "");
    EXPECT_EQ(values(), (Values{"a", "b", "c", "d"}));
}

TEST_P(TopicsContractTest, TheLastRecordOfANamedAppendSaysWhoseItIs) {
    create();
    ASSERT_TRUE(append({"a", "b"}, 0, "source", "page 1"));
    auto set = topics_->read(topic_, 0, 0, 1 << 20);
    ASSERT_TRUE(set);
    ASSERT_EQ(set->records.size(), 2u);
    EXPECT_TRUE(decode_headers(set->records[0].headers).empty());
    auto headers = decode_headers(set->records[1].headers);
    ASSERT_EQ(headers.size(), 2u);
    EXPECT_EQ(headers[0].name, "penstock.producer");
    EXPECT_EQ(headers[0].value, "source");
    EXPECT_EQ(headers[1].name, "penstock.position");
    EXPECT_EQ(headers[1].value, "page 1");
}

TEST_P(TopicsContractTest, AReaderComesToTheEndAfterNamedAppends) {
    create();
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(append({fmt::format("{}", i)}, 0, "source", fmt::format("{}", i)));
    std::int64_t offset = 0;
    for (auto end_offset = end(); offset < end_offset;) {
        auto set = topics_->read(topic_, 0, offset, 1);
        ASSERT_TRUE(set) << set.error().text;
        ASSERT_GT(set->next_offset, offset);
        offset = set->next_offset;
    }
    EXPECT_EQ(values().size(), 5u);
}

TEST_P(TopicsContractTest, ALargeNamedAppendIsOne) {
    create();
    Values large(30, std::string(100'000, 'v'));
    auto appended = append(large, 0, "source", "p");
    ASSERT_TRUE(appended) << appended.error().text;
    EXPECT_EQ(values(), large);
    EXPECT_EQ(*topics_->position(topic_, 0, "source"), "p");
}

TEST_P(TopicsContractTest, PositionsCanBePublished) {
    create();
    ASSERT_TRUE(append({"a", "b"}));
    auto published = topics_->publish_position("query", topic_, 0, 1);
    EXPECT_TRUE(published) << published.error().text;
}

}  // namespace
}  // namespace penstock::broker
