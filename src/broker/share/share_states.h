// What share groups have read, kept in the topic __share_group_state in Kafka's record format: key version 0
// (group, topic id, partition), value version 0 (start offset, ranges of offsets). Every record has the whole
// state of its partition, and the topic is compacted.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "broker/share/share_partition.h"
#include "codec/uuid.h"

namespace penstock::broker {

class LocalTopics;

inline constexpr std::string_view share_state_topic = "__share_group_state";

struct ShareKey {
    std::string group;
    codec::Uuid topic;
    std::int32_t partition = 0;
    auto operator<=>(const ShareKey&) const = default;
};

std::string encode_share_key(const ShareKey& key);
std::string encode_share_value(const ShareState& state, std::int64_t now_ms);
/// Nothing when it is another record's, or cannot be read.
std::optional<ShareKey> decode_share_key(std::string_view bytes);
std::optional<ShareState> decode_share_value(std::string_view bytes);

/// Thread-safe.
class ShareStates {
public:
    explicit ShareStates(LocalTopics& topics) : topics_(topics) {}
    /// What this belongs to lives for as long as a write is on its way.
    void keep_alive(std::weak_ptr<void> owner) { owner_ = std::move(owner); }
    /// Reads back what was written.
    Result<> load();
    /// Makes the topic unless it is there. Waits for the disk.
    Result<> make_topic();

    /// nullopt takes the state away.
    using Changes = std::vector<std::pair<ShareKey, std::optional<ShareState>>>;
    /// Appends the changes together; they are seen when they are durable. Of one key, one at a time. done: as
    /// broker::Appended.
    void write(Changes changes, std::function<void(Result<>)> done);

    std::optional<ShareState> find(const ShareKey& key) const;
    std::map<ShareKey, ShareState> of_group(std::string_view group) const;
    bool has_group(std::string_view group) const;
    std::vector<std::string> groups() const;
    std::vector<ShareKey> keys() const;

private:
    void apply(const Changes& changes);

    LocalTopics& topics_;
    std::weak_ptr<void> owner_;
    mutable std::mutex mutex_;
    std::map<ShareKey, ShareState> states_;
};

}  // namespace penstock::broker
