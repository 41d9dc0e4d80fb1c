#include "stream/spark/spark_engine.h"

#include <gmock/gmock.h>

#include <thread>

#include "stream/testing/memory_tables.h"
#include "stream/testing/memory_topics.h"

namespace penstock::stream {
namespace {

using ::testing::HasSubstr;

/// Nobody listens there: what the engine does then needs no Spark.
class SparkEngineTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(topics_.create({"users", 2, {}}));
        topics_.add("users", 0, R"({"id":1,"n":2})", 0, std::nullopt);
        spec_.name = "users";
        engine_ = *make_spark_engine(topics_, tables_, system_clock(), "sc://127.0.0.1:1", [] {
            return SparkNeighbours{"kafka://127.0.0.1:9092", "cassandra://127.0.0.1:9042", "/tmp/none"};
        });
    }

    pipeline::QuerySpec query(std::string sql) {
        pipeline::QuerySpec out;
        out.name = "q";
        out.sql.text = std::move(sql);
        out.into = "ks.t";
        out.key = {{"id", false}};
        return out;
    }

    /// The query's status once it is as wanted, or the last one.
    template <class Wanted>
    QueryStatus wait_for(Wanted wanted) {
        QueryStatus last;
        for (int i = 0; i < 1000; ++i) {
            for (auto& status : engine_->status()) last = status;
            if (wanted(last)) break;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return last;
    }

    testing::MemoryTopics topics_;
    testing::MemoryTables tables_;
    pipeline::TopicSpec spec_;
    std::unique_ptr<Engine> engine_;
};

TEST_F(SparkEngineTest, ASparkThatIsAwayIsWaitedFor) {
    ASSERT_TRUE(engine_->start("p", query("SELECT id, n FROM users"), {spec_}));
    auto status =
        wait_for([](const auto& now) { return now.detail.find("trying again") != std::string::npos; });
    EXPECT_EQ(status.state, QueryState::waiting);
    EXPECT_THAT(status.detail, HasSubstr("Spark at 127.0.0.1:1"));
    EXPECT_THAT(status.reads, ::testing::ElementsAre("users"));
    EXPECT_EQ(status.lag, 1);
    auto caught_up = engine_->wait_caught_up("q", 1000);
    ASSERT_FALSE(caught_up);
    EXPECT_EQ(caught_up.error().code, Errc::timeout);
    ASSERT_TRUE(engine_->stop("q"));
    EXPECT_EQ(engine_->status()[0].state, QueryState::stopped);
    EXPECT_FALSE(engine_->select("SELECT 1"));
}

TEST_F(SparkEngineTest, WhatIsWrongOnBothEnginesIsToldAtOnce) {
    auto text = [&](const char* sql) {
        auto problems = engine_->check(query(sql), {spec_});
        return problems.empty() ? std::string() : problems[0].text;
    };
    EXPECT_EQ(text("SELECT id FROM users"), "");
    EXPECT_THAT(text("SELECT id FROM usres"), HasSubstr("unknown topic usres"));
    EXPECT_THAT(text("SELECT n FROM users"), HasSubstr("key: id is not among the selected columns"));
    EXPECT_THAT(text("SELECT 'id FROM users"), HasSubstr("never closed"));
    // Spark may offer what we do not.
    EXPECT_EQ(text("SELECT u.id FROM users u JOIN users v ON u.id = v.id"), "");
    EXPECT_EQ(text("SELECT id, soundex(n) AS s FROM users"), "");
}

TEST_F(SparkEngineTest, ItsUrlIsRead) {
    auto engine = make_spark_engine(topics_, tables_, system_clock(), "sc://h/;colour=red",
                                    [] { return SparkNeighbours(); });
    ASSERT_FALSE(engine);
    EXPECT_THAT(engine.error().text, HasSubstr("--engine: 'sc://h/;colour=red': there is no option colour"));
    EXPECT_EQ(engine_->describe(), "Apache Spark at 127.0.0.1:1");
}

}  // namespace
}  // namespace penstock::stream
