// The threads that write and sync logs: each log on one of them at a time, all that has queued up at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace penstock::broker {

class Log;

/// Thread-safe.
class Committer {
public:
    explicit Committer(int threads);
    ~Committer();  ///< after what is queued has been written
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;
    /// Calls log->commit() on a thread, again as long as it returns true.
    void schedule(std::shared_ptr<Log> log);

private:
    void run();
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Log>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace penstock::broker
