// Tells when pipeline files are written, created, renamed or removed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace penstock::app {

/// Watches folders with inotify. Editors save in several steps, so changes are told once, 50 ms after the
/// last.
class FileWatcher {
public:
    /// changed is called on the watcher's own thread.
    static Result<std::unique_ptr<FileWatcher>> start(const std::vector<std::string>& folders,
                                                      std::function<void()> changed);
    ~FileWatcher();

private:
    FileWatcher() = default;
    void loop(std::stop_token stop);

    int inotify_ = -1;
    int wake_ = -1;  ///< an eventfd: written to stop the loop
    std::function<void()> changed_;
    std::jthread thread_;
};

}  // namespace penstock::app
