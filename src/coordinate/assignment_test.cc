#include "coordinate/assignment.h"

#include <gtest/gtest.h>

namespace penstock::coordinate {
namespace {

const std::set<std::string> seven{"1", "2", "3", "4", "5", "6", "7"};

std::map<std::string, int> loads(const Assignment& assignment) {
    std::map<std::string, int> count;
    for (const auto& [work, member] : assignment) ++count[member];
    return count;
}

int moved(const Assignment& before, const Assignment& after) {
    int count = 0;
    for (const auto& [work, member] : before)
        if (auto found = after.find(work); found == after.end() || found->second != member) ++count;
    return count;
}

TEST(AssignmentTest, EveryWorkHasOneAndSharesAreEven) {
    auto assignment = assign({{"a", seven}, {"b", seven}, {"c", seven}}, {});
    EXPECT_EQ(assignment.size(), 7u);
    EXPECT_EQ(loads(assignment), (std::map<std::string, int>{{"a", 3}, {"b", 2}, {"c", 2}}));
    EXPECT_EQ(assign({{"a", seven}, {"b", seven}, {"c", seven}}, {}), assignment);
}

TEST(AssignmentTest, WhoGoesLeavesOnlyItsOwnBehind) {
    auto before = assign({{"a", seven}, {"b", seven}, {"c", seven}}, {});
    auto after = assign({{"a", seven}, {"c", seven}}, before);
    EXPECT_EQ(moved(before, after), 2);
    EXPECT_EQ(loads(after), (std::map<std::string, int>{{"a", 4}, {"c", 3}}));
}

TEST(AssignmentTest, WhoComesTakesNoMoreThanItsShare) {
    auto before = assign({{"a", seven}, {"b", seven}}, {});
    auto after = assign({{"a", seven}, {"b", seven}, {"c", seven}}, before);
    EXPECT_EQ(moved(before, after), 2);
    EXPECT_EQ(loads(after)["c"], 2);
}

TEST(AssignmentTest, NothingMovesWithoutNeed) {
    auto before = assign({{"a", seven}, {"b", seven}}, {});
    EXPECT_EQ(assign({{"b", seven}, {"a", seven}}, before), before);
    auto more = seven;
    more.insert("8");
    EXPECT_EQ(moved(before, assign({{"a", more}, {"b", more}}, before)), 0);
}

TEST(AssignmentTest, OnlyWhoOffersAWorkGetsIt) {
    auto assignment = assign({{"a", {"1", "2", "3", "4"}}, {"b", {"4"}}, {"c", {}}}, {{"2", "c"}});
    EXPECT_EQ(assignment.at("1"), "a");
    EXPECT_EQ(assignment.at("2"), "a");
    EXPECT_EQ(assignment.at("4"), "b");
    EXPECT_TRUE(assign({}, assignment).empty());
}

TEST(AssignmentTest, TheLeadersWorkIsTheLeaders) {
    std::set<std::string> work{"lead/1", "lead/2", "lead/3", "a", "b"};
    auto before = assign({{"m1", work}, {"m2", work}}, {});
    for (auto* each : {"lead/1", "lead/2", "lead/3"}) EXPECT_EQ(before.at(each), "m1");
    EXPECT_EQ(before.at("a"), "m2");
    EXPECT_EQ(before.at("b"), "m2");
    auto after = assign({{"m2", work}, {"m3", work}}, before);
    for (auto* each : {"lead/1", "lead/2", "lead/3"}) EXPECT_EQ(after.at(each), "m2");
    EXPECT_EQ(assign({{"m1", {}}, {"m2", {"lead/1"}}}, {}).at("lead/1"), "m2");
}

TEST(AssignmentTest, TextGoesThereAndBack) {
    Assignment assignment{{"dag/a b", "m 1"}, {"source/ü", "m2"}};
    EXPECT_EQ(decode_assignment(encode_assignment(assignment)), assignment);
    EXPECT_TRUE(decode_assignment("damaged\n\n").empty());
}

}  // namespace
}  // namespace penstock::coordinate
