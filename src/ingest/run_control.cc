#include "ingest/run_control.h"

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace penstock::ingest {

RunControl::RunControl(std::int64_t for_us, std::function<bool()> cancelled)
    : cancelled_(std::move(cancelled)), end_us_(for_us > 0 ? system_clock().monotonic_us() + for_us : 0) {}

void RunControl::stop() {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    moved_.notify_all();
    if (waker_) waker_();
}

bool RunControl::ending() const {
    if (stopped_) return true;
    if (end_us_ != 0 && system_clock().monotonic_us() >= end_us_) return true;
    return cancelled();
}

std::int64_t RunControl::slice_us(std::int64_t wanted_us) const {
    auto slice = wanted_us;
    if (cancelled_) slice = std::min<std::int64_t>(slice, 100'000);
    if (end_us_ != 0) slice = std::min(slice, end_us_ - system_clock().monotonic_us());
    return std::max<std::int64_t>(slice, 0);
}

void RunControl::wait_us(std::int64_t us) {
    auto until = system_clock().monotonic_us() + us;
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        auto left = until - system_clock().monotonic_us();
        if (left <= 0) return;
        moved_.wait_for(lock, std::chrono::microseconds(slice_us(left)));
        lock.unlock();
        bool end = ending();
        lock.lock();
        if (end) return;
    }
}

void RunControl::set_waker(std::function<void()> waker) {
    std::lock_guard lock(mutex_);
    waker_ = std::move(waker);
}

}  // namespace penstock::ingest
