#include "monitor/rates.h"

namespace penstock::monitor {

void Rates::add(std::int64_t now_us, Counters counters) {
    if (!looks_.empty() && looks_.back().us == now_us) looks_.pop_back();
    looks_.push_back({now_us, std::move(counters)});
    while (looks_.size() > window_ + 1) looks_.pop_front();
}

double Rates::per_second(std::string_view name) const {
    std::int64_t grown = 0;
    std::int64_t elapsed_us = 0;
    const Look* before = nullptr;
    for (const auto& look : looks_) {
        const auto found = look.counters.find(name);
        if (found == look.counters.end()) {
            before = nullptr;
            continue;
        }
        if (before != nullptr) {
            const auto last = before->counters.find(name)->second;
            grown += found->second >= last ? found->second - last : found->second;
            elapsed_us += look.us - before->us;
        }
        before = &look;
    }
    if (elapsed_us <= 0) return 0;
    return static_cast<double>(grown) * 1e6 / static_cast<double>(elapsed_us);
}

}  // namespace penstock::monitor
