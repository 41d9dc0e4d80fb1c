// When to try again after a failure, and when to leave an API alone for a while.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

namespace penstock::ingest {

/// Exponential back-off with full jitter: a random time up to base * 2^attempt, at most max.
class Backoff {
public:
    Backoff(std::int64_t base_us, std::int64_t max_us, std::uint64_t seed)
        : base_us_(base_us), max_us_(max_us), random_(seed) {}

    /// For the attempt after this many failures in a row, from 1. told_us: what the API's Retry-After says;
    /// it is waited for in any case, at most an hour.
    std::int64_t delay_us(int failures, std::optional<std::int64_t> told_us = {});

private:
    std::int64_t base_us_;
    std::int64_t max_us_;
    std::mt19937_64 random_;
};

/// Closed: requests go through. After so many failures in a row open: none does, for a time. Then half open:
/// one may, and what comes of it closes or opens the circuit. For one thread; times are monotonic
/// microseconds.
class CircuitBreaker {
public:
    enum class State { closed, open, half_open };

    CircuitBreaker(int failures, std::int64_t open_us) : limit_(failures), open_us_(open_us) {}

    /// How long to wait before the next request; 0: now.
    std::int64_t wait_us(std::int64_t now_us);
    void succeeded();
    void failed(std::int64_t now_us);
    State state() const { return state_; }
    int failures() const { return failures_; }

private:
    int limit_;
    std::int64_t open_us_;
    State state_ = State::closed;
    int failures_ = 0;
    std::int64_t opened_us_ = 0;
};

std::string_view to_string(CircuitBreaker::State state);

}  // namespace penstock::ingest
