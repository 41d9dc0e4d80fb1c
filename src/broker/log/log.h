// One partition: segments in order, appended to in groups, read in slices. docs/formats/segment.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "broker/log/journal_frame.h"
#include "broker/log/producer_state.h"
#include "broker/log/segment.h"
#include "codec/compression.h"
#include "io/files.h"

namespace penstock::broker {

/// When an append is acknowledged, and when readers see it.
enum class Durability {
    durable,  ///< after fdatasync: it survives a power cut. Appends that wait share one fdatasync.
    flushed,  ///< after write(); fdatasync every flush interval: a power cut may take that much, kill -9
              ///< nothing
    memory,   ///< after write(); the operating system decides when: for data that can be fetched again
};

/// Kafka's topic settings, as far as a log knows them.
struct LogOptions {
    std::int64_t segment_bytes = 1 << 30;
    std::int64_t segment_ms = 7LL * 24 * 3600 * 1000;
    std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;  ///< -1: for ever
    std::int64_t retention_bytes = -1;                   ///< -1: any
    std::int64_t index_interval_bytes = 4096;
    std::int64_t max_message_bytes = 1048588;
    bool deletes = true;    ///< cleanup.policy has delete
    bool compacts = false;  ///< cleanup.policy has compact
    double min_dirty_ratio = 0.5;
    std::int64_t delete_retention_ms = 86'400'000;  ///< how long tombstones are kept
    std::int64_t min_compaction_lag_ms = 0;
    std::int64_t max_compaction_lag_ms = INT64_MAX;
    /// Of every batch that is appended; nullopt: as its producer compressed it.
    std::optional<codec::Compression> compression;
    bool append_time = false;  ///< message.timestamp.type is LogAppendTime
    /// Of records that producers send: how far their timestamps may be from now.
    std::int64_t timestamp_before_max_ms = INT64_MAX, timestamp_after_max_ms = 3'600'000;
    bool operator==(const LogOptions&) const = default;
};

class Committer;
class CompactionPass;
class Journal;

/// What appends wait for. Several batches are appended all or none.
struct Append {
    std::vector<std::span<char>> batches;  ///< base offset, epoch and append time are written into them
    std::shared_ptr<void> owner;           ///< keeps the batches' bytes
    std::string producer, position;        ///< of a named producer; empty: none
    std::function<void(Result<std::int64_t>)> done;  ///< the base offset; see broker::Appended
};

/// Thread-safe.
class Log : public std::enable_shared_from_this<Log> {
    struct Private {
        explicit Private() = default;
    };

public:
    struct Place {
        io::Files* files;
        const Clock* clock;
        Committer* committer;
        Journal* journal = nullptr;  ///< what open() restores from; the committer's, when it has one
        LogId id = {};               ///< in the journal
        std::string directory;       ///< of this partition
        std::string name;            ///< "topic-partition"
        Durability durability = Durability::durable;
    };

    Log(Private, Place place);  ///< see open()
    /// Recovers what is there, or begins at offset 0. moved is called, without locks, when the end offset
    /// moved.
    static Result<std::shared_ptr<Log>> open(Place place, const LogOptions& options,
                                             std::function<void()> moved);

    /// Queues it; done is called on a thread of the committer, or at once when the log has stopped.
    /// Errc::full: disk full, nothing of it was kept; Errc::out_of_range and Errc::fenced from
    /// ProducerState::check(); Errc::io when the log has stopped because the disk failed.
    void append(Append append);

    std::int64_t start_offset() const;
    std::int64_t end_offset() const;
    /// Before it every transaction has ended: what readers of committed records may see.
    std::int64_t stable_offset() const;
    /// Those with records in [from, to).
    std::vector<AbortedTransaction> aborted_transactions(std::int64_t from, std::int64_t to) const;
    /// Idempotent and transactional producers. May wait for an append.
    std::map<std::int64_t, ProducerState::Producer> producers();
    std::int64_t bytes() const;
    LogOptions options() const;
    void set_options(const LogOptions& options);
    std::vector<Damage> damages() const;

    /// Whole batches from the one that holds offset on; empty at the end. Errc::out_of_range.
    Result<Slice> read(std::int64_t offset, std::int64_t max_bytes);
    /// The same, and nothing from stable_offset() on. Aborted records are in it.
    Result<Slice> read_stable(std::int64_t offset, std::int64_t max_bytes);
    /// The first record of at least that time; nothing when there is none.
    Result<std::optional<TimeOffset>> find_time(std::int64_t timestamp_ms);
    /// A record with the highest timestamp; nothing when the log is empty.
    Result<std::optional<TimeOffset>> find_max_time();
    /// What the named producer last appended; empty: nothing.
    std::string position(std::string_view producer) const;

    /// Records before offset may no longer be read; whole segments go. Errc::out_of_range behind the end.
    /// Returns the new start offset.
    Result<std::int64_t> delete_before(std::int64_t offset);
    /// Deletes segments that retention does not keep; forgets idempotent producers unused for a day.
    Result<> clean();
    /// Takes out records that have a newer one of the same key, when enough was written since it last did.
    /// Errors leave the log as it was. Not on two threads at once.
    Result<> compact();
    /// fdatasync now, when something was written since the last one.
    Result<> flush();
    /// Syncs and leaves a checkpoint, so that the next open() scans nothing. Later appends are refused.
    Result<> close();
    /// Refuses appends from now on, as the files go away.
    void stop(Error why);

    // For the committer: one group of what is queued, written, made durable, and acknowledged.
    /// A group on its way. As long as there is one, the log's other writers wait. One thread has it.
    struct Commit;
    /// Takes what is queued and writes it behind the active segment. Nothing when another writer is at work
    /// (retention, compaction): nobody else's appends wait for it, it schedules the log when it is done.
    std::unique_ptr<Commit> begin_commit();
    /// What is to be made durable; nothing when nothing is to be. Valid as long as the commit is.
    std::optional<JournalEntry> journal_entry(const Commit& commit) const;
    /// is_durable: it survives a power cut already; else the segment is synced, when it is to. Tells
    /// everyone; returns whether more is queued.
    bool end_commit(std::unique_ptr<Commit> commit, bool is_durable);

    // For the journal.
    /// fdatasync of the active segment (those before it are synced), beside appends, which it does not hold
    /// up. After an error the log takes no more appends.
    Result<> sync_active();

private:
    Result<> recover();
    Result<> recover_segments(const std::vector<std::int64_t>& bases, std::optional<Checkpoint> checkpoint);
    std::optional<Checkpoint> newest_checkpoint(const std::vector<std::string>& names);
    SegmentOptions segment_options() const;
    std::shared_ptr<Segment> active() const;

    /// write_mutex_, for all but commits.
    class Writing;
    bool lock_for_commit(std::unique_lock<std::mutex>& lock);

    // With write_mutex_ held:
    Result<> make_room(const std::vector<Append>& appends);
    void admit(Append& append, Commit& commit);
    Result<> write(Commit& commit);
    void acknowledge(Commit& commit);
    void refuse(Commit& commit, const Error& error);
    Result<> sync_written();
    Result<> checkpoint_when_due();
    Result<> roll();
    Result<> write_checkpoint();
    Result<> remove_segments_before(std::int64_t offset);
    Error halted(const Error& why);

    struct Cleanable;
    Cleanable cleanable() const;
    Result<> forget_old_checkpoints();
    Result<std::int64_t> compact_segment(CompactionPass& pass, const std::shared_ptr<Segment>& segment,
                                         bool was_cleaned, std::int64_t forget_before_ms);
    Result<> replace_segment(const std::shared_ptr<Segment>& segment, bool is_empty);

    Place place_;
    std::function<void()> moved_;

    std::mutex write_mutex_;  // one at a time changes files
    std::mutex queue_mutex_;  // taken last
    std::vector<Append> queue_;
    bool scheduled_ = false;
    bool put_off_ = false;  // a commit, until the other writer is done
    std::optional<Error> stopped_;

    mutable std::mutex mutex_;  // what readers need; taken after write_mutex_, held shortly
    LogOptions options_;
    std::map<std::int64_t, std::shared_ptr<Segment>> segments_;
    std::int64_t start_offset_ = 0;
    std::int64_t end_offset_ = 0;
    std::int64_t stable_offset_ = 0;
    ProducerState producers_;  // changed with write_mutex_ held too

    // With write_mutex_ held:
    std::int64_t active_since_ms_ = 0;
    bool unsynced_ = false;
    bool is_as_closed_ = false;  // the last close() left all that the next one would
    std::int64_t last_checkpoint_ = -1;

    std::int64_t cleaned_until_ = 0;  // compact()'s alone: segments before it have no key twice
};

}  // namespace penstock::broker
