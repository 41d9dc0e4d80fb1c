// Partitions that are read again and again, kept whole: their keys and merged values in order, in one piece
// of memory, as RocksDB's iterator would show them. A read of a kept partition neither merges nor
// searches in memtables and blocks, and rows that are read often take no blocks of rows that are not. The
// idea is that of ScyllaDB's row cache.
//
// What is kept is never older than what has been acknowledged: a change announces itself before it is written
// and says when it is, and what was read in between, or before, is not used any more.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace penstock::store {

/// Never changes once it is kept.
class CachedPartition {
public:
    /// Keys in their order.
    void add(std::string_view key, std::string_view value);
    std::size_t size() const { return entries_.size(); }
    /// What it takes in memory.
    std::size_t bytes() const {
        return bytes_.capacity() + entries_.capacity() * sizeof(Entry) + sizeof *this;
    }
    std::string_view key(std::size_t at) const {
        return std::string_view(bytes_).substr(entries_[at].begin, entries_[at].key_size);
    }
    std::string_view value(std::size_t at) const {
        auto begin = entries_[at].begin + entries_[at].key_size;
        auto end = at + 1 < entries_.size() ? entries_[at + 1].begin : bytes_.size();
        return std::string_view(bytes_).substr(begin, end - begin);
    }
    /// The first key that is not less; size() when there is none.
    std::size_t lower_bound(std::string_view key) const;
    void shrink() {
        bytes_.shrink_to_fit();
        entries_.shrink_to_fit();
    }

private:
    struct Entry {
        std::uint32_t begin;  ///< of the key, the value follows
        std::uint32_t key_size;
    };
    std::string bytes_;
    std::vector<Entry> entries_;
};

/// Its keys as RocksDB's iterator shows them, which is what readers know.
std::unique_ptr<rocksdb::Iterator> make_iterator(std::shared_ptr<const CachedPartition> partition);

/// Thread-safe.
class PartitionCache {
    struct Slot {
        /// How many changes have begun, times one_begun, and how many of them are under way.
        std::atomic<std::uint64_t> changes{0};
        std::atomic<std::uint64_t> read{0};     ///< bytes, since it was changed, or last worth keeping
        std::atomic<std::uint64_t> read_of{0};  ///< the changes that they were read after
        std::atomic<std::uint32_t> size{
            0};  ///< of the partition when it was last read whole; 0: none ever was
        std::atomic<std::uint32_t> last_row{
            0};  ///< a mark of the partition whose only row was looked up last
    };
    struct TableSlot {
        std::atomic<std::uint64_t> changes{0};
    };

public:
    /// Entries share the memory that blocks may take. Partitions of more than largest bytes are not kept.
    PartitionCache(std::shared_ptr<rocksdb::Cache> cache, std::size_t largest)
        : cache_(std::move(cache)), largest_(largest) {}

    /// What a write changes, for as long as it is being written: made before, gone before it is acknowledged.
    class Change {
    public:
        explicit Change(PartitionCache& cache) : cache_(cache) {}
        ~Change();
        Change(const Change&) = delete;
        Change& operator=(const Change&) = delete;
        /// key is any of the partition's.
        void add_partition(std::string_view key);
        void add_table(std::uint32_t table);
        /// The partitions, or the tables, of the keys in it.
        void add_partitions(const rocksdb::WriteBatch& batch);
        void add_tables(const rocksdb::WriteBatch& batch);

    private:
        PartitionCache& cache_;
        std::vector<std::atomic<std::uint64_t>*> under_way_;
    };

    /// A partition before it is read: what is read after this may be kept, if nothing has changed by then.
    class Seen {
    public:
        explicit operator bool() const { return slot_ != nullptr; }

    private:
        friend PartitionCache;
        Slot* slot_ = nullptr;
        const TableSlot* table_ = nullptr;
        std::uint64_t changes_ = 0, table_changes_ = 0;

        bool is_changing() const;
        bool is_same() const { return slot_->changes == changes_ && table_->changes == table_changes_; }
    };
    /// prefix is what all of the partition's keys begin with.
    Seen look(std::string_view prefix);
    /// Null: it is not kept, or has changed since it was.
    std::shared_ptr<const CachedPartition> find(std::string_view prefix, const Seen& seen);
    /// So much of it was read from the tables.
    static void note_read(const Seen& seen, std::size_t bytes);
    /// It has been read so often that reading it whole pays.
    bool is_worth_keeping(const Seen& seen) const;
    /// True for one of those who ask at the same time.
    bool begin_keeping(const Seen& seen) const;
    void keep(std::string_view prefix, const Seen& seen, std::shared_ptr<const CachedPartition> partition);
    /// The only row of a partition was looked up: it is kept the second time, before which no other of its
    /// slot is, so that what is read once leaves the cache to others.
    void note_row(const Seen& seen, std::string_view key, std::string_view value);
    /// It has turned out to be larger than what is kept.
    void note_too_large(const Seen& seen) const;
    std::size_t largest() const { return largest_; }

private:
    static constexpr std::size_t slots = 1u << 16, table_slots = 1u << 10;
    Slot& slot_of(std::string_view key);
    void insert(std::string_view prefix, const Seen& seen, std::shared_ptr<const CachedPartition> partition);
    TableSlot& table_slot(std::uint32_t table) { return tables_[table % table_slots]; }

    const std::shared_ptr<rocksdb::Cache> cache_;
    const std::size_t largest_;
    // Partitions that share a slot are forgotten together.
    std::array<Slot, slots> slots_;
    std::array<TableSlot, table_slots> tables_;
};

}  // namespace penstock::store
