// Which rows may have a value, by an index.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/index_entries.h"
#include "store/row_cursor.h"

namespace penstock::store {

/// Entries from <= key < to, of one index. Rows of one value come in the table's order as they are read;
/// those of several values are put in it first.
struct IndexRange {
    std::string from;
    std::string to;
    bool one_value = false;
    std::function<bool(std::string_view term)> wants;  ///< not null: of texts; which of them
};

/// Used by one thread; goes before its Database.
class IndexScan {
public:
    /// within: the ranges of the table's rows that are wanted, in order and apart. The table must outlive it.
    IndexScan(Database& database, IndexedColumn column, IndexRange range, std::vector<KeyRange> within);
    ~IndexScan();

    /// Appends where the next rows are, some hundred at once, in the table's order; of a static column's
    /// values, and of those in a partition key, whole partitions. False: there are no more.
    /// Errc::out_of_range: more rows than can be put in order in memory; the table itself has to be read.
    Result<bool> next(std::vector<KeyRange>& out);

private:
    Result<bool> next_of_one_value(std::vector<KeyRange>& out);
    Result<> gather();
    /// The row's range as far as it is wanted.
    void append_wanted(std::string_view row_key, std::vector<KeyRange>& out);
    bool of_partition_key() const;
    bool row_key_of(std::string_view entry, std::string& out) const;

    Database& database_;
    IndexedColumn column_;
    IndexRange range_;
    std::vector<KeyRange> within_;
    std::unique_ptr<rocksdb::Iterator> iterator_;
    rocksdb::Slice upper_;
    std::optional<std::vector<std::string>> gathered_;
    std::size_t next_ = 0;
    std::string last_partition_;  ///< that was appended, of a partition key's index
};

}  // namespace penstock::store
