#include "ingest/rate_window.h"

#include <algorithm>

namespace penstock::ingest {

void RateWindow::forget(std::int64_t now_us) {
    while (!uses_.empty() && uses_.front().at_us + limit_.per_us <= now_us) {
        used_ -= uses_.front().amount;
        uses_.pop_front();
    }
}

std::int64_t RateWindow::wait_us(std::int64_t now_us, std::int64_t expected_records) {
    forget(now_us);
    auto wanted = limit_.records ? std::max<std::int64_t>(expected_records, 1) : 1;
    // One request may always be made when nothing else is counted, even if it is larger than the limit.
    auto left = used_;
    std::int64_t wait = 0;
    for (auto& use : uses_) {
        if (left + wanted <= limit_.amount) break;
        left -= use.amount;
        wait = std::max<std::int64_t>(use.at_us + limit_.per_us - now_us, 1);
    }
    return wait;
}

void RateWindow::count(std::int64_t now_us, std::int64_t records) {
    forget(now_us);
    auto amount = limit_.records ? records : 1;
    used_ += amount;
    // Uses that are close are one, at the end of their time: never forgotten too early.
    auto grain = std::max<std::int64_t>(limit_.per_us / 1000, 1);
    auto at_us = (now_us / grain + 1) * grain;
    if (!uses_.empty() && uses_.back().at_us == at_us)
        uses_.back().amount += amount;
    else
        uses_.push_back({at_us, amount});
}

}  // namespace penstock::ingest
