// Files in memory that forget what was not synced, tear writes, fill up and fail: for crash tests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "io/files.h"

namespace penstock::io {

/// What a power cut leaves of the writes that were not synced.
struct CrashOptions {
    /// How many un-synced changes of each file survive, from the oldest; the others are lost.
    std::size_t kept_changes = 0;
    /// How many bytes of the next one survive as well.
    std::size_t torn_bytes = 0;
    /// Whether creations, removals and renames that no sync_directory() followed survive.
    bool keep_names = false;
    /// When not 0, each change survives or not by chance, whatever kept_changes says: the page cache is
    /// written in no order.
    std::uint32_t scatter = 0;
};

/// Thread-safe. Directories exist when they were created or hold a file.
class MemoryFiles final : public Files {
public:
    MemoryFiles();
    ~MemoryFiles() override;

    Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
    bool exists(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& directory) override;
    Result<> create_directories(const std::string& directory) override;
    Result<> remove(const std::string& path) override;
    Result<> remove_all(const std::string& directory) override;
    Result<> rename(const std::string& from, const std::string& to) override;
    Result<> sync_directory(const std::string& directory) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

    /// The disk as a power cut at this moment would leave it; this one goes on.
    std::unique_ptr<MemoryFiles> after_power_cut(const CrashOptions& options) const;
    /// As after a power cut. Files that are still open keep what they had, and are no longer part of the
    /// disk.
    void crash(const CrashOptions& options = {});
    /// The write that comes after `after` others fails with Errc::full, having written half of its bytes, and
    /// so do all that follow, until set_room().
    void fill_up(int after = 0);
    void set_room();
    /// The sync that comes after `after` others fails, once; its bytes never become durable. Only files with
    /// that in their path count.
    void fail_sync(int after = 0, const std::string& path_part = "");
    int syncs() const;

    struct Node;
    struct State;

private:
    std::shared_ptr<State> state_;
};

}  // namespace penstock::io
