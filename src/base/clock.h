// Time behind an interface, so that tests decide what time it is.
#pragma once

#include <atomic>
#include <cstdint>

namespace penstock {

/// Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    /// Wall clock, microseconds since 1970-01-01T00:00:00Z.
    virtual std::int64_t now_us() const = 0;
    /// Never goes back; microseconds from an arbitrary start.
    virtual std::int64_t monotonic_us() const = 0;
    std::int64_t now_ms() const { return now_us() / 1000; }
};

/// The operating system's clock. Lives for ever.
const Clock& system_clock();

/// Stands still until told to move. For tests.
class ManualClock final : public Clock {
public:
    explicit ManualClock(std::int64_t start_us = 0) : now_us_(start_us) {}
    std::int64_t now_us() const override { return now_us_.load(); }
    std::int64_t monotonic_us() const override { return now_us_.load(); }
    void advance_us(std::int64_t by) { now_us_ += by; }
    void set_us(std::int64_t to) { now_us_ = to; }

private:
    std::atomic<std::int64_t> now_us_;
};

}  // namespace penstock
