#include "app/file_watcher.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

namespace penstock::app {
namespace {

namespace fs = std::filesystem;

struct Told {
    std::mutex mutex;
    std::condition_variable changed;
    int times = 0;
    void tell() {
        std::lock_guard lock(mutex);
        ++times;
        changed.notify_all();
    }
    bool wait_for(int count) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(10), [&] { return times >= count; });
    }
};

fs::path fresh_folder() {
    auto path = fs::temp_directory_path() / ("penstock-watch-" + std::to_string(::getpid()));
    fs::remove_all(path);
    fs::create_directories(path);
    return path;
}

}  // namespace

TEST(FileWatcherTest, TellsOfSavesRenamesAndRemovals) {
    auto folder = fresh_folder();
    Told told;
    auto watcher = FileWatcher::start({folder.string()}, [&] { told.tell(); });
    ASSERT_TRUE(watcher) << watcher.error().text;
    std::ofstream(folder / "a.yaml") << "pipeline: a\n";
    EXPECT_TRUE(told.wait_for(1));
    fs::rename(folder / "a.yaml", folder / "b.yaml");
    EXPECT_TRUE(told.wait_for(2));
    fs::remove(folder / "b.yaml");
    EXPECT_TRUE(told.wait_for(3));
    watcher->reset();
    fs::remove_all(folder);
}

TEST(FileWatcherTest, IgnoresOtherFiles) {
    auto folder = fresh_folder();
    Told told;
    auto watcher = FileWatcher::start({folder.string()}, [&] { told.tell(); });
    std::ofstream(folder / "notes.txt") << "x";
    std::ofstream(folder / "a.yaml") << "x";
    EXPECT_TRUE(told.wait_for(1));
    EXPECT_EQ(told.times, 1);
    watcher->reset();
    fs::remove_all(folder);
}

TEST(FileWatcherTest, AMissingFolderIsAnErrorThatNamesIt) {
    auto watcher = FileWatcher::start({"/nonexistent/folder"}, [] {});
    ASSERT_FALSE(watcher);
    EXPECT_NE(watcher.error().text.find("/nonexistent/folder"), std::string::npos);
}

}  // namespace penstock::app
