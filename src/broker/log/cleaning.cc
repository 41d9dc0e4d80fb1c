// Log::compact(): which segments are gone over, and how a segment takes the place of another one.
#include "base/log.h"
#include "broker/log/commit.h"
#include "broker/log/compaction.h"
#include "broker/log/log.h"

namespace penstock::broker {
namespace {

constexpr std::size_t most_keys = 2'000'000;  // about 100 MB of memory; more are done in several passes

/// Removed by recovery when a crash left it.
std::string cleaned_file_name(std::int64_t base_offset) {
    return segment_file_name(base_offset, ".log") + ".tmp";
}

}  // namespace

/// Closed segments that may be compacted, from the oldest on.
struct Log::Cleanable {
    std::vector<std::shared_ptr<Segment>> segments;
    std::vector<std::int64_t> ends;  // one past the offsets of each
    std::vector<AbortedTransaction> aborted;
    LogOptions options;
};

Log::Cleanable Log::cleanable() const {
    std::lock_guard lock(mutex_);
    Cleanable out;
    out.options = options_;
    auto now = place_.clock->now_ms();
    for (auto at = segments_.begin(); std::next(at) != segments_.end(); ++at) {
        auto end = std::next(at)->first;
        bool is_young = options_.min_compaction_lag_ms > 0 &&
                        at->second->max_timestamp() > now - options_.min_compaction_lag_ms;
        if (end > stable_offset_ || is_young) break;
        out.segments.push_back(at->second);
        out.ends.push_back(end);
    }
    out.aborted = producers_.aborted();
    return out;
}

Result<> Log::compact() {
    auto work = cleanable();
    if (!work.options.compacts || work.segments.empty()) return {};
    auto now = place_.clock->now_ms();
    std::int64_t clean_bytes = 0, dirty_bytes = 0;
    std::size_t first_dirty = work.segments.size();
    bool is_late = false;
    for (std::size_t i = 0; i < work.segments.size(); ++i) {
        const auto& segment = *work.segments[i];
        bool is_clean = work.ends[i] <= cleaned_until_;
        (is_clean ? clean_bytes : dirty_bytes) += segment.size();
        if (is_clean || segment.size() == 0) continue;
        first_dirty = std::min(first_dirty, i);
        is_late |= segment.max_timestamp() < now - std::min(work.options.max_compaction_lag_ms, now);
    }
    if (dirty_bytes == 0) return {};
    auto ratio = double(dirty_bytes) / double(clean_bytes + dirty_bytes);
    if (ratio < work.options.min_dirty_ratio && !is_late) return {};

    TRY(forget_old_checkpoints());
    NewestOffsets newest(most_keys);
    CompactionPass pass(newest, std::move(work.aborted));
    auto last = first_dirty;
    bool fits = true;
    while (fits && last < work.segments.size()) fits = TRY(pass.learn(*work.segments[last++]));
    std::int64_t before = 0, after = 0;
    for (std::size_t i = 0; i < last; ++i) {
        auto& segment = *work.segments[i];
        bool was_cleaned = work.ends[i] <= cleaned_until_;
        before += segment.size();
        after +=
            TRY(compact_segment(pass, work.segments[i], was_cleaned, now - work.options.delete_retention_ms));
    }
    // When its keys did not all fit, the last one is gone over again.
    cleaned_until_ = fits ? work.ends[last - 1] : (last > 1 ? work.ends[last - 2] : 0);
    log::info("{}: compacted {} segments from {} to {} bytes, {} keys", place_.name, last, before, after,
              newest.size());
    return {};
}

/// The one that is kept in case the newest is damaged speaks of positions in segments that are about to
/// change.
Result<> Log::forget_old_checkpoints() {
    const Writing writing(*this);
    auto names = TRY(place_.files->list(place_.directory));
    std::erase_if(names, [](const auto& each) { return !segment_file_offset(each, ".snapshot"); });
    for (std::size_t i = 0; i + 1 < names.size(); ++i)
        TRY(place_.files->remove(place_.directory + "/" + names[i]));
    return {};
}

/// Writes what is left of it beside it, and puts that in its place. Returns how many bytes are left.
Result<std::int64_t> Log::compact_segment(CompactionPass& pass, const std::shared_ptr<Segment>& segment,
                                          bool was_cleaned, std::int64_t forget_before_ms) {
    constexpr std::size_t write_bytes = 1 << 20;
    auto path = place_.directory + "/" + cleaned_file_name(segment->base_offset());
    if (place_.files->exists(path)) TRY(place_.files->remove(path));
    auto file = TRY(place_.files->open(path, io::OpenMode::create));
    std::int64_t written = 0;
    std::string buffer;
    auto write_out = [&]() -> Result<> {
        TRY(file->write_at(written, buffer));
        written += std::int64_t(buffer.size());
        buffer.clear();
        return {};
    };
    auto changed =
        pass.filter(*segment, was_cleaned, forget_before_ms, [&](std::string_view batch) -> Result<> {
            buffer += batch;
            return buffer.size() < write_bytes ? Result<>() : write_out();
        });
    Result<> done;
    if (!changed)
        done = std::unexpected(changed.error());
    else if (*changed)
        done = write_out();
    if (done && *changed) done = file->sync();
    file.reset();
    if (!done || !*changed) {
        (void)place_.files->remove(path);
        if (!done) return std::unexpected(done.error());
        return segment->size();
    }
    TRY(replace_segment(segment, written == 0));
    return written;
}

/// A crash leaves either the old file or the new one; the indexes are made anew from it.
Result<> Log::replace_segment(const std::shared_ptr<Segment>& segment, bool is_empty) {
    auto base = segment->base_offset();
    const Writing writing(*this);
    {
        std::lock_guard queue(queue_mutex_);
        if (stopped_) return {};
    }
    {
        std::lock_guard lock(mutex_);
        auto found = segments_.find(base);
        if (found == segments_.end() || found->second != segment) return {};  // retention took it
    }
    TRY(segment->remove_indexes());
    TRY(place_.files->sync_directory(place_.directory));
    TRY(place_.files->rename(place_.directory + "/" + cleaned_file_name(base),
                             place_.directory + "/" + segment_file_name(base, ".log")));
    TRY(place_.files->sync_directory(place_.directory));
    auto fresh = TRY(Segment::open(*place_.files, place_.directory, place_.name, base, segment_options()));
    TRY(fresh->load(-1));
    TRY(fresh->save_indexes());
    bool is_gone = false;
    {
        std::lock_guard lock(mutex_);
        is_gone = is_empty && segments_.begin()->first != base;  // the first one holds the log's start
        if (is_gone)
            segments_.erase(base);
        else
            segments_[base] = fresh;
    }
    return is_gone ? fresh->remove_files() : Result<>();
}

}  // namespace penstock::broker
