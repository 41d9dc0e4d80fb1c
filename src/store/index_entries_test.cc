#include "store/index_entries.h"

#include <gtest/gtest.h>

#include "store/row_key.h"

namespace penstock::store {
namespace {

/// What a batch writes.
struct Keys final : rocksdb::WriteBatch::Handler {
    std::vector<std::string> seen;
    rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice& key, const rocksdb::Slice&) override {
        seen.push_back(key.ToString());
        return rocksdb::Status::OK();
    }
};

TEST(IndexEntries, KeysLeadBackToTheirRows) {
    TableDefinition table;
    table.id = 7;
    table.columns = {{0, "p", Kind::int_, ColumnRole::partition_key, 0, false},
                     {1, "c", Kind::text, ColumnRole::clustering, 0, false},
                     {2, "v", Kind::text, ColumnRole::regular, 0, false},
                     {3, "m", DataType(Kind::map, {Kind::text, Kind::int_}), ColumnRole::regular, 0, false}};
    table.arrange();
    auto row_key = partition_prefix(7, std::string("\0\0\0\1", 4)) + row_tag + std::string("row\0\1", 5);
    Row row;
    Cell cell;
    cell.column = 2;
    cell.timestamp = 1;
    cell.value = "Value";
    row.cells.push_back(cell);
    cell.column = 3;
    cell.has_path = true;
    cell.path = "key";
    cell.value = std::string_view("\0\0\0\5", 4);
    row.cells.push_back(cell);
    using Target = IndexDefinition::Target;
    for (auto [column, target] :
         {std::pair(2u, Target::value), std::pair(3u, Target::keys), std::pair(3u, Target::values),
          std::pair(3u, Target::entries), std::pair(1u, Target::value)}) {
        IndexDefinition index{9, "i", column, target, "", {}, true};
        IndexedColumn described;
        ASSERT_TRUE(describe_index(table, index, described));
        rocksdb::WriteBatch batch;
        append_index_entries(described, row_key, row, batch);
        Keys keys;
        ASSERT_TRUE(batch.Iterate(&keys).ok());
        ASSERT_EQ(keys.seen.size(), 1u);
        EXPECT_TRUE(keys.seen[0].starts_with(index_prefix(9)));
        std::string_view rest(keys.seen[0]);
        rest.remove_prefix(table_prefix_size);
        ASSERT_TRUE(skip_indexed_value(rest, described));
        EXPECT_EQ(table_prefix(7) + std::string(rest), row_key);
    }
    // Deletions have no entries.
    row.cells[0].kind = CellKind::tombstone;
    row.cells.resize(1);
    IndexDefinition index{9, "i", 2, Target::value, "", {}, true};
    IndexedColumn described;
    ASSERT_TRUE(describe_index(table, index, described));
    rocksdb::WriteBatch batch;
    append_index_entries(described, row_key, row, batch);
    EXPECT_EQ(batch.Count(), 0u);
}

TEST(IndexEntries, ARowHasAnEntryForEachTerm) {
    TableDefinition table;
    table.id = 7;
    table.columns = {{0, "p", Kind::int_, ColumnRole::partition_key, 0, false},
                     {1, "v", Kind::text, ColumnRole::regular, 0, false}};
    table.arrange();
    IndexDefinition index{9,
                          "i",
                          1,
                          IndexDefinition::Target::value,
                          std::string(IndexDefinition::sasi_class),
                          {{"analyzed", "true"}, {"tokenization_normalize_lowercase", "true"}},
                          true};
    IndexedColumn described;
    ASSERT_TRUE(describe_index(table, index, described));
    Row row;
    Cell cell;
    cell.column = 1;
    cell.timestamp = 1;
    cell.value = "Green, Greener";
    row.cells.push_back(cell);
    auto row_key = partition_prefix(7, std::string("\0\0\0\1", 4)) + row_tag;
    rocksdb::WriteBatch batch;
    append_index_entries(described, row_key, row, batch);
    Keys keys;
    ASSERT_TRUE(batch.Iterate(&keys).ok());
    ASSERT_EQ(keys.seen.size(), 2u);
    auto begin = index_prefix(9);
    append_indexed_prefix(begin, described, "green");
    std::vector<std::string> terms;
    for (const auto& key : keys.seen) {
        EXPECT_TRUE(key.starts_with(begin));
        std::string_view rest(key);
        rest.remove_prefix(table_prefix_size);
        ASSERT_TRUE(take_indexed_term(rest, described, terms.emplace_back()));
        EXPECT_EQ(table_prefix(7) + std::string(rest), row_key);
    }
    EXPECT_EQ(terms, (std::vector<std::string>{"green", "greener"}));
}

TEST(TextFold, CaseMarksAndForms) {
    EXPECT_EQ(folded({true, false, false}, "ÄÖ Straße"), "äö straße");
    EXPECT_EQ(folded({false, true, false}, "e\u0308"), "\u00eb");
    EXPECT_EQ(folded({true, true, true}, "Zo\u00cb"), "zoe");
    EXPECT_EQ(folded({true, true, true}, "\xff\xfe"), "\xff\xfe");
    TextFold upper;
    upper.upper_case = true;
    EXPECT_EQ(folded(upper, "stra\u00dfe \u00e9"), "STRASSE \u00c9");
    EXPECT_FALSE(text_fold_of({{"case_sensitive", "true"}, {"normalize", "false"}}).changes());
    EXPECT_TRUE(text_fold_of({{"case_sensitive", "false"}}).case_insensitive);
}

}  // namespace
}  // namespace penstock::store
