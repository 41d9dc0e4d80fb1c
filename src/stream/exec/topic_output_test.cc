#include "stream/exec/topic_output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>

#include "stream/native_engine.h"
#include "stream/testing/memory_tables.h"
#include "stream/testing/memory_topics.h"

namespace penstock::stream {
namespace {

using Fate = testing::MemoryTables::Fate;

TEST(OutputPositionTest, TextGoesThereAndBack) {
    OutputPosition position{.query_hash = 0xfedcba9876543210,
                            .target_hash = 7,
                            .grouped = true,
                            .topic_id = "id-1",
                            .commits = 12,
                            .watermark_us = -5,
                            .from = {0, 3},
                            .to = {10, 3}};
    EXPECT_EQ(position.text(), "1 fedcba9876543210 0000000000000007 1 id-1 12 -5 0,3 10,3");
    EXPECT_EQ(OutputPosition::parse(position.text()).value(), position);
    OutputPosition none{.topic_id = "t"};
    EXPECT_EQ(OutputPosition::parse(none.text()).value(), none);
    for (auto* wrong :
         {"", "1", "0 0 -1 ", "2 fedcba9876543210 0000000000000007 1 id-1 12 -5 0,3 10,3",
          "1 fedcba9876543210 0000000000000007 1 id-1 12 -5 0,3 10", "1 x y 1 id-1 12 -5 0,3 10,3",
          "1 fedcba9876543210 0000000000000007 1 id-1 12 -5 0,, 10,3"})
        EXPECT_FALSE(OutputPosition::parse(wrong)) << wrong;
}

/// A query of "events" into "out", both with several partitions.
class TopicOutputTest : public ::testing::Test {
protected:
    TopicOutputTest() {
        options_.retry_us = 500;
        options_.retry_max_us = 1000;
        options_.idle_us = 5'000;
        options_.commit_rows = 7;
        options_.batch_rows = 5;
        EXPECT_TRUE(topics_.create({"events", 3, {}}));
        EXPECT_TRUE(topics_.create({"out", 4, {}}));
        topic_.name = "events";
        topic_.schema.text = "id BIGINT, kind STRING";
        make();
    }
    void make() { engine_ = make_native_engine(topics_, tables_, system_clock(), options_); }
    static pipeline::QuerySpec query(std::string sql, std::string key) {
        pipeline::QuerySpec spec;
        spec.name = "q";
        spec.sql.text = std::move(sql);
        spec.into = "topic:out";
        if (!key.empty()) spec.key.push_back({std::move(key), false});
        return spec;
    }
    void start(const pipeline::QuerySpec& spec) {
        auto started = engine_->start("p", spec, {topic_});
        ASSERT_TRUE(started) << started.error().text;
    }
    void catch_up() {
        auto done = engine_->wait_caught_up("q", 20'000'000);
        ASSERT_TRUE(done) << done.error().text;
    }
    void add(int from, int to) {
        for (int i = from; i < to; ++i)
            topics_.add("events", i % 3, fmt::format(R"({{"id":{},"kind":"{}"}})", i, "abc"[i % 3]));
    }
    std::vector<std::string> output() {
        std::vector<std::string> all;
        for (int i = 0; i < 4; ++i)
            for (const auto& record : topics_.read("out", i, 0, 1 << 20)->records)
                all.emplace_back(*record.value);
        std::sort(all.begin(), all.end());
        return all;
    }
    static std::vector<std::string> ids(int to) {
        std::vector<std::string> all;
        for (int i = 0; i < to; ++i) all.push_back(fmt::format(R"({{"id":{}}})", i));
        std::sort(all.begin(), all.end());
        return all;
    }

    testing::MemoryTopics topics_;
    testing::MemoryTables tables_;
    EngineOptions options_;
    pipeline::TopicSpec topic_;
    std::unique_ptr<Engine> engine_;
};

TEST_F(TopicOutputTest, ACheckpointThatWasLostDoublesNothing) {
    std::atomic<int> refused = 0;
    tables_.decide = [&](const store::Commit&) { return refused++ % 3 == 0 ? Fate::refused : Fate::applied; };
    add(0, 200);
    start(query("SELECT id FROM events", "id"));
    catch_up();
    EXPECT_GT(refused, 3);
    EXPECT_EQ(output(), ids(200));
}

TEST_F(TopicOutputTest, RowsWithoutAKeyAreThereOnceToo) {
    std::atomic<int> refused = 0;
    tables_.decide = [&](const store::Commit&) { return refused++ % 2 == 0 ? Fate::refused : Fate::applied; };
    add(0, 100);
    start(query("SELECT id FROM events", ""));
    catch_up();
    EXPECT_EQ(output(), ids(100));
}

TEST_F(TopicOutputTest, ACommitCutOffBetweenPartitionsIsMadeWhole) {
    std::mutex mutex;
    std::mt19937 chance(7);
    topics_.refuse = [&](const broker::AppendRequest& request) {
        std::lock_guard lock(mutex);
        return request.topic == "out" && chance() % 3 == 0;
    };
    add(0, 200);
    start(query("SELECT id FROM events", "id"));
    catch_up();
    EXPECT_EQ(output(), ids(200));
}

TEST_F(TopicOutputTest, CountsAreNotCountedTwice) {
    std::atomic<int> refused = 0;
    tables_.decide = [&](const store::Commit&) { return refused++ % 3 == 0 ? Fate::refused : Fate::applied; };
    add(0, 300);
    start(query("SELECT kind, count(*) AS n FROM events GROUP BY kind", "kind"));
    catch_up();
    std::map<std::string, int> last;
    for (int i = 0; i < 4; ++i) {
        for (const auto& record : topics_.read("out", i, 0, 1 << 20)->records) {
            auto now = std::atoi(record.value->substr(record.value->rfind(':') + 1).data());
            auto& before = last[std::string(*record.key)];
            EXPECT_GT(now, before) << "no count is told twice";
            before = now;
        }
    }
    EXPECT_EQ(last, (std::map<std::string, int>{{"a", 100}, {"b", 100}, {"c", 100}}));
}

/// Two processes: each with an engine; tables are their own, so that only the topic tells how far the query
/// is.
TEST_F(TopicOutputTest, ANewOwnerGoesOnWhereTheTopicSays) {
    std::atomic<std::int64_t> owner = 1;
    auto owned_by = [&](std::int64_t self) {
        return QueryOwnership{.epoch = [&owner, self](std::string_view) -> std::optional<std::int64_t> {
                                  if (owner != self) return std::nullopt;
                                  return owner.load();
                              },
                              .lost = {},
                              .shares_tables = false};
    };
    testing::MemoryTables first_tables, second_tables;
    options_.ownership = owned_by(1);
    auto first = make_native_engine(topics_, first_tables, system_clock(), options_);
    options_.ownership = owned_by(2);
    auto second = make_native_engine(topics_, second_tables, system_clock(), options_);
    auto spec = query("SELECT id FROM events", "id");
    int added = 0;
    for (int turn = 0; turn < 6; ++turn) {
        auto& engine = turn % 2 == 0 ? first : second;
        // Before there is something to do: topics in memory do not fence a commit that is on its way.
        owner = turn % 2 + 1;
        add(added, added + 50);
        added += 50;
        ASSERT_TRUE(engine->start("p", spec, {topic_}));
        auto done = engine->wait_caught_up("q", 20'000'000);
        ASSERT_TRUE(done) << done.error().text;
        // It is not stopped: it has to find out by itself.
    }
    owner = 3;
    add(added, added + 1);
    auto has_stopped = [](Engine& engine) {
        for (int i = 0; i < 20'000 && engine.status()[0].state != QueryState::stopped; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return engine.status()[0].state == QueryState::stopped;
    };
    EXPECT_TRUE(has_stopped(*first));
    EXPECT_TRUE(has_stopped(*second));
    EXPECT_EQ(output(), ids(added));
}

TEST_F(TopicOutputTest, WhatNeedsTablesIsRefusedWhenTheyAreNotShared) {
    options_.ownership =
        QueryOwnership{.epoch = [](std::string_view) { return std::optional<std::int64_t>(1); },
                       .lost = {},
                       .shares_tables = false};
    make();
    start(query("SELECT kind, count(*) AS n FROM events GROUP BY kind", "kind"));
    for (int i = 0; i < 20'000 && engine_->status()[0].state == QueryState::waiting; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(engine_->status()[0].state, QueryState::failed);
    EXPECT_NE(engine_->status()[0].detail.find("--tables"), std::string::npos) << engine_->status()[0].detail;
}

/// Two processes share tables: whoever has the older epoch can write no more, though nobody has told it to
/// stop.
TEST_F(TopicOutputTest, AnOlderEpochWritesNothingIntoTables) {
    std::atomic<std::int64_t> told_first = 1;
    std::atomic<int> lost = 0;
    options_.ownership =
        QueryOwnership{.epoch = [&](std::string_view) { return std::optional<std::int64_t>(told_first); },
                       .lost = [&](std::string_view) { ++lost; }};
    auto first = make_native_engine(topics_, tables_, system_clock(), options_);
    options_.ownership->epoch = [](std::string_view) { return std::optional<std::int64_t>(2); };
    auto second = make_native_engine(topics_, tables_, system_clock(), options_);
    auto spec = query("SELECT kind, count(*) AS n FROM events GROUP BY kind", "kind");
    spec.into = "ks.t";
    add(0, 30);
    ASSERT_TRUE(first->start("p", spec, {topic_}));
    ASSERT_TRUE(first->wait_caught_up("q", 20'000'000));
    ASSERT_TRUE(second->start("p", spec, {topic_}));
    ASSERT_TRUE(second->wait_caught_up("q", 20'000'000));
    add(30, 60);  // both see them; the first does not know that it has lost the query
    ASSERT_TRUE(second->wait_caught_up("q", 20'000'000));
    for (int i = 0; i < 20'000 && lost == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(lost, 1);
    EXPECT_EQ(first->status()[0].state, QueryState::stopped);
    EXPECT_EQ(tables_.rows("ks.t"), (std::vector<std::string>{"a | 20", "b | 20", "c | 20"}));
}

}  // namespace
}  // namespace penstock::stream
