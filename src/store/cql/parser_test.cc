#include "store/cql/parser.h"

#include <gtest/gtest.h>

#include "store/cql/system_tables.h"

namespace penstock::store::cql {
namespace {

std::string error_of(std::string_view text) {
    auto parsed = parse(text);
    return parsed ? "" : parsed.error().text;
}

}  // namespace

TEST(ParserTest, ErrorsNameThePlaceAsCassandraDoes) {
    EXPECT_EQ(error_of("SELEC x"), "line 1:0 no viable alternative at input 'SELEC' ([SELEC]...)");
    EXPECT_EQ(error_of("SELECT * FORM t"),
              "line 1:9 mismatched input 'FORM' expecting K_FROM (SELECT * [FORM]...)");
    EXPECT_EQ(error_of("SELECT *\nFROM t\nWHERE"), "line 0:-1 no viable alternative at input '<EOF>'");
    EXPECT_EQ(error_of("SELECT 'abc FROM t"), "line 1:7 mismatched character '<EOF>' expecting '''");
    EXPECT_EQ(error_of("SELECT * FROM t; SELECT"),
              "line 1:17 mismatched input 'SELECT' expecting EOF (SELECT * FROM t; [SELECT])");
    EXPECT_EQ(error_of(""), "line 0:-1 no viable alternative at input '<EOF>'");
}

TEST(ParserTest, MarkersAreCountedInTheirOrder) {
    auto parsed = parse("UPDATE t USING TTL ? SET a = ?, m[:key] = :value WHERE k IN ? AND c = (1)");
    ASSERT_TRUE(parsed) << parsed.error().text;
    EXPECT_EQ(parsed->markers, (std::vector<std::string>{"", "", "key", "value", ""}));
}

TEST(ParserTest, CommentsQuotesAndDollars) {
    auto parsed =
        parse("-- a line\nINSERT /* more */ INTO \"Ks\".\"T\"\"x\" (k, v) VALUES ($$it's$$, 'it''s') // end");
    ASSERT_TRUE(parsed) << parsed.error().text;
    const auto& insert = std::get<Insert>(parsed->statement);
    EXPECT_EQ(insert.table.keyspace, "Ks");
    EXPECT_EQ(insert.table.name, "T\"x");
    EXPECT_EQ(insert.values[0].text, "it's");
    EXPECT_EQ(insert.values[1].text, "it's");
}

TEST(ParserTest, LiteralsHaveTheirKinds) {
    auto parsed = parse(
        "INSERT INTO t (a) VALUES ((1, -2.5, 0xCAFE, 123e4567-e89b-42d3-a456-426614174000, true, 1h30m, "
        "{}, {'a': 1}, {1}, [null], NaN, -Infinity, now(), (int) 5))");
    ASSERT_TRUE(parsed) << parsed.error().text;
    std::vector<Term::Kind> kinds;
    for (const auto& item : std::get<Insert>(parsed->statement).values[0].items) kinds.push_back(item.kind);
    using K = Term::Kind;
    EXPECT_EQ(kinds, (std::vector<K>{K::integer, K::number, K::blob, K::uuid, K::boolean, K::duration, K::set,
                                     K::map, K::set, K::list, K::number, K::number, K::function, K::cast}));
}

TEST(ParserTest, ParenthesesAreReadOnce) {
    // Read twice at each level, these would be read 2^40 times.
    EXPECT_NE(error_of("SELECT " + std::string(40, '(') + "['r']8 FROM t"), "");
    EXPECT_NE(error_of("SELECT " + std::string(20, '(') + "f(" + std::string(20, '(') + "a b FROM t"), "");
    EXPECT_EQ(error_of("SELECT " + std::string(40, '(') + "1, 2" + std::string(40, ')') + " FROM t"), "");
}

TEST(ParserTest, NestingIsBounded) {
    std::string deep = "INSERT INTO t (a) VALUES (";
    for (int i = 0; i < 1000; ++i) deep += "[";
    EXPECT_NE(error_of(deep).find("nested too deeply"), std::string::npos);
    deep = "CREATE TABLE t (a ";
    for (int i = 0; i < 1000; ++i) deep += "list<";
    EXPECT_NE(error_of(deep).find("nested too deeply"), std::string::npos);
    deep = "SELECT ";
    for (int i = 0; i < 1000; ++i) deep += "f(";
    EXPECT_NE(error_of(deep).find("nested too deeply"), std::string::npos);
}

TEST(ParserTest, StatementsAreBoundedInTheirNumberOfTokens) {
    EXPECT_NE(error_of("SELECT * FROM t WHERE a IN (" + std::string(600'000, ','))
                  .find("the statement is too long"),
              std::string::npos);
}

TEST(ParserTest, WordsThatAreNotReservedAreNames) {
    EXPECT_EQ(
        error_of("SELECT key, json, distinct, ttl, count, value, type FROM t WHERE key = 'x' AND type = 1"),
        "");
    EXPECT_NE(error_of("SELECT a FROM select"), "");
}

TEST(SystemTablesTest, AllAreThere) {
    EXPECT_GE(system_tables().size(), 20u);
    EXPECT_NE(system_table("system", "local"), nullptr);
    EXPECT_EQ(system_table("system", "nothing"), nullptr);
}

}  // namespace penstock::store::cql
