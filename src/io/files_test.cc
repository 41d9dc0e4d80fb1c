#include "io/files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/memory_files.h"
#include "io/random.h"

namespace penstock::io {
namespace {

std::string temporary_directory() {
    std::array<char, 8> random{};
    random_bytes(random);
    std::string name = "penstock-io-";
    for (char c : random) name += char('a' + (static_cast<unsigned char>(c) % 26));
    return (std::filesystem::temp_directory_path() / name).string();
}

class FilesTest : public ::testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (GetParam()) memory_ = std::make_unique<MemoryFiles>();
        ASSERT_TRUE(files().create_directories(directory_));
    }
    void TearDown() override { ASSERT_TRUE(files().remove_all(directory_)); }
    Files& files() { return memory_ ? *memory_ : system_files(); }
    std::string path(const std::string& name) const { return directory_ + "/" + name; }

    std::unique_ptr<MemoryFiles> memory_;
    std::string directory_ = temporary_directory();
};

TEST_P(FilesTest, WrittenPiecesAreReadBack) {
    auto file = files().open(path("a"), OpenMode::create);
    ASSERT_TRUE(file);
    std::string_view pieces[] = {"one", "", "two"};
    ASSERT_TRUE((*file)->write_at(2, pieces));
    ASSERT_TRUE((*file)->sync());
    EXPECT_EQ(*(*file)->size(), 8);
    std::string got(20, '?');
    auto size = (*file)->read_at(2, got);
    ASSERT_TRUE(size);
    EXPECT_EQ(got.substr(0, *size), "onetwo");
    EXPECT_EQ(*(*file)->read_at(100, got), 0u);
    ASSERT_TRUE((*file)->truncate(3));
    EXPECT_EQ(*(*file)->size(), 3);
}

TEST_P(FilesTest, WholeBlocksAreWrittenPastThePageCacheAndReadBack) {
    constexpr std::size_t block = 4096;
    auto file = files().open(path("a"), OpenMode::direct);  // made, as nothing is there
    ASSERT_TRUE(file);
    std::unique_ptr<char, decltype(&std::free)> memory(
        static_cast<char*>(std::aligned_alloc(block, 2 * block)), &std::free);
    std::fill_n(memory.get(), 2 * block, 'x');
    ASSERT_TRUE((*file)->write_at(0, std::string_view(memory.get(), 2 * block)));
    std::fill_n(memory.get(), block, 'y');
    ASSERT_TRUE((*file)->write_at(block, std::string_view(memory.get(), block)));
    ASSERT_TRUE((*file)->sync());
    EXPECT_EQ(*files().read_file(path("a")), std::string(block, 'x') + std::string(block, 'y'));
}

TEST_P(FilesTest, ListsNamesSortedAndRemoves) {
    ASSERT_TRUE(files().replace_file(path("b"), "1"));
    ASSERT_TRUE(files().replace_file(path("a"), "2"));
    ASSERT_TRUE(files().create_directories(path("c/d")));
    EXPECT_EQ(*files().list(directory_), (std::vector<std::string>{"a", "b", "c"}));
    ASSERT_TRUE(files().remove(path("a")));
    EXPECT_FALSE(files().exists(path("a")));
    ASSERT_TRUE(files().remove_all(path("c")));
    EXPECT_EQ(*files().list(directory_), (std::vector<std::string>{"b"}));
}

TEST_P(FilesTest, AMissingFileIsNamed) {
    auto got = files().read_file(path("nothing"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::not_found);
    EXPECT_NE(got.error().text.find(path("nothing")), std::string::npos);
}

TEST_P(FilesTest, ReplaceLeavesOnlyTheNewContent) {
    ASSERT_TRUE(files().replace_file(path("a"), "a long old content"));
    ASSERT_TRUE(files().replace_file(path("a"), "new"));
    EXPECT_EQ(*files().read_file(path("a")), "new");
    EXPECT_EQ(files().list(directory_)->size(), 1u);
}

TEST_P(FilesTest, ASecondLockIsRefusedUntilTheFirstIsGone) {
    auto first = files().lock(path("lock"));
    ASSERT_TRUE(first);
    auto second = files().lock(path("lock"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::exists);
    first->reset();
    EXPECT_TRUE(files().lock(path("lock")));
}

TEST_P(FilesTest, RenameMovesADirectory) {
    ASSERT_TRUE(files().create_directories(path("old")));
    ASSERT_TRUE(files().replace_file(path("old/a"), "x"));
    ASSERT_TRUE(files().rename(path("old"), path("new")));
    EXPECT_EQ(*files().read_file(path("new/a")), "x");
    EXPECT_FALSE(files().exists(path("old")));
}

INSTANTIATE_TEST_SUITE_P(SystemAndMemory, FilesTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Memory" : "System"; });

TEST(SystemFilesTest, AMappingShowsBytesThatAreAppendedLater) {
    auto directory = temporary_directory();
    ASSERT_TRUE(system_files().create_directories(directory));
    auto file = system_files().open(directory + "/a", OpenMode::create);
    ASSERT_TRUE((*file)->write_at(0, "first"));
    auto mapping = (*file)->map(1 << 20);
    ASSERT_TRUE(mapping);
    ASSERT_TRUE((*file)->write_at(5, "second"));
    EXPECT_EQ(std::string_view((*mapping)->data(), 11), "firstsecond");
    ASSERT_TRUE(system_files().remove_all(directory));
}

TEST(MemoryFilesTest, ACrashForgetsWhatWasNotSynced) {
    MemoryFiles files;
    ASSERT_TRUE(files.replace_file("d/a", "kept"));
    auto file = files.open("d/a", OpenMode::read_write);
    ASSERT_TRUE((*file)->write_at(4, "lost"));
    ASSERT_TRUE(files.open("d/b", OpenMode::create));
    files.crash();
    EXPECT_EQ(*files.read_file("d/a"), "kept");
    EXPECT_FALSE(files.exists("d/b"));
}

TEST(MemoryFilesTest, ACrashMayTearTheLastWrite) {
    MemoryFiles files;
    ASSERT_TRUE(files.replace_file("d/a", ""));
    auto file = files.open("d/a", OpenMode::read_write);
    ASSERT_TRUE((*file)->write_at(0, "first"));
    ASSERT_TRUE((*file)->write_at(5, "second"));
    files.crash({.kept_changes = 1, .torn_bytes = 2});
    EXPECT_EQ(*files.read_file("d/a"), "firstse");
}

TEST(MemoryFilesTest, WhatAPowerCutWouldLeaveIsACopy) {
    MemoryFiles files;
    ASSERT_TRUE(files.create_directories("d"));
    auto file = *files.open("d/a", OpenMode::create);
    ASSERT_TRUE(files.sync_directory("d"));
    ASSERT_TRUE(file->write_at(0, "kept"));
    ASSERT_TRUE(file->sync());
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(file->write_at(4 + i, "x"));
    EXPECT_EQ(*files.after_power_cut({})->read_file("d/a"), "kept");
    EXPECT_EQ(*files.after_power_cut({.kept_changes = 3})->read_file("d/a"), "keptxxx");
    // By chance: some of them survive, others read as zeros where a later one does.
    auto scattered = *files.after_power_cut({.scatter = 7})->read_file("d/a");
    EXPECT_TRUE(scattered.starts_with("kept"));
    EXPECT_NE(scattered.find('x'), std::string::npos);
    EXPECT_NE(scattered.find('\0'), std::string::npos);
    EXPECT_EQ(*files.read_file("d/a"), "kept" + std::string(40, 'x')) << "the disk itself goes on";
}

TEST(MemoryFilesTest, AFullDiskWritesHalfAndRecovers) {
    MemoryFiles files;
    auto file = files.open("a", OpenMode::create);
    files.fill_up(1);
    ASSERT_TRUE((*file)->write_at(0, "good"));
    auto refused = (*file)->write_at(4, "half");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::full);
    EXPECT_EQ(*(*file)->size(), 6);
    files.set_room();
    EXPECT_TRUE((*file)->write_at(4, "half"));
}

TEST(MemoryFilesTest, AFailedSyncLosesTheBytesForGood) {
    MemoryFiles files;
    ASSERT_TRUE(files.replace_file("d/a", "old"));
    auto file = files.open("d/a", OpenMode::read_write);
    files.fail_sync();
    ASSERT_TRUE((*file)->write_at(3, "new"));
    auto failed = (*file)->sync();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::io);
    files.crash();
    EXPECT_EQ(*files.read_file("d/a"), "old");
}

}  // namespace
}  // namespace penstock::io
