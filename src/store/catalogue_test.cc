#include "store/catalogue.h"

#include <gtest/gtest.h>

namespace penstock::store {
namespace {

Catalogue with_table(bool compact, std::uint32_t clustering_columns) {
    TableDefinition table;
    table.keyspace = "ks";
    table.name = "t";
    table.id = 1;
    table.uuid = std::string(16, 'u');
    table.compact_storage = compact;
    auto add = [&](const std::string& name, ColumnRole role, std::uint32_t position) {
        table.columns.push_back({table.next_column++, name, Kind::int_, role, position});
    };
    add("k", ColumnRole::partition_key, 0);
    for (std::uint32_t i = 0; i < clustering_columns; ++i)
        add("c" + std::to_string(i), ColumnRole::clustering, i);
    add("v", ColumnRole::regular, 0);
    table.arrange();
    Catalogue out;
    out.keyspaces["ks"].name = "ks";
    out.keyspaces["ks"].tables["t"] = std::make_shared<const TableDefinition>(std::move(table));
    return out;
}

TEST(CatalogueTest, ACompactTableIsOneAfterReading) {
    for (auto clustering_columns : {0u, 1u, 2u}) {
        auto again = parse_catalogue(serialize(with_table(true, clustering_columns)));
        ASSERT_TRUE(again) << again.error().text;
        auto table = again->table("ks", "t");
        EXPECT_EQ(table->is_static_compact(), clustering_columns == 0);
        EXPECT_EQ(table->is_dense(), clustering_columns > 0);
        EXPECT_FALSE(table->has_row_markers());
        for (const auto& column : table->columns)
            EXPECT_EQ(column.nullable, column.role == ColumnRole::clustering && column.position > 0)
                << column.name;
    }
}

TEST(CatalogueTest, OtherTablesHaveRowMarkersAndNoNullsInTheirKeys) {
    auto again = parse_catalogue(serialize(with_table(false, 2)));
    ASSERT_TRUE(again) << again.error().text;
    auto table = again->table("ks", "t");
    EXPECT_FALSE(table->compact_storage);
    EXPECT_TRUE(table->has_row_markers());
    for (const auto& column : table->columns) EXPECT_FALSE(column.nullable) << column.name;
}

TEST(CatalogueTest, CutShortItIsCorrupt) {
    auto bytes = serialize(with_table(true, 1));
    auto without_parts = serialize(with_table(false, 1)).size();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        auto cut = parse_catalogue(std::string_view(bytes).substr(0, size));
        EXPECT_EQ(cut.has_value(), size == without_parts) << size;
    }
}

}  // namespace
}  // namespace penstock::store
