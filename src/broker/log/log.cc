// How a group is written, with write_mutex_ held:
//   1. Each append is checked against its producer's state and gets its offsets; what was appended before is
//   answered
//      with its offset, what does not fit is refused.
//   2. The batches are written behind the active segment; a full segment is closed first.
//   3. When the durability asks for it, they are made to survive: by the journal, for all logs at once
//      (committer.cc), or by fdatasync of the segment. Readers see nothing before.
//   4. Indexes, end offset and positions move, and everyone is told.
// When 2 fails, the file is cut back, the producers' states are taken back and the group is refused. When 3
// fails, nobody knows what is on the disk: the log stops until the process starts anew and looks.
#include "broker/log/log.h"

#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "broker/log/commit.h"
#include "broker/log/committer.h"

namespace penstock::broker {
namespace {

using wire::kafka::BatchHeader;

constexpr std::int64_t producer_lifetime_ms = 24LL * 3600 * 1000;
constexpr std::int64_t checkpoint_interval_bytes = 64 << 20;

metrics::Counter& appended_batches =
    metrics::counter("penstock_log_appended_batches_total", "Record batches appended.");
metrics::Counter& appended_bytes =
    metrics::counter("penstock_log_appended_bytes_total", "Bytes of record batches appended.");
metrics::Counter& syncs = metrics::counter("penstock_log_syncs_total", "fdatasync calls of logs.");

std::string_view view(std::span<char> bytes) {
    return {bytes.data(), bytes.size()};
}

}  // namespace

void Log::append(Append append) {
    std::optional<Error> stopped;
    bool schedule = false;
    {
        std::lock_guard lock(queue_mutex_);
        stopped = stopped_;
        if (!stopped) {
            queue_.push_back(std::move(append));
            schedule = !std::exchange(scheduled_, true);
        }
    }
    if (stopped) append.done(std::unexpected(*stopped));
    if (schedule) place_.committer->schedule(shared_from_this());
}

/// False: the other writer schedules the log again, as it looks at put_off_ after it has unlocked.
bool Log::lock_for_commit(std::unique_lock<std::mutex>& lock) {
    lock = std::unique_lock(write_mutex_, std::try_to_lock);
    if (lock) return true;
    {
        std::lock_guard queue(queue_mutex_);
        put_off_ = true;
    }
    if (!lock.try_lock()) return false;
    std::lock_guard queue(queue_mutex_);
    if (std::exchange(put_off_, false)) return true;
    lock.unlock();  // it was done in between, and has scheduled the log: once is enough
    return false;
}

std::unique_ptr<Log::Commit> Log::begin_commit() {
    auto commit = std::make_unique<Commit>();
    if (!lock_for_commit(commit->lock)) return nullptr;
    std::vector<Append> queued;
    std::optional<Error> stopped;
    {
        std::lock_guard lock(queue_mutex_);
        queued.swap(queue_);
        stopped = stopped_;
    }
    commit->end_offset = end_offset();
    // Before anything is admitted: the checkpoint that rolling leaves must not know of it.
    if (!stopped)
        if (auto room = make_room(queued); !room) stopped = room.error();
    for (auto& append : queued) {
        if (stopped)
            commit->refused.emplace_back(std::move(append), *stopped);
        else
            admit(append, *commit);
    }
    if (!commit->headers.empty())
        if (auto written = write(*commit); !written) refuse(*commit, written.error());
    return commit;
}

std::optional<JournalEntry> Log::journal_entry(const Commit& commit) const {
    if (commit.headers.empty() || place_.durability != Durability::durable) return std::nullopt;
    auto segment = active();
    return JournalEntry{{place_.id, segment->base_offset(), segment->size()}, commit.pieces};
}

bool Log::end_commit(std::unique_ptr<Commit> commit, bool is_durable) {
    if (!is_durable && !commit->headers.empty() && place_.durability == Durability::durable)
        if (auto synced = sync_written(); !synced) refuse(*commit, synced.error());
    const bool has_moved = !commit->headers.empty();
    if (has_moved) {
        acknowledge(*commit);
        // Only shortens the next recovery, so its failure is no reason to refuse what is stored.
        if (auto done = checkpoint_when_due(); !done) log::warn("{}: {}", place_.name, done.error().text);
    }
    // Told without locks: who is told may append again.
    commit->lock.unlock();
    if (has_moved && moved_) moved_();
    for (auto& [append, error] : commit->refused) append.done(std::unexpected(error));
    for (auto& answer : commit->answers) answer.append.done(answer.base_offset);
    std::lock_guard lock(queue_mutex_);
    if (!queue_.empty()) return true;
    scheduled_ = false;
    return false;
}

/// Rolls when the appends do not fit into the active segment, or it is old.
Result<> Log::make_room(const std::vector<Append>& appends) {
    std::int64_t bytes = 0, records = 0;
    for (const auto& append : appends)
        for (auto batch : append.batches) {
            bytes += std::int64_t(batch.size());
            if (auto header = wire::kafka::parse_batch_header(view(batch)))
                records += header->last_offset_delta + 1;
        }
    auto segment = active();
    auto now = place_.clock->now_ms();
    bool full = segment->size() + bytes > options_.segment_bytes;
    bool too_far = end_offset_ + records - segment->base_offset() > INT32_MAX;
    bool old = now - active_since_ms_ >= options_.segment_ms;
    if (segment->size() > 0 && (full || too_far || old)) TRY(roll());
    if (active()->size() == 0) active_since_ms_ = now;
    return {};
}

/// Gives the append its offsets, or refuses it.
void Log::admit(Append& append, Commit& commit) {
    auto base = commit.end_offset;
    auto now = place_.clock->now_ms();
    std::vector<BatchHeader> headers;
    std::vector<std::optional<TransactionMarker>> markers;
    for (auto batch : append.batches) {
        auto header = wire::kafka::parse_batch_header(view(batch));
        if (!header) {
            commit.refused.emplace_back(std::move(append), header.error());
            return;
        }
        auto& marker = markers.emplace_back();
        if (header->has(wire::kafka::attribute::control)) {
            auto decoded = decode_marker(*header, view(batch));
            if (!decoded) {
                commit.refused.emplace_back(std::move(append), decoded.error());
                return;
            }
            marker = *decoded;
        }
        auto known = producers_.check(*header);
        if (!known || *known) {  // a client's append is one batch, so nothing of it has been admitted
            if (!known)
                commit.refused.emplace_back(std::move(append), known.error());
            else
                commit.answers.push_back({std::move(append), **known});
            return;
        }
        header->base_offset = base;
        wire::kafka::patch_base_offset(batch.data(), base);
        wire::kafka::patch_leader_epoch(batch.data(), 0);
        header->partition_leader_epoch = 0;
        if (options_.append_time) {
            wire::kafka::patch_append_time(batch, now);
            header->max_timestamp = now;
        }
        base = header->next_offset();
        headers.push_back(*header);
    }
    for (std::size_t i = 0; i < headers.size(); ++i) {
        auto id = headers[i].producer_id;
        if (id >= 0) {
            auto found = producers_.producers().find(id);
            bool exists = found != producers_.producers().end();
            commit.before.try_emplace(id, exists ? std::optional(found->second) : std::nullopt);
            if (markers[i]) {
                if (auto aborted = producers_.ended(headers[i], *markers[i], now))
                    commit.aborted.push_back(*aborted);
            } else {
                producers_.appended(headers[i], now);
            }
        }
        commit.pieces.push_back(view(append.batches[i]));
        commit.bytes += headers[i].size();
        commit.headers.push_back(headers[i]);
    }
    commit.answers.push_back({std::move(append), commit.end_offset});
    commit.end_offset = base;
}

/// Behind the active segment.
Result<> Log::write(Commit& commit) {
    auto segment = active();
    // They would soon be out of date. They are gone for good before a checkpoint tells of what is written
    // now, as that syncs the directory.
    if (is_as_closed_) TRY(segment->remove_indexes());
    is_as_closed_ = false;
    auto written = segment->write(commit.pieces);
    if (!written) {
        if (auto cut = segment->cut(); !cut) return std::unexpected(halted(cut.error()));
        return written;
    }
    unsynced_ = true;
    return {};
}

/// fdatasync of the active segment, when something was written since the last one.
Result<> Log::sync_written() {
    if (!unsynced_) return {};
    TRY(sync_active());
    unsynced_ = false;
    return {};
}

Result<> Log::sync_active() {
    {
        std::lock_guard lock(queue_mutex_);
        if (stopped_ && stopped_->code == Errc::io) return std::unexpected(*stopped_);
    }
    syncs.add();
    if (auto synced = active()->sync(); !synced) return std::unexpected(halted(synced.error()));
    return {};
}

Result<> Log::checkpoint_when_due() {
    if (active()->size() - last_checkpoint_ <= checkpoint_interval_bytes ||
        place_.durability != Durability::durable)
        return {};
    TRY(sync_written());
    return write_checkpoint();
}

void Log::acknowledge(Commit& commit) {
    active()->publish(commit.headers);
    appended_batches.add(std::int64_t(commit.headers.size()));
    appended_bytes.add(commit.bytes);
    std::lock_guard lock(mutex_);
    end_offset_ = commit.end_offset;
    for (const auto& aborted : commit.aborted) producers_.add_aborted(aborted);
    stable_offset_ = producers_.first_open_offset().value_or(end_offset_);
    for (const auto& answer : commit.answers)
        if (!answer.append.producer.empty())
            producers_.set_position(answer.append.producer, answer.append.position);
}

void Log::refuse(Commit& commit, const Error& error) {
    for (auto& [id, before] : commit.before) producers_.restore(id, std::move(before));
    for (auto& answer : commit.answers) commit.refused.emplace_back(std::move(answer.append), error);
    commit.answers.clear();
    commit.headers.clear();
}

/// A disk that failed once is not asked again: after a failed fsync the kernel may call lost pages clean.
Error Log::halted(const Error& why) {
    Error error{Errc::io, fmt::format("{} has stopped taking records, because the disk failed: {}. "
                                      "Look at the disk, then start again",
                                      place_.name, why.text)};
    log::error("{}", error.text);
    std::lock_guard lock(queue_mutex_);
    stopped_ = error;
    return error;
}

/// Closes the active segment for good and begins another one at the end.
Result<> Log::roll() {
    TRY(sync_written());
    TRY(active()->save_indexes());
    auto next =
        TRY(Segment::open(*place_.files, place_.directory, place_.name, end_offset_, segment_options()));
    TRY(place_.files->sync_directory(place_.directory));
    {
        std::lock_guard lock(mutex_);
        segments_[end_offset_] = std::move(next);
    }
    active_since_ms_ = place_.clock->now_ms();
    return write_checkpoint();
}

Result<> Log::write_checkpoint() {
    Checkpoint checkpoint;
    auto segment = active();
    checkpoint.end_offset = end_offset_;
    checkpoint.start_offset = start_offset_;
    checkpoint.segment_base = segment->base_offset();
    checkpoint.position = segment->size();
    {
        std::lock_guard lock(mutex_);
        checkpoint.producers = producers_;
    }
    auto name = segment_file_name(checkpoint.end_offset, ".snapshot");
    TRY(place_.files->replace_file(place_.directory + "/" + name, checkpoint.encode()));
    last_checkpoint_ = checkpoint.position;
    // The one before is kept, in case this one turns out damaged.
    auto names = TRY(place_.files->list(place_.directory));
    std::erase_if(names, [](const auto& each) { return !segment_file_offset(each, ".snapshot"); });
    for (std::size_t i = 0; i + 2 < names.size(); ++i)
        TRY(place_.files->remove(place_.directory + "/" + names[i]));
    return {};
}

std::shared_ptr<Segment> Log::active() const {
    std::lock_guard lock(mutex_);
    return segments_.rbegin()->second;
}

std::int64_t Log::start_offset() const {
    std::lock_guard lock(mutex_);
    return start_offset_;
}
std::int64_t Log::end_offset() const {
    std::lock_guard lock(mutex_);
    return end_offset_;
}
std::int64_t Log::stable_offset() const {
    std::lock_guard lock(mutex_);
    return stable_offset_;
}
std::vector<AbortedTransaction> Log::aborted_transactions(std::int64_t from, std::int64_t to) const {
    std::lock_guard lock(mutex_);
    const auto& all = producers_.aborted();
    std::vector<AbortedTransaction> found;
    auto first = std::ranges::lower_bound(all, from, {}, &AbortedTransaction::last_offset);
    for (; first != all.end(); ++first)
        if (first->first_offset < to) found.push_back(*first);
    return found;
}
std::map<std::int64_t, ProducerState::Producer> Log::producers() {
    const Writing writing(*this);
    return producers_.producers();
}
std::int64_t Log::bytes() const {
    std::lock_guard lock(mutex_);
    std::int64_t sum = 0;
    for (const auto& [base, segment] : segments_) sum += segment->size();
    return sum;
}
LogOptions Log::options() const {
    std::lock_guard lock(mutex_);
    return options_;
}
void Log::set_options(const LogOptions& options) {
    const Writing writing(*this);
    std::lock_guard lock(mutex_);
    options_ = options;
}
std::vector<Damage> Log::damages() const {
    std::lock_guard lock(mutex_);
    std::vector<Damage> all;
    for (const auto& [base, segment] : segments_)
        for (const auto& damage : segment->damages()) all.push_back(damage);
    return all;
}
std::string Log::position(std::string_view producer) const {
    std::lock_guard lock(mutex_);
    return producers_.position(producer);
}

Result<Slice> Log::read(std::int64_t offset, std::int64_t max_bytes) {
    while (true) {
        std::shared_ptr<Segment> segment;
        std::int64_t segment_end;
        {
            std::lock_guard lock(mutex_);
            if (offset < start_offset_ || offset > end_offset_)
                return fail(Errc::out_of_range, "{}: offset {} is not between {} and {}", place_.name, offset,
                            start_offset_, end_offset_);
            if (offset == end_offset_) return Slice{{}, nullptr, offset};
            auto after = segments_.upper_bound(offset);
            segment_end = after == segments_.end() ? end_offset_ : after->first;
            segment = std::prev(after)->second;
        }
        auto slice = TRY(segment->read(offset, max_bytes));
        if (!slice.bytes.empty()) return slice;
        offset = segment_end;  // what is left of the segment is damaged
    }
}

Result<Slice> Log::read_stable(std::int64_t offset, std::int64_t max_bytes) {
    auto stable = stable_offset();
    if (offset >= stable && offset <= end_offset()) return Slice{{}, nullptr, offset};
    auto slice = TRY(read(offset, max_bytes));
    if (slice.next_offset <= stable) return slice;
    // A transaction begins with a batch, so no batch is on both sides of the stable offset.
    std::size_t size = 0;
    while (size < slice.bytes.size()) {
        auto header = TRY(wire::kafka::parse_batch_header(slice.bytes.substr(size)));
        if (header.base_offset >= stable) break;
        size += std::size_t(header.size());
    }
    slice.bytes = slice.bytes.substr(0, size);
    slice.next_offset = stable;
    return slice;
}

Result<std::optional<TimeOffset>> Log::find_time(std::int64_t timestamp_ms) {
    std::vector<std::shared_ptr<Segment>> segments;
    std::int64_t start;
    {
        std::lock_guard lock(mutex_);
        start = start_offset_;
        for (const auto& [base, segment] : segments_) segments.push_back(segment);
    }
    for (const auto& segment : segments) {
        if (segment->max_timestamp() < timestamp_ms) continue;
        if (auto found = TRY(segment->find_time(timestamp_ms, start))) return found;
    }
    return std::optional<TimeOffset>();
}

Result<std::optional<TimeOffset>> Log::find_max_time() {
    std::optional<TimeOffset> best;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [base, segment] : segments_)
            if (auto latest = segment->latest())
                if (!best || latest->timestamp_ms > best->timestamp_ms) best = latest;
    }
    if (!best) return best;
    auto exact = TRY(find_time(best->timestamp_ms));
    return exact ? exact : best;
}

Result<std::int64_t> Log::delete_before(std::int64_t offset) {
    const Writing writing(*this);
    if (offset < 0 || offset > end_offset_)
        return fail(Errc::out_of_range, "{}: cannot delete before offset {}, the end is {}", place_.name,
                    offset, end_offset_);
    if (offset <= start_offset_) return start_offset_;
    TRY(sync_written());
    if (offset == end_offset_ && active()->size() > 0) TRY(roll());
    {
        std::lock_guard lock(mutex_);
        start_offset_ = offset;
    }
    TRY(write_checkpoint());
    TRY(remove_segments_before(offset));
    return offset;
}

/// Segments whose every offset is before it; never the active one.
Result<> Log::remove_segments_before(std::int64_t offset) {
    std::vector<std::shared_ptr<Segment>> gone;
    {
        std::lock_guard lock(mutex_);
        while (segments_.size() > 1 && std::next(segments_.begin())->first <= offset) {
            gone.push_back(segments_.begin()->second);
            segments_.erase(segments_.begin());
        }
        start_offset_ = std::max(start_offset_, segments_.begin()->first);
    }
    for (const auto& segment : gone) {
        log::info("{}: segment {} is deleted", place_.name, segment->base_offset());
        TRY(segment->remove_files());
    }
    return gone.empty() ? Result<>() : place_.files->sync_directory(place_.directory);
}

Result<> Log::clean() {
    const Writing writing(*this);
    {
        std::lock_guard queue(queue_mutex_);
        if (stopped_) return {};
    }
    auto now = place_.clock->now_ms();
    {
        std::lock_guard lock(mutex_);
        producers_.forget_before(now - producer_lifetime_ms);
        producers_.forget_aborted_before(start_offset_);
    }
    if (!options_.deletes) return {};
    auto expired = [&](const Segment& segment) {
        return options_.retention_ms >= 0 && segment.size() > 0 &&
               segment.max_timestamp() < now - options_.retention_ms;
    };
    if (expired(*active())) TRY(roll());
    std::int64_t keep_from = 0;
    {
        std::lock_guard lock(mutex_);
        std::int64_t sum = 0;
        for (const auto& [base, segment] : segments_) sum += segment->size();
        for (auto at = segments_.begin(); std::next(at) != segments_.end(); ++at) {
            bool surplus =
                options_.retention_bytes >= 0 && sum - at->second->size() >= options_.retention_bytes;
            if (!expired(*at->second) && !surplus) break;
            sum -= at->second->size();
            keep_from = std::next(at)->first;
        }
    }
    return keep_from > 0 ? remove_segments_before(keep_from) : Result<>();
}

Result<> Log::flush() {
    const Writing writing(*this);
    {
        std::lock_guard queue(queue_mutex_);
        if (stopped_) return {};
    }
    return sync_written();
}

Result<> Log::close() {
    const Writing writing(*this);
    {
        std::lock_guard queue(queue_mutex_);
        if (stopped_) return std::unexpected(*stopped_);
        stopped_ = Error{Errc::cancelled, place_.name + " is closed"};
    }
    if (unsynced_) TRY(active()->sync());
    unsynced_ = false;
    if (is_as_closed_) return {};
    if (end_offset_ == 0 && active()->size() == 0) return {};  // nothing that a start would have to scan
    TRY(active()->save_indexes());
    return write_checkpoint();
}

void Log::stop(Error why) {
    std::lock_guard queue(queue_mutex_);
    if (!stopped_) stopped_ = std::move(why);
}

}  // namespace penstock::broker
