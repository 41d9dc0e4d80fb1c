#include "ingest/retry.h"

#include <algorithm>

namespace penstock::ingest {

std::int64_t Backoff::delay_us(int failures, std::optional<std::int64_t> told_us) {
    auto ceiling = std::max<std::int64_t>(base_us_, 1);
    for (int i = 1; i < failures && ceiling < max_us_; ++i) ceiling *= 2;
    ceiling = std::min(ceiling, std::max<std::int64_t>(max_us_, 1));
    auto delay = std::uniform_int_distribution<std::int64_t>(0, ceiling)(random_);
    // Some jitter on top, so that all who were told the same do not come back together.
    constexpr std::int64_t hour_us = 3'600'000'000;
    if (told_us) return std::min(*told_us, hour_us) + std::min(delay, base_us_);
    return delay;
}

std::int64_t CircuitBreaker::wait_us(std::int64_t now_us) {
    if (state_ != State::open) return 0;
    auto left = opened_us_ + open_us_ - now_us;
    if (left > 0) return left;
    state_ = State::half_open;
    return 0;
}

void CircuitBreaker::succeeded() {
    state_ = State::closed;
    failures_ = 0;
}

void CircuitBreaker::failed(std::int64_t now_us) {
    ++failures_;
    if (limit_ <= 0 || (state_ != State::half_open && failures_ < limit_)) return;
    state_ = State::open;
    opened_us_ = now_us;
}

std::string_view to_string(CircuitBreaker::State state) {
    switch (state) {
        case CircuitBreaker::State::closed:
            return "closed";
        case CircuitBreaker::State::open:
            return "open";
        case CircuitBreaker::State::half_open:
            return "half open";
    }
    return "";
}

}  // namespace penstock::ingest
