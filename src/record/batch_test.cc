#include "record/batch.h"

#include <gtest/gtest.h>

namespace penstock {

TEST(BatchTest, ValuesAsTextAndJson) {
    auto batch = make_batch({{"n", TypeId::int64},
                             {"s", TypeId::string},
                             {"t", TypeId::timestamp},
                             {"f", TypeId::float64},
                             {"b", TypeId::boolean}});
    batch.columns[0].append_integer(-5);
    batch.columns[1].append_string("a\"b\n");
    batch.columns[2].append_integer(1'700'000'000'120'000);
    batch.columns[3].append_float(2);
    batch.columns[4].append_null();
    batch.rows = 1;
    EXPECT_EQ(value_text(batch.columns[2], 0), "2023-11-14 22:13:20.12");
    EXPECT_EQ(value_text(batch.columns[3], 0), "2.0");
    std::string json;
    append_row_json(json, batch, 0);
    EXPECT_EQ(json, R"({"n":-5,"s":"a\"b\n","t":"2023-11-14T22:13:20.120Z","f":2.0,"b":null})");
}

TEST(BatchTest, JsonIsJsonWhateverATextHolds) {
    auto batch = make_batch({{"s", TypeId::string}});
    batch.columns[0].append_string("a\xffz");
    batch.rows = 1;
    std::string json;
    append_row_json(json, batch, 0);
    EXPECT_EQ(json, "{\"s\":\"a\xEF\xBF\xBDz\"}");
}

TEST(BatchTest, NullsAreTrackedFromTheFirstOne) {
    Column column;
    column.type = TypeId::int64;
    column.append_integer(1);
    column.append_null();
    column.append_integer(3);
    EXPECT_FALSE(column.is_null(0));
    EXPECT_TRUE(column.is_null(1));
    EXPECT_FALSE(column.is_null(2));
    EXPECT_EQ(column.size(), 3u);
}

TEST(ArenaTest, EarlierViewsStayValid) {
    Arena arena;
    auto first = arena.copy("first");
    for (int i = 0; i < 100'000; ++i) arena.copy("0123456789");
    EXPECT_EQ(first, "first");
}

TEST(TypeTest, SparkNamesInAnyCase) {
    EXPECT_EQ(type_of_name("bigint"), TypeId::int64);
    EXPECT_EQ(type_of_name("Timestamp"), TypeId::timestamp);
    EXPECT_EQ(type_of_name("nonsense"), std::nullopt);
}

}  // namespace penstock
