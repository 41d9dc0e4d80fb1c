// What a share group has read of one partition, record by record (KIP-932): which records are free, which
// ones a member has, and for how long. Pure: no log, no clock, no disk. Records are kept as ranges of
// offsets, never one by one.
//
// A change that has to be on disk first is made in two steps: it is marked, and cannot be marked again; what
// prepared() gives is written; finish() makes the marks so, or takes them back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wire/kafka/error_code.h"

namespace penstock::broker {

/// Kafka's numbers; acquired is never on disk.
enum class RecordState : std::int8_t { available = 0, acquired = 1, acknowledged = 2, archived = 4 };
/// Kafka's numbers, as members say them.
enum class AcknowledgeType : std::int8_t { gap = 0, accept = 1, release = 2, reject = 3, renew = 4 };

struct StateRange {
    std::int64_t first = 0, last = 0;  ///< both within
    RecordState state = RecordState::available;
    std::int16_t delivery_count = 0;
    bool operator==(const StateRange&) const = default;
};

/// What is kept of it. Offsets from start_offset on that no range speaks of were never given to anybody.
struct ShareState {
    std::int64_t start_offset = -1;  ///< -1: nobody has read yet
    std::vector<StateRange> ranges;  ///< in order, apart from each other
    /// How many from start_offset on are done with.
    std::int64_t complete_count() const;
    bool operator==(const ShareState&) const = default;
};

struct ShareLimits {
    std::int16_t delivery_count = 5;
    std::int32_t lock_ms = 30'000;
    std::int32_t records = 2000;  ///< given out, or between such ones, at any time
    bool renews = true;
};

/// What one type says of all records, or as many types as there are records.
struct Acknowledgement {
    std::int64_t first = 0, last = 0;
    std::vector<std::int8_t> types;
};

struct ShareRefusal {
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string text;
    explicit operator bool() const { return error != wire::kafka::ErrorCode::none; }
};

/// Whether they are of types that there are, and as many.
ShareRefusal check_acknowledgements(std::span<const Acknowledgement> all, bool may_renew);

/// A batch as it is in the log.
struct OfferedBatch {
    std::int64_t first = 0, last = 0;
    bool is_delivered = true;  ///< false: nobody shall get it, such as markers and what was aborted
};

struct AcquireRequest {
    std::string member;
    std::int64_t from = 0;     ///< where the log was read: what lies between the batches is not there
    std::int32_t records = 0;  ///< at most
    std::int32_t batch = 0;    ///< how many to tell of together
    bool is_strict = false;    ///< not one more than records; else whole batches of the log
    std::int64_t now_ms = 0;
};

struct AcquiredRange {
    std::int64_t first = 0, last = 0;
    std::int16_t delivery_count = 0;
    bool operator==(const AcquiredRange&) const = default;
};

/// Not thread-safe.
class SharePartition {
public:
    explicit SharePartition(const ShareState& state);

    /// Everything before is done with.
    std::int64_t start_offset() const { return start_; }
    /// One past the last one that was ever given out.
    std::int64_t end_offset() const { return end_; }
    /// The first one that can be given out; nullopt: there is no room.
    std::optional<std::int64_t> next_offset(const ShareLimits& limits) const;
    /// What next_offset() gives is at most that many records long, when it is not the end.
    std::vector<AcquiredRange> acquire(const AcquireRequest& request, std::span<const OfferedBatch> batches,
                                       const ShareLimits& limits);
    /// Marks all or none.
    ShareRefusal acknowledge(const std::string& member, std::span<const Acknowledgement> all,
                             const ShareLimits& limits, std::int64_t now_ms);
    /// Marks what the member has as free, or as given up.
    void release(const std::string& member, const ShareLimits& limits);
    /// Marks what members have had for too long.
    void expire(std::int64_t now_ms, const ShareLimits& limits);
    /// Records before are not in the log any more.
    void drop_before(std::int64_t offset);

    bool has_marks() const;
    /// How it will be when all marks are made so.
    ShareState prepared() const;
    /// Names the marks so far.
    std::uint64_t last_mark() const { return mark_; }
    /// Those up to this one.
    void finish(std::uint64_t mark, bool is_written);

    std::size_t ranges() const { return ranges_.size(); }
    /// Every range, for tests.
    std::vector<StateRange> all() const;

private:
    struct Next {
        RecordState state;
        std::int16_t delivery_count;
        std::uint64_t mark;
    };
    struct Range {
        std::int64_t last = 0;
        RecordState state = RecordState::available;
        std::int16_t delivery_count = 0;
        bool is_gap = false;  ///< not there in the log, or nobody shall get it
        /// What was given out together with it the first time.
        std::int64_t batch_first = 0, batch_last = 0;
        std::string member;
        std::int64_t lock_ends_ms = 0;
        std::optional<Next> next;

        bool is_free() const { return state == RecordState::available && !next; }
        bool is_done() const {
            return !next && (state == RecordState::acknowledged || state == RecordState::archived);
        }
        bool is_like(const Range& other) const;
    };
    using Ranges = std::map<std::int64_t, Range>;

    Ranges::iterator split(std::int64_t offset);
    Ranges::iterator holding(std::int64_t offset);
    Ranges::const_iterator holding(std::int64_t offset) const;
    void mark(std::int64_t first, std::int64_t last, AcknowledgeType type, const ShareLimits& limits,
              std::int64_t lock_ends_ms);
    void give_back(Range& range, const ShareLimits& limits);
    void set_next(Range& range, RecordState state, std::int16_t delivery_count);
    ShareRefusal check(const std::string& member, const Acknowledgement& batch,
                       const ShareLimits& limits) const;
    void archive_free(std::int64_t first, std::int64_t last);
    void tidy();
    std::int64_t in_flight() const;

    struct Taking;
    void enter_batch(Taking& taking, const Range& range) const;
    void take_new(Taking& taking, std::int64_t first, std::int64_t last);
    bool take(Taking& taking, std::int64_t first, std::int64_t last);

    std::int64_t start_ = 0, end_ = 0;
    Ranges ranges_;  // by first offset; together they are [start_, end_)
    std::uint64_t mark_ = 0;
};

}  // namespace penstock::broker
