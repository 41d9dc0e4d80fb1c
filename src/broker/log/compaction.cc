#include "broker/log/compaction.h"

#include <xxhash.h>

#include <algorithm>

#include "base/log.h"
#include "wire/kafka/filter_batch.h"

namespace penstock::broker {
namespace {

using wire::kafka::BatchHeader;
namespace attribute = wire::kafka::attribute;

constexpr std::int64_t read_bytes = 1 << 20;

/// Calls visit(header, batch) for every batch that can be read.
template <class Visit>
Result<> for_each_batch(Segment& segment, Visit visit) {
    auto offset = segment.base_offset();
    while (true) {
        auto slice = TRY(segment.read(offset, read_bytes));
        for (auto left = slice.bytes; !left.empty();) {
            auto header = TRY(wire::kafka::parse_batch_header(left));
            TRY(visit(header, left.substr(0, std::size_t(header.size()))));
            left.remove_prefix(std::size_t(header.size()));
        }
        if (slice.next_offset <= offset) return {};
        offset = slice.next_offset;
    }
}

}  // namespace

NewestOffsets::Hash NewestOffsets::hash(std::string_view key) {
    auto hash = XXH3_128bits(key.data(), key.size());
    return {hash.low64, hash.high64};
}

bool NewestOffsets::put(std::string_view key, std::int64_t offset) {
    auto hashed = hash(key);
    if (auto found = offsets_.find(hashed); found != offsets_.end()) {
        found->second = std::max(found->second, offset);
        return true;
    }
    if (offsets_.size() >= most_) return false;
    offsets_.emplace(hashed, offset);
    return true;
}

bool NewestOffsets::is_outdated(std::string_view key, std::int64_t offset) const {
    auto found = offsets_.find(hash(key));
    return found != offsets_.end() && offset < found->second;
}

bool CompactionPass::is_aborted(const BatchHeader& header) const {
    if (!header.has(attribute::transactional)) return false;
    return std::ranges::any_of(aborted_, [&](const AbortedTransaction& each) {
        return each.producer_id == header.producer_id && each.first_offset <= header.base_offset &&
               header.base_offset <= each.last_offset;
    });
}

Result<bool> CompactionPass::learn(Segment& segment) {
    bool all = true;
    TRY(for_each_batch(segment, [&](const BatchHeader& header, std::string_view batch) -> Result<> {
        if (!all || header.has(attribute::control) || is_aborted(header)) return {};
        std::string scratch;
        wire::kafka::RecordCursor cursor(TRY(wire::kafka::batch_records(batch, header, scratch, 256 << 20)));
        for (wire::kafka::RecordView record; all && cursor.next(record);)
            if (record.key) all = newest_.put(*record.key, header.base_offset + record.offset_delta);
        return {};
    }));
    return all;
}

Result<bool> CompactionPass::filter(Segment& segment, bool was_cleaned, std::int64_t forget_before_ms,
                                    const Sink& left) {
    bool changed = false;
    TRY(for_each_batch(segment, [&](const BatchHeader& header, std::string_view batch) -> Result<> {
        const bool may_forget = was_cleaned && header.max_timestamp < forget_before_ms;
        if (header.has(attribute::control)) {
            // Whoever scans the log must not take the records before it for those of an open transaction.
            bool is_needed = with_data_.erase(header.producer_id) > 0;
            if (is_needed || !may_forget) return left(batch);
            changed = true;
            return {};
        }
        if (is_aborted(header)) {
            changed = true;
            return {};
        }
        auto kept = TRY(wire::kafka::filter_batch(batch, header, [&](const wire::kafka::RecordView& record) {
            if (!record.key) return false;
            if (newest_.is_outdated(*record.key, header.base_offset + record.offset_delta)) return false;
            return record.value.has_value() || !may_forget;
        }));
        changed |= kept.changed;
        if (kept.changed && kept.batch.empty()) return {};
        if (header.has(attribute::transactional)) with_data_.insert(header.producer_id);
        return left(kept.changed ? std::string_view(kept.batch) : batch);
    }));
    return changed;
}

}  // namespace penstock::broker
