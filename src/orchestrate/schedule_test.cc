#include <date/date.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/units.h"
#include "orchestrate/interval.h"
#include "orchestrate/scheduler.h"

namespace penstock::orchestrate {
namespace {

std::int64_t at(const std::string& text) {
    std::istringstream in(text);
    date::sys_time<std::chrono::microseconds> time;
    in >> date::parse("%FT%TZ", time);
    EXPECT_FALSE(in.fail()) << text;
    return time.time_since_epoch().count();
}

std::string text_of(std::int64_t us) {
    if (us == Schedule::never) return "never";
    auto text = format_time_us(us);
    return text.substr(0, 19) + "Z";
}

/// The next times, one after the other.
std::vector<std::string> fires(std::string_view schedule, std::string_view zone, const std::string& after,
                               int count) {
    auto parsed = parse_schedule(schedule, zone);
    if (!parsed) return {parsed.error().text};
    std::vector<std::string> found;
    for (auto us = at(after); count > 0; --count) {
        us = (*parsed)->next_after(us);
        found.push_back(text_of(us));
    }
    return found;
}

struct Case {
    std::string schedule;
    std::string after;
    std::vector<std::string> expected;
};

TEST(ScheduleTest, CronInUtc) {
    const std::vector<Case> cases{
        {"* * * * *", "2026-01-31T23:59:00Z", {"2026-02-01T00:00:00Z", "2026-02-01T00:01:00Z"}},
        {"*/15 * * * *", "2026-01-01T00:00:01Z", {"2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"}},
        {"30 6 * * MON-FRI", "2026-01-02T07:00:00Z", {"2026-01-05T06:30:00Z"}},
        {"0 0 29 2 *", "2026-01-01T00:00:00Z", {"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
        {"0 0 29 2 *", "2096-03-01T00:00:00Z", {"2104-02-29T00:00:00Z"}},
        {"0 0 31 * *", "2026-01-31T00:00:00Z", {"2026-03-31T00:00:00Z"}},
        {"5/20 1 * * *",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T01:05:00Z", "2026-01-01T01:25:00Z", "2026-01-01T01:45:00Z"}},
        {"0 8-18/5 * * *",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T08:00:00Z", "2026-01-01T13:00:00Z", "2026-01-01T18:00:00Z"}},
        {"0 0 * jan,JUL sun", "2026-01-26T00:00:00Z", {"2026-07-05T00:00:00Z"}},
        {"0 0 * * 7", "2026-01-01T00:00:00Z", {"2026-01-04T00:00:00Z"}},
        {"0 0 * * 5-7",
         "2026-01-01T00:00:00Z",
         {"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-09T00:00:00Z"}},
        {"0 0 * * SAT-MON",
         "2026-01-01T00:00:00Z",
         {"2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-05T00:00:00Z", "2026-01-10T00:00:00Z"}},
        {"  0\t0  1 * *  ", "2026-01-01T00:00:00Z", {"2026-02-01T00:00:00Z"}},
        {"0 0 1 1 *", "1969-06-01T00:00:00Z", {"1970-01-01T00:00:00Z"}},
        {"0 12 * * *", "1960-02-28T13:00:00Z", {"1960-02-29T12:00:00Z"}},
    };
    for (const auto& one : cases) {
        EXPECT_EQ(fires(one.schedule, "UTC", one.after, int(one.expected.size())), one.expected)
            << one.schedule;
    }
}

TEST(ScheduleTest, DayOfMonthOrDayOfWeekWhenBothAreRestricted) {
    EXPECT_EQ(fires("0 0 13 * FRI", "UTC", "2026-02-10T00:00:00Z", 4),
              (std::vector<std::string>{"2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z",
                                        "2026-02-27T00:00:00Z", "2026-03-06T00:00:00Z"}));
    EXPECT_EQ(fires("0 0 * * FRI", "UTC", "2026-02-10T00:00:00Z", 1),
              (std::vector<std::string>{"2026-02-13T00:00:00Z"}));
    EXPECT_EQ(fires("0 0 13 * *", "UTC", "2026-02-14T00:00:00Z", 1),
              (std::vector<std::string>{"2026-03-13T00:00:00Z"}));
}

TEST(ScheduleTest, Presets) {
    auto from = "2026-05-20T10:20:30Z";
    EXPECT_EQ(fires("@hourly", "UTC", from, 1)[0], "2026-05-20T11:00:00Z");
    EXPECT_EQ(fires("@daily", "UTC", from, 1)[0], "2026-05-21T00:00:00Z");
    EXPECT_EQ(fires("@midnight", "UTC", from, 1)[0], "2026-05-21T00:00:00Z");
    EXPECT_EQ(fires("@weekly", "UTC", from, 1)[0], "2026-05-24T00:00:00Z");
    EXPECT_EQ(fires("@monthly", "UTC", from, 1)[0], "2026-06-01T00:00:00Z");
    EXPECT_EQ(fires("@quarterly", "UTC", from, 1)[0], "2026-07-01T00:00:00Z");
    EXPECT_EQ(fires("@yearly", "UTC", from, 1)[0], "2027-01-01T00:00:00Z");
    EXPECT_EQ(fires("@annually", "UTC", from, 1)[0], "2027-01-01T00:00:00Z");
    EXPECT_EQ(fires("@once", "UTC", from, 1)[0], "never");
    EXPECT_EQ((*parse_schedule("@once", "UTC"))->kind(), Schedule::Kind::once);
    EXPECT_EQ((*parse_schedule("@continuous", "UTC"))->kind(), Schedule::Kind::continuous);
    EXPECT_EQ((*parse_schedule("@daily", "UTC"))->kind(), Schedule::Kind::times);
}

TEST(ScheduleTest, EveryIsAMultipleSince1970) {
    EXPECT_EQ(fires("every 10m", "UTC", "2026-05-20T10:20:30Z", 2),
              (std::vector<std::string>{"2026-05-20T10:30:00Z", "2026-05-20T10:40:00Z"}));
    EXPECT_EQ(fires("every 1h30m", "Europe/Berlin", "1970-01-01T00:00:00Z", 2),
              (std::vector<std::string>{"1970-01-01T01:30:00Z", "1970-01-01T03:00:00Z"}));
    EXPECT_EQ(
        fires("every1s", "UTC", "1969-12-31T23:59:58Z", 3),
        (std::vector<std::string>{"1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"}));
}

// Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
TEST(ScheduleTest, ATimeThatIsSkippedFiresOnceWhenTheGapEnds) {
    EXPECT_EQ(
        fires("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        (std::vector<std::string>{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}));
    EXPECT_EQ(fires("0,20,40 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z", 2),
              (std::vector<std::string>{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}));
    // The second before the gap, and its end.
    EXPECT_EQ(fires("30 2 * * *", "Europe/Berlin", "2026-03-29T00:59:59Z", 1)[0], "2026-03-29T01:00:00Z");
    EXPECT_EQ(fires("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", 1)[0], "2026-03-30T00:30:00Z");
    // 03:00 exists, and is the same moment: it fires once.
    EXPECT_EQ(
        fires("30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3),
        (std::vector<std::string>{"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}));
}

TEST(ScheduleTest, ATimeThatComesTwiceFiresTheFirstTime) {
    EXPECT_EQ(fires("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
              (std::vector<std::string>{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}));
    // Asked in the second pass, before its 02:30.
    EXPECT_EQ(fires("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1)[0], "2026-10-26T01:30:00Z");
}

TEST(ScheduleTest, SchedulesOfEveryHourFollowElapsedTime) {
    EXPECT_EQ(fires("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4),
              (std::vector<std::string>{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z",
                                        "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"}));
    EXPECT_EQ(
        fires("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:20:00Z", 3),
        (std::vector<std::string>{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}));
    // Every second hour of the local clock: 00 02 04; 02 is skipped, and then comes 04.
    EXPECT_EQ(fires("0 */2 * * *", "Europe/Berlin", "2026-03-28T22:30:00Z", 2),
              (std::vector<std::string>{"2026-03-28T23:00:00Z", "2026-03-29T02:00:00Z"}));
}

TEST(ScheduleTest, OtherZonesAndTheirOddities) {
    EXPECT_EQ(fires("@daily", "America/New_York", "2026-03-08T00:00:00Z", 2),
              (std::vector<std::string>{"2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"}));
    EXPECT_EQ(fires("0 9 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", 1)[0], "2026-01-01T03:15:00Z");
    // Lord Howe moves by half an hour: 2026-04-05 02:00 becomes 01:30.
    EXPECT_EQ(fires("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2),
              (std::vector<std::string>{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}));
    // Samoa had no 30 December 2011: its run falls on the end of the gap, as midnight of the 31st does.
    EXPECT_EQ(fires("0 0 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 2),
              (std::vector<std::string>{"2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"}));
}

TEST(ScheduleTest, ErrorsNameTheFieldAndWhatWasExpected) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "empty"},
        {"60 * * * *", "field 1 (minute): '60'"},
        {"* 24 * * *", "field 2 (hour): '24'"},
        {"* * 0 * *", "field 3 (day of month): '0'"},
        {"* * * 13 *", "field 4 (month): '13'"},
        {"* * * * 8", "field 5 (day of week): '8'"},
        {"* * * FOO *", "field 4 (month): 'FOO' is not valid; expected *, 1-12, JAN-DEC"},
        {"*/0 * * * *", "field 1 (minute): '*/0'"},
        {"1- * * * *", "field 1 (minute)"},
        {"1,,2 * * * *", "field 1 (minute): ''"},
        {"+5 * * * *", "field 1 (minute): '+5'"},
        {"* 22-2 * * *", "runs backwards; write it as two: 22-23,0-2"},
        {"* * * *", "has 4 fields; expected 5"},
        {"0 0 * * * *", "has 6 fields; expected 5"},
        {"0 0 31 2 *", "never fires"},
        {"0 0 30,31 2 *", "never fires"},
        {"@often", "expected @hourly"},
        {"every", "has 1 fields"},
        {"every now and then", "every 10m"},
        {"every 10ms", "1s to 10 years"},
    };
    for (const auto& [text, expected] : cases) {
        auto parsed = parse_schedule(text, "UTC");
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Errc::invalid);
        EXPECT_NE(parsed.error().text.find(expected), std::string::npos)
            << text << ": " << parsed.error().text;
    }
    auto zone = parse_schedule("@daily", "Mars/Olympus");
    ASSERT_FALSE(zone);
    EXPECT_NE(zone.error().text.find("'Mars/Olympus'"), std::string::npos);
}

TEST(ScheduleTest, TheEndsOfTimeAreNever) {
    for (auto text : {"* * * * *", "0 0 29 2 *", "every 1s", "every 10m"}) {
        auto schedule = parse_schedule(text, "UTC");
        EXPECT_EQ((*schedule)->next_after(INT64_MAX), Schedule::never) << text;
        EXPECT_GT((*schedule)->next_after(INT64_MIN), INT64_MIN) << text;
    }
}

class IntervalTest : public ::testing::Test {
protected:
    static std::string next(std::string_view schedule, const std::string& last, bool catchup,
                            const std::string& start, const std::string& now, std::string_view zone = "UTC") {
        auto parsed = parse_schedule(schedule, zone);
        std::optional<std::int64_t> last_us;
        std::optional<std::int64_t> start_us;
        if (!last.empty()) last_us = at(last);
        if (!start.empty()) start_us = at(start);
        auto interval = next_interval(**parsed, last_us, catchup, start_us, at(now));
        if (!interval) return "none";
        return text_of(interval->start_us) + " " + text_of(interval->end_us);
    }
};

TEST_F(IntervalTest, ANewDagRunsTheLatestIntervalThatIsOver) {
    EXPECT_EQ(next("@daily", "", false, "", "2026-05-20T10:00:00Z"),
              "2026-05-19T00:00:00Z 2026-05-20T00:00:00Z");
    EXPECT_EQ(next("@daily", "", true, "", "2026-05-20T00:00:00Z"),
              "2026-05-19T00:00:00Z 2026-05-20T00:00:00Z");
    EXPECT_EQ(next("0 0 29 2 *", "", false, "", "2026-05-20T00:00:00Z"),
              "2020-02-29T00:00:00Z 2024-02-29T00:00:00Z");
}

TEST_F(IntervalTest, AStartInTheFutureIsWaitedFor) {
    EXPECT_EQ(next("@daily", "", false, "2026-06-01T12:00:00Z", "2026-05-20T10:00:00Z"),
              "2026-06-02T00:00:00Z 2026-06-03T00:00:00Z");
    EXPECT_EQ(next("@daily", "", false, "2026-06-01T00:00:00Z", "2026-05-20T10:00:00Z"),
              "2026-06-01T00:00:00Z 2026-06-02T00:00:00Z");
}

TEST_F(IntervalTest, CatchUpGoesOneByOneFromTheStart) {
    EXPECT_EQ(next("@daily", "", true, "2026-05-01T00:00:00Z", "2026-05-20T10:00:00Z"),
              "2026-05-01T00:00:00Z 2026-05-02T00:00:00Z");
    EXPECT_EQ(next("@daily", "2026-05-01T00:00:00Z", true, "2026-05-01T00:00:00Z", "2026-05-20T10:00:00Z"),
              "2026-05-02T00:00:00Z 2026-05-03T00:00:00Z");
    EXPECT_EQ(next("@daily", "", false, "2026-05-01T00:00:00Z", "2026-05-20T10:00:00Z"),
              "2026-05-19T00:00:00Z 2026-05-20T00:00:00Z");
}

TEST_F(IntervalTest, WithoutCatchUpOnlyTheLatestOfTheMissed) {
    EXPECT_EQ(next("@hourly", "2026-05-20T01:00:00Z", false, "", "2026-05-20T10:30:00Z"),
              "2026-05-20T09:00:00Z 2026-05-20T10:00:00Z");
    EXPECT_EQ(next("@hourly", "2026-05-20T09:00:00Z", false, "", "2026-05-20T10:30:00Z"),
              "2026-05-20T10:00:00Z 2026-05-20T11:00:00Z");
}

TEST_F(IntervalTest, AfterAChangeOfTheScheduleTheIntervalAroundTheLastRunIsNext) {
    EXPECT_EQ(next("@daily", "2026-05-20T12:34:00Z", false, "", "2026-05-20T13:00:00Z"),
              "2026-05-20T00:00:00Z 2026-05-21T00:00:00Z");
}

TEST_F(IntervalTest, TheDayTheClockChangesIsOneInterval) {
    EXPECT_EQ(next("@daily", "2026-03-27T23:00:00Z", true, "", "2026-04-02T00:00:00Z", "Europe/Berlin"),
              "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z");
}

}  // namespace
}  // namespace penstock::orchestrate
