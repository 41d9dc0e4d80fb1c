// Appends of one log that are written together, and what keeps its other writers from them.
#pragma once

#include "broker/log/committer.h"
#include "broker/log/journal_frame.h"
#include "broker/log/log.h"

namespace penstock::broker {

struct Log::Commit {
    struct Answer {
        Append append;
        std::int64_t base_offset = 0;
    };
    std::unique_lock<std::mutex> lock;  // write_mutex_
    std::vector<Answer> answers;
    std::vector<wire::kafka::BatchHeader> headers;
    std::vector<std::string_view> pieces;
    std::int64_t bytes = 0;
    std::int64_t end_offset = 0;
    std::map<std::int64_t, std::optional<ProducerState::Producer>> before;  // to take back
    std::vector<AbortedTransaction> aborted;
    std::vector<std::pair<Append, Error>> refused;
};

class Log::Writing {
public:
    explicit Writing(Log& log) : log_(log), lock_(log.write_mutex_) {}
    ~Writing() {
        lock_.unlock();
        bool commit_waits = false;
        {
            std::lock_guard queue(log_.queue_mutex_);
            commit_waits = std::exchange(log_.put_off_, false);
        }
        if (commit_waits) log_.place_.committer->schedule(log_.shared_from_this());
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

private:
    Log& log_;
    std::unique_lock<std::mutex> lock_;
};

}  // namespace penstock::broker
