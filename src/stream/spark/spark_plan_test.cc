#include "stream/spark/spark_plan.h"

#include <gmock/gmock.h>

#include "stream/exec/definition.h"
#include "stream/spark/spark_job.h"
#include "stream/spark/spark_planning.h"
#include "stream/testing/memory_tables.h"
#include "stream/testing/memory_topics.h"

namespace penstock::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

SparkText text_of(std::string_view sql, std::vector<std::string> topics = {"users", "users.dlq", "orders"}) {
    auto text = read_spark_text(
        sql, [&](const std::string& name) { return std::ranges::find(topics, name) != topics.end(); });
    EXPECT_TRUE(text) << text.error().text;
    return text ? *text : SparkText();
}

DataType ddl(std::string_view text) {
    return *parse_ddl(text);
}

/// What the query scans of a topic with these columns, as Spark is told to decode it.
std::string decoded_columns(std::string_view columns, std::string_view sql, bool as_text = true) {
    RelationInfo relation;
    relation.kind = RelationInfo::Kind::topic;
    relation.name = "users";
    relation.columns = ddl(columns);
    auto plan = plan_bounded(sql, relation);
    EXPECT_TRUE(plan) << plan.error().text;
    return spark_ddl(spark_columns(relation.columns, plan->scan, as_text));
}

TEST(SparkTextTest, TopicsAreFoundWhereRelationsStand) {
    EXPECT_THAT(text_of("SELECT users FROM orders").topics, ElementsAre("orders"));
    EXPECT_THAT(text_of("SELECT 1 FROM users.dlq").topics, ElementsAre("users.dlq"));
    EXPECT_THAT(text_of("SELECT 1 FROM `users.dlq` d").topics, ElementsAre("users.dlq"));
    EXPECT_THAT(
        text_of("WITH x AS (SELECT id FROM users) SELECT * FROM x JOIN orders o ON o.id = x.id").topics,
        ElementsAre("users", "orders"));
    EXPECT_THAT(text_of("SELECT 1 FROM users, orders -- FROM nothing").topics,
                ElementsAre("users", "orders"));
    EXPECT_THAT(text_of("SELECT 1 FROM ks.t").topics, ElementsAre());
}

TEST(SparkTextTest, KnowsWhatOurParserKnows) {
    auto text = text_of("SELECT a, upper(b.c) AS d\nFROM users u WHERE _offset > 1");
    EXPECT_TRUE(text.understood);
    EXPECT_TRUE(text.is_simple);
    EXPECT_EQ(text.alias, "u");
    EXPECT_EQ(text.where, "_offset > 1");
    EXPECT_EQ(text.items.at("d"), "upper(b.c)");
    EXPECT_TRUE(text.metadata.contains("_offset"));
    EXPECT_EQ(with_write_time("SELECT a, upper(b.c) AS d\nFROM users u WHERE _offset > 1", text, 5),
              "SELECT a, upper(b.c) AS d, CAST(5 AS BIGINT) + _offset AS penstock_write_us\nFROM users u "
              "WHERE _offset "
              "> 1");
    EXPECT_FALSE(text_of("SELECT DISTINCT a FROM users").is_simple);
    EXPECT_FALSE(text_of("SELECT a FROM users JOIN orders USING (id)").understood);
    EXPECT_TRUE(text_of("SELECT extract(YEAR FROM t) AS y FROM users").understood);
    EXPECT_EQ(
        with_write_time("SELECT extract(YEAR FROM t) AS y FROM users",
                        text_of("SELECT extract(YEAR FROM t) AS y FROM users"), 1),
        "SELECT extract(YEAR FROM t) AS y, CAST(1 AS BIGINT) + _offset AS penstock_write_us FROM users");
}

TEST(SparkColumnsTest, OnlyWhatIsUsed) {
    constexpr auto all =
        "id BIGINT, name STRUCT<first: STRING, last: STRING>, tags ARRAY<STRUCT<k: STRING, v: INT>>, "
        "props MAP<STRING, DOUBLE>, n DOUBLE";
    EXPECT_EQ(decoded_columns(all, "SELECT name.last FROM users WHERE id > 1"),
              "`id` BIGINT, `name` STRUCT<`last`: STRING>");
    EXPECT_EQ(decoded_columns(all, "SELECT tags[0].k, props['x'] FROM users"),
              "`tags` ARRAY<STRUCT<`k`: STRING>>, `props` MAP<STRING, DOUBLE>");
    EXPECT_EQ(decoded_columns(all, "SELECT count(*) FROM users"), "");
    // A whole object is its text, unless something inside of it is used as well, or it goes on as JSON.
    EXPECT_EQ(decoded_columns(all, "SELECT name FROM users"), "`name` STRING");
    EXPECT_EQ(decoded_columns(all, "SELECT name, name.first FROM users"),
              "`name` STRUCT<`first`: STRING, `last`: STRING>");
    EXPECT_EQ(decoded_columns(all, "SELECT name FROM users", false),
              "`name` STRUCT<`first`: STRING, `last`: STRING>");
    // As text only: any scalar is taken as it stands.
    EXPECT_EQ(decoded_columns(all, "SELECT CAST(n AS STRING) FROM users"), "`n` STRING");
    EXPECT_EQ(decoded_columns(all, "SELECT CAST(n AS STRING), n + 1 FROM users"), "`n` DOUBLE");
}

TEST(SparkSqlTest, NamesAndTextsAreQuoted) {
    EXPECT_EQ(spark_name("a`b"), "`a``b`");
    EXPECT_EQ(spark_string("it's \\ \n"), "'it\\'s \\\\ \\n'");
    EXPECT_EQ(spark_ddl(ddl("`odd name` INT, s STRUCT<`x y`: STRING>")),
              "`odd name` INT, `s` STRUCT<`x y`: STRING>");
}

TEST(SparkSqlTest, ATopicIsARelation) {
    SparkTopic topic;
    topic.name = "users";
    topic.columns = ddl("id BIGINT");
    topic.metadata = {"_key", "_timestamp"};
    auto sql = topic_sql(topic, "raw");
    EXPECT_THAT(
        sql, HasSubstr("_penstock_value.`id` AS `id`, CAST(key AS STRING) AS _key, timestamp AS _timestamp"));
    EXPECT_THAT(sql, HasSubstr("from_json(CAST(value AS STRING), '`id` BIGINT, `_penstock_fault` STRING'"));
    EXPECT_THAT(sql, HasSubstr("WHERE NOT ("));
    topic.format = pipeline::Format::text;
    EXPECT_EQ(topic_sql(topic, "raw"),
              "SELECT CAST(value AS STRING) AS value, CAST(key AS STRING) AS _key, timestamp AS _timestamp "
              "FROM raw");
    topic.format = pipeline::Format::json;
    topic.columns.fields.clear();
    topic.metadata.clear();
    EXPECT_EQ(topic_sql(topic, "raw"), "SELECT partition AS _partition FROM raw");
}

TEST(SparkSqlTest, RecordsThatDoNotFit) {
    SparkTopic topic;
    topic.name = "users";
    topic.columns = ddl("id BIGINT, dob STRUCT<age: INT>");
    auto text = text_of("SELECT id FROM users WHERE id > 0");
    auto sql = dead_letters_sql(topic, "raw", "q", text, {"id"});
    ASSERT_TRUE(sql);
    EXPECT_THAT(*sql, HasSubstr("dob.age: expected INT, found "));
    EXPECT_THAT(*sql, HasSubstr("(id > 0) AND (id) IS NULL THEN 'the key column id is null'"));
    EXPECT_THAT(*sql, HasSubstr("'penstock.dlq.query', 'value', CAST('q' AS BINARY)"));
    // Nothing that could fail, and no key to miss.
    topic.format = pipeline::Format::raw;
    EXPECT_FALSE(dead_letters_sql(topic, "raw", "q", text, {}));
}

TEST(SparkSqlTest, RowsForTablesAndTopics) {
    std::vector<SparkColumn> columns = {{"id", SparkColumn::Kind::int64},
                                        {"price", SparkColumn::Kind::as_double},
                                        {"tags", SparkColumn::Kind::nested}};
    EXPECT_EQ(
        table_rows_sql(columns, {"id"}, {"w"}, "rows"),
        "SELECT `id` AS `id`, CAST(`price` AS DOUBLE) AS `price`, to_json(`tags`, map('ignoreNullFields', "
        "'false')) AS `tags`, `w` FROM rows WHERE `id` IS NOT NULL");
    auto one = topic_rows_sql(columns, {"id"}, false, false, "rows");
    EXPECT_THAT(one, HasSubstr("SELECT CAST(`id` AS STRING) AS key, to_json(named_struct('id', `id`"));
    EXPECT_THAT(one, HasSubstr("'tags', `tags`"));
    EXPECT_THAT(one, Not(HasSubstr("WHERE")));
    auto two = topic_rows_sql(columns, {"id", "price"}, true, true, "rows");
    EXPECT_THAT(two, HasSubstr("concat_ws('|', coalesce(CAST(`id` AS STRING), 'NULL'), "));
    EXPECT_THAT(two, HasSubstr("WHERE `id` IS NOT NULL AND `price` IS NOT NULL"));
}

TEST(SparkPlannerTest, WaitsForTopicsAndRecordsAndRemembersColumns) {
    testing::MemoryTopics topics;
    testing::MemoryTables tables;
    pipeline::QuerySpec query;
    query.name = "q";
    query.sql.text = "SELECT id, sum(n) AS n FROM users GROUP BY id";
    query.into = "ks.t";
    query.key = {{"id", false}};
    pipeline::TopicSpec spec;
    spec.name = "users";
    std::vector<pipeline::TopicSpec> specs = {spec};
    EngineOptions options;
    SparkPlanner planner(topics, tables, options, query, specs);
    EXPECT_THAT(planner.inputs()->waits_for, HasSubstr("which does not exist"));
    ASSERT_TRUE(topics.create({"users", 1, {}}));
    EXPECT_THAT(planner.inputs()->waits_for, HasSubstr("has none"));
    topics.add("users", 0, R"({"id":1})", 0, std::nullopt);
    EXPECT_THAT(planner.inputs()->waits_for, HasSubstr("unknown column n"));
    topics.add("users", 0, R"({"id":1,"n":2,"other":true})", 0, std::nullopt);
    auto inputs = planner.inputs();
    ASSERT_TRUE(inputs) << inputs.error().text;
    EXPECT_EQ(inputs->waits_for, "");
    EXPECT_TRUE(inputs->job.stateful);
    EXPECT_EQ(spark_ddl(inputs->job.inputs[0].relation.columns), "`id` BIGINT, `n` BIGINT");
    // Later records do not change what was decided.
    topics.add("users", 0, R"({"id":"x","n":1.5})", 0, std::nullopt);
    inputs = SparkPlanner(topics, tables, options, query, specs).inputs();
    EXPECT_EQ(spark_ddl(inputs->job.inputs[0].relation.columns), "`id` BIGINT, `n` BIGINT");
}

TEST(SparkMemoryTest, IsReadBackAndDamageIsSeen) {
    SparkMemory memory;
    memory.topics["t"] = {"id-1", "a INT"};
    memory.place = "/c/1";
    memory.first_us = 77;
    auto bytes = encode(memory);
    EXPECT_EQ(*decode_spark_memory(bytes), memory);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_spark_memory(std::string_view(bytes).substr(0, size))) << size;
}

TEST(SparkReasonTest, TheNamedCauseIsShown) {
    EXPECT_EQ(
        spark_reason(
            "Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most recent failure: "
            "Lost task 0.3 in stage 1.0 (TID 9) (127.0.0.1 executor 0): "
            "org.apache.spark.SparkNumberFormatException: [CAST_INVALID_INPUT] The value 'x' of the type "
            "\"STRING\" cannot be cast to \"INT\".\n== SQL (line 1, position 8) ==\nSELECT CAST(a AS "
            "INT)\n       ^^^\n\n\tat org.apache.spark.X\n\nDriver stacktrace:"),
        "[CAST_INVALID_INPUT] The value 'x' of the type \"STRING\" cannot be cast to \"INT\".\n== SQL (line "
        "1, "
        "position 8) ==\nSELECT CAST(a AS INT)\n       ^^^");
    EXPECT_TRUE(is_about_a_neighbour("org.apache.kafka.common.errors.TimeoutException: Timed out"));
    EXPECT_TRUE(
        is_about_a_neighbour("Cannot invoke \"org.apache.spark.SparkEnv.conf()\" because the return "
                             "value of \"org.apache.spark.SparkEnv$.get()\" is null"));
    EXPECT_FALSE(is_about_a_neighbour("[DIVIDE_BY_ZERO] Division by zero."));
}

TEST(SparkReasonTest, PlacesOfMistakes) {
    auto error =
        spark_sql_error("[PARSE_SYNTAX_ERROR] Syntax error at or near 'FRM'.(line 2, pos 9)\n\n== SQL ==\nx");
    EXPECT_EQ(error.line, 2);
    EXPECT_EQ(error.column, 10);
    EXPECT_EQ(error.text, "[PARSE_SYNTAX_ERROR] Syntax error at or near 'FRM'");
    error = spark_sql_error("[UNRESOLVED_ROUTINE] Cannot resolve function `f` on search path.; line 1 pos 7");
    EXPECT_EQ(error.column, 8);
    EXPECT_EQ(error.text, "[UNRESOLVED_ROUTINE] Cannot resolve function `f` on search path");
    EXPECT_EQ(spark_sql_error("no place").line, 1);
}

}  // namespace
}  // namespace penstock::stream
