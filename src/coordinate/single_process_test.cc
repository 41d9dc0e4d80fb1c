#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "coordinate/coordinator.h"

namespace penstock::coordinate {
namespace {

namespace fs = std::filesystem;

class SingleProcessTest : public testing::Test {
protected:
    SingleProcessTest() {
        auto pattern = (fs::temp_directory_path() / "penstock_coordinate_XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~SingleProcessTest() override { fs::remove_all(directory_); }
    std::string directory_;
};

TEST_F(SingleProcessTest, AllThatIsOfferedIsOurs) {
    auto coordinator = single_process(directory_);
    ASSERT_TRUE(coordinator) << coordinator.error().text;
    EXPECT_TRUE((*coordinator)->leads());
    ASSERT_EQ((*coordinator)->members().size(), 1u);
    EXPECT_EQ((*coordinator)->members()[0].id, (*coordinator)->member_id());
    EXPECT_TRUE((*coordinator)->members()[0].leads);
    EXPECT_TRUE((*coordinator)->mine().empty());
    (*coordinator)->offer({"source/b", "dag/a", "source/b"}, nullptr);
    EXPECT_EQ((*coordinator)->mine(), (std::vector<std::string>{"dag/a", "source/b"}));
}

TEST_F(SingleProcessTest, ChangedIsCalledWhenTheAnswerChangesAndMayAsk) {
    auto coordinator = *single_process(directory_);
    int calls = 0;
    std::size_t seen = 0;
    auto changed = [&] {
        ++calls;
        seen = coordinator->mine().size();
    };
    coordinator->offer({"dag/a", "dag/b"}, changed);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(seen, 2u);
    coordinator->offer({"dag/b", "dag/a"}, changed);
    EXPECT_EQ(calls, 1);
    coordinator->offer({}, changed);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(seen, 0u);
}

TEST_F(SingleProcessTest, EpochsGrowWithEachStart) {
    std::int64_t before = 0;
    for (int i = 0; i < 3; ++i) {
        auto coordinator = *single_process(directory_);
        coordinator->offer({"dag/a"}, nullptr);
        EXPECT_GT(coordinator->epoch("dag/a"), before);
        EXPECT_EQ(coordinator->epoch("dag/unknown"), 0);
        before = coordinator->epoch("dag/a");
    }
}

TEST_F(SingleProcessTest, ASecondOneIsRefusedAndTheFirstIsNamed) {
    auto first = single_process(directory_);
    ASSERT_TRUE(first);
    auto second = single_process(directory_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::unavailable);
    EXPECT_NE(second.error().text.find(fmt::format("pid {}", ::getpid())), std::string::npos)
        << second.error().text;
    first->reset();
    EXPECT_TRUE(single_process(directory_));
}

TEST_F(SingleProcessTest, AnotherProcessHoldsItUntilItIsKilled) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    pid_t child = ::fork();
    if (child == 0) {
        auto held = single_process(directory_);
        char byte = held ? 'y' : 'n';
        if (::write(told[1], &byte, 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    char byte = 0;
    ASSERT_EQ(::read(told[0], &byte, 1), 1);
    ASSERT_EQ(byte, 'y');
    auto refused = single_process(directory_);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find(fmt::format("pid {}", child)), std::string::npos);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(single_process(directory_));
    ::close(told[0]);
    ::close(told[1]);
}

TEST_F(SingleProcessTest, ADirectoryThatDoesNotExistIsNamed) {
    auto coordinator = single_process("/nonexistent/penstock");
    ASSERT_FALSE(coordinator);
    EXPECT_EQ(coordinator.error().code, Errc::io);
    EXPECT_NE(coordinator.error().text.find("/nonexistent/penstock/LOCK"), std::string::npos);
}

TEST_F(SingleProcessTest, ADamagedEpochFileIsNamed) {
    std::ofstream(directory_ + "/EPOCH") << "what\n";
    auto coordinator = single_process(directory_);
    ASSERT_FALSE(coordinator);
    EXPECT_EQ(coordinator.error().code, Errc::corrupt);
    EXPECT_NE(coordinator.error().text.find("/EPOCH"), std::string::npos);
    fs::remove(directory_ + "/EPOCH");
    EXPECT_TRUE(single_process(directory_));
}

}  // namespace
}  // namespace penstock::coordinate
