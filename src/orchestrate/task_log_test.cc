#include "orchestrate/task_log.h"

#include "orchestrate/scheduler_fixture.h"

namespace penstock::orchestrate::testing {
namespace {

class TaskLogTest : public SchedulerFixture {
protected:
    TaskLogTest() : log_(*metadata_, clock_, {.dag = "d", .run_id = "r", .task = "t", .try_number = 1}) {}
    std::vector<metadata::LogLine> kept() { return *metadata_->log("d", "r", "t", 1); }
    TaskLog log_;
};

TEST_F(TaskLogTest, LinesAreWrittenAfterASecondOrAtTheEnd) {
    log_.add("one\n");
    log_.flush_old();
    EXPECT_TRUE(kept().empty());
    clock_.advance_us(1'000'000);
    log_.flush_old();
    ASSERT_EQ(kept().size(), 1u);
    EXPECT_EQ(kept()[0].text, "one");
    EXPECT_EQ(kept()[0].time_us, start_us);
    log_.add("two");
    log_.finish();
    EXPECT_EQ(kept().size(), 2u);
}

TEST_F(TaskLogTest, OfALongLogTheBeginningAndTheEndAreKept) {
    for (int i = 1; i <= 20'000; ++i) log_.add(fmt::format("line {}", i));
    log_.finish();
    auto lines = kept();
    ASSERT_EQ(lines.size(), TaskLog::lines_max + 1 + TaskLog::last_lines);
    EXPECT_EQ(lines[TaskLog::lines_max - 1].text, "line 5000");
    EXPECT_EQ(lines[TaskLog::lines_max].text, "... 14,900 lines are left out ...");
    EXPECT_EQ(lines.back().text, "line 20000");
}

TEST_F(TaskLogTest, BytesAreBoundedToo) {
    for (int i = 0; i < 1000; ++i) log_.add(std::string(100'000, 'x'));
    log_.finish();
    std::size_t bytes = 0;
    for (const auto& line : kept()) bytes += line.text.size();
    EXPECT_LE(bytes, TaskLog::bytes_max + (TaskLog::last_lines + 2) * (TaskLog::line_bytes_max + 8));
    EXPECT_EQ(kept().front().text.size(), TaskLog::line_bytes_max + 4);
}

TEST(PrintableTest, BytesThatAreNoTextBecomeAMark) {
    EXPECT_EQ(printable("a\tb\x1b[31mc"), "a\tb[31mc");
    EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
    EXPECT_EQ(printable("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(printable("\xc0\x80"), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(printable("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "ab");
}

}  // namespace
}  // namespace penstock::orchestrate::testing
