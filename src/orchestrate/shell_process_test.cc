#include "orchestrate/shell_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace penstock::orchestrate {
namespace {

class ShellProcessTest : public ::testing::Test {
protected:
    ShellEnd run(std::string text, std::function<bool()> cancelled = nullptr) {
        ShellCommand command{.command = std::move(text),
                             .environment = {{"PENSTOCK_TASK", "t"}, {"HOME", "/replaced"}},
                             .cancelled = std::move(cancelled),
                             .log = [this](std::string_view line) { lines_.emplace_back(line); },
                             .kill_after_ms = 100};
        auto end = run_shell(command);
        EXPECT_TRUE(end) << end.error().text;
        return end ? *end : ShellEnd{};
    }
    /// Waits until the process is gone, which a signal brings about a moment later.
    static bool gone(pid_t process) {
        for (int i = 0; i < 1000; ++i) {
            if (::kill(process, 0) != 0) return true;
            std::error_code ignored;
            // A zombie that nobody reaps yet counts as gone.
            std::string stat;
            if (FILE* file = std::fopen(fmt::format("/proc/{}/stat", process).c_str(), "r")) {
                char text[256] = {};
                if (std::fread(text, 1, sizeof text - 1, file) > 0) stat = text;
                std::fclose(file);
            }
            if (stat.find(") Z ") != std::string::npos) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return false;
    }
    std::vector<std::string> lines_;
};

TEST_F(ShellProcessTest, OutputComesAsLines) {
    auto end = run("echo one; echo two >&2; printf three");
    EXPECT_TRUE(end.success());
    EXPECT_EQ(lines_, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(ShellProcessTest, ExitCodeComesWithTheLastLines) {
    auto end = run("echo it broke; exit 3");
    EXPECT_EQ(end.exit_code, 3);
    EXPECT_EQ(end.describe(), "exit code 3: it broke");
    end = run("for i in $(seq 1 50); do echo line $i; done; exit 1");
    EXPECT_TRUE(end.last_lines.starts_with("line 41\n")) << end.last_lines;
    EXPECT_TRUE(end.last_lines.ends_with("line 50"));
}

TEST_F(ShellProcessTest, ASignalIsNamed) {
    auto end = run("kill -9 $$");
    EXPECT_EQ(end.signal, 9);
    EXPECT_EQ(end.describe(), "ended by signal 9 (Killed)");
}

TEST_F(ShellProcessTest, EnvironmentIsInheritedAndReplaced) {
    ::setenv("PENSTOCK_TEST_INHERITED", "yes", 1);
    run("echo $PENSTOCK_TASK $HOME $PENSTOCK_TEST_INHERITED");
    EXPECT_EQ(lines_, std::vector<std::string>{"t /replaced yes"});
}

TEST_F(ShellProcessTest, ReadsNothingAndHasNoOtherDescriptors) {
    int leaked = ::dup(2);
    run("cat; ls /proc/self/fd | wc -l");
    ::close(leaked);
    EXPECT_EQ(lines_, std::vector<std::string>{"4"});  // the three, and the one that ls opens
}

TEST_F(ShellProcessTest, LeadsItsOwnGroupWithDefaultSignals) {
    ::signal(SIGPIPE, SIG_IGN);
    run("ps -o pgid= -p $$ | tr -d ' '; echo $$; yes | head -n 1; trap");
    ASSERT_GE(lines_.size(), 3u);
    EXPECT_EQ(lines_[0], lines_[1]);
    EXPECT_EQ(lines_[2], "y");
}

TEST_F(ShellProcessTest, MuchOutputAndLongLinesAreBounded) {
    auto end = run("head -c 300000 /dev/zero | tr '\\0' x; echo; seq 1 20000");
    EXPECT_TRUE(end.success());
    EXPECT_EQ(lines_.back(), "20000");
    for (const auto& line : lines_) EXPECT_LE(line.size(), 8u * 1024 + 16 * 1024);
}

TEST_F(ShellProcessTest, CancelEndsTheWholeGroup) {
    std::atomic<bool> cancel{false};
    ShellCommand command{.command = "sleep 1000 & echo $!; wait",
                         .cancelled = [&] { return cancel.load(); },
                         .log =
                             [&](std::string_view line) {
                                 lines_.emplace_back(line);
                                 cancel = true;
                             }};
    auto end = run_shell(command);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->signal, SIGTERM);
    EXPECT_TRUE(gone(std::atoi(lines_.at(0).c_str())));
}

TEST_F(ShellProcessTest, WhatIgnoresSigtermIsKilled) {
    bool seen = false;
    ShellCommand command{.command =
                             "trap '' TERM; (trap '' TERM; sleep 1000) & "
                             "echo $!; while :; do sleep 1; done",
                         .cancelled = [&] { return seen; },
                         .log =
                             [&](std::string_view line) {
                                 if (!seen) lines_.emplace_back(line);
                                 seen = true;
                             },
                         .kill_after_ms = 50};
    auto end = run_shell(command);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->signal, SIGKILL);
    EXPECT_TRUE(gone(std::atoi(lines_.at(0).c_str())));
}

TEST_F(ShellProcessTest, WhatIsLeftInTheBackgroundIsEnded) {
    auto end = run("sleep 1000 & echo $!");
    EXPECT_TRUE(end.success());
    EXPECT_TRUE(gone(std::atoi(lines_.at(0).c_str())));
}

TEST_F(ShellProcessTest, AZeroByteIsRefused) {
    auto end = run_shell({.command = std::string("a\0b", 3)});
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, Errc::invalid);
}

}  // namespace
}  // namespace penstock::orchestrate
