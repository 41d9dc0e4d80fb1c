// What log compaction keeps: of every key the newest record (docs/formats/segment.md). Log::compact() decides
// when.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "broker/log/producer_state.h"
#include "broker/log/segment.h"

namespace penstock::broker {

/// The newest offset of each key, by the key's hash: 128 bits, so that two keys are never taken for one.
class NewestOffsets {
public:
    explicit NewestOffsets(std::size_t most) : most_(most) {}
    /// False when there is no room; what was put before counts.
    bool put(std::string_view key, std::int64_t offset);
    /// Whether a newer record of the key is known.
    bool is_outdated(std::string_view key, std::int64_t offset) const;
    std::size_t size() const { return offsets_.size(); }

private:
    struct Hash {
        std::uint64_t low, high;
        bool operator==(const Hash&) const = default;
    };
    struct Low {
        std::size_t operator()(const Hash& hash) const { return hash.low; }
    };
    static Hash hash(std::string_view key);

    std::size_t most_;
    std::unordered_map<Hash, std::int64_t, Low> offsets_;
};

/// One pass over the segments of a log, in their order.
class CompactionPass {
public:
    CompactionPass(NewestOffsets& newest, std::vector<AbortedTransaction> aborted)
        : newest_(newest), aborted_(std::move(aborted)) {}

    /// Learns the keys of a segment. False when they do not all fit.
    Result<bool> learn(Segment& segment);
    /// Takes what is left of a segment, batch by batch.
    using Sink = std::function<Result<>(std::string_view batch)>;
    /// Whether anything of the segment goes. was_cleaned: a pass before this one has gone over it, so that
    /// whoever read then has seen its tombstones and markers; those of before forget_before_ms may go.
    Result<bool> filter(Segment& segment, bool was_cleaned, std::int64_t forget_before_ms, const Sink& left);

private:
    bool is_aborted(const wire::kafka::BatchHeader& header) const;

    NewestOffsets& newest_;
    std::vector<AbortedTransaction> aborted_;
    std::set<std::int64_t> with_data_;  // producers of which records of the transaction at hand were kept
};

}  // namespace penstock::broker
