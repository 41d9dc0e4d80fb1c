#include "stream/native_engine.h"

#include <gtest/gtest.h>

#include <random>

#include "stream/exec/checkpoint.h"
#include "stream/testing/memory_tables.h"
#include "stream/testing/memory_topics.h"

namespace penstock::stream {
namespace {

using Fate = testing::MemoryTables::Fate;
constexpr std::int64_t patience_us = 20'000'000;

class NativeEngineTest : public ::testing::Test {
protected:
    NativeEngineTest() {
        options_.retry_us = 1000;
        options_.retry_max_us = 4000;
        options_.idle_us = 20'000;
        make();
        topic("events", 2);
    }

    void make() { engine_ = make_native_engine(topics_, tables_, system_clock(), options_); }

    void topic(const std::string& name, std::int32_t partitions) {
        ASSERT_TRUE(topics_.create({name, partitions, {}}));
        if (name == "events") specs_ = {spec_of(name)};
    }
    static pipeline::TopicSpec spec_of(const std::string& name) {
        pipeline::TopicSpec spec;
        spec.name = name;
        return spec;
    }

    static pipeline::QuerySpec query(std::string sql, std::vector<std::string> key = {"id"}) {
        pipeline::QuerySpec spec;
        spec.name = "q";
        spec.sql.text = std::move(sql);
        spec.into = "ks.t";
        for (auto& column : key) spec.key.push_back({std::move(column), false});
        return spec;
    }

    void start(const pipeline::QuerySpec& spec) {
        auto started = engine_->start("p", spec, specs_);
        ASSERT_TRUE(started) << started.error().text;
    }
    void catch_up() {
        auto done = engine_->wait_caught_up("q", patience_us);
        ASSERT_TRUE(done) << done.error().text;
    }
    QueryStatus status() { return engine_->status().at(0); }
    /// Waits until the query's status is as wanted.
    template <class Test>
    QueryStatus wait_for(Test test) {
        for (int i = 0; i < 20'000; ++i) {
            auto now = status();
            if (test(now)) return now;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        ADD_FAILURE() << to_string(status().state) << ": " << status().detail;
        return status();
    }

    testing::MemoryTopics topics_;
    testing::MemoryTables tables_;
    EngineOptions options_;
    std::vector<pipeline::TopicSpec> specs_;
    std::unique_ptr<Engine> engine_;
};

TEST_F(NativeEngineTest, StoresNewRecordsWithinACommitEach) {
    start(query("SELECT id, v FROM events"));
    topics_.add("events", 0, R"({"id":1,"v":"a"})");
    catch_up();
    EXPECT_EQ(tables_.rows("ks.t"), std::vector<std::string>({"1 | a"}));
    topics_.add("events", 1, R"({"id":2,"v":"b"})");
    catch_up();
    EXPECT_EQ(tables_.rows("ks.t"), (std::vector<std::string>{"1 | a", "2 | b"}));
    auto now = status();
    EXPECT_EQ(now.processed, 2);
    EXPECT_EQ(now.stored, 2);
    EXPECT_EQ(now.lag, 0);
    EXPECT_EQ(now.state, QueryState::running);
}

TEST_F(NativeEngineTest, RowsOfAFastStreamWaitForOthers) {
    options_.linger_rows = 1;
    options_.linger_us = 3'600'000'000;
    options_.commit_rows = 3;
    make();
    start(query("SELECT id FROM events"));
    topics_.add("events", 0, R"({"id":1})");
    catch_up();  // nothing is known of the stream's speed
    auto before = tables_.commits;
    topics_.add("events", 0, R"({"id":2})");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(status().stored, 1);
    topics_.add("events", 0, R"({"id":3})");
    topics_.add("events", 0, R"({"id":4})");
    wait_for([](const auto& s) { return s.stored == 4; });
    EXPECT_EQ(tables_.commits, before + 1);
}

TEST_F(NativeEngineTest, RowsOfASlowStreamDoNotWait) {
    options_.linger_rows = 1'000'000'000;
    options_.linger_us = 3'600'000'000;
    make();
    start(query("SELECT id FROM events"));
    for (int i = 1; i <= 3; ++i) {
        topics_.add("events", 0, fmt::format(R"({{"id":{}}})", i));
        wait_for([&](const auto& s) { return s.stored == i; });
    }
}

TEST_F(NativeEngineTest, WaitsForATopicThatDoesNotExist) {
    specs_.push_back(spec_of("later"));
    start(query("SELECT id FROM later"));
    auto now = wait_for([](const auto& s) { return s.detail.find("does not exist") != s.detail.npos; });
    EXPECT_EQ(now.state, QueryState::waiting);
    topic("later", 1);
    topics_.add("later", 0, R"({"id":1})");
    wait_for([](const auto& s) { return s.stored == 1; });
}

TEST_F(NativeEngineTest, WaitsForRecordsWhenTheSchemaIsNotDeclared) {
    start(query("SELECT id, late_field FROM events"));
    wait_for([](const auto& s) { return s.detail.find("has none") != s.detail.npos; });
    topics_.add("events", 0, R"({"id":1})");
    auto now = wait_for([](const auto& s) { return s.detail.find("late_field") != s.detail.npos; });
    EXPECT_EQ(now.state, QueryState::waiting);
    topics_.add("events", 0, R"({"id":2,"late_field":true})");
    wait_for([](const auto& s) { return s.stored == 2; });
    EXPECT_EQ(tables_.rows("ks.t"), (std::vector<std::string>{"1 | NULL", "2 | true"}));
}

TEST_F(NativeEngineTest, ADeclaredSchemaNeedsNoRecords) {
    specs_[0].schema.text = "id BIGINT";
    start(query("SELECT id FROM events"));
    wait_for([](const auto& s) { return s.state == QueryState::running; });
    EXPECT_TRUE(tables_.spec("ks.t"));
}

TEST_F(NativeEngineTest, AnUnchangedStartChangesNothing) {
    topics_.add("events", 0, R"({"id":1})");
    start(query("SELECT id FROM events"));
    catch_up();
    auto processed = status().processed;
    start(query("SELECT id FROM events"));
    EXPECT_EQ(status().processed, processed);
    EXPECT_EQ(status().state, QueryState::running);
}

TEST_F(NativeEngineTest, ChangedSqlWithoutStateGoesOnFromTheCheckpoint) {
    topics_.add("events", 0, R"({"id":1,"v":"a"})");
    start(query("SELECT id, v FROM events"));
    catch_up();
    start(query("SELECT id, upper(v) AS v FROM events"));
    topics_.add("events", 0, R"({"id":2,"v":"b"})");
    catch_up();
    EXPECT_EQ(tables_.rows("ks.t"), (std::vector<std::string>{"1 | a", "2 | B"}));
}

TEST_F(NativeEngineTest, ChangedSqlWithStateStartsFromTheBeginning) {
    topics_.add("events", 0, R"({"id":1,"v":1})");
    topics_.add("events", 0, R"({"id":1,"v":2})");
    start(query("SELECT id, sum(v) AS n FROM events GROUP BY id"));
    catch_up();
    start(query("SELECT id, sum(v) + count(*) AS n FROM events GROUP BY id"));
    topics_.add("events", 0, R"({"id":1,"v":4})");
    catch_up();
    EXPECT_EQ(tables_.rows("ks.t"), std::vector<std::string>({"1 | 10"}));
}

TEST_F(NativeEngineTest, GroupsSurviveARestart) {
    topics_.add("events", 0, R"({"id":1,"v":1.5})");
    start(query("SELECT id, count(*) AS n, avg(v) AS mean, max(_offset) AS o FROM events GROUP BY id"));
    catch_up();
    make();
    topics_.add("events", 0, R"({"id":1,"v":2.5})");
    start(query("SELECT id, count(*) AS n, avg(v) AS mean, max(_offset) AS o FROM events GROUP BY id"));
    catch_up();
    EXPECT_EQ(tables_.rows("ks.t"), std::vector<std::string>({"1 | 2 | 2.0 | 1"}));
}

TEST_F(NativeEngineTest, ClosedWindowsAreForgottenAndLateRowsCounted) {
    auto spec =
        query("SELECT window.start AS id, count(*) AS n FROM events GROUP BY window(_timestamp, '1 second')");
    spec.watermark = {"_timestamp", 500'000};
    topics_.add("events", 0, "{}", 100);
    topics_.add("events", 0, "{}", 5000);
    start(spec);
    catch_up();
    EXPECT_EQ(status().watermark_us, 4'500'000);
    topics_.add("events", 0, "{}", 200);
    catch_up();
    EXPECT_EQ(status().late, 1);
    EXPECT_EQ(tables_.rows("ks.t"),
              (std::vector<std::string>{"1970-01-01 00:00:00 | 1", "1970-01-01 00:00:05 | 1"}));
    // One open group, one partition's event time, and the watermark.
    EXPECT_EQ(tables_.states("q"), 3u);
}

TEST_F(NativeEngineTest, AFailingStoreIsTriedAgainAndTold) {
    std::atomic<bool> away = true;
    tables_.decide = [&](const store::Commit&) { return away ? Fate::refused : Fate::applied; };
    topics_.add("events", 0, R"({"id":1})");
    start(query("SELECT id FROM events"));
    auto now = wait_for([](const auto& s) { return s.detail.find("the store is away") != s.detail.npos; });
    EXPECT_EQ(now.state, QueryState::waiting);
    EXPECT_EQ(now.lag, 1);
    away = false;
    catch_up();
    EXPECT_EQ(tables_.rows("ks.t"), std::vector<std::string>({"1"}));
    EXPECT_EQ(status().processed, 1);
}

TEST_F(NativeEngineTest, TheNextRowsAreReadWhileTheLastAreWritten) {
    options_.batch_rows = 5;
    options_.commit_rows = 10;
    make();
    for (int i = 0; i < 20; ++i) topics_.add("events", i % 2, fmt::format(R"({{"id":{}}})", i));
    std::atomic<bool> writes = false, read_on = false;
    topics_.on_read = [&](std::int32_t partition) { read_on = read_on || (writes && partition == 1); };
    tables_.decide = [&](const store::Commit& commit) {
        if (commit.writes.empty()) return Fate::applied;
        writes = true;
        for (int i = 0; i < 5000 && !read_on; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return read_on ? Fate::applied : Fate::refused;
    };
    start(query("SELECT id FROM events"));
    catch_up();
    EXPECT_EQ(tables_.rows("ks.t").size(), 20u);
    engine_.reset();
}

TEST_F(NativeEngineTest, RecordsLostToRetentionAreNamed) {
    for (int i = 0; i < 10; ++i) topics_.add("events", 0, fmt::format(R"({{"id":{}}})", i));
    start(query("SELECT id FROM events"));
    catch_up();
    ASSERT_TRUE(engine_->stop("q"));
    for (int i = 10; i < 20; ++i) topics_.add("events", 0, fmt::format(R"({{"id":{}}})", i));
    topics_.truncate("events", 0, 15);
    start(query("SELECT id FROM events"));
    catch_up();
    EXPECT_EQ(tables_.rows("ks.t").size(), 15u);
    EXPECT_NE(status().detail.find("offsets 10 to 14 of events/0"), std::string::npos) << status().detail;
}

TEST_F(NativeEngineTest, ATopicCreatedAgainIsReadFromItsBeginning) {
    for (int i = 0; i < 3; ++i) topics_.add("events", 0, fmt::format(R"({{"id":{}}})", i));
    start(query("SELECT id FROM events"));
    catch_up();
    ASSERT_TRUE(topics_.remove("events"));
    ASSERT_TRUE(topics_.create({"events", 1, {}}));
    topics_.add("events", 0, R"({"id":100})");
    wait_for([](const auto& s) { return s.stored == 4; });
    EXPECT_NE(status().detail.find("created again"), std::string::npos);
}

TEST_F(NativeEngineTest, WritesATopic) {
    topic("out", 1);
    topics_.add("events", 0, R"({"id":1,"at":{"x":[1, 2]}})");
    topics_.add("events", 0, R"({"id":1,"at":null})");
    topics_.add("events", 0, R"({"id":null})");
    auto spec = query("SELECT id, at, _timestamp AS t FROM events");
    spec.into = "topic:out";
    start(spec);
    catch_up();
    auto set = topics_.read("out", 0, 0, 1000);
    ASSERT_EQ(set->records.size(), 3u);
    EXPECT_FALSE(set->records[2].key);
    EXPECT_EQ(*set->records[0].key, "1");
    EXPECT_EQ(*set->records[0].value, R"({"id":1,"at":{"x":[1, 2]},"t":"1970-01-01T00:00:00.000Z"})");
}

TEST_F(NativeEngineTest, TellsItsPositionToTools) {
    topics_.add("events", 1, R"({"id":1})");
    start(query("SELECT id FROM events"));
    catch_up();
    ASSERT_TRUE(engine_->stop("q"));
    EXPECT_EQ(topics_.published("penstock-q/events/1"), 1);
}

TEST_F(NativeEngineTest, DeadLettersSayWhereTheyComeFrom) {
    topics_.add("events", 0, R"({"id":1})");
    topics_.add("events", 1, "nonsense", 5, "the key");
    start(query("SELECT id FROM events"));
    catch_up();
    EXPECT_EQ(status().rejected, 1);
    EXPECT_TRUE(status().detail.starts_with("last rejected: ")) << status().detail;
    EXPECT_TRUE(status().detail.ends_with("; in topic events.dlq")) << status().detail;
    auto set = topics_.read("events.dlq", 1, 0, 1000);
    ASSERT_EQ(set->records.size(), 1u);
    EXPECT_EQ(*set->records[0].key, "the key");
    EXPECT_EQ(*set->records[0].value, "nonsense");
    std::map<std::string, std::string> headers;
    for (const auto& header : broker::decode_headers(set->records[0].headers))
        headers[std::string(header.name)] = header.value;
    EXPECT_EQ(headers["penstock.dlq.topic"], "events");
    EXPECT_EQ(headers["penstock.dlq.partition"], "1");
    EXPECT_EQ(headers["penstock.dlq.offset"], "0");
    EXPECT_EQ(headers["penstock.dlq.query"], "q");
    EXPECT_EQ(headers["penstock.dlq.reason"], "expected a JSON object");
}

TEST_F(NativeEngineTest, PreviewShowsTheLastRecordsAndStoresNothing) {
    for (int i = 0; i < 10; ++i) topics_.add("events", i % 2, fmt::format(R"({{"id":{}}})", i));
    auto rows = engine_->preview(query("SELECT id FROM events"), specs_, 4);
    ASSERT_TRUE(rows) << rows.error().text;
    EXPECT_EQ(rows->rows, 4u);
    EXPECT_FALSE(tables_.spec("ks.t"));
}

TEST_F(NativeEngineTest, SelectReadsTablesAndTopics) {
    topics_.add("events", 0, R"({"id":1,"v":"a"})");
    topics_.add("events", 0, R"({"id":2,"v":"b"})");
    start(query("SELECT id, v, _timestamp AS t FROM events"));
    catch_up();
    auto rows = engine_->select("SELECT v, id + 1 AS next FROM ks.t WHERE id > 1");
    ASSERT_TRUE(rows) << rows.error().text;
    ASSERT_EQ(rows->rows, 1u);
    EXPECT_EQ(value_text(rows->columns[0], 0), "b");
    EXPECT_EQ(value_text(rows->columns[1], 0), "3");
    auto count = engine_->select("SELECT count(*) FROM ks.t");
    EXPECT_EQ(value_text(count->columns[0], 0), "2");
}

TEST_F(NativeEngineTest, ABoundedResultHasALimit) {
    options_.select_max_rows = 3;
    make();
    for (int i = 0; i < 10; ++i) topics_.add("events", 0, fmt::format(R"({{"id":{}}})", i));
    auto rows = engine_->select("SELECT id FROM events ORDER BY id");
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, Errc::full);
    EXPECT_TRUE(engine_->select("SELECT id FROM events LIMIT 3"));
}

TEST_F(NativeEngineTest, TheTopRowsNeedNoMoreRoomThanTheyTake) {
    options_.select_max_rows = 100;
    options_.batch_rows = 7;
    make();
    for (int i = 0; i < 1000; ++i)
        topics_.add("events", i % 2, fmt::format(R"({{"id":{},"t":"text {}"}})", i * 7919 % 1000, i));
    auto rows = engine_->select("SELECT id, t FROM events ORDER BY id DESC LIMIT 3");
    ASSERT_TRUE(rows) << rows.error().text;
    ASSERT_EQ(rows->rows, 3u);
    EXPECT_EQ(value_text(rows->columns[0], 0), "999");
    EXPECT_EQ(value_text(rows->columns[0], 2), "997");
    EXPECT_TRUE(value_text(rows->columns[1], 2).starts_with("text "));
}

TEST_F(NativeEngineTest, TooManyGroupsFailTheQueryWithAReason) {
    options_.max_groups = 5;
    make();
    for (int i = 0; i < 10; ++i) topics_.add("events", 0, fmt::format(R"({{"id":{}}})", i));
    start(query("SELECT id, count(*) AS n FROM events GROUP BY id"));
    auto now = wait_for([](const auto& s) { return s.state == QueryState::failed; });
    EXPECT_NE(now.detail.find("more than 5 groups"), std::string::npos);
    EXPECT_FALSE(engine_->wait_caught_up("q", 1000));
}

TEST_F(NativeEngineTest, WaitingTimesOutWithTheReason) {
    tables_.decide = [](const store::Commit&) { return Fate::refused; };
    topics_.add("events", 0, R"({"id":1})");
    start(query("SELECT id FROM events"));
    auto done = engine_->wait_caught_up("q", 20'000);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::timeout);
}

/// Every commit may be refused, applied without an answer, or leave only its rows (a remote table); the
/// engine is thrown away at random. In the end everything is there once.
class ExactlyOnceTest : public NativeEngineTest, public ::testing::WithParamInterface<int> {
protected:
    void run(const pipeline::QuerySpec& spec) {
        std::mt19937 random(unsigned(GetParam()) * 7919u + 1);
        options_.batch_rows = 1 + random() % 7;
        options_.commit_rows = 1 + random() % 20;
        options_.read_bytes = 20 + random() % 500;
        std::mutex mutex;
        bool dead = false;
        std::mt19937 fates(random());
        tables_.decide = [&](const store::Commit&) {
            std::lock_guard lock(mutex);
            if (dead) return Fate::refused;
            switch (fates() % 6) {
                case 0:
                    return Fate::refused;
                case 1:
                    return Fate::applied_but_unknown;
                case 2:
                    return Fate::rows_only;
                default:
                    return Fate::applied;
            }
        };
        make();
        int next = 0;
        for (int life = 0; life < 6; ++life) {
            auto count = 20 + int(random() % 60);
            for (int i = 0; i < count; ++i, ++next) add(next);
            start(spec);
            auto enough = std::chrono::microseconds(random() % 3000);
            std::this_thread::sleep_for(enough);
            {
                std::lock_guard lock(mutex);
                dead = true;
            }
            make();  // a stop whose last commit is refused is a crash
            std::lock_guard lock(mutex);
            dead = false;
        }
        {
            std::lock_guard lock(mutex);
            tables_.decide = nullptr;
        }
        start(spec);
        catch_up();
        total_ = next;
    }

    void add(int number) {
        if (number % 17 == 5)
            topics_.add("events", number % 2, "broken", number);
        else
            topics_.add("events", number % 2, fmt::format(R"({{"id":{},"v":{}}})", number % 40, number),
                        number * 100);
    }

    std::size_t dead_letters() {
        std::size_t count = 0;
        for (std::int32_t i = 0; i < 2; ++i)
            count += topics_.read("events.dlq", i, 0, 1 << 20)->records.size();
        return count;
    }

    int total_ = 0;
};

TEST_P(ExactlyOnceTest, TheLastValueOfEachKey) {
    run(query("SELECT id, v, v * 2 AS twice FROM events"));
    std::map<int, int> last;
    std::size_t broken = 0;
    for (int i = 0; i < total_; ++i) {
        if (i % 17 == 5)
            ++broken;
        else
            last[i % 40] = i;
    }
    std::vector<std::string> expected;
    for (auto [id, v] : last) expected.push_back(fmt::format("{} | {} | {}", id, v, v * 2));
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(tables_.rows("ks.t"), expected);
    EXPECT_EQ(dead_letters(), broken);
}

TEST_P(ExactlyOnceTest, CountsAndSumsOfEachGroup) {
    run(query(
        "SELECT id % 5 AS id, count(*) AS n, sum(v) AS total, min(v) AS least FROM events GROUP BY id % 5"));
    std::map<int, std::array<long, 3>> groups;
    for (int i = 0; i < total_; ++i) {
        if (i % 17 == 5) continue;
        auto [found, added] = groups.try_emplace(i % 40 % 5, std::array<long, 3>{0, 0, i});
        ++found->second[0];
        found->second[1] += i;
    }
    std::vector<std::string> expected;
    for (const auto& [id, group] : groups)
        expected.push_back(fmt::format("{} | {} | {} | {}", id, group[0], group[1], group[2]));
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(tables_.rows("ks.t"), expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExactlyOnceTest, ::testing::Range(0, 12));

TEST(CheckpointTest, ReadsWhatItWrote) {
    Checkpoint checkpoint;
    checkpoint.query_hash = 0xFFFFFFFFFFFFFFFF;
    checkpoint.grouped = true;
    checkpoint.topic = "t";
    checkpoint.topic_id = "id";
    checkpoint.offsets = {1, 2, 3};
    checkpoint.watermark_us = -5;
    checkpoint.schema = "a BIGINT";
    auto read = decode_checkpoint(encode(checkpoint));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, checkpoint);
}

TEST(CheckpointTest, RefusesEveryCutAndEveryChangedByte) {
    Checkpoint checkpoint;
    checkpoint.topic = "t";
    checkpoint.offsets = {1, 2};
    auto bytes = encode(checkpoint);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_checkpoint(bytes.substr(0, size)));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto changed = bytes;
        changed[i] = char(changed[i] ^ 0x10);
        EXPECT_FALSE(decode_checkpoint(changed)) << i;
    }
}

}  // namespace
}  // namespace penstock::stream
