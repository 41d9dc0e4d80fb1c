// The sparse indexes of a segment: offset -> position, and time -> offset. The files have Kafka's layout
// (docs/formats/index.md). In memory while the segment is open; built anew from the segment when a file is
// missing or wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::broker {

struct OffsetEntry {
    std::int64_t offset = 0;    ///< of a batch's first record
    std::int64_t position = 0;  ///< where the batch starts in the segment
    bool operator==(const OffsetEntry&) const = default;
};

/// Entries in rising order of both. Not thread-safe.
class OffsetIndex {
public:
    void add(OffsetEntry entry) { entries_.push_back(entry); }
    /// The last entry at or before the offset; {base, 0} when there is none.
    OffsetEntry find(std::int64_t offset, std::int64_t base) const;
    void clear() { entries_.clear(); }
    const std::vector<OffsetEntry>& entries() const { return entries_; }

    std::string encode(std::int64_t base) const;
    /// Errc::corrupt when it is not an index of a segment of that base and size.
    static Result<OffsetIndex> decode(std::string_view bytes, std::int64_t base, std::int64_t segment_size);

private:
    std::vector<OffsetEntry> entries_;
};

struct TimeEntry {
    std::int64_t timestamp_ms = 0;  ///< the highest one so far in the segment ...
    std::int64_t offset = 0;        ///< ... and the first offset of the batch that has it
    bool operator==(const TimeEntry&) const = default;
};

/// Entries in strictly rising order of the timestamp, and rising order of the offset. Not thread-safe.
class TimeIndex {
public:
    void add(TimeEntry entry);  ///< ignored unless its timestamp is above the last one's
    /// The offset from which to look for the first record of at least that time; base when from the start.
    std::int64_t find(std::int64_t timestamp_ms, std::int64_t base) const;
    void clear() { entries_.clear(); }
    const std::vector<TimeEntry>& entries() const { return entries_; }

    std::string encode(std::int64_t base) const;
    static Result<TimeIndex> decode(std::string_view bytes, std::int64_t base);

private:
    std::vector<TimeEntry> entries_;
};

}  // namespace penstock::broker
