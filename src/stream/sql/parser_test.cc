#include "stream/sql/parser.h"

#include <gtest/gtest.h>

namespace penstock::stream::sql {
namespace {

std::string shape(std::string_view expression) {
    auto select = parse_select("SELECT " + std::string(expression));
    if (!select) return select.error().text;
    return canonical_text(*select->items[0].expr);
}

TEST(ParserTest, PrecedenceClimbs) {
    EXPECT_EQ(shape("1 + 2 * 3"), shape("1 + (2 * 3)"));
    EXPECT_NE(shape("1 + 2 * 3"), shape("(1 + 2) * 3"));
    EXPECT_EQ(shape("a OR b AND NOT c = 1"), shape("a OR (b AND (NOT (c = 1)))"));
    EXPECT_EQ(shape("a - b - c"), shape("(a - b) - c"));
    EXPECT_EQ(shape("a || b || c"), shape("(a || b) || c"));
    EXPECT_EQ(shape("-a * b"), shape("(-a) * b"));
    EXPECT_EQ(shape("a::INT + 1"), shape("(a::INT) + 1"));
    EXPECT_EQ(shape("a BETWEEN 1 AND 2 AND b"), shape("(a BETWEEN 1 AND 2) AND b"));
}

TEST(ParserTest, NamesAndKeywordsInAnyCase) {
    EXPECT_EQ(shape("UPPER(a.B)"), shape("upper(A.b)"));
    EXPECT_EQ(shape("CaSe WHEN a THEN 1 eNd"), shape("case when a then 1 end"));
}

TEST(ParserTest, PartsOfASelect) {
    auto select = parse_select(
        "select a x, b as `y z` from k.t as r where c group by 1, d having e order by f desc nulls last "
        "limit 10;");
    ASSERT_TRUE(select) << select.error().text;
    EXPECT_EQ(select->items[0].alias, "x");
    EXPECT_EQ(select->items[1].alias, "y z");
    EXPECT_EQ(select->from->name(), "k.t");
    EXPECT_EQ(select->from->alias, "r");
    EXPECT_EQ(select->group_by.size(), 2u);
    EXPECT_TRUE(select->order_by[0].descending);
    EXPECT_EQ(select->order_by[0].nulls_first, false);
    EXPECT_EQ(select->limit, 10);
}

TEST(ParserTest, StringsAndTheirEscapes) {
    auto select = parse_select(R"(SELECT 'it''s', "double", 'a\tb\u00e9', r'\d')");
    ASSERT_TRUE(select) << select.error().text;
    EXPECT_EQ(select->items[0].expr->text, "it's");
    EXPECT_EQ(select->items[1].expr->text, "double");
    EXPECT_EQ(select->items[2].expr->text, "a\tb\u00e9");
    EXPECT_EQ(select->items[3].expr->text, "\\d");
}

TEST(ParserTest, Intervals) {
    auto interval = parse_interval_text("1 day 2 hours 30 seconds", {});
    ASSERT_TRUE(interval);
    EXPECT_EQ(interval->days, 1);
    EXPECT_EQ(interval->us, 7'230'000'000);
    EXPECT_FALSE(parse_interval_text("1 fortnight", {}));
    EXPECT_FALSE(parse_interval_text("", {}));
}

TEST(ParserTest, ErrorsTellLineColumnAndWhatWasExpected) {
    auto select = parse_select("SELECT a\nFROM t\nWHERE (b = 1");
    ASSERT_FALSE(select);
    EXPECT_EQ(select.error().line, 3);
    EXPECT_EQ(select.error().column, 13);
    EXPECT_EQ(select.error().text, "expected ), found the end of the text");
}

TEST(ParserTest, CaretsCountCharactersNotBytes) {
    std::string sql = "SELECT 'Zürich é' AS a b";
    auto select = parse_select(sql);
    ASSERT_FALSE(select);
    EXPECT_EQ(render(select.error(), sql),
              "expected FROM, found b\n  1 | SELECT 'Zürich é' AS a b\n    |                        ^");
}

TEST(ParserTest, DeepNestingIsRefusedAndNotFatal) {
    for (std::string_view open : {"(", "NOT ", "- ", "CASE WHEN ", "a[", "upper("}) {
        std::string sql = "SELECT ";
        for (int i = 0; i < 100'000; ++i) sql += open;
        EXPECT_FALSE(parse_select(sql));
    }
    std::string sum = "SELECT 1";
    for (int i = 0; i < 100'000; ++i) sum += " + 1";
    EXPECT_FALSE(parse_select(sum));
}

}  // namespace
}  // namespace penstock::stream::sql
