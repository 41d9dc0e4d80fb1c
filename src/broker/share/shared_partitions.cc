#include "broker/share/shared_partitions.h"

#include <algorithm>

#include "base/log.h"
#include "wire/kafka/record_batch.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

namespace {

constexpr int most_reads = 8;  // of one partition for one answer, when what was read is not for anybody

struct Offered {
    std::vector<OfferedBatch> batches;
    std::vector<std::size_t> ends;  // of each, in the slice's bytes
};

Result<Offered> offered(const Log& log, const Slice& slice, std::int64_t from, bool is_committed) {
    Offered out;
    std::vector<AbortedTransaction> aborted;
    if (is_committed) aborted = log.aborted_transactions(from, slice.next_offset);
    for (auto left = slice.bytes; !left.empty();) {
        auto header = TRY(wire::kafka::parse_batch_header(left));
        left.remove_prefix(std::size_t(header.size()));
        bool is_aborted = header.has(wire::kafka::attribute::transactional) &&
                          std::ranges::any_of(aborted, [&](const AbortedTransaction& each) {
                              return each.producer_id == header.producer_id &&
                                     each.first_offset <= header.base_offset &&
                                     header.base_offset <= each.last_offset;
                          });
        bool is_for_members = !header.has(wire::kafka::attribute::control) && !is_aborted;
        out.batches.push_back({header.base_offset, header.last_offset(), is_for_members});
        out.ends.push_back(slice.bytes.size() - left.size());
    }
    return out;
}

ShareRefusal changed_meanwhile() {
    return {ErrorCode::invalid_record_state, "The group has been changed meanwhile."};
}

/// The bytes of the batches that hold what was acquired.
std::string_view bytes_of(const Slice& slice, const Offered& all,
                          const std::vector<AcquiredRange>& acquired) {
    std::size_t begin = 0, end = 0;
    for (std::size_t i = 0; i < all.batches.size(); ++i) {
        if (all.batches[i].last < acquired.front().first) begin = all.ends[i];
        if (all.batches[i].first <= acquired.back().last) end = all.ends[i];
    }
    return slice.bytes.substr(begin, end - begin);
}

}  // namespace

std::shared_ptr<Log> SharedPartitions::log_of(const ShareKey& key) const {
    auto topic = topics_.find(key.topic);
    if (!topic || !topic->has(key.partition)) return nullptr;
    return topic->logs[std::size_t(key.partition)];
}

SharedPartitions::EntryPointer SharedPartitions::find(const ShareKey& key) const {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : found->second;
}

std::vector<SharedPartitions::EntryPointer> SharedPartitions::entries() const {
    std::lock_guard lock(mutex_);
    std::vector<EntryPointer> all;
    for (const auto& [key, entry] : entries_) all.push_back(entry);
    return all;
}

Result<std::int64_t> SharedPartitions::first_offset(const ShareGroupConfig& config, Log& log) const {
    constexpr std::string_view by_duration = "by_duration:";
    auto end = config.is_committed ? log.stable_offset() : log.end_offset();
    if (config.auto_offset_reset == "earliest") return log.start_offset();
    if (!config.auto_offset_reset.starts_with(by_duration)) return end;
    auto ago = TRY(parse_duration_ms(std::string_view(config.auto_offset_reset).substr(by_duration.size())));
    auto found = TRY(log.find_time(topics_.options().clock->now_ms() - ago));
    return found ? std::min(found->offset, end) : end;
}

Result<SharedPartitions::EntryPointer> SharedPartitions::open(const ShareKey& key, Log& log) {
    if (auto entry = find(key)) return entry;
    auto state = states_.find(key);
    if (!state) return fail(Errc::not_found, "the group {} does not read that partition", key.group);
    if (state->start_offset < 0) state->start_offset = TRY(first_offset(configs_.of(key.group), log));
    std::lock_guard lock(mutex_);
    auto& entry = entries_[key];
    if (!entry) entry = std::make_shared<Entry>(key, *state);
    return entry;
}

Result<SharedRecords> SharedPartitions::acquire(const ShareKey& key, const ShareAsk& ask) {
    auto log = log_of(key);
    if (!log) return fail(Errc::not_found, "there is no such partition");
    auto config = configs_.of(key.group);
    auto entry = TRY(open(key, *log));
    SharedRecords out;
    for (int i = 0; i < most_reads && out.acquired.empty(); ++i) {
        std::optional<std::int64_t> from;
        {
            std::lock_guard lock(entry->mutex);
            entry->partition.drop_before(log->start_offset());
            from = entry->partition.next_offset(config.limits);
        }
        if (!from || *from >= log->end_offset()) break;
        auto read =
            config.is_committed ? log->read_stable(*from, ask.max_bytes) : log->read(*from, ask.max_bytes);
        if (!read) {
            if (read.error().code == Errc::out_of_range) continue;  // deleted meanwhile
            return std::unexpected(std::move(read).error());
        }
        if (read->bytes.empty()) break;
        auto all = TRY(offered(*log, *read, *from, config.is_committed));
        std::lock_guard lock(entry->mutex);
        if (entry->is_closed) break;
        out.acquired = entry->partition.acquire({.member = ask.member,
                                                 .from = *from,
                                                 .records = ask.records,
                                                 .batch = ask.batch,
                                                 .is_strict = ask.is_strict,
                                                 .now_ms = topics_.options().clock->monotonic_us() / 1000},
                                                all.batches, config.limits);
        if (out.acquired.empty()) continue;
        out.bytes = bytes_of(*read, all, out.acquired);
        out.owner = std::move(read->owner);
    }
    return out;
}

std::int64_t SharedPartitions::peek(const ShareKey& key, std::int64_t max_bytes) {
    auto log = log_of(key);
    if (!log) return 0;
    auto config = configs_.of(key.group);
    auto entry = open(key, *log);
    if (!entry) return 0;
    std::optional<std::int64_t> from;
    {
        std::lock_guard lock((*entry)->mutex);
        (*entry)->partition.drop_before(log->start_offset());
        from = (*entry)->partition.next_offset(config.limits);
    }
    if (!from || *from >= log->end_offset()) return 0;
    auto read = config.is_committed ? log->read_stable(*from, max_bytes) : log->read(*from, max_bytes);
    return read ? std::int64_t(read->bytes.size()) : 0;
}

void SharedPartitions::acknowledge(const ShareKey& key, const std::string& member,
                                   std::span<const Acknowledgement> all, Done done) {
    auto log = log_of(key);
    if (!log) return done({ErrorCode::unknown_topic_or_partition, ""});
    auto entry = open(key, *log);
    if (!entry) return done({ErrorCode::unknown_topic_or_partition, entry.error().text});
    ShareRefusal refused;
    bool waits = false;
    {
        std::lock_guard lock((*entry)->mutex);
        auto& partition = (*entry)->partition;
        refused = partition.acknowledge(member, all, configs_.of(key.group).limits,
                                        topics_.options().clock->monotonic_us() / 1000);
        if ((*entry)->is_closed && !refused) refused = changed_meanwhile();
        waits = !refused && partition.has_marks();
        if (waits) (*entry)->waiting.emplace_back(partition.last_mark(), std::move(done));
    }
    if (waits)
        write(*entry);
    else
        done(std::move(refused));
}

/// Writes what is marked, unless a write is on its way, after which it is done. Once closed nothing is
/// written, and who waits is told.
void SharedPartitions::write(const EntryPointer& entry) {
    std::uint64_t mark = 0;
    ShareState state;
    std::vector<std::pair<std::uint64_t, Done>> refused;
    bool is_closed = false;
    {
        std::lock_guard lock(entry->mutex);
        if (entry->is_writing || !entry->partition.has_marks()) return;
        mark = entry->partition.last_mark();
        is_closed = entry->is_closed;
        if (is_closed) {
            entry->partition.finish(mark, false);
            refused.swap(entry->waiting);
        } else {
            entry->is_writing = true;
            state = entry->partition.prepared();
        }
    }
    for (auto& [waited_for, done] : refused) done(changed_meanwhile());
    if (is_closed) return;
    states_.write({{entry->key, std::move(state)}},
                  [this, entry, mark](const Result<>& result) { written(entry, mark, result); });
}

void SharedPartitions::written(const EntryPointer& entry, std::uint64_t mark, const Result<>& result) {
    std::vector<Done> answered;
    bool is_closed = false;
    {
        std::lock_guard lock(entry->mutex);
        entry->partition.finish(mark, bool(result));
        entry->is_writing = false;
        is_closed = entry->is_closed;
        std::erase_if(entry->waiting, [&](auto& each) {
            if (each.first > mark) return false;
            answered.push_back(std::move(each.second));
            return true;
        });
    }
    if (!result)
        log::warn("the state of share group {} could not be written: {}", entry->key.group,
                  result.error().text);
    ShareRefusal outcome;
    if (!result) outcome = {ErrorCode::kafka_storage_error, result.error().text};
    for (auto& done : answered) done(outcome);
    entry->moved.notify();
    if (result || is_closed) write(entry);  // what failed is tried again with the next tick, or by its member
}

void SharedPartitions::release(const std::string& group, const std::string& member) {
    for (const auto& entry : entries()) {
        if (entry->key.group != group) continue;
        {
            std::lock_guard lock(entry->mutex);
            entry->partition.release(member, configs_.of(group).limits);
        }
        write(entry);
    }
}

std::shared_ptr<void> SharedPartitions::listen(const ShareKey& key, std::function<void()> moved) {
    auto entry = find(key);
    if (!entry) return nullptr;
    auto handle = entry->moved.add(std::move(moved));
    return std::shared_ptr<void>(nullptr, [entry, handle](void*) mutable { handle.reset(); });
}

void SharedPartitions::close(const std::string& group) {
    for (const auto& entry : entries())
        if (entry->key.group == group) close(entry->key);
}

void SharedPartitions::close(const ShareKey& key) {
    EntryPointer entry;
    {
        std::lock_guard lock(mutex_);
        auto node = entries_.extract(key);
        if (node.empty()) return;
        entry = std::move(node.mapped());
    }
    {
        std::lock_guard lock(entry->mutex);
        entry->is_closed = true;
    }
    write(entry);  // for those who wait; a write that is on its way does it otherwise
}

ShareState SharedPartitions::state_of(const ShareKey& key, const ShareState& written) {
    auto entry = find(key);
    if (!entry || written.start_offset < 0) return written;
    std::lock_guard lock(entry->mutex);
    // Only what was written counts; what the log has dropped since does too.
    auto state = written;
    if (entry->partition.start_offset() > state.start_offset && !entry->is_writing) {
        state.start_offset = entry->partition.start_offset();
        std::erase_if(state.ranges, [&](const StateRange& range) { return range.last < state.start_offset; });
    }
    return state;
}

void SharedPartitions::tick() {
    auto now_ms = topics_.options().clock->monotonic_us() / 1000;
    for (const auto& entry : entries()) {
        {
            std::lock_guard lock(entry->mutex);
            entry->partition.expire(now_ms, configs_.of(entry->key.group).limits);
        }
        write(entry);
    }
}

}  // namespace penstock::broker
