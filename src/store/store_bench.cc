// CPU time of a row on its way into a table: rows of 13 columns and about 300 bytes with a random uuid as
// key. Before that of the same rows in RocksDB alone, as keys and opaque values in write batches.
//   store_bench [rows] [rows of a commit] [directory]
// Commits of 20,000 rows and more go the way of sorted files, smaller ones through the memtable.
#include <rocksdb/db.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "store/local_tables.h"
#include "store/uuid.h"

using namespace penstock;

namespace {

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

const Schema columns{{"id", TypeId::string},        {"first_name", TypeId::string},
                     {"last_name", TypeId::string}, {"gender", TypeId::string},
                     {"address", TypeId::string},   {"post_code", TypeId::string},
                     {"email", TypeId::string},     {"username", TypeId::string},
                     {"dob", TypeId::timestamp},    {"registered", TypeId::timestamp},
                     {"phone", TypeId::string},     {"picture", TypeId::string},
                     {"age", TypeId::int32}};

Batch rows_of(std::size_t count) {
    auto batch = make_batch(columns);
    auto arena = std::make_shared<Arena>();
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t c = 0; c < columns.size(); ++c) {
            auto& column = batch.columns[c];
            if (c == 0)
                column.append_string(arena->copy(store::format_uuid(store::random_uuid())));
            else if (storage_of(column.type) == Storage::integers)
                column.append_integer(column.type == TypeId::int32 ? std::int64_t(i % 90)
                                                                   : 1'700'000'000'000'000 + std::int64_t(i));
            else
                column.append_string(arena->copy(
                    fmt::format("{}-{:0{}}", columns[c].name, i * 7919 % 100'003, c % 3 == 0 ? 24 : 8)));
        }
        ++batch.rows;
    }
    batch.keep_alive.push_back(std::move(arena));
    return batch;
}

/// The peer: RocksDB with its defaults and no compression, with its write-ahead log, without fsync.
bool write_bare(const std::filesystem::path& directory, std::size_t total, std::size_t per_commit) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    rocksdb::DB* opened = nullptr;
    if (!rocksdb::DB::Open(options, directory.string(), &opened).ok()) return false;
    std::unique_ptr<rocksdb::DB> database(opened);
    double spent = 0;
    std::size_t written = 0;
    std::string value;
    while (written < total) {
        auto batch = rows_of(per_commit);
        auto before = cpu_seconds();
        rocksdb::WriteBatch writes;
        for (std::size_t row = 0; row < batch.rows; ++row) {
            value.clear();
            for (std::size_t c = 1; c < columns.size(); ++c) {
                const auto& column = batch.columns[c];
                if (storage_of(column.type) == Storage::integers)
                    value.append(reinterpret_cast<const char*>(&column.integers[row]), sizeof(std::int64_t));
                else
                    value += column.strings[row];
            }
            writes.Put(std::string(batch.columns[0].strings[row]), value);
        }
        if (!database->Write({}, &writes).ok()) return false;
        spent += cpu_seconds() - before;
        written += batch.rows;
    }
    auto before = cpu_seconds();
    if (!database->Flush({}).ok()) return false;
    spent += cpu_seconds() - before;
    std::printf("bare RocksDB, write batches of %zu: %.2f us/row, %.0f rows per CPU-second\n", per_commit,
                spent * 1e6 / double(written), double(written) / spent);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    auto total = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 500'000;
    auto per_commit = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 50'000;
    auto directory = argc > 3 ? std::filesystem::path(argv[3])
                              : std::filesystem::temp_directory_path() / "penstock_store_bench";
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    if (!write_bare(directory / "bare", total, per_commit)) return std::fprintf(stderr, "no RocksDB\n"), 1;
    std::filesystem::remove_all(directory / "bare");
    store::StoreOptions options;
    options.data_directory = directory.string();
    auto tables = store::open_local_tables(options);
    if (!tables || !(*tables)->ensure({"ks", "bench", columns, {"id"}, {}})) return 1;

    double spent = 0;
    auto began = cpu_seconds();
    std::size_t written = 0;
    for (std::int64_t n = 1; written < total; ++n) {
        auto batch = rows_of(per_commit);
        auto before = cpu_seconds();
        auto done = (*tables)->commit({"q", {{"ks.bench", &batch, n}}, {}, std::to_string(n)});
        if (!done) return std::fprintf(stderr, "%s\n", done.error().text.c_str()), 1;
        spent += cpu_seconds() - before;
        written += batch.rows;
    }
    auto before = cpu_seconds();
    if (!(*tables)->flush()) return 1;
    spent += cpu_seconds() - before;
    std::printf("%zu rows in commits of %zu: %.2f us/row, %.0f rows per CPU-second (process in all %.2f s)\n",
                written, per_commit, spent * 1e6 / double(written), double(written) / spent,
                cpu_seconds() - began);

    before = cpu_seconds();
    auto cursor = (*tables)->scan("ks.bench", {"age"});
    std::size_t seen = 0;
    for (auto batch = (*cursor)->next(4096); batch && batch->rows > 0; batch = (*cursor)->next(4096))
        seen += batch->rows;
    auto scan = cpu_seconds() - before;
    std::printf("scan: %zu rows, %.2f us/row\n", seen, scan * 1e6 / double(seen));
    cursor->reset();
    tables->reset();
    std::filesystem::remove_all(directory);
    return seen == written ? 0 : 1;
}
