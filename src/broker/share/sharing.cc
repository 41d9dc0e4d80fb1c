#include "broker/share/sharing.h"

#include <future>
#include <set>

#include "base/log.h"

namespace penstock::broker {

namespace {

Result<> write_and_wait(ShareStates& states, ShareStates::Changes changes) {
    auto done = std::make_shared<std::promise<Result<>>>();
    auto outcome = done->get_future();
    states.write(std::move(changes), [done](Result<> result) { done->set_value(std::move(result)); });
    return outcome.get();
}

}  // namespace

Result<> Sharing::write(ShareStates::Changes changes) {
    std::lock_guard lock(changing_);
    if (changes.empty()) return {};
    std::vector<ShareKey> keys;
    for (const auto& [key, state] : changes) keys.push_back(key);
    for (const auto& key : keys) partitions.close(key);
    TRY(states.make_topic());
    TRY(write_and_wait(states, std::move(changes)));
    for (const auto& key : keys) partitions.close(key);  // what a fetch has opened meanwhile
    return {};
}

Result<> Sharing::initialize(const std::string& group, const Assignment& wanted) {
    std::lock_guard lock(changing_);
    ShareStates::Changes changes;
    for (const auto& [topic, all] : wanted)
        for (auto partition : all) {
            ShareKey key{group, topic, partition};
            if (!states.find(key)) changes.emplace_back(std::move(key), ShareState());
        }
    if (changes.empty()) return {};
    TRY(states.make_topic());
    return write_and_wait(states, std::move(changes));
}

/// Those that have been deleted.
void Sharing::forget_topics(const LocalTopics& topics) {
    constexpr std::int64_t interval_ms = 1000;
    auto now_ms = topics.options().clock->monotonic_us() / 1000;
    if (now_ms - looked_ms_ < interval_ms) return;
    looked_ms_ = now_ms;
    std::set<codec::Uuid> there;
    for (const auto& topic : topics.all()) there.insert(topic->id);
    ShareStates::Changes changes;
    for (auto& key : states.keys())
        if (!there.contains(key.topic)) changes.emplace_back(std::move(key), std::nullopt);
    for (const auto& [key, state] : changes) partitions.close(key);
    states.write(std::move(changes), [](const Result<>& result) {
        if (!result)
            log::warn("what share groups have read of a deleted topic stays: {}", result.error().text);
    });
}

}  // namespace penstock::broker
