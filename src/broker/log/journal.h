// What is appended to any partition, made durable by one write, so that a sync is not paid for by each of
// them. Segments are written as well, and synced later, a journal file's worth at a time; after a crash they
// are restored from here. docs/formats/journal.md, docs/decisions/0020-one-journal.md.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "broker/log/journal_frame.h"
#include "io/files.h"

namespace penstock::broker {

class Log;

struct JournalOptions {
    int files = 4;                        ///< written one after the other, in a circle; two or more
    std::int64_t file_bytes = 32 << 20;   ///< of each, at most; they grow as they are needed
    std::int64_t frame_bytes = 4 << 20;   ///< of one write, at most
    std::int64_t entry_bytes = 1 << 20;   ///< of one log in it; more is synced in its segment
    std::int64_t extend_bytes = 4 << 20;  ///< by which a file grows
};

class Journal {
    struct Private {
        explicit Private() = default;
    };

public:
    Journal(Private, io::Files& files, std::string directory, const JournalOptions& options);
    ~Journal();  ///< the logs have no appends under way
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// Reads what was written since restored() or close() was last called. Makes nothing.
    static Result<std::unique_ptr<Journal>> open(io::Files& files, std::string directory,
                                                 const JournalOptions& options);
    /// Writes into the file what the journal has of that segment. Only for the last segment of a log, as
    /// earlier ones were synced when they were full, and may have been compacted since. Thread-safe.
    Result<> restore(const LogId& log, std::int64_t segment, io::File& file);
    /// All logs have been restored and synced: what was read is not needed again.
    void restored();

    /// Whether it is for the journal: what is large costs less in its segment alone.
    bool takes(const JournalEntry& entry) const {
        return frame_size(std::span(&entry, 1)) <= std::min(options_.entry_bytes, options_.frame_bytes);
    }
    /// How many of the first entries, at least one, one write takes.
    std::size_t fitting(std::span<const JournalEntry> entries) const {
        return entries_within(entries, options_.frame_bytes);
    }
    /// When it returns, the entries survive a power cut; owners: of each entry, whose file is synced before
    /// the journal's is used again. After an error (Errc::full: no room for the journal; Errc::io) the caller
    /// syncs the segments itself. One thread at a time.
    Result<> write(std::span<const JournalEntry> entries, std::span<const std::shared_ptr<Log>> owners);

    /// All logs have been synced and closed. Without restored() before, what was read stays.
    void close();

private:
    /// A file of the journal.
    struct Slot {
        std::unique_ptr<io::File> file;
        std::int64_t allocated = 0;  ///< bytes that are on the disk, as zeros or older frames
        std::map<const Log*, std::weak_ptr<Log>> logs;  ///< with bytes in it that may not be synced
        bool is_clean = true;                           ///< may be written over; guarded by mutex_
    };
    struct Found {  // an entry of a frame that was read
        std::uint64_t sequence;
        std::string path;
        std::int64_t at, length;  ///< in that file
        std::int64_t position;    ///< in the segment's
    };
    struct Free {
        void operator()(char* memory) const;
    };

    std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }
    Result<> read_back();
    Result<> scan(const std::string& path, std::vector<std::uint64_t>& sequences);
    Result<> read_state();
    Result<> save_state();
    Result<> find_room(std::int64_t bytes);
    Result<> open_slot(Slot& slot, int number);
    Result<> next_slot();
    void make_buffer(std::int64_t size);
    Result<> write_frame(Slot& slot, std::int64_t size);
    bool has_failed();
    void give_up(const Error& why);
    void sync_full_slots();

    io::Files* files_;
    std::string directory_;
    JournalOptions options_;

    codec::Uuid id_;               // zero: there is no directory yet
    std::uint64_t sequence_ = 1;   // of the next frame
    std::uint64_t forgotten_ = 1;  // frames before it are not needed
    std::map<std::pair<LogId, std::int64_t>, std::vector<Found>> found_;
    bool is_restored_ = false;

    // Of the writing thread:
    std::vector<Slot> slots_;
    std::size_t current_ = 0;
    std::int64_t position_ = 0;
    std::unique_ptr<char, Free> buffer_;  // aligned, as writes past the page cache must be
    std::int64_t buffer_size_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Slot*> full_;
    bool failed_ = false;
    bool stopping_ = false;
    std::thread syncing_;
};

}  // namespace penstock::broker
