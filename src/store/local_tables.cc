#include "store/local_tables.h"

#include <algorithm>
#include <map>

#include "base/metrics.h"
#include "store/batch_encoder.h"
#include "store/row_key.h"
#include "store/table_scan.h"
#include "store/table_spec.h"

namespace penstock::store {
namespace {

metrics::Counter& committed_rows =
    metrics::counter("penstock_store_committed_rows_total", "Rows that queries wrote to tables.");
metrics::Counter& commits = metrics::counter("penstock_store_commits_total", "Commits of queries.");
metrics::Counter& sorted_runs =
    metrics::counter("penstock_store_sorted_runs_total", "Commits that were written as a sorted file.");

/// What a commit changes, in the order of RocksDB's keys.
struct EncodedCommit {
    std::string checkpoint_key;
    std::map<std::string, const std::optional<std::string>*> state;
    /// By table id, which is the order of their keys.
    std::map<std::uint32_t, std::pair<std::shared_ptr<const TableDefinition>, BatchEncoder>> tables;
    std::size_t rows = 0;
};

Result<EncodedCommit> encode(Database& database, const Commit& commit) {
    if (commit.query.size() > 65535) return fail(Errc::invalid, "a query's name has at most 65535 bytes");
    EncodedCommit out;
    out.checkpoint_key = checkpoint_key(commit.query);
    auto prefix = state_prefix(commit.query);
    for (const auto& change : commit.state) out.state[prefix + change.key] = &change.value;
    auto catalogue = database.catalogue();
    auto now = database.now_seconds();
    for (const auto& write : commit.writes) {
        if (write.rows == nullptr || write.rows->rows == 0) continue;
        auto table = TRY(find_table(*catalogue, write.table));
        if (table->view)
            return fail(Errc::invalid, "{} is a materialized view: write to its table", write.table);
        auto [at, fresh] = out.tables.try_emplace(table->id, table, BatchEncoder(*table, now));
        TRY(at->second.second.add(*write.rows, write.timestamp_us));
    }
    for (const auto& [id, table] : out.tables) out.rows += table.second.rows();
    return out;
}

Result<> write_batch(Database& database, EncodedCommit& encoded, const std::string& checkpoint) {
    rocksdb::WriteBatch batch;
    batch.Put(encoded.checkpoint_key, checkpoint);
    for (const auto& [key, value] : encoded.state) {
        if (*value)
            batch.Put(key, **value);
        else
            batch.Delete(key);
    }
    for (auto& [id, table] : encoded.tables)
        for (const auto& [key, value] : table.second.take_sorted())
            batch.Merge(rocksdb::Slice(key.data(), key.size()), rocksdb::Slice(value.data(), value.size()));
    return database.write_unlogged(batch);
}

Result<> write_sorted_run(Database& database, EncodedCommit& encoded, const std::string& checkpoint) {
    std::string path;
    auto writer = TRY(database.new_sorted_run(path));
    rocksdb::Status status = writer->Put(encoded.checkpoint_key, checkpoint);
    for (const auto& [key, value] : encoded.state) {
        if (!status.ok()) break;
        status = *value ? writer->Put(key, **value) : writer->Delete(key);
    }
    std::vector<std::uint32_t> tables;
    for (auto& [id, table] : encoded.tables) {
        tables.push_back(id);
        for (const auto& [key, value] : table.second.take_sorted()) {
            if (!status.ok()) break;
            status = writer->Merge(rocksdb::Slice(key.data(), key.size()),
                                   rocksdb::Slice(value.data(), value.size()));
        }
    }
    if (status.ok()) status = writer->Finish();
    writer.reset();
    auto outcome = status.ok() ? database.ingest(path, tables) : Result<>(fail(error_of(status)));
    if (!outcome) std::remove(path.c_str());
    sorted_runs.add();
    return outcome;
}

}  // namespace

Result<std::shared_ptr<const TableDefinition>> find_table(const Catalogue& catalogue,
                                                          std::string_view full_name) {
    auto dot = full_name.find('.');
    if (dot != std::string_view::npos)
        if (auto table = catalogue.table(full_name.substr(0, dot), full_name.substr(dot + 1))) return table;
    return fail(Errc::not_found, "there is no table {}", full_name);
}

std::string LocalTables::describe() const {
    return "embedded tables in " + database_->options().data_directory;
}

Result<> LocalTables::ensure(const TableSpec& spec) {
    if (spec.keyspace.empty() || spec.name.empty())
        return fail(Errc::invalid, "a table needs a keyspace and a name, as in keyspace.table");
    auto wanted = TRY(define(spec));
    // Most often nothing changes, and then nothing is written.
    if (auto existing = database_->catalogue()->table(spec.keyspace, spec.name)) {
        auto copy = *existing;
        if (!TRY(adopt(copy, wanted, spec))) return {};
    }
    return database_->change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto& keyspace = catalogue.keyspaces[spec.keyspace];
        if (keyspace.name.empty()) {
            keyspace.name = spec.keyspace;
            keyspace.replication = {{"class", "org.apache.cassandra.locator.SimpleStrategy"},
                                    {"replication_factor", "1"}};
        }
        auto& slot = keyspace.tables[spec.name];
        auto table = slot ? *slot : wanted;
        if (slot) {
            TRY(adopt(table, wanted, spec));
        } else {
            table.id = catalogue.next_table++;
        }
        slot = std::make_shared<const TableDefinition>(std::move(table));
        return {};
    });
}

Result<TableSpec> LocalTables::spec(std::string_view full_name) {
    auto table = TRY(find_table(*database_->catalogue(), full_name));
    return spec_of(*table);
}

Result<std::vector<TableStatus>> LocalTables::list() {
    std::vector<TableStatus> out;
    auto catalogue = database_->catalogue();
    for (const auto& [keyspace, in] : catalogue->keyspaces) {
        for (const auto& [name, table] : in.tables) {
            auto estimate = estimate_size(*database_, *table);
            out.push_back({keyspace, name, estimate.rows, estimate.bytes});
        }
    }
    return out;
}

Result<> LocalTables::check_epoch(std::string_view query, std::int64_t epoch) const {
    auto seen = epochs_.find(query);
    if (epoch == 0 || seen == epochs_.end() || seen->second <= epoch) return {};
    return fail(Errc::fenced, "query {} was taken over: epoch {} came after {}", query, seen->second, epoch);
}

Result<std::string> LocalTables::claim(std::string_view query, std::int64_t epoch) {
    if (epoch != 0) {
        std::lock_guard lock(epochs_mutex_);
        TRY(check_epoch(query, epoch));
        epochs_.insert_or_assign(std::string(query), epoch);
    }
    return checkpoint(query);
}

Result<> LocalTables::commit(const Commit& commit) {
    std::shared_lock lock(epochs_mutex_);
    TRY(check_epoch(commit.query, commit.epoch));
    auto encoded = TRY(encode(*database_, commit));
    // Entries of indexes lie elsewhere than the rows, and a run is one file in order.
    auto catalogue = database_->catalogue();
    bool indexed = std::ranges::any_of(encoded.tables, [&](const auto& table) {
        const auto& keyspace = catalogue->keyspaces.at(table.second.first->keyspace);
        return !table.second.first->indexes.empty() ||
               std::ranges::any_of(keyspace.tables, [&](const auto& other) {
                   return other.second->view && other.second->view->base == table.second.first->name;
               });
    });
    auto outcome = !indexed && encoded.rows >= database_->options().sorted_run_rows
                       ? write_sorted_run(*database_, encoded, commit.checkpoint)
                       : write_batch(*database_, encoded, commit.checkpoint);
    if (!outcome) return outcome;
    commits.add();
    committed_rows.add(std::int64_t(encoded.rows));
    return {};
}

Result<std::string> LocalTables::checkpoint(std::string_view query) {
    std::string out;
    auto status = database_->rocks().Get({}, checkpoint_key(query), &out);
    if (!status.ok() && !status.IsNotFound()) return fail(error_of(status));
    return out;
}

Result<std::vector<std::pair<std::string, std::string>>> LocalTables::state(std::string_view query,
                                                                            std::string_view prefix) {
    auto base = state_prefix(query);
    auto from = base + std::string(prefix);
    auto to = after_prefix(from);
    rocksdb::Slice upper(to);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper;
    options.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> it(database_->rocks().NewIterator(options));
    std::vector<std::pair<std::string, std::string>> out;
    for (it->Seek(from); it->Valid(); it->Next())
        out.emplace_back(it->key().ToString().substr(base.size()), it->value().ToString());
    if (!it->status().ok()) return fail(error_of(it->status()));
    return out;
}

/// Through the write-ahead log, key by key: a query that was forgotten must not remember after a crash.
Result<> LocalTables::forget(std::string_view query) {
    rocksdb::WriteBatch batch;
    batch.Delete(checkpoint_key(query));
    auto entries = TRY(state(query, ""));
    auto prefix = state_prefix(query);
    for (const auto& [key, value] : entries) batch.Delete(prefix + key);
    return database_->write(std::move(batch));
}

Result<std::unique_ptr<Cursor>> LocalTables::scan(std::string_view full_name,
                                                  const std::vector<std::string>& columns) {
    auto table = TRY(find_table(*database_->catalogue(), full_name));
    if (table->view)
        return fail(Errc::unsupported,
                    "{} is a materialized view, which queries of pipelines cannot read: read {}.{}",
                    full_name, table->keyspace, table->view->base);
    return make_table_scan(*database_, std::move(table), columns);
}

Result<std::unique_ptr<LocalTables>> open_local_tables(const StoreOptions& options) {
    auto database = TRY(Database::open(options));
    return std::make_unique<LocalTables>(std::move(database));
}

}  // namespace penstock::store
