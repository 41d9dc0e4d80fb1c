#include "broker/remote_kept.h"

#include <gtest/gtest.h>

#include "broker/remote_leftover.h"

namespace penstock::broker {
namespace {

std::shared_ptr<RemoteAppend> append(std::int32_t partition, std::string_view position, std::int64_t offset,
                                     const std::string& value = "v") {
    NewRecord record{.key = "k", .value = value, .headers = {}};
    AppendRequest request{.topic = "t",
                          .partition = partition,
                          .records = {&record, 1},
                          .producer = "source:s",
                          .position = position};
    auto out = std::make_shared<RemoteAppend>(request, nullptr);
    out->first_offset = out->offset = offset;
    out->position_offset = offset + 100;
    return out;
}

TEST(RemoteKeptTest, IsSuspectOnlyWhileSomethingIsKept) {
    RemoteKept kept;
    kept.suspect();
    EXPECT_FALSE(kept.is_suspect());
    kept.add_uncertain({append(0, "1", 5)});
    EXPECT_FALSE(kept.is_suspect()) << "what is uncertain is not told to anybody";
    kept.add({append(0, "1", 5)});
    EXPECT_FALSE(kept.is_suspect());
    kept.add_uncertain({append(0, "2", 9)});
    EXPECT_TRUE(kept.is_suspect());
    kept.trust();
    EXPECT_FALSE(kept.is_suspect());
    EXPECT_EQ(kept.all().size(), 1u);
}

TEST(RemoteKeptTest, KnowsWhatHidesAPartition) {
    RemoteKept kept;
    kept.add({append(0, "1", 5), append(1, "1", 7)});
    EXPECT_TRUE(kept.is_kept({"t", 1}, "1"));
    EXPECT_FALSE(kept.is_kept({"t", 1}, "2"));
    EXPECT_TRUE(kept.is_hiding({"t", 0}, 5));
    EXPECT_FALSE(kept.is_hiding({"t", 0}, 7)) << "another partition's";
    auto positions = positions_place();
    EXPECT_TRUE(kept.is_hiding(positions, 107));
    EXPECT_FALSE(kept.is_hiding(positions, 7));
}

TEST(RemoteKeptTest, APositionThatHoldsMakesAnUncertainAppendCertain) {
    RemoteKept kept;
    auto one = append(0, "2", 5);
    kept.add_uncertain({one, append(1, "2", 7)});
    EXPECT_EQ(kept.settle(one->key(), "1"), nullptr) << "it was aborted";
    EXPECT_EQ(kept.settle(one->key(), "2"), nullptr) << "and is forgotten";
    auto other = kept.settle(position_key("source:s", "t", 1), "2");
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(other->position, "2");
}

TEST(RemoteKeptTest, WhatIsSettledLeavesTheOthersUncertain) {
    RemoteKept kept;
    auto one = append(0, "2", 5);
    auto other = append(1, "2", 7);
    kept.add_uncertain({one, other});
    kept.add_settled(kept.settle(one->key(), "2"));
    EXPECT_TRUE(kept.is_kept({"t", 0}, "2"));
    EXPECT_EQ(kept.settle(other->key(), "2"), other);
}

TEST(RemoteKeptTest, TheOldestGoWhenTooMuchIsKept) {
    RemoteKept kept;
    std::string value(10 << 20, 'x');
    for (int i = 0; i < 8; ++i) kept.add({append(0, std::to_string(i), i, value)});
    EXPECT_EQ(kept.all().size(), 6u);
    EXPECT_FALSE(kept.is_kept({"t", 0}, "1"));
    EXPECT_TRUE(kept.is_kept({"t", 0}, "7"));
}

TEST(RemoteLeftoverTest, WhatIsNeitherVisibleNorHiddenWasAborted) {
    using Fate = RemoteLeftover::Fate;
    RemoteLeftover::Written written{.visible = {{"a", 10}}, .hidden = {{"b", 20}}, .start_offset = 3};
    EXPECT_EQ(written.fate("a", 10), Fate::visible);
    EXPECT_EQ(written.fate("a", 4), Fate::visible) << "a later one of the same name";
    EXPECT_EQ(written.fate("a", 11), Fate::aborted);
    EXPECT_EQ(written.fate("b", 20), Fate::hidden);
    EXPECT_EQ(written.fate("c", 5), Fate::aborted);
    EXPECT_EQ(written.fate("c", 2), Fate::visible) << "retention has taken it";
    EXPECT_EQ(written.fate("c", -1), Fate::visible) << "Kafka has not said where it is";
}

}  // namespace
}  // namespace penstock::broker
