#include "broker/log/index.h"

#include <algorithm>

#include "codec/big_endian.h"

namespace penstock::broker {
namespace {

constexpr std::size_t offset_entry_size = 8;
constexpr std::size_t time_entry_size = 12;

}  // namespace

OffsetEntry OffsetIndex::find(std::int64_t offset, std::int64_t base) const {
    auto after = std::ranges::upper_bound(entries_, offset, {}, &OffsetEntry::offset);
    return after == entries_.begin() ? OffsetEntry{base, 0} : *(after - 1);
}

std::string OffsetIndex::encode(std::int64_t base) const {
    std::string out;
    out.reserve(entries_.size() * offset_entry_size);
    for (const auto& entry : entries_) {
        codec::append_big(out, std::int32_t(entry.offset - base));
        codec::append_big(out, std::int32_t(entry.position));
    }
    return out;
}

Result<OffsetIndex> OffsetIndex::decode(std::string_view bytes, std::int64_t base,
                                        std::int64_t segment_size) {
    if (bytes.size() % offset_entry_size != 0)
        return fail(Errc::corrupt, "{} bytes are no whole number of entries", bytes.size());
    OffsetIndex index;
    OffsetEntry last{base - 1, -1};
    for (; !bytes.empty(); bytes.remove_prefix(offset_entry_size)) {
        OffsetEntry entry{base + codec::load_big<std::int32_t>(bytes.data()),
                          codec::load_big<std::int32_t>(bytes.data() + 4)};
        if (entry.offset <= last.offset || entry.position <= last.position || entry.position >= segment_size)
            return fail(Errc::corrupt, "entry {} (offset {}, position {}) is out of order",
                        index.entries_.size(), entry.offset, entry.position);
        index.entries_.push_back(entry);
        last = entry;
    }
    return index;
}

void TimeIndex::add(TimeEntry entry) {
    if (entries_.empty() || entry.timestamp_ms > entries_.back().timestamp_ms) entries_.push_back(entry);
}

std::int64_t TimeIndex::find(std::int64_t timestamp_ms, std::int64_t base) const {
    // Every record before the last entry's offset that is below the time is below it too.
    auto at = std::ranges::lower_bound(entries_, timestamp_ms, {}, &TimeEntry::timestamp_ms);
    return at == entries_.begin() ? base : (at - 1)->offset;
}

std::string TimeIndex::encode(std::int64_t base) const {
    std::string out;
    out.reserve(entries_.size() * time_entry_size);
    for (const auto& entry : entries_) {
        codec::append_big(out, entry.timestamp_ms);
        codec::append_big(out, std::int32_t(entry.offset - base));
    }
    return out;
}

Result<TimeIndex> TimeIndex::decode(std::string_view bytes, std::int64_t base) {
    if (bytes.size() % time_entry_size != 0)
        return fail(Errc::corrupt, "{} bytes are no whole number of entries", bytes.size());
    TimeIndex index;
    for (; !bytes.empty(); bytes.remove_prefix(time_entry_size)) {
        TimeEntry entry{codec::load_big<std::int64_t>(bytes.data()),
                        base + codec::load_big<std::int32_t>(bytes.data() + 8)};
        if (entry.offset < base ||
            (!index.entries_.empty() && (entry.timestamp_ms <= index.entries_.back().timestamp_ms ||
                                         entry.offset <= index.entries_.back().offset)))
            return fail(Errc::corrupt, "entry {} (time {}, offset {}) is out of order", index.entries_.size(),
                        entry.timestamp_ms, entry.offset);
        index.entries_.push_back(entry);
    }
    return index;
}

}  // namespace penstock::broker
