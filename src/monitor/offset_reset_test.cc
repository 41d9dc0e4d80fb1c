#include "monitor/offset_reset.h"

#include <gtest/gtest.h>

#include "monitor/testing/fake_topics.h"

namespace penstock::monitor {
namespace {

using Kind = ResetTo::Kind;

class OffsetResetTest : public ::testing::Test {
protected:
    /// Offsets 0 to 9 in both partitions, a record a second.
    OffsetResetTest() {
        EXPECT_TRUE(topics.create({"t", 2, {}}));
        EXPECT_TRUE(topics.create({"other", 1, {}}));
        for (std::size_t partition : {0U, 1U}) {
            for (int i = 0; i < 10; ++i) {
                topics.put("t", partition, {.key = {}, .value = "v", .timestamp_ms = i * 1000});
            }
        }
    }
    /// The new offsets, or the error's text.
    std::string plan(const ResetTo& to, const std::vector<ResetScope>& scopes = {}) {
        const auto planned = plan_reset(topics, committed, scopes, to);
        if (!planned) return planned.error().text;
        std::vector<std::string> all;
        for (const auto& one : *planned) {
            all.push_back(fmt::format("{}-{}:{}", one.topic, one.partition, one.offset));
        }
        return fmt::format("{}", fmt::join(all, " "));
    }

    testing::FakeTopics topics;
    broker::PartitionOffsets committed{{{"t", 0}, 4}, {{"t", 1}, 8}};
};

TEST_F(OffsetResetTest, GoesWhereEachScenarioSays) {
    EXPECT_EQ(plan({Kind::earliest}), "t-0:0 t-1:0");
    EXPECT_EQ(plan({Kind::latest}), "t-0:10 t-1:10");
    EXPECT_EQ(plan({Kind::current}), "t-0:4 t-1:8");
    EXPECT_EQ(plan({Kind::offset, 7}), "t-0:7 t-1:7");
    EXPECT_EQ(plan({Kind::shift, -3}), "t-0:1 t-1:5");
    EXPECT_EQ(plan({Kind::timestamp, 2500}), "t-0:3 t-1:3");
}

TEST_F(OffsetResetTest, WhatLiesBeyondThePartitionIsItsStartOrEnd) {
    EXPECT_EQ(plan({Kind::shift, 5}), "t-0:9 t-1:10");
    EXPECT_EQ(plan({Kind::shift, -5}), "t-0:0 t-1:3");
    EXPECT_EQ(plan({Kind::offset, 1000}), "t-0:10 t-1:10");
    EXPECT_EQ(plan({Kind::timestamp, 99'000}), "t-0:10 t-1:10");
}

TEST_F(OffsetResetTest, TellsWhatWouldBeReadAgainAndWhatNever) {
    const auto planned = plan_reset(topics, committed, {}, {Kind::offset, 6});
    ASSERT_TRUE(planned);
    EXPECT_EQ((*planned)[0].again(), 0);
    EXPECT_EQ((*planned)[0].skipped(), 2);
    EXPECT_EQ((*planned)[1].again(), 2);
    EXPECT_EQ((*planned)[1].skipped(), 0);
}

TEST_F(OffsetResetTest, ScopesAreTopicsAndPartitions) {
    EXPECT_EQ(plan({Kind::earliest}, {{"t", 1}}), "t-1:0");
    EXPECT_EQ(plan({Kind::current}, {{"other", {}}, {"t", 0}}), "other-0:0 t-0:4");
    EXPECT_EQ(plan({Kind::earliest}, {{"t", 2}}), "topic t has no partition 2; it has 0 to 1");
    EXPECT_EQ(plan({Kind::earliest}, {{"t", 1}, {"t", {}}}), "t-1 is named twice");
    EXPECT_EQ(plan({Kind::shift, 1}, {{"other", {}}}),
              "other-0 cannot be shifted: the group has committed no offset there");
}

TEST_F(OffsetResetTest, WithoutScopesTopicsThatAreGoneAreLeftOut) {
    committed[{"gone", 0}] = 3;
    EXPECT_EQ(plan({Kind::earliest}), "t-0:0 t-1:0");
    EXPECT_FALSE(plan_reset(topics, committed, {{"gone", {}}}, {Kind::earliest}));
    committed.clear();
    EXPECT_EQ(plan({Kind::earliest}), "the group has committed nothing yet: name a topic");
}

}  // namespace
}  // namespace penstock::monitor
