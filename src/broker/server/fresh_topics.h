// Topics that were made by being asked for, in their first moments. A cluster needs some 50 ms until its
// brokers know such a topic, and clients have come to rely on it: who finds no topic when it joins a group
// and then sees one come joins again (kafka-go).
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "codec/uuid.h"

namespace penstock::broker {

/// Thread-safe. Times are of Clock::monotonic_us().
class FreshTopics {
public:
    static constexpr std::int64_t fresh_us = 50'000;

    void add(const codec::Uuid& topic, std::int64_t now_us) {
        std::lock_guard lock(mutex_);
        until_.emplace_back(topic, now_us + fresh_us);
    }
    bool contains(const codec::Uuid& topic, std::int64_t now_us) {
        std::lock_guard lock(mutex_);
        std::erase_if(until_, [&](const auto& each) { return each.second <= now_us; });
        return std::ranges::find(until_, topic, &Until::first) != until_.end();
    }

private:
    using Until = std::pair<codec::Uuid, std::int64_t>;
    std::mutex mutex_;
    std::vector<Until> until_;
};

}  // namespace penstock::broker
