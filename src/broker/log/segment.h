// One file of record batches, with its indexes. docs/formats/segment.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/index.h"
#include "io/files.h"
#include "wire/kafka/record_batch.h"

namespace penstock::broker {

/// Whole batches, as stored, one behind the other.
struct Slice {
    std::string_view bytes;  ///< at least 64 readable bytes follow
    std::shared_ptr<const void> owner;
    std::int64_t next_offset = 0;  ///< one past the last offset covered
    bool reaches_end = false;      ///< of its segment: what follows is in the next one
};

struct TimeOffset {
    std::int64_t timestamp_ms = -1;
    std::int64_t offset = -1;
    std::int32_t leader_epoch = 0;
};

/// Bytes that fail their checksum, with whole batches behind them.
struct Damage {
    std::int64_t from_position = 0, to_position = 0;
    std::int64_t from_offset = 0, to_offset = 0;  ///< to: the first one that can be read again
};

struct SegmentOptions {
    std::int64_t map_bytes = 1 << 30;          ///< how much to map at once
    std::int64_t index_interval_bytes = 4096;  ///< between two index entries
    std::int64_t decompressed_limit = 256 << 20;
};

/// Thread-safe for many readers beside one writer.
class Segment {
public:
    /// What recovery found.
    struct Recovered {
        std::int64_t next_offset = 0;
        std::int64_t cut_bytes = 0;  ///< of the tail, which nobody had been told of
    };
    using Visitor = std::function<void(const wire::kafka::BatchHeader& header, std::string_view batch)>;

    /// name: "topic-partition", for messages.
    static Result<std::shared_ptr<Segment>> open(io::Files& files, const std::string& directory,
                                                 std::string name, std::int64_t base_offset,
                                                 const SegmentOptions& options);

    std::int64_t base_offset() const { return base_; }
    std::int64_t size() const;                 ///< of what readers may see
    std::int64_t max_timestamp() const;        ///< -1 when empty
    std::optional<TimeOffset> latest() const;  ///< the batch with the highest timestamp
    std::vector<Damage> damages() const;

    /// Checks every batch from the position on, calls visit for each, and rebuilds the indexes from there.
    /// When the segment is the log's last, what looks like a write cut short is cut off; elsewhere, and when
    /// whole batches follow, it is damage: it is reported and stepped over.
    Result<Recovered> recover(std::int64_t from_position, std::int64_t from_offset, bool last,
                              const Visitor& visit);
    /// Trusts the file as far as size (-1: all of it) and loads its indexes, or rebuilds them. Returns
    /// whether they were there.
    Result<bool> load(std::int64_t size);

    /// Writes behind size(); invisible until publish(). After an error, cut() before writing again.
    Result<> write(std::span<const std::string_view> pieces);
    Result<> sync() { return file_->sync(); }
    Result<> cut() { return file_->truncate(size()); }
    /// Makes what was written visible. headers: of the written batches, in order.
    void publish(std::span<const wire::kafka::BatchHeader> headers);
    /// Writes the index files, and closes the time index with the highest timestamp.
    Result<> save_indexes();
    Result<> remove_indexes();
    Result<> remove_files();

    /// Whole batches from the one that holds offset on, about max_bytes, at least one; empty when none is
    /// there, with next_offset the end of what this segment covers.
    Result<Slice> read(std::int64_t offset, std::int64_t max_bytes);
    /// The first record of at least that time, at or behind from_offset.
    Result<std::optional<TimeOffset>> find_time(std::int64_t timestamp_ms, std::int64_t from_offset);

private:
    struct Bytes;  // a stretch of the file, mapped or read
    Segment() = default;
    std::string file_name(std::string_view suffix) const;
    Result<Bytes> bytes_at(std::int64_t position, std::int64_t count);
    Result<wire::kafka::BatchHeader> header_at(std::int64_t position, std::int64_t limit);
    Result<bool> is_whole(std::int64_t position, const wire::kafka::BatchHeader& header);
    Result<std::optional<Damage>> find_damage(std::int64_t position, std::int64_t offset, std::int64_t limit);
    Result<bool> has_unwritten_sector(const Damage& damage);
    void report(const Damage& damage);
    void index_batch(const wire::kafka::BatchHeader& header, std::int64_t position);
    Result<> rebuild_indexes(std::int64_t size);

    io::Files* files_ = nullptr;
    std::string directory_, name_;
    std::int64_t base_ = 0;
    SegmentOptions options_;
    std::unique_ptr<io::File> file_;

    mutable std::mutex mutex_;  // guards all below
    std::int64_t size_ = 0;
    std::int64_t next_offset_ = 0;
    OffsetIndex offsets_;
    TimeIndex times_;
    TimeOffset latest_;
    std::int64_t indexed_position_ = -1;
    std::int64_t opened_size_ = 0;    // bytes from here on were checked when they were written
    std::int64_t checked_until_ = 0;  // and those before here have been checked since
    std::vector<Damage> damages_;
    std::shared_ptr<const io::Mapping> mapping_;
    bool can_map_ = true;
};

/// "00000000000000000042.log".
std::string segment_file_name(std::int64_t offset, std::string_view suffix);
/// The offset in such a name with that suffix.
std::optional<std::int64_t> segment_file_offset(std::string_view name, std::string_view suffix);

}  // namespace penstock::broker
