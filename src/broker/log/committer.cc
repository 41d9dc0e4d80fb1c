#include "broker/log/committer.h"

#include "broker/log/log.h"

namespace penstock::broker {

Committer::Committer(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Committer::~Committer() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void Committer::schedule(std::shared_ptr<Log> log) {
    {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(log));
    }
    wake_.notify_one();
}

void Committer::run() {
    while (true) {
        std::shared_ptr<Log> log;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            log = std::move(queue_.front());
            queue_.pop_front();
        }
        if (log->commit()) schedule(std::move(log));
    }
}

}  // namespace penstock::broker
