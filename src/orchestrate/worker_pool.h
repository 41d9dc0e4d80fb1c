// Threads that take work in the order in which it came.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace penstock::orchestrate {

/// Thread-safe.
class WorkerPool {
public:
    explicit WorkerPool(int threads);
    ~WorkerPool();  ///< finish()
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// work must not throw. Dropped after finish().
    void post(std::function<void()> work);
    /// Does all that has been posted, and ends the threads.
    void finish();

private:
    void work();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    bool finishing_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace penstock::orchestrate
