#include "pipeline/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "pipeline/testing/source_root.h"
#include "pipeline/text_place.h"

namespace penstock::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> problems_of(const Loaded& loaded) {
    std::vector<std::string> out;
    for (const auto& p : loaded.problems)
        out.push_back(fmt::format("{}:{}: {}", p.place.line, p.place.column, p.text));
    EXPECT_EQ(loaded.pipeline.has_value(), out.empty());
    return out;
}
std::vector<std::string> problems_of(std::string_view text) {
    return problems_of(load_text(text, "a.yaml"));
}

Pipeline good(std::string_view text) {
    auto loaded = load_text(text, "a.yaml");
    EXPECT_THAT(problems_of(loaded), IsEmpty());
    return loaded.pipeline ? *loaded.pipeline : Pipeline{};
}

std::filesystem::path root() {
    return source_root();
}

/// A file whose only source is the given lines, each indented below http.
std::string with_http(std::string_view lines) {
    return fmt::format("pipeline: p\nsources:\n  s:\n    topic: t\n    http:\n      url: http://h/\n{}\n",
                       lines);
}
std::string with_topic(std::string_view lines) {
    return fmt::format("pipeline: p\ntopics:\n  t:\n{}\n", lines);
}
std::string with_query(std::string_view lines) {
    return fmt::format("pipeline: p\ntopics: {{t: {{}}}}\nqueries:\n  q:\n{}\n", lines);
}
std::string with_dag(std::string_view lines) {
    return fmt::format("pipeline: p\ndags:\n  d:\n{}\n", lines);
}

TEST(Load, ReadsTheUsersExample) {
    auto loaded = load_file((root() / "examples/users/users.yaml").string());
    ASSERT_THAT(problems_of(loaded), IsEmpty());
    const auto& p = *loaded.pipeline;
    EXPECT_EQ(p.name, "users");
    ASSERT_EQ(p.sources.size(), 1u);
    const auto& source = p.sources[0];
    EXPECT_EQ(source.name, "random_users");
    EXPECT_EQ(source.key, "/login/uuid");
    EXPECT_EQ(source.topic, "users_created");
    EXPECT_TRUE(source.autostart);
    const auto& http = std::get<HttpSource>(source.input);
    EXPECT_EQ(http.url, "https://randomuser.me/api/");
    EXPECT_EQ(http.query.at("results"), "100");
    EXPECT_EQ(http.records, "/results");
    EXPECT_EQ(http.every_us, 2'000'000);
    EXPECT_EQ(http.limit->amount, 20'000);
    EXPECT_TRUE(http.limit->records);
    EXPECT_EQ(http.limit->per_us, 300'000'000);
    EXPECT_EQ(http.replica, "randomuser");
    ASSERT_EQ(p.topics.size(), 1u);
    EXPECT_EQ(p.topics[0].partitions, 4);
    EXPECT_EQ(p.topics[0].retention_us, 7 * 86'400'000'000);
    ASSERT_EQ(p.queries.size(), 2u);
    EXPECT_EQ(p.queries[0].into, "spark_streams.created_users");
    EXPECT_TRUE(p.queries[0].sql.text.starts_with("SELECT login.uuid AS id"));
    EXPECT_EQ(p.queries[1].watermark->column, "_timestamp");
    EXPECT_EQ(p.queries[1].watermark->delay_us, 10'000'000);
    ASSERT_EQ(p.queries[1].key.size(), 2u);
    EXPECT_TRUE(p.queries[1].key[1].descending);
    ASSERT_EQ(p.dags.size(), 1u);
    EXPECT_EQ(p.dags[0].schedule, "@daily");
    ASSERT_EQ(p.dags[0].tasks.size(), 2u);
    const auto& run = std::get<RunTask>(p.dags[0].tasks[0].action);
    EXPECT_EQ(run.name, "random_users");
    EXPECT_EQ(run.for_us, 10'000'000);
    EXPECT_EQ(p.dags[0].tasks[0].retries, 3);
    EXPECT_THAT(p.dags[0].tasks[1].after, ElementsAre("stream_data_from_api"));
}

TEST(Load, ReadsEveryExample) {
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / "examples")) {
        if (entry.path().extension() != ".yaml") continue;
        EXPECT_THAT(problems_of(load_file(entry.path().string())), IsEmpty()) << entry.path();
        ++files;
    }
    EXPECT_GE(files, 3);
}

TEST(Load, ReadsEveryKeyOfAnHttpSource) {
    auto p = good(with_http(R"(      method: POST
      body: '{}'
      headers: { Authorization: "Bearer ${TOKEN}", X-Version: 2 }
      pagination: { cursor: { parameter: after, next: /meta/next, max: 7 } }
      limit: 10 requests per second
      timeout: 10s
      connect_timeout: 500ms
      retry: { attempts: 2, backoff: 1s, max: 10s }
      breaker: { failures: 3, open: 1m }
      max_redirects: 0
      proxy: http://proxy:3128
      verify_tls: false
      ca_file: ca.pem)"));
    const auto& http = std::get<HttpSource>(p.sources.at(0).input);
    EXPECT_EQ(http.method, "POST");
    EXPECT_EQ(http.body, "{}");
    EXPECT_EQ(http.headers.at("Authorization"), "Bearer ${TOKEN}");
    EXPECT_EQ(http.headers.at("X-Version"), "2");
    EXPECT_EQ(http.pagination.kind, Pagination::Kind::cursor);
    EXPECT_EQ(http.pagination.parameter, "after");
    EXPECT_EQ(http.pagination.next, "/meta/next");
    EXPECT_EQ(http.pagination.max_pages, 7);
    EXPECT_FALSE(http.limit->records);
    EXPECT_EQ(http.limit->per_us, 1'000'000);
    EXPECT_EQ(http.timeout_us, 10'000'000);
    EXPECT_EQ(http.connect_timeout_us, 500'000);
    EXPECT_EQ(http.retries, 2);
    EXPECT_EQ(http.backoff_us, 1'000'000);
    EXPECT_EQ(http.backoff_max_us, 10'000'000);
    EXPECT_EQ(http.breaker_failures, 3);
    EXPECT_EQ(http.breaker_open_us, 60'000'000);
    EXPECT_EQ(http.max_redirects, 0);
    EXPECT_EQ(http.proxy, "http://proxy:3128");
    EXPECT_FALSE(http.verify_tls);
    EXPECT_EQ(http.ca_file, "ca.pem");
}

TEST(Load, ReadsPagesByNumberAndByLink) {
    auto paged = good(with_http("      pagination: { page: { parameter: p, first: 0, max: 10 } }"));
    const auto& page = std::get<HttpSource>(paged.sources.at(0).input).pagination;
    EXPECT_EQ(page.kind, Pagination::Kind::page);
    EXPECT_EQ(page.parameter, "p");
    EXPECT_EQ(page.first, 0);
    EXPECT_EQ(page.max_pages, 10);
    auto linked = good(with_http("      pagination: { link: {} }"));
    EXPECT_EQ(std::get<HttpSource>(linked.sources.at(0).input).pagination.kind, Pagination::Kind::link);
}

TEST(Load, ReadsFileAndWebhookSources) {
    auto p = good(R"(pipeline: p
sources:
  f: { file: { path: "a/*.csv", format: csv, follow: true, delimiter: ";", header: false }, topic: t }
  w: { webhook: { path: in/orders, token: "${T}", records: /items }, topic: t, autostart: false }
)");
    const auto& file = std::get<FileSource>(p.sources.at(0).input);
    EXPECT_EQ(file.path, "a/*.csv");
    EXPECT_EQ(file.kind, FileSource::Kind::csv);
    EXPECT_TRUE(file.follow);
    EXPECT_EQ(file.delimiter, ';');
    EXPECT_FALSE(file.header);
    const auto& webhook = std::get<WebhookSource>(p.sources.at(1).input);
    EXPECT_EQ(webhook.path, "in/orders");
    EXPECT_EQ(webhook.token, "${T}");
    EXPECT_EQ(webhook.records, "/items");
    EXPECT_FALSE(p.sources.at(1).autostart);
}

TEST(Load, ReadsATopic) {
    auto p = good(with_topic(R"(    retention_bytes: 10 MB
    format: avro
    on_drift: freeze
    schema: id STRING
    config: { cleanup.policy: compact, segment.bytes: 1048576 })"));
    const auto& topic = p.topics.at(0);
    EXPECT_EQ(topic.partitions, 1);
    EXPECT_FALSE(topic.retention_us);
    EXPECT_EQ(topic.retention_bytes, 10 * 1024 * 1024);
    EXPECT_EQ(topic.format, Format::avro);
    EXPECT_EQ(topic.on_drift, TopicSpec::Drift::freeze);
    EXPECT_EQ(topic.schema.text, "id STRING");
    EXPECT_EQ(topic.config.at("segment.bytes"), "1048576");
    EXPECT_EQ(topic.place.line, 3);
}

TEST(Load, KeepsATopicForever) {
    auto p = good(with_topic("    retention: forever"));
    EXPECT_FALSE(p.topics.at(0).retention_us);
    EXPECT_EQ(p.topics.at(0).config.at("retention.ms"), "-1");
}

TEST(Load, ReadsACompositePartitionKey) {
    auto p = good(with_query("    sql: SELECT 1\n    into: k.t\n    key: [[a, b], c desc, d ASC]"));
    const auto& query = p.queries.at(0);
    EXPECT_EQ(query.partition_columns, 2);
    ASSERT_EQ(query.key.size(), 4u);
    EXPECT_EQ(query.key[1].column, "b");
    EXPECT_TRUE(query.key[2].descending);
    EXPECT_FALSE(query.key[3].descending);
}

TEST(Load, ReadsEveryKindOfTask) {
    auto p = good(with_dag(R"(    schedule: 0 6 * * mon-fri
    timezone: Europe/Amsterdam
    catchup: true
    start: "2026-01-31"
    max_active_runs: 1
    tasks:
      s: { shell: echo hello, timeout: 1m, retry_delay: 1s }
      h: { http: { url: "http://h/", method: POST, body: x } }
      w: { wait: { until: SELECT true, every: 2s }, after: [s, h] })"));
    const auto& dag = p.dags.at(0);
    EXPECT_EQ(dag.schedule, "0 6 * * mon-fri");
    EXPECT_EQ(dag.timezone, "Europe/Amsterdam");
    EXPECT_TRUE(dag.catchup);
    EXPECT_EQ(dag.start_us, 1'769'817'600'000'000);
    EXPECT_EQ(dag.max_active_runs, 1);
    EXPECT_EQ(std::get<ShellTask>(dag.tasks.at(0).action).command, "echo hello");
    EXPECT_EQ(dag.tasks[0].timeout_us, 60'000'000);
    EXPECT_EQ(std::get<HttpTask>(dag.tasks[1].action).method, "POST");
    EXPECT_EQ(std::get<WaitTask>(dag.tasks[2].action).every_us, 2'000'000);
    EXPECT_THAT(dag.tasks[2].after, ElementsAre("s", "h"));
}

TEST(Load, SharesSettingsByAnchorsAndMergeKeys) {
    auto p = good(R"(pipeline: p
topics:
  a: &base { partitions: 3, retention: 1d }
  b: { <<: *base, partitions: 5 }
  c: *base
)");
    EXPECT_EQ(p.topics.at(1).partitions, 5);
    EXPECT_EQ(p.topics.at(1).retention_us, 86'400'000'000);
    EXPECT_EQ(p.topics.at(2).partitions, 3);
}

// ---- Keys and types

TEST(LoadProblems, UnknownKeyWithAGuess) {
    EXPECT_THAT(problems_of(with_http("      evry: 2s")),
                ElementsAre("7:7: unknown key 'evry'; did you mean 'every'?"));
}
TEST(LoadProblems, UnknownKeyWithTheList) {
    EXPECT_THAT(problems_of("pipeline: p\nfunctions: {}\n"),
                ElementsAre("2:1: unknown key 'functions'; expected one of pipeline, sources, "
                            "topics, queries, dags"));
}
TEST(LoadProblems, DuplicateKey) {
    EXPECT_THAT(problems_of("pipeline: p\ntopics:\n  a: {}\n  a: {}\n"),
                ElementsAre("4:3: duplicate key 'a'; it stands at line 3 already"));
}
TEST(LoadProblems, MissingRequiredKey) {
    EXPECT_THAT(problems_of("sources: {}\n"), ElementsAre("1:1: the file: the key 'pipeline' is missing"));
    EXPECT_THAT(problems_of("pipeline: p\nsources:\n  s:\n    http: { every: 1s }\n    topic: t\n"),
                ElementsAre("4:5: http: the key 'url' is missing"));
}
TEST(LoadProblems, NoneOrSeveralOfWhichOneMustBe) {
    EXPECT_THAT(problems_of("pipeline: p\nsources:\n  s: { topic: t }\n"),
                ElementsAre("3:3: source 's': expected one of the keys http, file, webhook"));
    EXPECT_THAT(
        problems_of("pipeline: p\nsources:\n  s: { topic: t, file: {path: a}, webhook: {path: b} }\n"),
        ElementsAre("3:3: source 's': expected only one of the keys http, file, webhook, found "
                    "file and webhook"));
}
TEST(LoadProblems, WrongTypes) {
    EXPECT_THAT(
        problems_of(with_topic("    partitions: many")),
        ElementsAre("4:17: partitions: expected a whole number from 1 to 10000, found the text 'many'"));
    EXPECT_THAT(problems_of(with_topic("    partitions: '4'")),
                ElementsAre("4:17: partitions: expected a whole number from 1 to 10000, found the text '4'"));
    EXPECT_THAT(
        problems_of(with_topic("    partitions: 1.5")),
        ElementsAre("4:17: partitions: expected a whole number from 1 to 10000, found the number 1.5"));
    EXPECT_THAT(problems_of(with_topic("    partitions: [1]")),
                ElementsAre("4:17: partitions: expected a whole number from 1 to 10000, found a list"));
    EXPECT_THAT(problems_of(with_topic("    partitions:")),
                ElementsAre("4:5: partitions: expected a whole number from 1 to 10000, found nothing"));
    EXPECT_THAT(problems_of(with_http("      verify_tls: yes")),
                ElementsAre("7:19: verify_tls: expected true or false, found the text 'yes'"));
    EXPECT_THAT(problems_of("pipeline: 5\n"),
                ElementsAre("1:11: pipeline: expected a text (write it in quotes), found the number 5"));
    EXPECT_THAT(
        problems_of("pipeline: p\nsources: [a]\n"),
        ElementsAre("2:10: sources: expected a mapping of names to what each source is, found a list"));
    EXPECT_THAT(problems_of("pipeline: p\nsources:\n  s:\n"),
                ElementsAre("3:3: source 's': expected a mapping with the keys http, file, "
                            "webhook, key, topic, autostart, "
                            "found nothing"));
    EXPECT_THAT(problems_of("just a text\n"),
                ElementsAre("1:1: the file: expected a mapping with the keys pipeline, sources, "
                            "topics, queries, dags, "
                            "found the text 'just a text'"));
    EXPECT_THAT(problems_of(with_http("      headers: { a: [b] }")),
                ElementsAre("7:18: headers.a: expected a text or a number, found a list"));
}
TEST(LoadProblems, WordNotInTheList) {
    EXPECT_THAT(problems_of(with_topic("    format: jsn")),
                ElementsAre("4:13: format: 'jsn' is not known here; did you mean 'json'?"));
    EXPECT_THAT(problems_of(with_topic("    format: xml")),
                ElementsAre("4:13: format: 'xml' is not known here; expected one of json, json_schema, avro, "
                            "protobuf, text, raw"));
}
TEST(LoadProblems, Durations) {
    EXPECT_THAT(problems_of(with_http("      every: 2x")),
                ElementsAre("7:14: every: '2x' is not a duration; expected a number and a unit "
                            "(ms, s, m, h, d), for example 30s"));
    EXPECT_THAT(problems_of(with_http("      every: 2")),
                ElementsAre("7:14: every: expected a duration such as 30s, found the number 2"));
}
TEST(LoadProblems, Sizes) {
    EXPECT_THAT(problems_of(with_topic("    retention_bytes: 1 bit")),
                ElementsAre("4:22: retention_bytes: '1 bit' is not a size; expected a number and a "
                            "unit (B, KB, MB, GB), for "
                            "example 100 MB"));
}
TEST(LoadProblems, Limits) {
    EXPECT_THAT(problems_of(with_http("      limit: 5 users per day")),
                ElementsAre("7:14: limit: '5 users per day' is not a limit; expected a number, "
                            "'records' or 'requests', 'per' "
                            "and a time, for example 20000 records per 5m"));
}
TEST(LoadProblems, JsonPointers) {
    EXPECT_THAT(problems_of(with_http("      records: data.items")),
                ElementsAre("7:16: records: 'data.items' is not a JSON Pointer; expected it to "
                            "start with '/', for example "
                            "/data/items"));
}
TEST(LoadProblems, Urls) {
    EXPECT_THAT(problems_of("pipeline: p\nsources:\n  s: { topic: t, http: { url: ftp://h } }\n"),
                ElementsAre("3:31: url: 'ftp://h' is not a URL; expected http:// or https://"));
}
TEST(LoadProblems, EnvironmentNames) {
    EXPECT_THAT(problems_of(with_http("      headers: { a: \"${TOKEN\" }")),
                ElementsAre("7:21: headers.a: expected ${NAME} with the name of an environment "
                            "variable, found '${TOKEN'"));
}
TEST(LoadProblems, SeveralAtOnceInTheirOrder) {
    EXPECT_THAT(problems_of(with_topic("    partitions: 0\n    formt: json\n    retention: soon")),
                ElementsAre("4:17: partitions: expected a whole number from 1 to 10000, found the number 0",
                            "5:5: unknown key 'formt'; did you mean 'format'?",
                            "6:16: retention: 'soon' is not a duration; expected a number and a unit (ms, "
                            "s, m, h, d), for "
                            "example 30s"));
}
TEST(LoadProblems, SettingsThatDoNotGoTogether) {
    EXPECT_THAT(
        problems_of(with_topic("    format: raw\n    schema: a INT")),
        ElementsAre(
            "5:13: 'schema' goes with format: json, json_schema, avro or protobuf; a topic of another "
            "format has one column, value"));
    EXPECT_THAT(problems_of("pipeline: p\nsources:\n  s: { topic: t, file: { path: a, header: true } }\n"),
                ElementsAre("3:43: 'header' goes with format: csv"));
    EXPECT_THAT(
        problems_of("pipeline: p\nsources:\n  s: { topic: t, file: { path: a.csv.gz, header: true } }\n"),
        ElementsAre());
    EXPECT_THAT(problems_of(with_topic("    retention: 1d\n    config: { retention.ms: 5 }")),
                ElementsAre("4:16: 'retention' and config 'retention.ms' say the same; remove one"));
    EXPECT_THAT(problems_of(with_http("      retry: { backoff: 2m }")),
                ElementsAre("7:25: retry: backoff is longer than max"));
}

// ---- Names

TEST(LoadProblems, Names) {
    EXPECT_THAT(problems_of("pipeline: a b\n"),
                ElementsAre("1:11: 'a b' is not a name; expected letters, digits, '_', '-' and '.' only"));
    EXPECT_THAT(
        problems_of("pipeline: p\ntopics:\n  a/b: {}\n"),
        ElementsAre("3:3: 'a/b' is not a topic name; expected letters, digits, '_', '-' and '.' only"));
    EXPECT_THAT(problems_of("pipeline: p\ntopics:\n  __consumer_offsets: {}\n"),
                ElementsAre("3:3: topic '__consumer_offsets' is Kafka's own"));
    EXPECT_THAT(problems_of(with_query("    sql: SELECT 1\n    key: [a]\n    into: k.Users")),
                ElementsAre("7:11: into: 'Users' is not a CQL name; expected a lower-case letter, "
                            "then lower-case letters, digits "
                            "and '_', 48 at most"));
    EXPECT_THAT(problems_of(with_query("    sql: SELECT 1\n    key: [a]\n    into: users")),
                ElementsAre("7:11: into: expected keyspace.table or topic:name, found 'users'"));
    EXPECT_THAT(problems_of(with_query("    sql: SELECT 1\n    key: [a]\n    into: system.users")),
                ElementsAre("7:11: into: keyspace 'system' is the server's own"));
}
TEST(LoadProblems, QueryNamedAsASource) {
    EXPECT_THAT(
        problems_of("pipeline: p\nsources:\n  a: { file: {path: f}, topic: t }\n"
                    "queries:\n  a: { sql: SELECT 1 FROM t, into: k.t, key: [x] }\n"),
        ElementsAre("5:3: query 'a': a source has that name; a task's 'run' could not tell them apart"));
}
TEST(LoadProblems, QueryKeys) {
    EXPECT_THAT(problems_of(with_query("    sql: SELECT 1\n    into: k.t")),
                ElementsAre("4:3: query 'q': the key 'key' is missing; a table needs a primary "
                            "key, for example key: [id]"));
    EXPECT_THAT(
        problems_of(with_query("    sql: SELECT 1\n    into: k.t\n    key: [a DESC]")),
        ElementsAre("7:11: key: 'a DESC': a partition key has no order; only clustering columns have"));
    EXPECT_THAT(
        problems_of(with_query("    sql: SELECT 1\n    into: k.t\n    key: [a, b down]")),
        ElementsAre("7:14: key: 'b down': expected a column, and for clustering columns ASC or DESC"));
    EXPECT_THAT(problems_of(with_query("    sql: SELECT 1\n    into: k.t\n    key: [a, a]")),
                ElementsAre("7:14: key: the column 'a' stands there twice"));
    EXPECT_THAT(problems_of(with_query("    sql: SELECT 1\n    into: k.t\n    key: id")),
                ElementsAre("7:10: key: expected a list of columns such as [id] or [nat, minute "
                            "DESC], found the text 'id'"));
    EXPECT_THAT(problems_of(with_query("    sql: SELECT 1\n    into: k.t\n    key: []")),
                ElementsAre("7:10: key: expected one column at least, found an empty list"));
}

// ---- What refers to something

TEST(LoadProblems, TopicThatNobodyWrites) {
    EXPECT_THAT(problems_of("pipeline: p\ntopics: {users: {}}\nqueries:\n  q:\n    into: k.t\n    "
                            "key: [a]\n    sql: |\n"
                            "      SELECT a\n      FROM user\n"),
                ElementsAre("9:12: topic 'user' is not declared under topics and nothing writes "
                            "it; did you mean 'users'?"));
}
TEST(Load, TopicsThatSourcesAndQueriesWriteNeedNoDeclaration) {
    good(
        "pipeline: p\nsources:\n  s: { file: {path: f}, topic: a }\nqueries:\n"
        "  q: { sql: SELECT x FROM a, into: 'topic:b' }\n  r: { sql: SELECT x FROM b JOIN k.t2 ON "
        "true, into: k.t, key: [x] }\n"
        "  d: { sql: SELECT x FROM `a.dlq`, into: k.d, key: [x] }\n");
}
TEST(LoadProblems, RunOfAnUnknownSource) {
    EXPECT_THAT(problems_of("pipeline: p\nsources:\n  users: { file: {path: f}, topic: a }\n"
                            "dags:\n  d:\n    tasks:\n      t: { run: user }\n"),
                ElementsAre("7:17: run: there is no source or query 'user'; did you mean 'users'?"));
}
TEST(LoadProblems, TaskAfterAnUnknownTask) {
    EXPECT_THAT(problems_of(with_dag(
                    "    tasks:\n      load: { shell: a }\n      report: { shell: b, after: [laod] }")),
                ElementsAre("6:35: after: the DAG has no task 'laod'; did you mean 'load'?"));
}
TEST(LoadProblems, TasksInACircle) {
    EXPECT_THAT(
        problems_of(
            with_dag("    tasks:\n      z: { shell: z, after: [a] }\n      a: { shell: a, after: [c] }\n"
                     "      b: { shell: b, after: [a] }\n      c: { shell: c, after: [b] }")),
        ElementsAre("5:7: dag 'd': tasks wait for each other in a circle: a after c after b after a"));
    EXPECT_THAT(problems_of(with_dag("    tasks:\n      a: { shell: a, after: [a] }")),
                ElementsAre("5:7: dag 'd': tasks wait for each other in a circle: a after a"));
}
TEST(LoadProblems, KeysThatGoWithRunOnly) {
    EXPECT_THAT(problems_of(with_dag("    tasks:\n      a: { shell: a, for: 5s }")),
                ElementsAre("5:27: 'for' goes with 'run'"));
}
TEST(LoadProblems, Schedules) {
    auto with = [](std::string_view schedule) {
        return with_dag(fmt::format("    tasks: {{a: {{shell: x}}}}\n    schedule: \"{}\"", schedule));
    };
    EXPECT_THAT(problems_of(with("* * *")),
                ElementsAre("5:15: schedule: '* * *' is not a schedule: 3 fields, a cron line has 5 "
                            "(minute, hour, day of month, month, day of week); expected a cron line such "
                            "as '0 6 * * mon', @daily or 'every 10m'"));
    EXPECT_THAT(problems_of(with("61 * * * *")),
                ElementsAre("5:15: schedule: '61' is not a minute; expected 0 to 59"));
    EXPECT_THAT(problems_of(with("* * * foo *")),
                ElementsAre("5:15: schedule: 'foo' is not a month; expected 1 to 12 or a name such as jan"));
    EXPECT_THAT(problems_of(with("*/0 * * * *")),
                ElementsAre("5:15: schedule: '0' is not a step of minute; expected 1 to 1000"));
    EXPECT_THAT(problems_of(with("@dayly")),
                ElementsAre("5:15: schedule: '@dayly' is not a schedule; expected @once, @continuous, "
                            "@hourly, @daily, @weekly, @monthly, @quarterly or @yearly"));
    EXPECT_THAT(problems_of(with("every 0s")),
                ElementsAre("5:15: schedule: 'every 0s': expected 1s to 10 years"));
    EXPECT_THAT(problems_of(with("0 22-2 * * *")),
                ElementsAre("5:15: schedule: the range '22-2' of hour runs backwards; write it as "
                            "two: 22-23,0-2"));
    EXPECT_THAT(problems_of(with("0 0 30,31 feb *")),
                ElementsAre("5:15: schedule: '0 0 30,31 feb *' never comes: none of the months has "
                            "a day 30"));
    for (auto right : {"*/5 0-6,12 1,15 jan-mar mon", "every 1h30m", "every10m", "@hourly", "0 0 * * fri-mon",
                       "0 0 31 1,2 *", "0 0 29 2 *", "*/100 * * * 7"})
        EXPECT_THAT(problems_of(with(right)), IsEmpty());
}
TEST(LoadProblems, StartAndCatchup) {
    EXPECT_THAT(problems_of(with_dag("    tasks: {a: {shell: x}}\n    start: '2026-02-30'")),
                ElementsAre("5:12: start: '2026-02-30' is not a date or time; expected for example "
                            "2026-01-31 or 2026-01-31T12:00:00Z"));
    EXPECT_THAT(problems_of(with_dag("    tasks: {a: {shell: x}}\n    catchup: true")),
                ElementsAre("5:14: catchup: expected a 'start' as well, to know since when"));
}

// ---- YAML

TEST(LoadProblems, YamlSyntax) {
    EXPECT_THAT(problems_of("pipeline: p\ntopics: {a: {}\n"), ElementsAre("3:1: expected ',' or '}'"));
    EXPECT_THAT(problems_of("pipeline: p\n  topics: {}\n"),
                ElementsAre("2:9: ':' is not expected here; put a text that holds ': ' in quotes, "
                            "or check the indentation"));
    EXPECT_THAT(problems_of("pipeline: p\ntopics:\n\ta: {}\n"),
                ElementsAre("3:1: a tab in the indentation; YAML allows spaces only"));
}
TEST(LoadProblems, EmptyFile) {
    EXPECT_THAT(problems_of(""),
                ElementsAre("1:1: the file is empty; a pipeline file starts with 'pipeline: NAME'"));
    EXPECT_THAT(problems_of("# nothing\n"),
                ElementsAre("1:1: the file is empty; a pipeline file starts with 'pipeline: NAME'"));
}
TEST(LoadProblems, SecondDocument) {
    EXPECT_THAT(
        problems_of("pipeline: p\n---\npipeline: q\n"),
        ElementsAre("2:1: a second YAML document starts here; write each pipeline to a file of its own"));
}
TEST(LoadProblems, BytesThatAreNoText) {
    EXPECT_THAT(problems_of("pipeline: p\n# \xC3\x28\n"),
                ElementsAre("2:3: byte 0xC3 is not UTF-8; save the file as UTF-8"));
    EXPECT_THAT(problems_of(std::string_view("pipeline: p\0", 12)),
                ElementsAre("1:12: control character U+0000 is not allowed"));
}
TEST(LoadProblems, Tags) {
    EXPECT_THAT(problems_of("pipeline: !name p\n"),
                ElementsAre("1:11: the tag '!name' has no meaning here; remove it"));
}
TEST(LoadProblems, AliasesThatMultiply) {
    std::string text = "pipeline: p\nx0: &x0 [a,a,a,a,a,a,a,a,a,a]\n";
    for (int i = 1; i < 12; ++i) {
        auto part = fmt::format("*x{}", i - 1);
        text += fmt::format("x{}: &x{} [{},{},{},{},{},{},{},{},{},{}]\n", i, i, part, part, part, part, part,
                            part, part, part, part, part);
    }
    auto problems = problems_of(text);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_THAT(problems[0], testing::HasSubstr("more than 200000 values, with aliases written out"));
}
TEST(LoadProblems, AliasInItself) {
    EXPECT_THAT(problems_of("pipeline: p\ntopics: &t\n  a: *t\n"),
                ElementsAre("3:6: an alias inside its own anchor would never end"));
}
TEST(LoadProblems, UnknownAlias) {
    EXPECT_THAT(problems_of("pipeline: p\ntopics: *nobody\n"),
                ElementsAre("2:9: YAML syntax error: the referenced anchor is not defined"));
}
TEST(LoadProblems, NestedTooDeep) {
    EXPECT_THAT(problems_of("a: " + std::string(100, '[') + std::string(100, ']')),
                ElementsAre("1:67: nested deeper than 64 levels"));
}
TEST(LoadProblems, FileTooLong) {
    std::string text(4 * 1024 * 1024 + 1, '#');
    EXPECT_THAT(problems_of(text),
                ElementsAre("0:0: 4194305 bytes long; a pipeline file may not be longer than 4194304"));
}
TEST(LoadProblems, FileThatIsNotThere) {
    EXPECT_THAT(problems_of(load_file("/nowhere/at/all.yaml")), ElementsAre("0:0: no such file"));
}

// ---- Folders

class LoadFolder : public testing::Test {
protected:
    LoadFolder()
        : folder_(std::filesystem::temp_directory_path() / fmt::format("penstock_load_{}", ::getpid())) {
        std::filesystem::create_directories(folder_);
    }
    ~LoadFolder() override { std::filesystem::remove_all(folder_); }
    void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }
    std::filesystem::path folder_;
};

TEST_F(LoadFolder, LoadsByNameAndSharesTopics) {
    write("b.yaml", "pipeline: b\nqueries:\n  q: { sql: SELECT x FROM shared, into: k.t, key: [x] }\n");
    write("a.yml", "pipeline: a\ntopics: {shared: {}}\n");
    write("notes.txt", "not a pipeline");
    auto all = load_folder(folder_.string());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_THAT(problems_of(all[0]), IsEmpty());
    EXPECT_THAT(problems_of(all[1]), IsEmpty());
    EXPECT_EQ(all[0].pipeline->name, "a");
}
TEST_F(LoadFolder, PathsInAFileStandBesideIt) {
    write("a.yaml",
          "pipeline: a\nsources:\n  r: { file: { path: 'in/*.csv' }, topic: t }\n"
          "  s: { file: { path: /in/*.csv }, topic: t }\n"
          "  e: { file: { path: '${DIR}/*.csv' }, topic: t }\n");
    auto loaded = load_file((folder_ / "a.yaml").string());
    ASSERT_THAT(problems_of(loaded), IsEmpty());
    auto path = [&](std::size_t i) {
        return std::get<FileSource>(loaded.pipeline->sources.at(i).input).path;
    };
    EXPECT_EQ(path(0), (folder_ / "in/*.csv").string());
    EXPECT_EQ(path(1), "/in/*.csv");
    EXPECT_EQ(path(2), "${DIR}/*.csv");
}
TEST_F(LoadFolder, RefusesTheSecondOfAName) {
    write("a.yaml", "pipeline: a\ntopics: {t: {}}\n");
    write("b.yaml", "pipeline: b\ntopics:\n  t: {}\n");
    auto all = load_folder(folder_.string());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_THAT(problems_of(all[0]), IsEmpty());
    EXPECT_THAT(problems_of(all[1]),
                ElementsAre(fmt::format("3:3: topic 't' is defined in {}:2 already", all[0].file)));
}
TEST_F(LoadFolder, AFolderThatIsNotThere) {
    auto all = load_folder((folder_ / "none").string());
    ASSERT_EQ(all.size(), 1u);
    EXPECT_THAT(problems_of(all[0]),
                ElementsAre("0:0: the folder cannot be read: No such file or directory"));
}

}  // namespace
}  // namespace penstock::pipeline
