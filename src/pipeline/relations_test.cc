#include "pipeline/relations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> names(std::string_view sql) {
    std::vector<std::string> out;
    for (const auto& relation : relations_of(sql)) out.push_back(relation.name);
    return out;
}

TEST(Relations, FromAndJoin) {
    EXPECT_THAT(names("SELECT * FROM a x JOIN k.b AS y ON x.i = y.i"), ElementsAre("a", "k.b"));
}
TEST(Relations, List) {
    EXPECT_THAT(names("select * from a, b c, d as e, f where g"), ElementsAre("a", "b", "d", "f"));
}
TEST(Relations, BackQuotes) {
    EXPECT_THAT(names("SELECT * FROM `a-b.c`"), ElementsAre("a-b.c"));
}
TEST(Relations, CommentsAndTexts) {
    EXPECT_THAT(names("SELECT 'FROM x' /* FROM y */ -- FROM z\nFROM a"), ElementsAre("a"));
}
TEST(Relations, Subqueries) {
    EXPECT_THAT(names("SELECT * FROM (SELECT * FROM a) b"), ElementsAre("a"));
}
TEST(Relations, CommonTableExpressions) {
    EXPECT_THAT(names("WITH x AS (SELECT * FROM a), y AS (SELECT * FROM x) SELECT * FROM y"),
                ElementsAre("a"));
}
TEST(Relations, FromInsideFunctionsAndDistinctFrom) {
    EXPECT_THAT(names("SELECT extract(year FROM t), trim(BOTH ' ' FROM s) FROM a WHERE x IS "
                      "DISTINCT FROM y AND p IS NOT DISTINCT FROM q"),
                ElementsAre("a"));
}
TEST(Relations, TableFunctions) {
    EXPECT_THAT(names("SELECT * FROM range(10)"), IsEmpty());
}
TEST(Relations, Places) {
    auto found = relations_of("SELECT *\n  FROM  a");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].line, 2);
    EXPECT_EQ(found[0].column, 9);
}
TEST(Relations, NonsenseEnds) {
    EXPECT_THAT(names("FROM ' ` /* FROM"), IsEmpty());
}

}  // namespace
}  // namespace penstock::pipeline
