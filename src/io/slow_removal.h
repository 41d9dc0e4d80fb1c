// For tests: files whose removal waits until it may go on.
#pragma once

#include <latch>

#include "io/files.h"

namespace penstock::io {

class SlowRemoval final : public Files {
public:
    explicit SlowRemoval(Files& files) : files_(files) {}
    Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
        return files_.open(path, mode);
    }
    bool exists(const std::string& path) override { return files_.exists(path); }
    Result<std::vector<std::string>> list(const std::string& path) override { return files_.list(path); }
    Result<> create_directories(const std::string& path) override { return files_.create_directories(path); }
    Result<> remove(const std::string& path) override {
        if (!begun.try_wait()) begun.count_down();
        may_go_on.wait();
        return files_.remove(path);
    }
    Result<> remove_all(const std::string& path) override { return files_.remove_all(path); }
    Result<> rename(const std::string& from, const std::string& to) override {
        return files_.rename(from, to);
    }
    Result<> sync_directory(const std::string& path) override { return files_.sync_directory(path); }
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return files_.lock(path); }

    std::latch begun{1}, may_go_on{1};

private:
    Files& files_;
};

}  // namespace penstock::io
