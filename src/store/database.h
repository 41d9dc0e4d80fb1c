// RocksDB with our keys in it: opening, the three ways to write, and the catalogue.
//
// What is durable when. Everything lives in one column family, so that what RocksDB recovers is a prefix of
// what was written to it, apart from what the write-ahead log adds:
// - Query commits are written without the write-ahead log. After a crash they are there up to some commit,
// whole,
//   with the checkpoint they belong to; the query reads its input again from that checkpoint.
// - CQL writes and catalogue changes go through the write-ahead log. Recovery replays them on top of whatever
// the
//   memtables had been flushed to, also where commits between them are lost. That is right because they do
//   not depend on those commits: cells carry their own timestamps and merge in any order; the catalogue never
//   uses an id again.
// - A change that hides earlier commits without a timestamp of its own (TRUNCATE, DROP) flushes first.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/catalogue.h"
#include "store/partition_cache.h"

namespace penstock::store {

/// When a CQL write counts as done.
enum class SyncPolicy {
    batch,     ///< after fsync of the write-ahead log; writes that wait together share one
    periodic,  ///< at once; fsync follows every sync_every_us. A power cut may lose that much, kill -9
               ///< nothing
};

struct StoreOptions {
    std::string data_directory;
    std::size_t block_cache_bytes = 32u << 20;        ///< and partitions kept whole
    std::size_t cached_partition_bytes = 512u << 10;  ///< larger ones are not kept whole; 0: none is
    std::size_t memtable_bytes = 16u << 20;           ///< for each memtable; at most three exist
    SyncPolicy sync = SyncPolicy::batch;
    std::int64_t sync_every_us = 10'000'000;
    std::int64_t flush_every_us = 10'000'000;  ///< query commits reach the disk this often at the latest
    std::size_t sorted_run_rows = 10'000;      ///< commits of at least so many rows go straight to a file
    std::int64_t grace_seconds = 864'000;      ///< tombstones are kept so long
    bool sasi_indexes = false;                 ///< may be made, as by sasi_indexes_enabled of Cassandra
    const Clock* clock = nullptr;              ///< null: the system's
};

class IndexBuilder;

/// Thread-safe.
class Database {
public:
    static Result<std::unique_ptr<Database>> open(const StoreOptions& options);
    ~Database();

    std::shared_ptr<const Catalogue> catalogue() const;
    /// Replaces the catalogue by what change makes of it, durably. Changes happen one after the other. When
    /// change fails nothing is changed. flush_first: what queries committed before must not come back after a
    /// crash.
    Result<> change_catalogue(const std::function<Result<>(Catalogue&)>& change, bool flush_first = false);

    /// Writes with the write-ahead log; done is called from the writer's thread when the policy says so.
    void write(rocksdb::WriteBatch batch, std::function<void(Result<>)> done);
    /// The same, waiting.
    Result<> write(rocksdb::WriteBatch batch);

    /// Writes without the write-ahead log: durable by the next flush, in the order of these calls.
    Result<> write_unlogged(rocksdb::WriteBatch& batch);
    /// A file of sorted keys, taken in as a whole by ingest, which wants to know the tables in it. Durable
    /// when ingest returns.
    Result<std::unique_ptr<rocksdb::SstFileWriter>> new_sorted_run(std::string& path);
    Result<> ingest(const std::string& path, std::span<const std::uint32_t> tables);
    /// Makes all writes so far durable.
    Result<> flush();
    /// Waits until every write that began with an older catalogue is done.
    Result<> settle();
    /// Fills indexes that are new.
    IndexBuilder& index_builder() { return *index_builder_; }

    /// For reading: what writes past write() and write_unlogged() is not seen by partition_cache().
    rocksdb::DB& rocks() { return *db_; }
    PartitionCache& partition_cache() { return partition_cache_; }
    const StoreOptions& options() const { return options_; }
    const Clock& clock() const { return *clock_; }
    std::int64_t now_seconds() const { return clock_->now_us() / 1'000'000; }
    /// Removes a dropped or truncated table's files as far as they hold nothing else; compaction removes the
    /// rest.
    void reclaim(std::uint32_t table);

private:
    struct Pending {
        rocksdb::WriteBatch batch;
        std::function<void(Result<>)> done;
    };
    explicit Database(const StoreOptions& options);
    rocksdb::Options rocks_options();
    Result<> load_catalogue();
    void write_loop();
    void write_group(std::vector<Pending>& group);
    void flush_loop();

    StoreOptions options_;
    const Clock* clock_;
    std::unique_ptr<rocksdb::Env> env_;  ///< outlives what is opened with it
    std::shared_ptr<rocksdb::Cache> block_cache_;
    PartitionCache partition_cache_;
    std::unique_ptr<rocksdb::DB> db_;
    rocksdb::Options opened_with_;

    std::atomic<bool> catalogue_loaded_{false};
    mutable std::mutex catalogue_mutex_;
    std::shared_ptr<const Catalogue> catalogue_;
    std::mutex change_mutex_;
    std::shared_mutex commits_;  ///< held shared by query commits, alone by changes that flush first

    std::mutex write_mutex_;
    std::condition_variable write_ready_, stop_flusher_;
    std::vector<Pending> pending_;
    bool stopping_ = false;
    bool flusher_stopping_ = false;
    std::atomic<bool> unflushed_{false};
    std::atomic<std::uint64_t> next_run_{0};
    std::thread writer_, flusher_;
    std::unique_ptr<IndexBuilder> index_builder_;
};

/// Our error for RocksDB's.
Error error_of(const rocksdb::Status& status);

}  // namespace penstock::store
