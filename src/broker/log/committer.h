// The threads that write logs: each log on one of them at a time, all that has queued up at once. With a
// journal, one thread takes all logs that wait, and one write makes all of them durable; when much comes, it
// lets a little of it gather first.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace penstock::broker {

class Journal;
class Log;

/// Thread-safe.
class Committer {
public:
    /// Logs sync themselves, when they are to be durable.
    explicit Committer(int threads);
    explicit Committer(Journal& journal);  ///< which outlives it
    ~Committer();                          ///< after what is queued has been written
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;
    /// Calls the log's begin_commit() and end_commit() on a thread, again as long as that returns true.
    void schedule(std::shared_ptr<Log> log);

private:
    using Logs = std::vector<std::shared_ptr<Log>>;
    void run();
    Logs take();
    void gather(std::unique_lock<std::mutex>& lock);
    Journal* journal_ = nullptr;
    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_, stops_;
    std::deque<std::shared_ptr<Log>> queue_;
    bool stopping_ = false;
    // What was committed last, with a journal:
    std::chrono::steady_clock::time_point began_;
    std::int64_t bytes_ = 0;
    std::vector<std::thread> threads_;
};

}  // namespace penstock::broker
