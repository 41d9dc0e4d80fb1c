// Reads the rows of a table in key order, with everything deleted or expired left out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/row_key.h"
#include "store/row_value.h"

namespace penstock::store {

/// Keys from <= key < to. from starts with the table's prefix.
struct KeyRange {
    std::string from;
    std::string to;
};

/// The key range of one row; clustering is its encoded clustering values.
KeyRange row_range(const TableDefinition& table, std::string_view partition_key, std::string_view clustering);
/// Where the values of a partition's static columns are.
std::string static_key(const TableDefinition& table, std::string_view partition_key);
KeyRange table_range(const TableDefinition& table);

enum class Reading : std::uint8_t {
    normal,
    scan,     ///< of a whole table: the blocks read are not worth keeping
    at_once,  ///< little, and from memory: Errc::unavailable rather than to wait for a disk or to take long
};

/// Sees the table as it was when the cursor was made. Used by one thread at a time.
class RowCursor {
public:
    /// Ranges are read in the order given, each of them backwards when reversed.
    RowCursor(Database& database, std::shared_ptr<const TableDefinition> table, std::vector<KeyRange> ranges,
              bool reversed = false, Reading reading = Reading::normal);
    ~RowCursor();

    /// Before the first next(): what has expired is told by this time, and not by the clock's.
    void read_at(std::int64_t now_seconds) { now_ = now_seconds; }
    /// Before the first next(): a partition with static values and no row that is alive appears once, too.
    /// Its range begins at its static values then, and is not one of single rows.
    void show_static_partitions() { static_partitions_ = true; }

    /// Goes to the next row that is alive; false at the end. What the other members return is valid until
    /// then.
    Result<bool> next();
    /// The following rows of this row's partition are left out.
    void skip_partition();
    std::string_view key() const { return key_; }
    const ParsedKey& parsed() const { return parsed_; }
    /// The marker and the cells that are alive.
    const Row& row();
    /// The static values of this row's partition that are alive.
    const Row& static_row();
    /// There is no row, only the partition's static values: no clustering, no cells.
    bool is_static_only() const { return static_only_; }
    const TableDefinition& table() const { return *table_; }

private:
    struct RangeDeletion {
        std::string from, to;
        std::int64_t timestamp;
    };
    Result<bool> is_kept();
    Result<bool> look_up(const std::string& key);
    Result<bool> enter_next_range();
    Result<> keep_partition();
    std::unique_ptr<rocksdb::Iterator> make_iterator(const rocksdb::ReadOptions& options);
    void advance();
    bool in_range() const;
    Result<bool> look_at(rocksdb::Slice key, rocksdb::Slice value);
    Result<> learn_partition();
    Result<> learn_on_the_way(const KeyRange& range);
    void begin_partition(std::string_view prefix);
    Result<> spend(std::size_t bytes);
    bool show_static(std::string_view partition_prefix);
    bool static_is_live();
    void note(const ParsedKey& parsed, std::string_view value);
    void note_deletion(std::string_view rest, std::string_view value);
    std::int64_t hidden_until() const;
    void drop_unseen(Row& row, std::int64_t hidden) const;

    Database& database_;
    std::shared_ptr<const TableDefinition> table_;
    std::vector<KeyRange> ranges_;
    std::size_t next_range_ = 0;
    bool reversed_;
    rocksdb::ReadOptions read_;
    rocksdb::Slice upper_bound_;
    const rocksdb::Snapshot* snapshot_ = nullptr;
    bool at_once_;
    std::size_t budget_ = SIZE_MAX;  ///< bytes of keys and values that may still be looked at
    std::int64_t now_;
    /// By column id: until when its cells are gone, as it was dropped; empty: no column ever was.
    std::vector<std::int64_t> dropped_;
    std::unique_ptr<rocksdb::Iterator> iterator_;
    /// Of the partition that the only range lies in; none: there are several, or it may not be kept.
    PartitionCache::Seen seen_;
    std::shared_ptr<const CachedPartition> kept_;  ///< read instead of the tables
    std::size_t read_bytes_ = 0;                   ///< from the tables
    bool positioned_ = false;
    bool advanced_ = false;  ///< the iterator is behind the row that was returned last

    rocksdb::PinnableSlice single_value_;
    std::string single_key_;

    std::string partition_;  ///< whose deletions are known
    std::int64_t partition_deleted_ = no_timestamp;
    std::vector<RangeDeletion> range_deletions_;
    std::string static_value_;
    Row static_row_;
    bool static_parsed_ = false;
    bool static_partitions_ = false;
    bool partition_has_rows_ = false;  ///< that are alive, among those seen so far
    bool static_only_ = false;
    /// Forward: the partition whose static values come when no row follows; empty: none.
    std::string static_waiting_;
    std::string static_key_;

    std::string_view key_, value_;
    ParsedKey parsed_;
    std::int64_t hidden_ = no_timestamp;
    Row row_;
    bool row_parsed_ = false;
};

/// The values of a row's partition key columns, from the stored key.
bool split_partition_key(const TableDefinition& table, std::string_view key,
                         std::vector<std::string_view>& values);
/// The inverse. Errc::invalid when it gets longer than max_partition_key, or a single value is empty.
Result<std::string> join_partition_key(const TableDefinition& table,
                                       const std::vector<std::string_view>& values,
                                       bool may_be_empty = false);
/// The CQL values of a row's clustering columns; none: null, which a dense table's may be.
bool split_clustering(const TableDefinition& table, std::string_view encoded,
                      std::vector<std::optional<std::string>>& values);

}  // namespace penstock::store
