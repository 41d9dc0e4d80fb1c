// Speeds, from counters that are looked at now and then.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace penstock::monitor {

using Counters = std::map<std::string, std::int64_t, std::less<>>;

/// Keeps the last looks at a set of counters. Not thread-safe.
class Rates {
public:
    /// window: how many intervals between looks a rate is taken over; at least 1.
    explicit Rates(std::size_t window) : window_(window) {}

    /// now_us must not go back. Two looks at the same moment: the later one replaces the earlier.
    void add(std::int64_t now_us, Counters counters);

    /// By how much the counter grew per second within the window, and 0 before its second look. A counter
    /// that fell was started anew: what it shows now is what it grew by.
    double per_second(std::string_view name) const;

private:
    struct Look {
        std::int64_t us = 0;
        Counters counters;
    };
    std::size_t window_;
    std::deque<Look> looks_;  ///< oldest first
};

}  // namespace penstock::monitor
