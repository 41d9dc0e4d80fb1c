#include "base/machine_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace penstock {
namespace {

class MachineMemoryTest : public testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directories(root_); }
    void TearDown() override { std::filesystem::remove_all(root_); }
    void write(const char* file, const char* text) const {
        std::filesystem::create_directories((root_ / file).parent_path());
        std::ofstream(root_ / file) << text;
    }
    const std::filesystem::path root_ =
        std::filesystem::temp_directory_path() / ("machine-memory-" + std::to_string(::getpid()));
};

TEST_F(MachineMemoryTest, OfAMachineWithoutLimits) {
    auto machine = machine_memory(root_);
    EXPECT_GT(machine, 64u << 20);
    write("sys/fs/cgroup/memory.max", "max\n");
    write("proc/self/cgroup", "0::/\n");
    EXPECT_EQ(machine_memory(root_), machine);
}

TEST_F(MachineMemoryTest, OfAContainer) {
    write("sys/fs/cgroup/memory.max", "67108864\n");
    EXPECT_EQ(machine_memory(root_), 67108864u);
}

TEST_F(MachineMemoryTest, OfAContainerOfTheFirstVersion) {
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n");
    EXPECT_EQ(machine_memory(root_), 33554432u);
}

TEST_F(MachineMemoryTest, OfAUnitAndTheSlicesAroundIt) {
    write("proc/self/cgroup", "1:name=systemd:/\n0::/system.slice/penstock.service\n");
    write("sys/fs/cgroup/system.slice/penstock.service/memory.max", "max\n");
    write("sys/fs/cgroup/system.slice/memory.max", "50331648\n");
    EXPECT_EQ(machine_memory(root_), 50331648u);
    write("sys/fs/cgroup/system.slice/penstock.service/memory.max", "16777216\n");
    EXPECT_EQ(machine_memory(root_), 16777216u);
}

}  // namespace
}  // namespace penstock
