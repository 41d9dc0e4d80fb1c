#include "monitor/rates.h"

#include <gtest/gtest.h>

namespace penstock::monitor {
namespace {

constexpr std::int64_t second = 1'000'000;

TEST(Rates, AreZeroBeforeTheSecondLook) {
    Rates rates(5);
    EXPECT_EQ(rates.per_second("a"), 0);
    rates.add(0, {{"a", 100}});
    EXPECT_EQ(rates.per_second("a"), 0);
}

TEST(Rates, AreTakenOverTheWindowOnly) {
    Rates rates(2);
    rates.add(0, {{"a", 0}});
    rates.add(1 * second, {{"a", 1000}});
    EXPECT_DOUBLE_EQ(rates.per_second("a"), 1000);
    rates.add(2 * second, {{"a", 1010}});
    rates.add(3 * second, {{"a", 1020}});
    EXPECT_DOUBLE_EQ(rates.per_second("a"), 10);
}

TEST(Rates, CountFromZeroAfterARestart) {
    Rates rates(5);
    rates.add(0, {{"a", 5000}});
    rates.add(1 * second, {{"a", 20}});
    EXPECT_DOUBLE_EQ(rates.per_second("a"), 20);
}

TEST(Rates, StartWithACountersOwnFirstLook) {
    Rates rates(5);
    rates.add(0, {{"a", 0}});
    rates.add(1 * second, {{"a", 1}, {"b", 1000}});
    EXPECT_EQ(rates.per_second("b"), 0);
    rates.add(2 * second, {{"a", 2}, {"b", 1004}});
    EXPECT_DOUBLE_EQ(rates.per_second("b"), 4);
}

TEST(Rates, BridgeNoGap) {
    Rates rates(5);
    rates.add(0, {{"a", 1}});
    rates.add(1 * second, {});
    rates.add(2 * second, {{"a", 50}});
    EXPECT_EQ(rates.per_second("a"), 0);
}

TEST(Rates, SurviveTwoLooksAtTheSameMoment) {
    Rates rates(5);
    rates.add(0, {{"a", 0}});
    rates.add(1 * second, {{"a", 5}});
    rates.add(1 * second, {{"a", 6}});
    EXPECT_DOUBLE_EQ(rates.per_second("a"), 6);
}

}  // namespace
}  // namespace penstock::monitor
