// How many bytes of requests and responses may be in memory at once. Whoever wants more waits its turn.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "net/task.h"

namespace penstock::broker {

/// Thread-safe.
class MemoryBudget {
public:
    explicit MemoryBudget(std::int64_t bytes) : limit_(bytes) {}

    /// Gives its bytes back when destroyed.
    class Share {
    public:
        Share() = default;
        Share(MemoryBudget* from, std::int64_t bytes) : from_(from), bytes_(bytes) {}
        Share(Share&& other) noexcept : from_(std::exchange(other.from_, nullptr)), bytes_(other.bytes_) {}
        Share& operator=(Share&& other) noexcept {
            std::swap(from_, other.from_);
            std::swap(bytes_, other.bytes_);
            return *this;
        }
        ~Share() {
            if (from_) from_->give_back(bytes_);
        }

    private:
        MemoryBudget* from_ = nullptr;
        std::int64_t bytes_ = 0;
    };

    /// One share is always granted when nothing else is held, however large. The budget must outlive the
    /// task.
    net::Task<Share> take(std::int64_t bytes) {
        net::Completion<bool> turn(co_await net::this_executor());
        if (!try_take(bytes, turn)) co_await turn.wait();
        co_return Share(this, bytes);
    }

    std::int64_t used() const {
        std::lock_guard lock(mutex_);
        return used_;
    }

private:
    struct Waiter {
        std::int64_t bytes;
        net::Completion<bool> turn;
    };

    bool try_take(std::int64_t bytes, const net::Completion<bool>& turn) {
        std::lock_guard lock(mutex_);
        if (waiters_.empty() && (used_ == 0 || used_ + bytes <= limit_)) {
            used_ += bytes;
            return true;
        }
        waiters_.push_back({bytes, turn});
        return false;
    }
    void give_back(std::int64_t bytes) {
        std::lock_guard lock(mutex_);
        used_ -= bytes;
        while (!waiters_.empty() && (used_ == 0 || used_ + waiters_.front().bytes <= limit_)) {
            used_ += waiters_.front().bytes;
            waiters_.front().turn.set(true);
            waiters_.pop_front();
        }
    }

    const std::int64_t limit_;
    mutable std::mutex mutex_;
    std::int64_t used_ = 0;
    std::deque<Waiter> waiters_;
};

}  // namespace penstock::broker
