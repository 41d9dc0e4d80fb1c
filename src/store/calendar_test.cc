#include "store/calendar.h"

#include <gtest/gtest.h>

namespace penstock::store {
namespace {

TEST(Calendar, DaysAndDatesAreEachOthersInverse) {
    for (std::int64_t days = -800'000; days < 800'000; days += 7)
        EXPECT_EQ(days_of(date_of_days(days)), days);
    for (std::int64_t days : {std::int64_t(INT32_MIN), std::int64_t(INT32_MAX),
                              std::int64_t(-106'751'991'167), std::int64_t(106'751'991'167)})
        EXPECT_EQ(days_of(date_of_days(days)), days);
    EXPECT_EQ(days_of({1970, 1, 1}), 0);
    EXPECT_EQ(days_of({2000, 2, 29}), 11'016);
    EXPECT_EQ(days_of({-5'877'641, 6, 23}), INT32_MIN);
    EXPECT_EQ(days_of({5'881'580, 7, 11}), INT32_MAX);
}

TEST(Calendar, MonthsEndWhereTheyEnd) {
    EXPECT_EQ(days_in_month(2000, 2), 29u);
    EXPECT_EQ(days_in_month(1900, 2), 28u);
    EXPECT_EQ(days_in_month(-4, 2), 29u);
    EXPECT_EQ(days_in_month(2021, 12), 31u);
    EXPECT_EQ(add_months(days_of({2020, 1, 31}), 1), days_of({2020, 2, 29}));
    EXPECT_EQ(add_months(days_of({2020, 1, 31}), -2), days_of({2019, 11, 30}));
    EXPECT_EQ(add_months(days_of({2020, 1, 31}), -12 * 2021), days_of({-1, 1, 31}));
}

}  // namespace
}  // namespace penstock::store
