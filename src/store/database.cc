#include "store/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/experimental.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <filesystem>
#include <future>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/file_tables.h"
#include "store/index_builder.h"
#include "store/index_entries.h"
#include "store/resident_files.h"
#include "store/row_key.h"
#include "store/row_merge.h"
#include "store/uuid.h"

namespace penstock::store {
namespace {

const std::string catalogue_key(1, catalogue_tag);

metrics::Counter& logged_writes =
    metrics::counter("penstock_store_cql_writes_total", "Writes through the write-ahead log.");
metrics::Counter& log_syncs =
    metrics::counter("penstock_store_log_syncs_total", "Groups of writes that were made durable together.");

std::string runs_directory(const StoreOptions& options) {
    return options.data_directory + "/runs";
}

}  // namespace

Error error_of(const rocksdb::Status& status) {
    auto code = Errc::io;
    if (status.IsNotFound())
        code = Errc::not_found;
    else if (status.IsCorruption())
        code = Errc::corrupt;
    else if (status.IsNoSpace())
        code = Errc::full;
    else if (status.IsIncomplete() || status.IsBusy())
        code = Errc::unavailable;
    else if (status.IsInvalidArgument() || status.IsNotSupported())
        code = Errc::internal;
    return {code, "tables: " + status.ToString()};
}

Database::Database(const StoreOptions& options)
    : options_(options),
      clock_(options.clock ? options.clock : &system_clock()),
      env_(rocksdb::NewCompositeEnv(make_resident_file_system())),
      block_cache_(rocksdb::NewLRUCache(options.block_cache_bytes, 2)),
      partition_cache_(block_cache_, options.cached_partition_bytes),
      catalogue_(std::make_shared<const Catalogue>()) {}

rocksdb::Options Database::rocks_options() {
    rocksdb::Options out;
    out.env = env_.get();
    out.create_if_missing = true;
    out.merge_operator = make_row_merge();
    out.compaction_filter_factory = std::make_shared<ExpiryFilterFactory>(
        // Compactions may run before the catalogue is read: until then nothing counts as dropped.
        [this](std::uint32_t id) {
            if (!catalogue_loaded_) return true;
            auto now = catalogue();
            return now->has_table_id(id) || now->has_index_id(id);
        },
        [this] { return now_seconds(); }, options_.grace_seconds);

    rocksdb::BlockBasedTableOptions table;
    // Small, for rows read one by one: what is read for one is most often not asked for again.
    table.block_size = 4 * 1024;
    table.block_cache = block_cache_;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    // Index and filter blocks count against the cache, so that memory stays bounded however large the tables
    // are.
    table.cache_index_and_filter_blocks = true;
    table.cache_index_and_filter_blocks_with_high_priority = true;
    table.pin_l0_filter_and_index_blocks_in_cache = false;
    table.format_version = 5;
    out.table_properties_collector_factories.push_back(note_tables());
    out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    out.compression = rocksdb::kLZ4Compression;
    // What was just written is read and written again soon.
    out.compression_per_level.assign(std::size_t(out.num_levels), rocksdb::kLZ4Compression);
    out.compression_per_level[0] = rocksdb::kNoCompression;

    out.write_buffer_size = options_.memtable_bytes;
    out.max_write_buffer_number = 3;
    // A row looked up by its key is most often in none of the memtables.
    out.memtable_prefix_bloom_size_ratio = 0.05;
    out.memtable_whole_key_filtering = true;
    out.level_compaction_dynamic_level_bytes = true;
    out.level0_file_num_compaction_trigger = 8;
    out.level0_slowdown_writes_trigger = 32;
    out.level0_stop_writes_trigger = 64;
    out.max_bytes_for_level_base = 256u << 20;
    out.target_file_size_base = 64u << 20;
    out.max_background_jobs = 2;
    out.max_open_files = 256;
    out.info_log_level = rocksdb::INFO_LEVEL;  // the headers' default depends on how they are included
    out.max_log_file_size = 1u << 20;
    out.keep_log_file_num = 3;
    out.stats_dump_period_sec = 0;
    out.stats_persist_period_sec = 0;
    out.max_total_wal_size = 64u << 20;
    out.bytes_per_sync = 1u << 20;
    out.writable_file_max_buffer_size = 256u << 10;  // the page cache takes larger writes at a higher price
    return out;
}

Result<std::unique_ptr<Database>> Database::open(const StoreOptions& options) {
    auto database = std::unique_ptr<Database>(new Database(options));
    std::error_code error;
    // A sorted run that was not taken in before a crash belongs to a commit that never happened.
    std::filesystem::remove_all(runs_directory(options), error);
    std::filesystem::create_directories(runs_directory(options), error);
    if (error) return fail(Errc::io, "cannot create {}: {}", runs_directory(options), error.message());

    database->opened_with_ = database->rocks_options();
    rocksdb::DB* db = nullptr;
    auto path = options.data_directory + "/tables";
    auto status = rocksdb::DB::Open(database->opened_with_, path, &db);
    if (!status.ok()) return fail("cannot open " + path, error_of(status));
    database->db_.reset(db);
    TRY(database->load_catalogue());
    database->catalogue_loaded_ = true;
    database->writer_ = std::thread([it = database.get()] { it->write_loop(); });
    database->flusher_ = std::thread([it = database.get()] { it->flush_loop(); });
    database->index_builder_ = std::make_unique<IndexBuilder>(*database);
    return database;
}

Database::~Database() {
    index_builder_.reset();
    {
        std::lock_guard lock(write_mutex_);
        stopping_ = true;
        flusher_stopping_ = true;
    }
    write_ready_.notify_all();
    stop_flusher_.notify_all();
    if (writer_.joinable()) writer_.join();
    if (flusher_.joinable()) flusher_.join();
    if (!db_) return;
    if (auto flushed = flush(); !flushed)
        log::error("tables: the last flush failed: {}", flushed.error().text);
    db_->Close();
}

Result<> Database::load_catalogue() {
    std::string bytes;
    auto status = db_->Get({}, catalogue_key, &bytes);
    if (status.IsNotFound()) {
        Catalogue empty;
        empty.version = name_uuid(serialize(empty));
        catalogue_ = std::make_shared<const Catalogue>(std::move(empty));
        return {};
    }
    if (!status.ok()) return fail(error_of(status));
    catalogue_ = std::make_shared<const Catalogue>(TRY(parse_catalogue(bytes)));
    return {};
}

std::shared_ptr<const Catalogue> Database::catalogue() const {
    std::lock_guard lock(catalogue_mutex_);
    return catalogue_;
}

Result<> Database::change_catalogue(const std::function<Result<>(Catalogue&)>& change, bool flush_first) {
    std::lock_guard one_at_a_time(change_mutex_);
    std::unique_lock no_commits(commits_, std::defer_lock);
    Catalogue next = *catalogue();
    TRY(change(next));
    if (flush_first) {
        no_commits.lock();
        TRY(flush());
    }
    auto bytes = serialize(next);
    next.version = name_uuid(bytes);
    rocksdb::WriteOptions options;
    options.sync = true;
    if (auto status = db_->Put(options, catalogue_key, bytes); !status.ok()) return fail(error_of(status));
    std::lock_guard lock(catalogue_mutex_);
    catalogue_ = std::make_shared<const Catalogue>(std::move(next));
    return {};
}

void Database::write(rocksdb::WriteBatch batch, std::function<void(Result<>)> done) {
    {
        std::lock_guard lock(write_mutex_);
        if (!stopping_) {
            pending_.push_back({std::move(batch), std::move(done)});
            write_ready_.notify_one();
            return;
        }
    }
    done(fail(Errc::cancelled, "the tables are being closed"));
}

Result<> Database::write(rocksdb::WriteBatch batch) {
    std::promise<Result<>> done;
    auto result = done.get_future();
    write(std::move(batch), [&done](Result<> outcome) { done.set_value(std::move(outcome)); });
    return result.get();
}

void Database::write_loop() {
    std::vector<Pending> group;
    auto synced_us = clock_->monotonic_us();
    bool unsynced = false;
    while (true) {
        {
            std::unique_lock lock(write_mutex_);
            auto ready = [&] { return stopping_ || !pending_.empty(); };
            if (unsynced)
                write_ready_.wait_for(lock, std::chrono::microseconds(options_.sync_every_us), ready);
            else
                write_ready_.wait(lock, ready);
            if (pending_.empty() && stopping_) break;
            group.swap(pending_);
        }
        if (!group.empty()) write_group(group);
        group.clear();
        if (options_.sync == SyncPolicy::batch) continue;
        unsynced = true;
        if (clock_->monotonic_us() - synced_us < options_.sync_every_us) continue;
        if (auto status = db_->SyncWAL(); !status.ok()) log::error("tables: {}", error_of(status).text);
        synced_us = clock_->monotonic_us();
        unsynced = false;
    }
    if (options_.sync == SyncPolicy::periodic) db_->SyncWAL();
}

/// Everything that waited while the last group was written goes to the log with one write and one fsync.
void Database::write_group(std::vector<Pending>& group) {
    rocksdb::WriteOptions options;
    options.sync = this->options_.sync == SyncPolicy::batch;
    // Appends batches behind the first; each keeps its order, and the whole is atomic.
    constexpr std::size_t most_bytes = 4u << 20;
    for (std::size_t start = 0; start < group.size();) {
        auto& first = group[start].batch;
        auto end = start + 1;
        struct Append final : rocksdb::WriteBatch::Handler {
            rocksdb::WriteBatch* to = nullptr;
            void Put(const rocksdb::Slice& key, const rocksdb::Slice& value) override { to->Put(key, value); }
            void Merge(const rocksdb::Slice& key, const rocksdb::Slice& value) override {
                to->Merge(key, value);
            }
            void Delete(const rocksdb::Slice& key) override { to->Delete(key); }
        } append;
        append.to = &first;
        while (end < group.size() && first.GetDataSize() < most_bytes) {
            auto status = group[end].batch.Iterate(&append);
            CHECK(status.ok());
            ++end;
        }
        if (auto now = catalogue(); now->has_indexes()) append_index_entries(*now, first);
        logged_writes.add(std::int64_t(end - start));
        log_syncs.add();
        rocksdb::Status status;
        {
            PartitionCache::Change change(partition_cache_);
            change.add_partitions(first);
            status = db_->Write(options, &first);
        }
        for (auto i = start; i < end; ++i)
            group[i].done(status.ok() ? Result<>{} : Result<>(fail(error_of(status))));
        start = end;
    }
}

Result<> Database::write_unlogged(rocksdb::WriteBatch& batch) {
    std::shared_lock commit(commits_);
    if (auto now = catalogue(); now->has_indexes()) append_index_entries(*now, batch);
    PartitionCache::Change change(partition_cache_);
    change.add_tables(batch);
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    auto status = db_->Write(options, &batch);
    if (!status.ok()) return fail(error_of(status));
    unflushed_ = true;
    return {};
}

Result<std::unique_ptr<rocksdb::SstFileWriter>> Database::new_sorted_run(std::string& path) {
    path = fmt::format("{}/{}.sst", runs_directory(options_), next_run_++);
    auto options = opened_with_;
    options.compression_per_level.clear();
    options.compression = opened_with_.compression_per_level.front();
    auto writer = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), options, nullptr, true);
    if (auto status = writer->Open(path); !status.ok()) return fail(error_of(status));
    return writer;
}

Result<> Database::ingest(const std::string& path, std::span<const std::uint32_t> tables) {
    std::shared_lock commit(commits_);
    PartitionCache::Change change(partition_cache_);
    for (auto table : tables) change.add_table(table);
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.write_global_seqno = false;
    // Where the memtable holds keys of the file's range RocksDB flushes it first, so order is kept. An
    // earlier commit of the same query is always in that range: both hold the query's checkpoint.
    auto status = db_->IngestExternalFile({path}, options);
    if (!status.ok()) return fail(error_of(status));
    return {};
}

Result<> Database::flush() {
    unflushed_ = false;
    auto status = db_->Flush({});
    if (status.ok()) status = db_->SyncWAL();
    if (!status.ok()) {
        unflushed_ = true;
        return fail(error_of(status));
    }
    return {};
}

/// The writer takes the catalogue for each group of writes; commits take it while they hold the lock.
Result<> Database::settle() {
    TRY(write(rocksdb::WriteBatch()));
    std::unique_lock no_commits(commits_);
    return {};
}

void Database::flush_loop() {
    std::unique_lock lock(write_mutex_);
    while (!flusher_stopping_) {
        stop_flusher_.wait_for(lock, std::chrono::microseconds(options_.flush_every_us));
        if (flusher_stopping_ || !unflushed_) continue;
        lock.unlock();
        if (auto flushed = flush(); !flushed) log::error("tables: cannot flush: {}", flushed.error().text);
        lock.lock();
    }
}

void Database::reclaim(std::uint32_t table) {
    auto from = table_prefix(table);
    auto to = after_prefix(from);
    rocksdb::Slice begin(from), end(to);
    rocksdb::DeleteFilesInRange(db_.get(), db_->DefaultColumnFamily(), &begin, &end, false);
    rocksdb::experimental::SuggestCompactRange(db_.get(), &begin, &end);
}

}  // namespace penstock::store
