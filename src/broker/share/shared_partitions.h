// The partitions that share groups read now: SharePartition with the log before it and ShareStates behind it.
// One write of a partition's state is on its way at a time; what comes meanwhile goes with the next.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "broker/listeners.h"
#include "broker/local_topics.h"
#include "broker/share/share_options.h"
#include "broker/share/share_partition.h"
#include "broker/share/share_states.h"

namespace penstock::broker {

/// Records that a member has now. bytes are whole batches, of which it has some records.
struct SharedRecords {
    std::vector<AcquiredRange> acquired;
    std::string_view bytes;
    std::shared_ptr<const void> owner;  ///< keeps the bytes
};

struct ShareAsk {
    std::string member;
    std::int64_t max_bytes = 0;
    std::int32_t records = 0, batch = 0;
    bool is_strict = false;
};

/// Thread-safe. Outlives the committer's callbacks only as long as topics do: see LocalTopics.
class SharedPartitions {
public:
    /// Called once, from any thread; error none: durable.
    using Done = std::function<void(ShareRefusal)>;

    SharedPartitions(LocalTopics& topics, ShareStates& states, const ShareConfigs& configs)
        : topics_(topics), states_(states), configs_(configs) {}

    /// Errc::not_found: no such partition, or the group has never been there.
    Result<SharedRecords> acquire(const ShareKey& key, const ShareAsk& ask);
    /// How many bytes there are to be had, at most that many; 0 when nothing.
    std::int64_t peek(const ShareKey& key, std::int64_t max_bytes);
    void acknowledge(const ShareKey& key, const std::string& member, std::span<const Acknowledgement> all,
                     Done done);
    /// What the member has of the group's partitions is free again.
    void release(const std::string& group, const std::string& member);
    /// Called whenever there may be more to be had of it.
    std::shared_ptr<void> listen(const ShareKey& key, std::function<void()> moved);
    /// Forgets what is in memory of the group's partitions, or of this one; their state stays.
    void close(const std::string& group);
    void close(const ShareKey& key);
    /// How far the group is: of what is on disk, and of what it does now.
    ShareState state_of(const ShareKey& key, const ShareState& written);
    /// Locks whose time is up end. Call it several times a second.
    void tick();

private:
    struct Entry {
        explicit Entry(ShareKey of, const ShareState& state) : key(std::move(of)), partition(state) {}
        const ShareKey key;
        std::mutex mutex;  // guards what follows
        SharePartition partition;
        bool is_writing = false, is_closed = false;
        std::vector<std::pair<std::uint64_t, Done>> waiting;  // by the mark that they wait for
        Listeners moved;
    };
    using EntryPointer = std::shared_ptr<Entry>;

    Result<EntryPointer> open(const ShareKey& key, Log& log);
    Result<std::int64_t> first_offset(const ShareGroupConfig& config, Log& log) const;
    std::shared_ptr<Log> log_of(const ShareKey& key) const;
    EntryPointer find(const ShareKey& key) const;
    std::vector<EntryPointer> entries() const;
    void write(const EntryPointer& entry);
    void written(const EntryPointer& entry, std::uint64_t mark, const Result<>& result);

    LocalTopics& topics_;
    ShareStates& states_;
    const ShareConfigs& configs_;
    mutable std::mutex mutex_;  // guards entries_; taken before an entry's
    std::map<ShareKey, EntryPointer> entries_;
};

}  // namespace penstock::broker
