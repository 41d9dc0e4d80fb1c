#include "store/partition_cache.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "base/metrics.h"
#include "store/bytes.h"
#include "store/local_tables.h"
#include "store/row_cursor.h"
#include "store/row_key.h"
#include "store/row_value.h"
#include "store/testing/temporary_directory.h"

namespace penstock::store {
namespace {

std::int64_t reads_from_memory() {
    return metrics::counter("penstock_store_cached_partition_reads_total", "").value();
}

std::string partition_of(std::int64_t id) {
    std::string out;
    append_big_endian(out, id);
    return out;
}

/// A table ks.t of partitions id and rows place, with one column.
class Store {
public:
    explicit Store(std::size_t cached_partition_bytes = 512u << 10) {
        StoreOptions options;
        options.data_directory = directory_.path().string();
        options.cached_partition_bytes = cached_partition_bytes;
        options.sync = SyncPolicy::periodic;
        tables_ = std::move(*open_local_tables(options));
        EXPECT_TRUE(tables_->ensure({"ks", "t", schema_, {"id"}, {{"place", false}}}));
        table_ = tables_->database().catalogue()->table("ks", "t");
    }

    /// ks.name, of one row a partition.
    std::shared_ptr<const TableDefinition> make_table(const std::string& name, const Schema& schema) {
        EXPECT_TRUE(tables_->ensure({"ks", name, schema, {"id"}, {}}));
        return tables_->database().catalogue()->table("ks", name);
    }

    /// As a query of a pipeline does.
    void commit(std::int64_t id, std::int64_t from, std::int64_t to) {
        auto batch = make_batch(schema_);
        for (auto place = from; place < to; ++place) {
            batch.columns[0].append_integer(id);
            batch.columns[1].append_integer(place);
            batch.columns[2].append_string("a note of some length, so that there is something to be read");
            ++batch.rows;
        }
        ASSERT_TRUE(tables_->commit({"q", {{"ks.t", &batch, 1000}}, {}, "c"}));
    }

    std::string row_key(std::int64_t id, std::int64_t place) const {
        auto key = partition_prefix(table_->id, partition_of(id)) + row_tag;
        // Signed integers in order: the sign's bit is turned.
        append_big_endian(key, std::uint64_t(place) ^ (1ULL << 63));
        return key;
    }
    /// As a CQL statement does.
    void write(const std::string& key, const Row& row) {
        std::string value;
        append_row(value, row);
        rocksdb::WriteBatch batch;
        batch.Merge(key, value);
        ASSERT_TRUE(tables_->database().write(std::move(batch)));
    }
    void insert(std::int64_t id, std::int64_t place, std::int64_t timestamp) {
        Row row;
        row.marker.timestamp = timestamp;
        write(row_key(id, place), row);
    }
    void erase_partition(std::int64_t id, std::int64_t timestamp) {
        Row row;
        row.deletion = {timestamp, std::uint32_t(tables_->database().now_seconds())};
        write(partition_prefix(table_->id, partition_of(id)) + deletion_tag, row);
    }
    void erase_range(std::int64_t id, std::int64_t from, std::int64_t to, std::int64_t timestamp) {
        Row row;
        row.deletion = {timestamp, std::uint32_t(tables_->database().now_seconds())};
        auto prefix = partition_prefix(table_->id, partition_of(id));
        auto rest = range_deletion_rest(row_key(id, from).substr(prefix.size() + 1),
                                        row_key(id, to).substr(prefix.size() + 1));
        write(prefix + deletion_tag + rest, row);
    }

    KeyRange whole(std::int64_t id) const {
        auto from = partition_prefix(table_->id, partition_of(id));
        return {from, after_prefix(from)};
    }
    /// The keys of the rows that are alive.
    std::vector<std::string> read(KeyRange range, bool reversed = false, Reading reading = Reading::normal,
                                  std::shared_ptr<const TableDefinition> table = nullptr) const {
        std::vector<std::string> out;
        if (!table) table = table_;
        RowCursor cursor(tables_->database(), table, {std::move(range)}, reversed, reading);
        for (;;) {
            auto more = cursor.next();
            EXPECT_TRUE(more) << more.error().text;
            if (!more || !*more) return out;
            out.emplace_back(cursor.key());
        }
    }
    void read_until_kept(std::int64_t id) const {
        auto before = reads_from_memory();
        for (int i = 0; i < 2000 && reads_from_memory() == before; ++i) read(whole(id));
        ASSERT_GT(reads_from_memory(), before);
    }
    Database& database() const { return tables_->database(); }

private:
    const Schema schema_{{"id", TypeId::int64}, {"place", TypeId::int64}, {"note", TypeId::string}};
    TemporaryDirectory directory_;
    std::unique_ptr<LocalTables> tables_;
    std::shared_ptr<const TableDefinition> table_;
};

TEST(PartitionCache, KeepsWhatIsReadOften) {
    Store store;
    store.commit(7, 0, 100);
    auto before = reads_from_memory();
    EXPECT_EQ(store.read(store.whole(7)).size(), 100u);
    EXPECT_EQ(reads_from_memory(), before) << "once is not often";
    store.read_until_kept(7);
    before = reads_from_memory();
    EXPECT_EQ(store.read(store.whole(7)).size(), 100u);
    EXPECT_EQ(store.read(store.whole(7), true).size(), 100u);
    EXPECT_EQ(store.read(store.whole(7), false, Reading::at_once).size(), 100u);
    EXPECT_EQ(store.read({store.row_key(7, 20), store.row_key(7, 30)}),
              store.read({store.row_key(7, 20), store.row_key(7, 30)}, false, Reading::scan));
    EXPECT_EQ(reads_from_memory(), before + 4);
}

TEST(PartitionCache, AnEntryIsNotReadAfterAnyKindOfWrite) {
    Store store;
    store.commit(7, 0, 100);
    store.read_until_kept(7);
    store.insert(7, 500, 2000);
    EXPECT_EQ(store.read(store.whole(7)).size(), 101u);
    store.read_until_kept(7);
    store.commit(7, 1000, 1010);
    EXPECT_EQ(store.read(store.whole(7)).size(), 111u);
    store.read_until_kept(7);
    // A sorted run, of other partitions.
    store.commit(8, 0, 20'000);
    EXPECT_EQ(store.read(store.whole(7)).size(), 111u);
    store.read_until_kept(7);
    store.commit(7, 2000, 2000 + 20'000);
    EXPECT_EQ(store.read(store.whole(7)).size(), 20'111u);
}

TEST(PartitionCache, WritesToOtherPartitionsLeaveItAlone) {
    Store store;
    store.commit(7, 0, 100);
    store.read_until_kept(7);
    store.insert(8, 1, 2000);
    auto before = reads_from_memory();
    EXPECT_EQ(store.read(store.whole(7)).size(), 100u);
    EXPECT_EQ(reads_from_memory(), before + 1);
}

TEST(PartitionCache, LargePartitionsAreNotKept) {
    Store store(8 << 10);
    store.commit(7, 0, 1000);
    auto before = reads_from_memory();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(store.read(store.whole(7)).size(), 1000u);
    EXPECT_EQ(reads_from_memory(), before);
}

TEST(PartitionCache, WhatIsWrittenAllTheTimeIsNotKept) {
    Store store;
    store.commit(7, 0, 100);
    auto kept = [] { return metrics::counter("penstock_store_cached_partitions_total", "").value(); };
    auto before = kept();
    for (int i = 0; i < 100; ++i) {
        store.insert(7, 1000, 2000 + i);
        for (int j = 0; j < 2; ++j) EXPECT_EQ(store.read(store.whole(7)).size(), 101u);
    }
    EXPECT_EQ(kept(), before);
    store.read_until_kept(7);
    EXPECT_EQ(kept(), before + 1);
}

TEST(PartitionCache, WhatHasExpiredSinceIsNotShown) {
    Store store;
    store.commit(7, 0, 100);
    Row row;
    auto now = store.database().now_seconds();
    row.marker = {2000, 100, std::uint32_t(now + 100)};
    store.write(store.row_key(7, 200), row);
    store.read_until_kept(7);
    EXPECT_EQ(store.read(store.whole(7)).size(), 101u);
    RowCursor later(store.database(), store.database().catalogue()->table("ks", "t"), {store.whole(7)});
    later.read_at(now + 101);
    int rows = 0;
    while (*later.next()) ++rows;
    EXPECT_EQ(rows, 100);
}

TEST(PartitionCache, ASingleRowOfAPartitionThatIsKept) {
    Store store;
    store.commit(7, 0, 100);
    auto row = [&](std::int64_t place) {
        auto key = store.row_key(7, place);
        return store.read({key, key + '\0'});
    };
    auto before = reads_from_memory();
    for (int i = 0; i < 2000 && reads_from_memory() == before; ++i) ASSERT_EQ(row(i % 100).size(), 1u);
    EXPECT_GT(reads_from_memory(), before) << "many rows are as good a reason as a range";
    before = reads_from_memory();
    EXPECT_EQ(row(99).size(), 1u);
    EXPECT_EQ(row(100).size(), 0u);
    EXPECT_EQ(reads_from_memory(), before + 2);
    store.erase_range(7, 50, 60, 2000);
    EXPECT_EQ(row(55).size(), 0u);
    EXPECT_EQ(row(60).size(), 1u);
}

/// A table of partitions of one row, read by key.
TEST(PartitionCache, RowsThatAreReadAgainAreKept) {
    Store store;
    Schema schema{{"id", TypeId::int64}, {"note", TypeId::string}};
    auto table = store.make_table("rows", schema);
    auto key_of = [&](std::int64_t id) { return partition_prefix(table->id, partition_of(id)) + row_tag; };
    auto read = [&](std::int64_t id, Reading reading = Reading::normal) {
        return store.read({key_of(id), key_of(id) + '\0'}, false, reading, table).size();
    };
    auto insert = [&](std::int64_t id, std::int64_t timestamp) {
        Row row;
        row.marker.timestamp = timestamp;
        store.write(key_of(id), row);
    };
    for (std::int64_t id = 0; id < 50; ++id) insert(id, 1000);
    auto before = reads_from_memory();
    EXPECT_EQ(read(7), 1u);
    EXPECT_EQ(read(7), 1u);
    EXPECT_EQ(reads_from_memory(), before);
    EXPECT_EQ(read(7), 1u);
    EXPECT_EQ(read(7, Reading::at_once), 1u);
    EXPECT_EQ(reads_from_memory(), before + 2);
    EXPECT_EQ(read(100), 0u);

    Row deletion;
    deletion.deletion = {2000, std::uint32_t(store.database().now_seconds())};
    store.write(key_of(7), deletion);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(read(7), 0u);
    insert(7, 3000);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(read(7), 1u);
    before = reads_from_memory();
    for (std::int64_t id = 0; id < 50; ++id)
        if (id != 7) read(id);
    EXPECT_EQ(read(7), 1u) << "what others were read once does not matter";
    EXPECT_EQ(reads_from_memory(), before + 1);
}

/// Random writes and reads of three partitions, with the cache and without.
TEST(PartitionCache, AnswersAsTheTablesDo) {
    std::mt19937 random(3);
    auto less_than = [&](int limit) { return int(random() % unsigned(limit)); };
    Store cached, plain(0);
    auto on_both = [&](auto change) {
        change(cached);
        change(plain);
    };
    auto before = reads_from_memory();
    for (int round = 0; round < 300; ++round) {
        std::int64_t id = less_than(3), place = less_than(200), other = place + less_than(100);
        std::int64_t at = 1000 + round, earlier = at - less_than(50);
        switch (less_than(8)) {
            case 0:
                on_both([&](Store& s) { s.erase_range(id, place, other, at); });
                break;
            case 1:
                on_both([&](Store& s) { s.erase_partition(id, earlier); });
                break;
            case 2:
                on_both([&](Store& s) { s.commit(id, place, other); });
                break;
            default:
                on_both([&](Store& s) { s.insert(id, place, at); });
        }
        if (less_than(20) == 0) on_both([](Store& s) { ASSERT_TRUE(s.database().flush()); });
        for (int i = 0, reads = less_than(100); i < reads; ++i) {
            std::int64_t of = less_than(3), from = less_than(200), to = from + 1 + less_than(200);
            auto key = cached.row_key(of, from);
            KeyRange range{key, less_than(3) == 0 ? key + '\0' : cached.row_key(of, to)};
            if (less_than(4) == 0) range = cached.whole(of);
            bool reversed = less_than(2) == 0;
            ASSERT_EQ(cached.read(range, reversed), plain.read(range, reversed)) << "round " << round;
        }
    }
    EXPECT_GT(reads_from_memory(), before + 500) << "the test says little otherwise";
}

/// A row that was acknowledged is seen by every read that begins later.
TEST(PartitionCache, ReadersSeeWhatWasAcknowledged) {
    Store store;
    store.commit(7, -400, 0);
    std::atomic<int> acknowledged{0};
    std::atomic<bool> is_done{false};
    std::thread writer([&] {
        for (int i = 1; i <= 300; ++i) {
            store.insert(7, i, 5000);
            acknowledged = i;
            // Now and then there is time to be kept.
            if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        is_done = true;
    });
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 2; ++reader)
        readers.emplace_back([&] {
            while (!is_done) {
                auto least = std::size_t(acknowledged.load());
                ASSERT_GE(store.read(store.whole(7)).size(), 400 + least);
            }
        });
    writer.join();
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(store.read(store.whole(7)).size(), 700u);
}

TEST(PartitionCache, ReadersSeeTheRowThatWasAcknowledged) {
    Store store;
    auto table = store.make_table("rows", {{"id", TypeId::int64}, {"note", TypeId::string}});
    auto key = partition_prefix(table->id, partition_of(7)) + row_tag;
    std::atomic<std::int64_t> acknowledged{0};
    std::atomic<bool> is_done{false};
    std::thread writer([&] {
        for (int i = 1; i <= 1000; ++i) {
            Row row;
            row.marker.timestamp = i;
            store.write(key, row);
            acknowledged = i;
            if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        is_done = true;
    });
    auto before = reads_from_memory();
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 2; ++reader)
        readers.emplace_back([&] {
            while (!is_done) {
                auto least = acknowledged.load();
                RowCursor cursor(store.database(), table, {{key, key + '\0'}});
                if (*cursor.next())
                    ASSERT_GE(cursor.row().marker.timestamp, least);
                else
                    ASSERT_EQ(least, 0);
            }
        });
    writer.join();
    for (auto& reader : readers) reader.join();
    EXPECT_GT(reads_from_memory(), before) << "the test says little otherwise";
}

}  // namespace
}  // namespace penstock::store
