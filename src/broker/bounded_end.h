// Waits for something to end that may never do so.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>

namespace penstock::broker {

/// Once one has not ended within the first limit, the others, which hang for the same reason, have the
/// second: a process that is to stop is held up once, however many it has. Thread-safe.
class BoundedEnd {
public:
    using Limit = std::chrono::milliseconds;

    BoundedEnd(Limit first, Limit then) : first_(first), then_(then) {}

    /// Runs end in a thread of its own, which goes on by itself when the limit is over: then false. What end
    /// uses is its own.
    bool wait_for(std::function<void()> end) {
        auto ended = std::make_shared<std::promise<void>>();
        auto end_seen = ended->get_future();
        std::thread([end = std::move(end), ended] {
            end();
            ended->set_value();
        }).detach();
        if (end_seen.wait_for(some_hung_ ? then_ : first_) == std::future_status::ready) return true;
        some_hung_ = true;
        return false;
    }

private:
    const Limit first_;
    const Limit then_;
    std::atomic<bool> some_hung_{false};
};

}  // namespace penstock::broker
