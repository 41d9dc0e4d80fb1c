// What is a real Kafka's own beyond the suite of topics_contract_test.cc. The tests with a Kafka
// run when PENSTOCK_TEST_KAFKA holds its URL and PENSTOCK_TEST_KAFKA_SCRIPT the script that stops
// and starts it: tests/real.
#include "broker/remote_topics.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "broker/remote_admin.h"
#include "broker/remote_client.h"
#include "broker/remote_reader.h"

namespace penstock::broker {
namespace {

using std::chrono::milliseconds;

TEST(KafkaUrlTest, MistakesAreNamedAndSecretsAreNot) {
    for (auto [url, why] :
         {std::pair{"http://h:1", "expected kafka://"}, std::pair{"kafka://", "expected kafka://host:9092"},
          std::pair{"kafka://h/topic", "expected nothing after the hosts"},
          std::pair{"kafka://u:hushhush@h?acks=1", "acks cannot be chosen"},
          std::pair{"kafka://u:hushhush@h?retry.for=soon", "retry.for is 'soon'"},
          std::pair{"kafka://u:hushhush@h?colour=red", "colour"},
          std::pair{"kafka://u:hushhush@h?security.protocol=no", "security.protocol"},
          std::pair{"kafka://h?sasl.username=u&sasl.password=hushhush&linger.ms=x", "linger.ms"}}) {
        auto opened = open_remote_topics(url);
        ASSERT_FALSE(opened) << url;
        EXPECT_EQ(opened.error().code, Errc::invalid) << opened.error().text;
        EXPECT_NE(opened.error().text.find(why), std::string::npos) << opened.error().text;
        EXPECT_EQ(opened.error().text.find("hushhush"), std::string::npos) << opened.error().text;
    }
}

TEST(KafkaUrlTest, UserAndPasswordMeanSasl) {
    auto settings = parse_kafka_url(
        "kafka://ann:pw@h1,h2:7?sasl.mechanism=SCRAM-SHA-256&"
        "security.protocol=sasl_ssl&retry.for=2s&compression.codec=lz4");
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->brokers, "h1:9092,h2:7");
    EXPECT_EQ(settings->retry_for, milliseconds(2000));
    EXPECT_EQ(settings->properties, (KafkaProperties{{"compression.codec", "lz4"},
                                                     {"sasl.mechanism", "SCRAM-SHA-256"},
                                                     {"sasl.password", "pw"},
                                                     {"sasl.username", "ann"},
                                                     {"security.protocol", "sasl_ssl"}}));
}

TEST(KafkaUrlTest, ABrokerThatIsNotThereIsNamedInTime) {
    auto opened = open_remote_topics("kafka://127.0.0.1:1?retry.for=300ms");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unavailable) << opened.error().text;
    EXPECT_NE(opened.error().text.find("127.0.0.1:1"), std::string::npos) << opened.error().text;
    EXPECT_NE(opened.error().text.find("tried for 300 ms"), std::string::npos) << opened.error().text;
}

class KafkaTest : public testing::Test {
protected:
    void SetUp() override {
        const char* url = std::getenv("PENSTOCK_TEST_KAFKA");
        if (!url) GTEST_SKIP() << "needs a Kafka: run pytest tests/real";
        url_ = url;
        static int number = 0;
        topic_ = fmt::format("kafka-{}-{}", ::getpid(), ++number);
        topics_ = open();
        ASSERT_TRUE(topics_->create({.name = topic_, .config = {}}));
    }
    std::unique_ptr<Topics> open(std::string_view options = "") const {
        auto separator = url_.find('?') == std::string::npos ? '?' : '&';
        auto opened =
            open_remote_topics(options.empty() ? url_ : fmt::format("{}{}{}", url_, separator, options));
        EXPECT_TRUE(opened) << opened.error().text;
        return std::move(*opened);
    }
    static void kafka(std::string_view command) {
        const char* script = std::getenv("PENSTOCK_TEST_KAFKA_SCRIPT");
        ASSERT_TRUE(script);
        ASSERT_EQ(std::system(fmt::format("{} {}", script, command).c_str()), 0) << command;
    }
    Result<std::int64_t> append(Topics& topics, std::string_view value, std::string_view producer = "",
                                std::string_view position = "") const {
        NewRecord record{.value = value, .headers = {}};
        return append_and_wait(
            topics,
            {.topic = topic_, .records = std::span(&record, 1), .producer = producer, .position = position});
    }
    std::vector<std::string> values(Topics& topics) const {
        std::vector<std::string> all;
        for (std::int64_t offset = 0;;) {
            auto set = topics.read(topic_, 0, offset, 1 << 20);
            EXPECT_TRUE(set) << set.error().text;
            if (!set || set->next_offset == offset) return all;
            for (const auto& record : set->records) all.emplace_back(*record.value);
            offset = set->next_offset;
        }
    }

    std::string url_;
    std::string topic_;
    std::unique_ptr<Topics> topics_;
};

TEST_F(KafkaTest, DescriptionNamesTheBrokersOnly) {
    EXPECT_TRUE(topics_->describe().starts_with("Apache Kafka at 127.0.0.1:")) << topics_->describe();
    EXPECT_EQ(topics_->describe().find("secret"), std::string::npos);
}

TEST_F(KafkaTest, WhoTakesAProducerOverFencesWhoHadIt) {
    EXPECT_EQ(*topics_->position(topic_, 0, "source"), "");
    ASSERT_TRUE(append(*topics_, "a", "source", "1"));
    auto other = open();
    auto position = other->position(topic_, 0, "source");
    ASSERT_TRUE(position) << position.error().text;
    EXPECT_EQ(*position, "1");
    auto refused = append(*topics_, "lost", "source", "2");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::fenced) << refused.error().text;
    EXPECT_EQ(append(*topics_, "lost", "source", "2").error().code, Errc::fenced);
    ASSERT_TRUE(append(*other, "b", "source", "2"));
    EXPECT_EQ(*topics_->position(topic_, 0, "source"), "2");
    ASSERT_TRUE(append(*topics_, "c", "source", "3"));
    EXPECT_EQ(append(*other, "lost", "source", "3").error().code, Errc::fenced);
    EXPECT_EQ(values(*topics_), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(KafkaTest, AnOpenTransactionOfAnotherProgramHidesWhatFollowsUntilItEnds) {
    ASSERT_TRUE(append(*topics_, "before"));
    auto settings = *parse_kafka_url(url_);
    auto other = RemoteClient::open(RD_KAFKA_PRODUCER, settings, {{"transactional.id", topic_}}, {});
    ASSERT_TRUE(other);
    auto* handle = (*other)->handle();
    ASSERT_FALSE(rd_kafka_init_transactions(handle, 20'000));
    ASSERT_FALSE(rd_kafka_begin_transaction(handle));
    char value[] = "open";
    ASSERT_EQ(
        rd_kafka_produce((*other)->topic(topic_), 0, RD_KAFKA_MSG_F_COPY, value, 4, nullptr, 0, nullptr), 0);
    ASSERT_EQ(rd_kafka_flush(handle, 20'000), 0);
    ASSERT_TRUE(append(*topics_, "after"));
    EXPECT_EQ(values(*open()), std::vector<std::string>{"before"});
    ASSERT_FALSE(rd_kafka_abort_transaction(handle, 20'000));
    auto reader = open();
    std::vector<std::string> all;
    while (all.size() < 2) all = values(*reader);
    EXPECT_EQ(all, (std::vector<std::string>{"before", "after"}));
}

TEST_F(KafkaTest, PublishedPositionsAreTheGroupsCommittedOffsets) {
    ASSERT_TRUE(append(*topics_, "a"));
    auto group = topic_ + "-group";
    ASSERT_TRUE(topics_->publish_position(group, topic_, 0, 1));
    topics_.reset();  // writes it
    auto settings = *parse_kafka_url(url_);
    auto client = RemoteClient::open(RD_KAFKA_CONSUMER, settings, {{"group.id", group}}, {});
    ASSERT_TRUE(client);
    auto* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic_.c_str(), 0);
    ASSERT_EQ(rd_kafka_committed((*client)->handle(), list, 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT_EQ(list->elems[0].offset, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

TEST_F(KafkaTest, OffsetsOfAGroupWithoutMembersAreSet) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(append(*topics_, "a"));
    auto group = topic_ + "-reset";
    auto* kafka = dynamic_cast<KafkaTopics*>(topics_.get());
    ASSERT_TRUE(kafka);
    for (std::int64_t offset : {2, 1}) {
        ASSERT_TRUE(kafka->set_offsets(group, {{{topic_, 0}, offset}}));
        auto groups = kafka->groups();
        ASSERT_TRUE(groups);
        auto found = std::ranges::find(*groups, group, &ConsumerGroup::name);
        ASSERT_NE(found, groups->end());
        EXPECT_EQ(found->committed, (PartitionOffsets{{{topic_, 0}, offset}}));
    }
}

TEST_F(KafkaTest, AGroupShowsWhoReadsWhat) {
    const auto group = topic_ + "-readers";
    auto settings = *parse_kafka_url(url_);
    auto consumer =
        RemoteClient::open(RD_KAFKA_CONSUMER, settings, {{"group.id", group}, {"client.id", "reader"}}, {});
    ASSERT_TRUE(consumer);
    auto* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic_.c_str(), RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe((*consumer)->handle(), list);
    rd_kafka_topic_partition_list_destroy(list);
    auto* kafka = dynamic_cast<KafkaTopics*>(topics_.get());
    ASSERT_TRUE(kafka);
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
        if (auto* message = rd_kafka_consumer_poll((*consumer)->handle(), 20))
            rd_kafka_message_destroy(message);
        auto groups = kafka->groups();
        ASSERT_TRUE(groups) << groups.error().text;
        auto found = std::ranges::find(*groups, group, &ConsumerGroup::name);
        if (found != groups->end() && !found->readers.empty()) {
            const auto& [place, reader] = *found->readers.begin();
            EXPECT_EQ(place, (TopicPartition{topic_, 0}));
            EXPECT_EQ(reader.client_id, "reader");
            EXPECT_TRUE(reader.host.starts_with('/')) << reader.host;
            break;
        }
        ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "nobody reads";
    }
    rd_kafka_consumer_close((*consumer)->handle());
}

TEST_F(KafkaTest, WhatRetentionRemovedIsOutOfRange) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(append(*topics_, "x"));
    auto settings = *parse_kafka_url(url_);
    auto client = RemoteClient::open(RD_KAFKA_PRODUCER, settings, {}, {});
    ASSERT_TRUE(client);
    auto* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic_.c_str(), 0)->offset = 3;
    auto* deletion = rd_kafka_DeleteRecords_new(list);
    auto* queue = rd_kafka_queue_new((*client)->handle());
    rd_kafka_DeleteRecords((*client)->handle(), &deletion, 1, nullptr, queue);
    rd_kafka_event_destroy(rd_kafka_queue_poll(queue, 20'000));
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(deletion);
    rd_kafka_topic_partition_list_destroy(list);
    auto gone = topics_->read(topic_, 0, 1, 1000);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Errc::out_of_range) << gone.error().text;
    EXPECT_NE(gone.error().text.find("3 to 5"), std::string::npos) << gone.error().text;
    EXPECT_EQ(topics_->read(topic_, 0, 3, 1000)->records.size(), 2u);
    EXPECT_EQ(topics_->info(topic_)->partitions[0].start_offset, 3);
}

/// A process was killed in the middle of a transaction. What others commit after it is hidden from readers,
/// until somebody ends it; their positions must not be taken for older than they are meanwhile.
TEST_F(KafkaTest, APositionBehindAnOpenTransactionIsWaitedFor) {
    ASSERT_TRUE(append(*topics_, "a", "source", "1"));
    auto settings = parse_kafka_url(url_);
    ASSERT_TRUE(settings);
    auto killed =
        RemoteClient::open(RD_KAFKA_PRODUCER, *settings,
                           {{"transactional.id", "test." + topic_}, {"transaction.timeout.ms", "60000"}}, {});
    ASSERT_TRUE(killed);
    auto* handle = (*killed)->handle();
    ASSERT_EQ(rd_kafka_init_transactions(handle, 20'000), nullptr);
    ASSERT_EQ(rd_kafka_begin_transaction(handle), nullptr);
    auto sent = rd_kafka_producev(handle, RD_KAFKA_V_TOPIC("__penstock_positions"), RD_KAFKA_V_PARTITION(0),
                                  RD_KAFKA_V_KEY("other", 5), RD_KAFKA_V_VALUE(const_cast<char*>("x"), 1),
                                  RD_KAFKA_V_END);
    ASSERT_EQ(sent, RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush(handle, 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_TRUE(append(*topics_, "b", "source", "2"));
    auto impatient = open("retry.for=1s");
    auto unknown = impatient->position(topic_, 0, "source");
    ASSERT_FALSE(unknown) << "2 cannot be read, and 1 is not true: " << *unknown;
    EXPECT_EQ(unknown.error().code, Errc::unavailable);
    EXPECT_NE(unknown.error().text.find("is open at offset"), std::string::npos) << unknown.error().text;
    std::string told;
    std::thread asking([&] { told = open()->position(topic_, 0, "source").value_or("none"); });
    ASSERT_EQ(rd_kafka_abort_transaction(handle, 20'000), nullptr);
    asking.join();
    EXPECT_EQ(told, "2");
}

/// Work goes to another process and comes back: what this one remembers of the producer is out of date.
TEST_F(KafkaTest, AProducerThatComesBackIsTakenOverAnew) {
    ASSERT_TRUE(topics_->position(topic_, 0, "source"));
    ASSERT_TRUE(append(*topics_, "a", "source", "1"));
    auto other = open();
    EXPECT_EQ(*other->position(topic_, 0, "source"), "1");
    ASSERT_TRUE(append(*other, "b", "source", "2"));
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (topics_->position(topic_, 0, "source").value_or("") != "2") {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it still believes what it knew before";
        std::this_thread::sleep_for(milliseconds(600));
    }
    ASSERT_TRUE(append(*topics_, "c", "source", "3"));
    EXPECT_EQ(append(*other, "late", "source", "late").error().code, Errc::fenced);
    EXPECT_EQ(values(*topics_), (std::vector<std::string>{"a", "b", "c"}));
}

/// A broker that has just come back knows no topics for a moment: what was read before may be out of date.
TEST_F(KafkaTest, PositionsThatCannotBeSeenAreNotTakenForThoseOfBefore) {
    ASSERT_TRUE(topics_->position(topic_, 0, "source"));
    auto other = open();
    ASSERT_TRUE(append(*other, "a", "source", "1"));
    std::this_thread::sleep_for(milliseconds(600));  // then it asks anew
    ASSERT_TRUE(topics_->remove("__penstock_positions"));
    auto unknown = topics_->position(topic_, 0, "source");
    ASSERT_FALSE(unknown) << "'" << *unknown << "' is not where it is";
    EXPECT_EQ(unknown.error().code, Errc::unavailable) << unknown.error().text;
    EXPECT_TRUE(topics_->position(topic_, 0, "source")) << "the topic is made again";
}

TEST_F(KafkaTest, GroupsAreListedAsToolsSeeThem) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(append(*topics_, "v"));
    auto group = "penstock-" + topic_;
    ASSERT_TRUE(topics_->publish_position(group, topic_, 0, 3));
    auto* kafka = dynamic_cast<KafkaTopics*>(topics_.get());
    ASSERT_TRUE(kafka);
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
        auto groups = kafka->groups();
        ASSERT_TRUE(groups) << groups.error().text;
        auto found = std::ranges::find(*groups, group, &ConsumerGroup::name);
        if (found != groups->end() && !found->committed.empty()) {
            EXPECT_EQ(found->state, "Empty");
            EXPECT_EQ(found->members, 0u);
            EXPECT_EQ(found->committed, (PartitionOffsets{{{topic_, 0}, 3}}));
            return;
        }
        ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the position is not shown";
        std::this_thread::sleep_for(milliseconds(20));
    }
}

TEST_F(KafkaTest, WrongPasswordIsSaidSo) {
    if (url_.find('@') == std::string::npos) return;  // this Kafka asks nobody
    auto host = url_.substr(url_.find('@') + 1);
    auto separator = host.find('?') == std::string::npos ? '?' : '&';
    auto opened =
        open_remote_topics(fmt::format("kafka://penstock:hushhush@{}{}retry.for=3s", host, separator));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unauthorized) << opened.error().text;
    EXPECT_EQ(opened.error().text.find("hushhush"), std::string::npos);
}

/// Writers while Kafka is killed and comes back: what was acknowledged is there, once, in order.
class KafkaAwayTest : public KafkaTest {
protected:
    struct Writer {
        std::vector<std::string> acknowledged;
        std::atomic<int> appends{0};
    };
    /// Appends one after the other until stop. Whether one that failed is there, a named producer's position
    /// tells.
    void write(Writer& writer, std::string_view name, bool has_producer) {
        for (int i = 0; !stop_; ++i) {
            auto value = fmt::format("{}-{}", name, i);
            auto base = append(*topics_, value, has_producer ? name : "", value);
            if (base || (has_producer && position_of(name) == value)) writer.acknowledged.push_back(value);
            ++writer.appends;
        }
    }
    std::string position_of(std::string_view producer) {
        while (true)
            if (auto position = topics_->position(topic_, 0, producer)) return *position;
    }
    static void wait_for_more(const Writer& writer) {
        for (int target = writer.appends + 10; writer.appends < target;)
            std::this_thread::sleep_for(milliseconds(5));
    }
    /// Kafka marks a transaction's end in its partitions after it has told that it is committed.
    void wait_until_decided() {
        auto written = RemoteAdmin::open(*parse_kafka_url(url_), RemoteAdmin::Ends::of_written);
        ASSERT_TRUE(written) << written.error().text;
        auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        for (;;) {
            auto end = (*written)->offsets_at({{topic_, 0}}, RemoteAdmin::end_time);
            auto info = topics_->info(topic_);
            if (end && info && info->partitions[0].end_offset == end->front()) return;
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "a transaction stays open";
            std::this_thread::sleep_for(milliseconds(20));
        }
    }

    std::atomic<bool> stop_{false};
};

TEST_F(KafkaAwayTest, AKillInTheMiddleOfAppendsLosesNothingAcknowledged) {
    Writer plain, named;
    std::thread first([&] { write(plain, "plain", false); });
    std::thread second([&] { write(named, "named", true); });
    auto wait_for_both = [&] {
        wait_for_more(plain);
        wait_for_more(named);
    };
    wait_for_both();
    for (int round = 0; round < 2; ++round) {
        kafka("kill");
        kafka("start");
        wait_for_both();
    }
    stop_ = true;
    first.join();
    second.join();
    wait_until_decided();
    std::vector<std::string> of_plain, of_named;
    for (auto& value : values(*topics_)) (value.starts_with("plain") ? of_plain : of_named).push_back(value);
    // With ZooKeeper a broker that comes back knows no topics for a moment, and an append may fail for that;
    // what became of one that failed is not known.
    std::set<std::string> told(plain.acknowledged.begin(), plain.acknowledged.end());
    std::erase_if(of_plain, [&](const auto& value) { return !told.contains(value); });
    EXPECT_EQ(of_plain, plain.acknowledged);
    // A transaction that Kafka's death has aborted was not acknowledged, and is not there.
    EXPECT_EQ(of_named, named.acknowledged);
    ASSERT_FALSE(named.acknowledged.empty());
    EXPECT_EQ(*open()->position(topic_, 0, "named"), named.acknowledged.back());
}

/// Of records that are known to be there, and do not come.
TEST_F(KafkaAwayTest, AReadFailsInTime) {
    ASSERT_TRUE(append(*topics_, "a"));
    auto settings = parse_kafka_url(url_);
    ASSERT_TRUE(settings);
    settings->retry_for = milliseconds(1000);
    RemoteReader reader(*settings);
    ASSERT_TRUE(reader.read(topic_, 0, 0, 1000, 1));
    kafka("kill");
    auto asked_at = std::chrono::steady_clock::now();
    auto away = reader.read(topic_, 0, 1, 1000, 2);
    EXPECT_LT(std::chrono::steady_clock::now() - asked_at, std::chrono::seconds(10));
    kafka("start");
    ASSERT_FALSE(away);
    EXPECT_EQ(away.error().code, Errc::unavailable) << away.error().text;
}

TEST_F(KafkaAwayTest, CallsFailInTimeWhileKafkaIsAwayAndWorkAgainAfter) {
    auto topics = open("retry.for=1s&deliver.for=2s");
    ASSERT_TRUE(append(*topics, "a"));
    EXPECT_EQ(values(*topics).size(), 1u);
    kafka("stop");
    auto refused = append(*topics, "b");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable) << refused.error().text;
    EXPECT_EQ(append(*topics, "c", "source", "1").error().code, Errc::unavailable);
    auto list = topics->list();
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().code, Errc::unavailable) << list.error().text;
    EXPECT_EQ(topics->create({.name = "x", .config = {}}).error().code, Errc::unavailable);
    kafka("start");
    Result<std::int64_t> appended = fail(Errc::unavailable, "not yet");
    while (!appended) appended = append(*topics, "d");
    auto all = values(*topics);
    EXPECT_EQ(all.front(), "a");
    EXPECT_EQ(all.back(), "d");
    EXPECT_EQ(*topics->position(topic_, 0, "source"), "");
}

// A child appends in the name of a producer, and is killed: what it was told of is there, its
// position says how far it came, and whoever takes it over goes on from there.
TEST_F(KafkaAwayTest, AProducerThatIsKilledIsContinuedExactly) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    topics_.reset();
    auto child = ::fork();
    if (child == 0) {
        auto topics = open();
        auto at = topics->position(topic_, 0, "source");
        if (!at) ::_exit(1);
        for (int i = 0;; ++i) {
            auto number = fmt::format("{}", i);
            if (!append(*topics, number, "source", number)) ::_exit(2);
            if (::write(told[1], "x", 1) != 1) ::_exit(3);
        }
    }
    ::close(told[1]);
    char byte = 0;
    int acknowledged = 0;
    while (acknowledged < 20 && ::read(told[0], &byte, 1) == 1) ++acknowledged;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(told[0], &byte, 1) == 1) ++acknowledged;
    ::close(told[0]);
    ASSERT_GE(acknowledged, 20);
    auto topics = open();
    auto position = topics->position(topic_, 0, "source");
    ASSERT_TRUE(position) << position.error().text;
    auto last = std::atoll(position->c_str());
    EXPECT_GE(last + 1, acknowledged);
    ASSERT_TRUE(append(*topics, "next", "source", "next"));
    auto all = values(*topics);
    ASSERT_EQ(std::int64_t(all.size()), last + 2);
    for (std::int64_t i = 0; i <= last; ++i) EXPECT_EQ(all[std::size_t(i)], fmt::format("{}", i));
}

}  // namespace
}  // namespace penstock::broker
