#include "broker/share/share_partition.h"

#include <algorithm>
#include <utility>

namespace penstock::broker {

using wire::kafka::ErrorCode;

std::int64_t ShareState::complete_count() const {
    std::int64_t count = 0;
    for (const auto& range : ranges)
        if (range.state == RecordState::acknowledged || range.state == RecordState::archived)
            count += range.last - range.first + 1;
    return count;
}

ShareRefusal check_acknowledgements(std::span<const Acknowledgement> all, bool may_renew) {
    auto refuse = [](std::string text) { return ShareRefusal{ErrorCode::invalid_request, std::move(text)}; };
    for (const auto& batch : all) {
        if (batch.first > batch.last) return refuse("A batch of acknowledgements ends before it begins.");
        if (batch.first < 0) return refuse("A batch of acknowledgements begins before all records.");
        if (batch.types.empty()) return refuse("A batch of acknowledgements has no type.");
        bool one_each = std::uint64_t(batch.last - batch.first) == std::uint64_t(batch.types.size()) - 1;
        if (batch.types.size() > 1 && !one_each)
            return refuse("A batch of acknowledgements has neither one type nor one for each record.");
        auto most = std::int8_t(may_renew ? AcknowledgeType::renew : AcknowledgeType::reject);
        for (auto type : batch.types)
            if (type < 0 || type > most) return refuse("A batch of acknowledgements has an unknown type.");
    }
    return {};
}

bool SharePartition::Range::is_like(const Range& other) const {
    const bool is_one_batch = is_done() || batch_first == other.batch_first;
    return !next && !other.next && state == other.state && delivery_count == other.delivery_count &&
           is_gap == other.is_gap && is_one_batch && member == other.member &&
           lock_ends_ms == other.lock_ends_ms;
}

SharePartition::SharePartition(const ShareState& state)
    : start_(std::max<std::int64_t>(state.start_offset, 0)), end_(start_) {
    for (const auto& each : state.ranges) {
        if (each.last < start_ || each.last < each.first || each.last < end_) continue;
        auto first = std::max(each.first, end_);
        if (first > end_) ranges_[end_].last = first - 1;
        auto& range = ranges_[first];
        range.last = each.last;
        range.state = each.state == RecordState::acquired ? RecordState::available : each.state;
        range.delivery_count = each.delivery_count;
        range.batch_first = first;
        range.batch_last = each.last;
        end_ = each.last + 1;
    }
    tidy();
}

SharePartition::Ranges::iterator SharePartition::holding(std::int64_t offset) {
    auto after = ranges_.upper_bound(offset);
    return after == ranges_.begin() ? ranges_.end() : std::prev(after);
}
SharePartition::Ranges::const_iterator SharePartition::holding(std::int64_t offset) const {
    auto after = ranges_.upper_bound(offset);
    return after == ranges_.begin() ? ranges_.end() : std::prev(after);
}

/// The range that begins there, which it makes; end() when all are before.
SharePartition::Ranges::iterator SharePartition::split(std::int64_t offset) {
    if (offset <= start_) return ranges_.begin();
    if (offset >= end_) return ranges_.end();
    auto found = holding(offset);
    if (found->first == offset) return found;
    auto later = found->second;
    found->second.last = offset - 1;
    return ranges_.emplace_hint(std::next(found), offset, std::move(later));
}

std::int64_t SharePartition::in_flight() const {
    std::int64_t count = 0;
    for (const auto& [first, range] : ranges_)
        if (!range.is_gap) count += range.last - first + 1;
    return count;
}

std::optional<std::int64_t> SharePartition::next_offset(const ShareLimits& limits) const {
    for (const auto& [first, range] : ranges_)
        if (range.is_free()) return first;
    if (in_flight() >= limits.records) return std::nullopt;
    return end_;
}

/// What is free in there is not in the log.
void SharePartition::archive_free(std::int64_t first, std::int64_t last) {
    if (first > last || last < start_) return;
    first = std::max(first, start_);
    if (last >= end_) {  // beyond all that was given out
        if (first > end_) first = end_;
        auto& range = ranges_[end_];
        range.last = last;
        range.state = RecordState::archived;
        range.is_gap = true;
        auto from = end_;
        end_ = last + 1;
        last = from - 1;
        if (first > last) return;
    }
    auto stop = split(last + 1);
    for (auto at = split(first); at != stop; ++at)
        if (at->second.is_free()) {
            at->second.state = RecordState::archived;
            at->second.is_gap = true;
        }
}

/// Records that were given out often come fewer at a time, by half of what they came with at first, by a
/// quarter and so on, and at last alone, so that one that nobody can work with takes no others with it.
struct SharePartition::Taking {
    const AcquireRequest& request;
    const ShareLimits& limits;
    std::int64_t room;  // for records that nobody has had yet
    std::int64_t most;  // of all
    std::int64_t taken = 0;
    std::int64_t batch_first = -1;  // of what is taken from now
    std::int64_t taken_of_batch = 0;
    std::int64_t most_of_batch = INT64_MAX;
    bool ends_batch = false;  // what is told together ends here
    bool stops = false;
    std::vector<AcquiredRange> out;

    bool is_often(const Range& range) const {
        return range.delivery_count >= std::max(2, (limits.delivery_count + 1) / 2);
    }
    bool is_last(const Range& range) const {
        return is_often(range) && range.delivery_count + 1 >= limits.delivery_count;
    }
    std::int64_t at_once(const Range& range) const {
        const auto often = std::max(2, (limits.delivery_count + 1) / 2);
        const auto size = range.batch_last - range.batch_first + 1;
        return std::max<std::int64_t>(1, size >> std::min(30, range.delivery_count - often + 1));
    }
    void add(std::int64_t first, std::int64_t last, std::int16_t count) {
        taken += last - first + 1;
        bool follows =
            !out.empty() && !ends_batch && out.back().last + 1 == first && out.back().delivery_count == count;
        if (follows)
            out.back().last = last;
        else
            out.push_back({first, last, count});
        ends_batch = false;
    }
    void give(Range& range) const {
        range.state = RecordState::acquired;
        ++range.delivery_count;
        range.member = request.member;
        range.lock_ends_ms = request.now_ms + limits.lock_ms;
    }
};

/// Nothing is given out together with a batch of which something comes fewer at a time.
void SharePartition::enter_batch(Taking& taking, const Range& range) const {
    if (taking.batch_first == range.batch_first) return;
    if (taking.most_of_batch != INT64_MAX) taking.stops = true;
    taking.batch_first = range.batch_first;
    taking.taken_of_batch = 0;
    if (taking.taken == 0) return;
    for (auto at = holding(std::max(range.batch_first, start_));
         at != ranges_.end() && at->second.batch_first == range.batch_first; ++at)
        if (at->second.is_free() && taking.is_often(at->second)) taking.stops = true;
}

/// Of a batch of the log, what nobody has had yet.
void SharePartition::take_new(Taking& taking, std::int64_t first, std::int64_t last) {
    if (taking.most_of_batch != INT64_MAX) return;
    auto count = std::min({last - first + 1, taking.room, taking.most - taking.taken});
    if (count <= 0) return;
    auto before = ranges_.empty() ? ranges_.end() : std::prev(ranges_.end());
    const bool is_begun = before != ranges_.end() && before->second.batch_last >= first;
    const auto batch_before = before == ranges_.end() ? first : before->second.batch_first;
    auto& range = ranges_[end_];
    range.last = first + count - 1;
    taking.give(range);
    end_ = range.last + 1;
    taking.room -= count;
    taking.add(first, range.last, range.delivery_count);
    // Who wants no more than so many records leaves the others of the log's batch to come as a part of it.
    const bool is_told_with_others = taking.out.back().first != first;
    range.batch_first = is_begun || is_told_with_others ? batch_before : first;
    range.batch_last = last;
    for (auto at = ranges_.rbegin(); at != ranges_.rend() && at->second.batch_first == range.batch_first;
         ++at)
        at->second.batch_last = last;
}

/// What is free of a batch of the log. False: enough.
bool SharePartition::take(Taking& taking, std::int64_t first, std::int64_t last) {
    first = std::max(first, start_);
    for (auto at = first < end_ ? split(first) : ranges_.end(); at != ranges_.end() && at->first <= last;
         ++at) {
        auto& range = at->second;
        if (!range.is_free()) continue;
        enter_batch(taking, range);
        const bool is_alone = taking.is_last(range);
        if (taking.is_often(range) && taking.most_of_batch == INT64_MAX)
            taking.most_of_batch = taking.at_once(range);
        taking.stops =
            taking.stops || (is_alone && taking.taken > 0) || taking.taken_of_batch >= taking.most_of_batch;
        if (taking.stops) return false;
        auto count = std::min({range.last - at->first + 1, last - at->first + 1, taking.most - taking.taken,
                               taking.most_of_batch - taking.taken_of_batch, is_alone ? 1 : INT64_MAX});
        if (count <= 0) return false;
        split(at->first + count);
        taking.give(range);
        taking.taken_of_batch += count;
        taking.add(at->first, range.last, range.delivery_count);
        taking.stops = is_alone;
        if (taking.stops) return false;
    }
    if (last >= end_) take_new(taking, std::max(first, end_), last);
    return last < end_;
}

std::vector<AcquiredRange> SharePartition::acquire(const AcquireRequest& request,
                                                   std::span<const OfferedBatch> batches,
                                                   const ShareLimits& limits) {
    Taking taking{.request = request,
                  .limits = limits,
                  .room = limits.records - in_flight(),
                  .most = request.is_strict ? std::int64_t(request.records) : INT64_MAX,
                  .out = {}};
    auto seen = request.from;  // up to here it is known what is in the log
    std::int64_t together = 0;
    for (const auto& batch : batches) {
        if (taking.taken >= request.records) break;
        // Nothing goes beyond the end of what is known, so that the ranges stay without holes.
        if (seen > end_) break;
        archive_free(seen, batch.first - 1);
        auto before = taking.taken;
        bool is_all = true;
        if (batch.is_delivered)
            is_all = take(taking, batch.first, batch.last);
        else
            archive_free(std::max(batch.first, seen), batch.last);
        if (!is_all || taking.stops) break;
        seen = std::max(seen, batch.last + 1);
        together += taking.taken - before;
        if (together >= std::max(1, request.batch)) {
            taking.ends_batch = true;
            together = 0;
        }
    }
    tidy();
    return std::move(taking.out);
}

ShareRefusal SharePartition::check(const std::string& member, const Acknowledgement& batch,
                                   const ShareLimits& limits) const {
    if (batch.last < start_) return {};
    auto first = std::max(batch.first, start_);
    if (ranges_.empty())
        return {ErrorCode::invalid_record_state,
                "Batch record not found. The request batch offsets are not found in the cache."};
    if (first >= end_)
        return {ErrorCode::invalid_request,
                "Batch record not found. The first offset in request is past acquired records."};
    if (batch.last >= end_)
        return {ErrorCode::invalid_request,
                "Batch record not found. The last offset in request is past acquired records."};
    for (auto at = holding(first); at != ranges_.end() && at->first <= batch.last; ++at) {
        const auto& range = at->second;
        if (range.is_gap) continue;
        if (range.next)
            return {ErrorCode::invalid_record_state,
                    "The record state is invalid. The acknowledgement of delivery could not be completed."};
        if (range.state != RecordState::acquired)
            return {ErrorCode::invalid_record_state,
                    "The batch cannot be acknowledged. The batch is not in the acquired state."};
        if (range.member != member)
            return {ErrorCode::invalid_record_state, "Member is not the owner of batch record"};
    }
    bool renews = std::ranges::find(batch.types, std::int8_t(AcknowledgeType::renew)) != batch.types.end();
    if (renews && !limits.renews)
        return {ErrorCode::invalid_record_state, "Renewing acquisition locks is not enabled for the group."};
    return {};
}

void SharePartition::set_next(Range& range, RecordState state, std::int16_t delivery_count) {
    range.next = Next{state, delivery_count, mark_};
}

void SharePartition::mark(std::int64_t first, std::int64_t last, AcknowledgeType type,
                          const ShareLimits& limits, std::int64_t lock_ends_ms) {
    auto stop = split(last + 1);
    for (auto at = split(first); at != stop; ++at) {
        auto& range = at->second;
        if (range.is_gap) continue;
        auto count = range.delivery_count;
        if (type == AcknowledgeType::renew)
            range.lock_ends_ms = lock_ends_ms;
        else if (type == AcknowledgeType::accept)
            set_next(range, RecordState::acknowledged, count);
        else if (type == AcknowledgeType::release)
            give_back(range, limits);
        else
            set_next(range, RecordState::archived, count);
    }
}

ShareRefusal SharePartition::acknowledge(const std::string& member, std::span<const Acknowledgement> all,
                                         const ShareLimits& limits, std::int64_t now_ms) {
    std::vector<std::pair<std::int64_t, std::int64_t>> spoken_of;
    for (const auto& batch : all) {
        if (auto refused = check(member, batch, limits)) return refused;
        if (batch.last >= start_) spoken_of.emplace_back(std::max(batch.first, start_), batch.last);
    }
    std::ranges::sort(spoken_of);
    auto overlap = std::ranges::adjacent_find(
        spoken_of, [](const auto& one, const auto& next) { return next.first <= one.second; });
    if (overlap != spoken_of.end())
        return {ErrorCode::invalid_record_state,
                "The offset cannot be acknowledged. The offset is not acquired."};
    ++mark_;
    for (const auto& batch : all) {
        if (batch.last < start_) continue;
        const auto lock_ends_ms = now_ms + limits.lock_ms;
        auto first = std::max(batch.first, start_);
        if (batch.types.size() == 1) {
            mark(first, batch.last, AcknowledgeType(batch.types[0]), limits, lock_ends_ms);
            continue;
        }
        while (first <= batch.last) {
            auto type = batch.types[std::size_t(first - batch.first)];
            auto last = first;
            while (last < batch.last && batch.types[std::size_t(last + 1 - batch.first)] == type) ++last;
            mark(first, last, AcknowledgeType(type), limits, lock_ends_ms);
            first = last + 1;
        }
    }
    return {};
}

/// To whoever asks next, unless it was given out as often as may be.
void SharePartition::give_back(Range& range, const ShareLimits& limits) {
    bool is_last = range.delivery_count >= limits.delivery_count;
    set_next(range, is_last ? RecordState::archived : RecordState::available, range.delivery_count);
}

void SharePartition::release(const std::string& member, const ShareLimits& limits) {
    ++mark_;
    for (auto& [first, range] : ranges_)
        if (range.state == RecordState::acquired && !range.next && range.member == member)
            give_back(range, limits);
}

void SharePartition::expire(std::int64_t now_ms, const ShareLimits& limits) {
    ++mark_;
    for (auto& [first, range] : ranges_) {
        if (range.state == RecordState::acquired && !range.next && now_ms >= range.lock_ends_ms)
            give_back(range, limits);
    }
}

void SharePartition::drop_before(std::int64_t offset) {
    if (offset <= start_) return;
    ranges_.erase(ranges_.begin(), split(offset));
    start_ = offset;
    end_ = std::max(end_, offset);
    tidy();
}

bool SharePartition::has_marks() const {
    return std::ranges::any_of(ranges_, [](const auto& each) { return each.second.next.has_value(); });
}

ShareState SharePartition::prepared() const {
    ShareState state{.start_offset = start_, .ranges = {}};
    for (const auto& [first, range] : ranges_) {
        StateRange now{first, range.last, range.state, range.delivery_count};
        if (range.next) {
            now.state = range.next->state;
            now.delivery_count = range.next->delivery_count;
        } else if (range.state == RecordState::acquired) {  // a crash is no fault of its record
            now.state = RecordState::available;
            --now.delivery_count;
        }
        bool is_done = now.state != RecordState::available;
        if (is_done && state.ranges.empty() && state.start_offset == first) {
            state.start_offset = range.last + 1;
            continue;
        }
        bool follows = !state.ranges.empty() && state.ranges.back().last + 1 == first &&
                       state.ranges.back().state == now.state &&
                       state.ranges.back().delivery_count == now.delivery_count;
        if (follows)
            state.ranges.back().last = range.last;
        else
            state.ranges.push_back(now);
    }
    auto is_untouched = [](const StateRange& range) {
        return range.state == RecordState::available && range.delivery_count == 0;
    };
    while (!state.ranges.empty() && is_untouched(state.ranges.back())) state.ranges.pop_back();
    return state;
}

void SharePartition::finish(std::uint64_t mark, bool is_written) {
    for (auto& [first, range] : ranges_) {
        if (!range.next || range.next->mark > mark) continue;
        auto next = *std::exchange(range.next, std::nullopt);
        if (!is_written) continue;
        range.state = next.state;
        range.delivery_count = next.delivery_count;
        range.member.clear();
        range.lock_ends_ms = 0;
    }
    tidy();
}

/// What is done with at the front goes, and ranges that are alike become one.
void SharePartition::tidy() {
    while (!ranges_.empty() && ranges_.begin()->second.is_done()) {
        start_ = ranges_.begin()->second.last + 1;
        ranges_.erase(ranges_.begin());
    }
    if (ranges_.empty()) return;
    for (auto at = ranges_.begin(), next = std::next(at); next != ranges_.end(); next = std::next(at)) {
        if (at->second.is_like(next->second)) {
            at->second.last = next->second.last;
            ranges_.erase(next);
        } else {
            at = next;
        }
    }
}

std::vector<StateRange> SharePartition::all() const {
    std::vector<StateRange> all;
    for (const auto& [first, range] : ranges_)
        all.push_back({first, range.last, range.state, range.delivery_count});
    return all;
}

}  // namespace penstock::broker
