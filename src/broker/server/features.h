// Which of Kafka's features this broker has (KIP-584), and their levels: the newest, unless clients have
// lowered one. A level that is not the newest is kept among the dynamic configs.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string_view>

#include "base/result.h"
#include "broker/local_topics.h"

namespace penstock::broker {

enum class Feature { group_version, share_version, transaction_version };

struct FeatureRange {
    Feature feature;
    std::string_view name;
    std::int16_t oldest, newest;
};

inline constexpr std::array features{
    FeatureRange{Feature::group_version, "group.version", 0,
                 1},  // groups that the broker assigns to (KIP-848)
    FeatureRange{Feature::share_version, "share.version", 0, 1},  // share groups (KIP-932)
    // Producers begin a new epoch with each transaction (KIP-890).
    FeatureRange{Feature::transaction_version, "transaction.version", 0, 2},
};

/// Thread-safe.
class FeatureLevels {
public:
    explicit FeatureLevels(LocalTopics& topics);
    std::int16_t of(Feature feature) const { return levels_[std::size_t(feature)]; }
    bool has(Feature feature) const { return of(feature) > 0; }
    /// Grows with every change, by which clients know older answers.
    std::int64_t epoch() const { return epoch_; }
    /// Kept on disk when this returns. One change at a time.
    Result<> set(const std::map<Feature, std::int16_t>& levels);

private:
    LocalTopics& topics_;
    std::array<std::atomic<std::int16_t>, features.size()> levels_;
    std::atomic<std::int64_t> epoch_ = 1;
};

}  // namespace penstock::broker
