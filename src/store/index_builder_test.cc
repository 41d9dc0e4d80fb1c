#include "store/index_builder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "store/cql/index_schema.h"
#include "store/index_scan.h"
#include "store/local_tables.h"
#include "store/testing/temporary_directory.h"

namespace penstock::store {
namespace {

class IndexBuilderTest : public ::testing::Test {
protected:
    void open() {
        StoreOptions options;
        options.data_directory = directory_.path().string();
        options.sorted_run_rows = 100;
        tables_ = std::move(*open_local_tables(options));
    }

    /// Rows whose kind is their number modulo 5, as the engine commits them.
    void commit(std::int64_t from, std::int64_t to) {
        Schema schema{{"id", TypeId::int64}, {"kind", TypeId::int64}};
        ASSERT_TRUE(tables_->ensure({"ks", "t", schema, {"id"}, {}}));
        auto batch = make_batch(schema);
        for (auto id = from; id < to; ++id) {
            batch.columns[0].append_integer(id);
            batch.columns[1].append_integer(id % 5);
            ++batch.rows;
        }
        ASSERT_TRUE(tables_->commit({"q", {{"ks.t", &batch, 1000}}, {}, "c"}));
    }

    void create_index() {
        std::vector<std::string> warnings;
        cql::CreateIndex statement;
        statement.name.name = "i";
        statement.table = {"ks", "t"};
        statement.columns = {{IndexDefinition::Target::value, "kind"}};
        ASSERT_TRUE(cql::create_index(tables_->database(), statement, "ks", warnings));
    }

    void wait_until_built() {
        auto built = [&] { return tables_->database().catalogue()->table("ks", "t")->index("i")->is_built; };
        for (int i = 0; i < 3000 && !built(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        ASSERT_TRUE(built());
    }

    /// How many rows the index leads to for one kind.
    std::size_t found(std::int64_t kind) {
        auto table = tables_->database().catalogue()->table("ks", "t");
        IndexedColumn column;
        EXPECT_TRUE(describe_index(*table, *table->index("i"), column));
        std::string value("\0\0\0\0\0\0\0", 7);
        value += char(kind);
        auto from = index_prefix(column.index->id);
        append_indexed_value(from, column, value);
        IndexScan scan(tables_->database(), column, {from, after_prefix(from), true}, {table_range(*table)});
        std::vector<KeyRange> ranges;
        while (*scan.next(ranges)) {
        }
        return ranges.size();
    }

    TemporaryDirectory directory_;
    std::unique_ptr<LocalTables> tables_;
};

TEST_F(IndexBuilderTest, CommitsOfTheEngineBeforeAndAfter) {
    open();
    commit(0, 1000);  // a sorted run
    commit(1000, 1050);
    create_index();
    commit(1050, 1100);
    commit(1100, 2000);  // would be a run, were there no index
    wait_until_built();
    for (int kind = 0; kind < 5; ++kind) EXPECT_EQ(found(kind), 400u) << kind;
    EXPECT_EQ(found(5), 0u);
}

TEST_F(IndexBuilderTest, WhatWasLeftUnbuiltIsDoneAfterARestart) {
    open();
    commit(0, 1000);
    create_index();
    tables_.reset();
    open();
    wait_until_built();
    EXPECT_EQ(found(3), 200u);
    tables_.reset();
    open();
    EXPECT_EQ(found(3), 200u);
}

}  // namespace
}  // namespace penstock::store
