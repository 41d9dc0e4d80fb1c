#include "broker/local_topics.h"

#include <gtest/gtest.h>

#include "broker/group/committed_offsets.h"
#include "io/memory_files.h"

namespace penstock::broker {
namespace {

class LocalTopicsTest : public ::testing::Test {
protected:
    void SetUp() override { open(); }

    void open() {
        topics_.reset();
        auto opened =
            LocalTopics::open({.data_directory = "data", .flush_interval_us = 1000, .files = &files_});
        ASSERT_TRUE(opened) << opened.error().text;
        topics_ = std::move(*opened);
    }
    void crash() {
        topics_.reset();  // closing wrote more than a crash would; crash() takes un-synced things back
        files_.crash();
        open();
    }
    Result<std::int64_t> append(std::string_view topic, std::initializer_list<std::string_view> values,
                                std::string_view producer = "", std::string_view position = "") {
        std::vector<NewRecord> records;
        for (auto value : values) records.push_back({.key = "k", .value = value, .headers = {}});
        return append_and_wait(
            *topics_, {.topic = topic, .records = records, .producer = producer, .position = position});
    }
    std::vector<std::string> values(std::string_view topic, std::int64_t offset = 0) {
        std::vector<std::string> all;
        while (true) {
            auto set = topics_->read(topic, 0, offset, 1 << 20);
            EXPECT_TRUE(set) << set.error().text;
            if (!set || set->next_offset == offset) return all;
            for (const auto& record : set->records) all.emplace_back(*record.value);
            offset = set->next_offset;
        }
    }

    io::MemoryFiles files_;
    std::unique_ptr<LocalTopics> topics_;
};

using Values = std::vector<std::string>;

TEST_F(LocalTopicsTest, RecordsAreReadBackWithKeysTimesAndHeaders) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    Header headers[] = {{"a", "1"}, {"b", ""}};
    NewRecord records[] = {{.key = "k", .value = "v", .timestamp_ms = 77, .headers = headers},
                           {.key = {}, .value = {}, .timestamp_ms = 78, .headers = {}}};
    ASSERT_EQ(*append_and_wait(*topics_, {.topic = "t", .records = records}), 0);
    auto set = topics_->read("t", 0, 0, 1000);
    ASSERT_TRUE(set);
    ASSERT_EQ(set->records.size(), 2u);
    EXPECT_EQ(set->records[0].key, "k");
    EXPECT_EQ(set->records[0].value, "v");
    EXPECT_EQ(set->records[0].timestamp_ms, 77);
    auto decoded = decode_headers(set->records[0].headers);
    ASSERT_EQ(decoded.size(), 2u);
    EXPECT_EQ(decoded[0].name, "a");
    EXPECT_EQ(decoded[0].value, "1");
    EXPECT_FALSE(set->records[1].key);
    EXPECT_FALSE(set->records[1].value);
    EXPECT_EQ(set->records[1].offset, 1);
    EXPECT_EQ(set->next_offset, 2);
    EXPECT_EQ(topics_->read("t", 0, 1, 1000)->records.size(), 1u);
}

TEST_F(LocalTopicsTest, TopicsAndSettingsSurviveARestart) {
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 3, .config = {{"retention.ms", "5000"}}}));
    auto id = topics_->info("t")->id;
    crash();
    auto info = topics_->info("t");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->id, id);
    EXPECT_EQ(info->partitions.size(), 3u);
    EXPECT_EQ(info->spec.config.at("retention.ms"), "5000");
    ASSERT_TRUE(topics_->alter("t", {{"segment.ms", "9"}}));
    open();
    EXPECT_EQ(topics_->info("t")->spec.config.size(), 2u);
}

TEST_F(LocalTopicsTest, WrongNamesAndSettingsAreRefused) {
    EXPECT_EQ(topics_->create({.name = "a/b", .config = {}}).error().code, Errc::invalid);
    EXPECT_EQ(topics_->create({.name = "..", .config = {}}).error().code, Errc::invalid);
    EXPECT_EQ(topics_->create({.name = "t", .partitions = 0, .config = {}}).error().code, Errc::invalid);
    auto unknown = topics_->create({.name = "t", .config = {{"retention", "5"}}});
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().text.find("retention"), std::string::npos);
    EXPECT_FALSE(topics_->create({.name = "t", .config = {{"retention.ms", "soon"}}}));
    ASSERT_TRUE(topics_->create({.name = "t.x", .config = {}}));
    EXPECT_EQ(topics_->create({.name = "t.x", .config = {}}).error().code, Errc::exists);
    EXPECT_EQ(topics_->create({.name = "t_x", .config = {}}).error().code, Errc::invalid);
}

TEST_F(LocalTopicsTest, ThrottledReplicasAreAStarOrPairs) {
    const std::string name = "leader.replication.throttled.replicas";
    for (const auto* good : {"*", "", "0:1", "0:1,1:2", " 0:1 , 1:1", "0:1,", ","})
        EXPECT_TRUE(check_topic_config({{name, good}})) << good;
    for (const auto* bad : {"abc", "0", "none", "0:1:2", "0:a", "*,0:1", "-1:1", ":1", "0:"}) {
        EXPECT_FALSE(check_topic_config({{name, bad}})) << bad;
        EXPECT_FALSE(check_topic_config({{"follower.replication.throttled.replicas", bad}})) << bad;
    }
}

TEST_F(LocalTopicsTest, SettingsThatThereAreNoMoreAreForgottenAtTheStart) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {{"retention.ms", "5000"}}}));
    EXPECT_FALSE(topics_->alter("t", {{"message.format.version", "3.0-IV1"}}));
    auto topic = topics_->find(std::string_view("t"));
    CatalogueEntry entry{topic->spec, topic->id};
    topic.reset();
    entry.spec.config["message.format.version"] = "3.0-IV1";
    topics_.reset();
    ASSERT_TRUE(files_.replace_file("data/topics", encode_catalogue({entry})));
    open();
    EXPECT_EQ(topics_->info("t")->spec.config, (TopicConfig{{"retention.ms", "5000"}}));
    EXPECT_TRUE(topics_->alter("t", {{"retention.ms", "6000"}}));
}

TEST_F(LocalTopicsTest, ATopicMadeAnewIsEmptyAndHasAnotherId) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    ASSERT_TRUE(append("t", {"old"}));
    auto id = topics_->info("t")->id;
    ASSERT_TRUE(topics_->remove("t"));
    EXPECT_EQ(topics_->info("t").error().code, Errc::not_found);
    EXPECT_EQ(append("t", {"x"}).error().code, Errc::not_found);
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    EXPECT_NE(topics_->info("t")->id, id);
    EXPECT_EQ(values("t"), Values{});
    crash();
    EXPECT_EQ(values("t"), Values{});
}

TEST_F(LocalTopicsTest, APositionIsKeptWithItsRecords) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    EXPECT_EQ(*topics_->position("t", 0, "source"), "");
    ASSERT_TRUE(append("t", {"a"}, "source", "page 1"));
    ASSERT_TRUE(append("t", {"b"}, "source", "page 2"));
    ASSERT_TRUE(append("t", {"c"}, "other", "x"));
    EXPECT_EQ(*topics_->position("t", 0, "source"), "page 2");
    crash();
    EXPECT_EQ(*topics_->position("t", 0, "source"), "page 2");
    EXPECT_EQ(*topics_->position("t", 0, "other"), "x");
}

TEST_F(LocalTopicsTest, APositionIsRecoveredFromTheRecordsAlone) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    ASSERT_TRUE(append("t", {"a"}, "source", "page 1"));
    topics_.reset();
    for (const auto& name : *files_.list("data/t-0"))
        if (name.ends_with(".snapshot")) ASSERT_TRUE(files_.remove("data/t-0/" + name));
    open();
    EXPECT_EQ(*topics_->position("t", 0, "source"), "page 1");
}

TEST_F(LocalTopicsTest, ALargeAppendIsSplitAndStaysOne) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    std::string value(100'000, 'v');
    std::vector<NewRecord> records(50, NewRecord{.key = {}, .value = value, .headers = {}});
    ASSERT_EQ(
        *append_and_wait(*topics_, {.topic = "t", .records = records, .producer = "s", .position = "p"}), 0);
    EXPECT_EQ(values("t").size(), 50u);
    EXPECT_EQ(*topics_->position("t", 0, "s"), "p");
    EXPECT_EQ(topics_->info("t")->partitions[0].end_offset, 50);
}

TEST_F(LocalTopicsTest, ARecordAboveTheLimitIsRefusedByNumber) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {{"max.message.bytes", "1000"}}}));
    std::string value(2000, 'v');
    auto refused = append("t", {"small", value});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("record 1"), std::string::npos);
    EXPECT_EQ(topics_->info("t")->partitions[0].end_offset, 0);
}

TEST_F(LocalTopicsTest, SubscribersHearOfAppendsUntilTheHandleIsGone) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    std::atomic<int> calls{0};
    auto handle = topics_->subscribe("t", [&] { ++calls; });
    ASSERT_TRUE(handle);
    ASSERT_TRUE(append("t", {"a"}));
    while (calls == 0) std::this_thread::yield();
    handle->reset();
    auto before = calls.load();
    ASSERT_TRUE(append("t", {"b"}));
    EXPECT_EQ(calls, before);
    EXPECT_EQ(topics_->subscribe("none", [] {}).error().code, Errc::not_found);
}

TEST_F(LocalTopicsTest, OffsetForTime) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    NewRecord records[] = {{.value = "a", .timestamp_ms = 10, .headers = {}},
                           {.value = "b", .timestamp_ms = 20, .headers = {}}};
    ASSERT_TRUE(append_and_wait(*topics_, {.topic = "t", .records = records}));
    EXPECT_EQ(*topics_->offset_for_time("t", 0, 5), 0);
    EXPECT_EQ(*topics_->offset_for_time("t", 0, 15), 1);
    EXPECT_EQ(*topics_->offset_for_time("t", 0, 25), 2);
}

TEST_F(LocalTopicsTest, PublishedAndCommittedOffsetsSurviveARestart) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    ASSERT_TRUE(topics_->publish_position("query", "t", 0, 42));
    EXPECT_EQ(topics_->offsets().find({"query", "t", 0})->offset, 42);
    topics_->offsets().write_published();
    crash();
    EXPECT_EQ(topics_->offsets().find({"query", "t", 0})->offset, 42);
    EXPECT_EQ(topics_->offsets().groups(), (std::vector<std::string>{"query"}));
    ASSERT_TRUE(topics_->remove("t"));
    crash();
    EXPECT_FALSE(topics_->offsets().find({"query", "t", 0}));
}

TEST_F(LocalTopicsTest, ASecondProcessIsRefused) {
    auto second = LocalTopics::open({.data_directory = "data", .files = &files_});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::exists);
}

TEST_F(LocalTopicsTest, ALostCatalogueIsNotAnEmptyOne) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    topics_.reset();
    ASSERT_TRUE(files_.remove("data/topics"));
    auto opened = LocalTopics::open({.data_directory = "data", .files = &files_});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
}

TEST_F(LocalTopicsTest, ProducerIdsAreNeverGivenTwice) {
    auto first = *topics_->new_producer_id();
    EXPECT_GT(*topics_->new_producer_id(), first);
    auto last = *topics_->new_producer_id();
    crash();
    EXPECT_GT(*topics_->new_producer_id(), last);
}

TEST_F(LocalTopicsTest, AddedPartitionsCanBeWrittenAndTheOldOnesKeepTheirRecords) {
    ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
    ASSERT_TRUE(append("t", {"a"}));
    ASSERT_TRUE(topics_->add_partitions("t", 2));
    EXPECT_FALSE(topics_->add_partitions("t", 2));
    NewRecord record{.value = "b", .headers = {}};
    EXPECT_EQ(*append_and_wait(*topics_, {.topic = "t", .partition = 1, .records = std::span(&record, 1)}),
              0);
    EXPECT_EQ(values("t"), Values{"a"});
}

TEST(CatalogueTest, DamageIsFound) {
    auto text = encode_catalogue({{{.name = "t", .partitions = 2, .config = {{"a", "b c"}}}, {}}});
    ASSERT_TRUE(decode_catalogue(text));
    EXPECT_EQ((*decode_catalogue(text))[0].spec.config.at("a"), "b c");
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto damaged = text;
        damaged[i] = char(damaged[i] ^ 1);
        EXPECT_FALSE(decode_catalogue(damaged)) << i;
        EXPECT_FALSE(decode_catalogue(text.substr(0, i))) << i;
    }
}

TEST(PartitionerTest, EqualsKafkas) {
    // murmur2 of Kafka's own test vectors, made positive.
    auto positive = [](std::int32_t hash) { return hash & 0x7fffffff; };
    auto hash = [](std::string_view key) { return partition_of_key(key, 0x7fffffff); };
    EXPECT_EQ(hash("21"), positive(-973932308));
    EXPECT_EQ(hash("foobar"), positive(-790332482));
    EXPECT_EQ(hash("a-little-bit-long-string"), positive(-985981536));
    EXPECT_EQ(hash("a-little-bit-longer-string"), positive(-1486304829));
    EXPECT_EQ(hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), positive(-58897971));
    EXPECT_EQ(hash("abc"), positive(479470107));
}

TEST_F(LocalTopicsTest, ManyTopicsAreClosedAndOpenedAgain) {
    constexpr int many = 60;
    for (int i = 0; i < many; ++i) {
        const auto name = fmt::format("t{}", i);
        ASSERT_TRUE(topics_->create({.name = name, .config = {{"retention.ms", std::to_string(1000 + i)}}}));
        ASSERT_TRUE(append(name, {name}));
    }
    for (const bool crashes : {false, true}) {
        if (crashes)
            crash();
        else {
            topics_.reset();
            open();
        }
        for (int i = 0; i < many; ++i) {
            const auto name = fmt::format("t{}", i);
            EXPECT_EQ(topics_->find(std::string_view(name))->spec.config.at("retention.ms"),
                      std::to_string(1000 + i));
            EXPECT_EQ(values(name), Values{name});
        }
    }
}

TEST_F(LocalTopicsTest, ManyPartitionsAreMadeGrownAndOpenedAgainAfterAPowerCut) {
    ASSERT_TRUE(topics_->create({.name = "t", .partitions = 200, .config = {}}));
    ASSERT_TRUE(topics_->add_partitions("t", 300));
    NewRecord record{.key = "k", .value = "v", .headers = {}};
    for (std::int32_t partition : {0, 199, 299})
        ASSERT_TRUE(append_and_wait(
            *topics_, {.topic = "t", .partition = partition, .records = std::span(&record, 1)}));
    for (int round = 0; round < 2; ++round) {
        crash();
        auto topic = topics_->find(std::string_view("t"));
        ASSERT_EQ(topic->logs.size(), 300u);
        for (std::int32_t partition = 0; partition < 300; ++partition) {
            const bool has_one = partition == 0 || partition == 199 || partition == 299;
            EXPECT_EQ(topic->logs[std::size_t(partition)]->end_offset(), has_one ? 1 : 0) << partition;
        }
    }
}

}  // namespace
}  // namespace penstock::broker
