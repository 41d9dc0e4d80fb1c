// Commands against a real REST API over small stand-ins.
#include "app/commands/commands.h"

#include <CLI/CLI.hpp>
#include <fstream>

#include "app/commands/text_table.h"
#include "app/commands/wrong_usage.h"
#include "monitor/testing/running_monitor.h"

namespace penstock::app {
namespace {

class CommandsTest : public monitor::testing::RunningMonitor {
protected:
    struct Ended {
        int status = 0;
        std::string out;
        std::string err;
    };

    /// Runs it as main() does. Without a server in the arguments: this fixture's.
    Ended run(std::vector<std::string> arguments, const std::string& input = {}) {
        if (!monitor) start();
        if (std::find(arguments.begin(), arguments.end(), "--server") == arguments.end()) {
            arguments.push_back("--server");
            arguments.push_back(url(""));
        }
        return run_as_given(std::move(arguments), input);
    }
    Ended run_as_given(std::vector<std::string> arguments, const std::string& input = {}) {
        std::FILE* file = std::tmpfile();
        std::fwrite(input.data(), 1, input.size(), file);
        std::rewind(file);
        ::testing::internal::CaptureStdout();
        ::testing::internal::CaptureStderr();
        Ended ended;
        CLI::App app("test", "penstock");
        app.require_subcommand(1);
        app.failure_message(wrong_usage);
        CommandContext context{ended.status, file};
        add_commands(app, context);
        std::reverse(arguments.begin(), arguments.end());
        try {
            app.parse(arguments);
        } catch (const CLI::ParseError& error) {
            ended.status = app.exit(error) == 0 ? 0 : 2;
        }
        std::fflush(stdout);
        ended.out = ::testing::internal::GetCapturedStdout();
        ended.err = ::testing::internal::GetCapturedStderr();
        std::fclose(file);
        return ended;
    }
    void make_topic(const std::string& name, int partitions) {
        ASSERT_TRUE(fakes.topics.create({.name = name, .partitions = partitions}));
    }
    void add_run(metadata::RunState state, std::vector<metadata::TaskInstance> tasks) {
        metadata::DagRun one{.dag = "daily",
                             .run_id = "manual__1",
                             .state = state,
                             .run_type = "manual",
                             .logical_us = 1'769'904'000'000'000,
                             .queued_us = 1'769'904'000'000'000,
                             .started_us = 1'769'904'000'000'000,
                             .conf = R"({"day":1})"};
        if (state != metadata::RunState::running) one.ended_us = one.started_us + 1'500'000;
        ASSERT_TRUE(fakes.metadata.insert_run(one, tasks));
    }
};

TEST_F(CommandsTest, WithoutAServerTheErrorSaysWhatToDo) {
    auto ended = run({"topics", "list", "--server", "http://127.0.0.1:1"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_TRUE(ended.out.empty());
    EXPECT_NE(ended.err.find("error: no Penstock answers at http://127.0.0.1:1: start one with "
                             "'penstock up'"),
              std::string::npos)
        << ended.err;
}

TEST_F(CommandsTest, AnotherServerThanPenstockIsNamed) {
    auto routes = std::make_shared<net::HttpRoutes>();
    auto server = net::HttpServer::start(shards, {.listen = {.port = 0, .name = "x", .setting = "x"}},
                                         std::shared_ptr<const net::HttpRoutes>(routes));
    ASSERT_TRUE(server) << server.error().text;
    auto ended = run({"topics", "list", "--server", fmt::format("127.0.0.1:{}", (*server)->port())});
    EXPECT_EQ(ended.status, 1);
    EXPECT_FALSE(ended.err.empty());
}

TEST_F(CommandsTest, AWordThatIsNoCommandIsNamed) {
    EXPECT_EQ(run_as_given({"topcs", "list"}).err,
              "error: penstock has no command 'topcs'; did you mean 'topics'?\nMore: penstock --help\n");
    EXPECT_EQ(
        run_as_given({"topics", "lst"}).err,
        "error: penstock topics has no command 'lst'; did you mean 'list'?\nMore: penstock topics --help\n");
    EXPECT_NE(run_as_given({"topics", "list", "--colour"}).err.find("--colour"), std::string::npos);
    EXPECT_TRUE(run_as_given({"topics", "create"}).err.ends_with("More: penstock topics create --help\n"));
    EXPECT_EQ(run_as_given({}).err, "error: A subcommand is required\nMore: penstock --help\n");
}

TEST_F(CommandsTest, UsageIsExitStatusTwo) {
    EXPECT_EQ(run({}).status, 2);
    EXPECT_EQ(run({"nonsense"}).status, 2);
    EXPECT_EQ(run({"topics", "describe"}).status, 2);
    EXPECT_EQ(run({"topics", "list", "--output", "xml"}).status, 2);
    EXPECT_EQ(run({"topics", "create", "t", "--partitions", "0"}).status, 2);
    EXPECT_EQ(run({"topics", "create", "t", "--config", "novalue"}).status, 2);
    EXPECT_EQ(run({"consume", "t", "--offset", "soon"}).status, 2);
    EXPECT_EQ(run({"consume", "t", "--since", "yesterday"}).status, 2);
    EXPECT_EQ(run({"trigger", "d", "--conf", "[1]"}).status, 2);
    EXPECT_EQ(run({"trigger", "d", "--timeout", "1m"}).status, 2);
    EXPECT_EQ(run({"runs", "d", "--log", "t"}).status, 2);
}

TEST_F(CommandsTest, EveryCommandHasExamples) {
    for (auto name : {"status", "sql", "topics", "produce", "consume", "groups", "schemas", "tables",
                      "sources", "queries", "dags", "pause", "unpause", "runs", "trigger", "health"}) {
        auto ended = run({name, "--help"});
        EXPECT_EQ(ended.status, 0) << name;
        EXPECT_NE(ended.out.find("Example"), std::string::npos) << name;
        EXPECT_NE(ended.out.find(fmt::format("penstock {}", name)), std::string::npos) << name;
    }
}

TEST_F(CommandsTest, TopicsAreCreatedListedDescribedAndDeleted) {
    auto created = run({"topics", "create", "orders", "-p", "3", "-c", "retention.ms=1000"});
    EXPECT_EQ(created.status, 0) << created.err;
    EXPECT_EQ(created.out, "created orders with 3 partitions\n");
    for (int i = 0; i < 1500; ++i) fakes.topics.put("orders", 1, {.value = "x"});
    auto listed = run({"topics", "list"});
    EXPECT_EQ(run({"topics"}).out, listed.out);
    EXPECT_EQ(listed.out,
              "TOPIC   PARTITIONS  RECORDS     SIZE  PER SECOND\n"
              "orders           3    1,500  1.5 KiB         0.0\n");
    auto described = run({"topics", "describe", "orders"});
    EXPECT_NE(described.out.find("config      retention.ms = 1000"), std::string::npos);
    EXPECT_NE(described.out.find("        1      0  1,500    1,500  1.5 KiB"), std::string::npos)
        << described.out;
    auto json = run({"topics", "list", "-o", "json"});
    EXPECT_TRUE(json.out.starts_with(R"([{"name":"orders")")) << json.out;
    auto altered =
        run({"topics", "alter", "orders", "-c", "retention.ms=2000", "-c", "cleanup.policy=compact"});
    EXPECT_EQ(altered.out, "changed orders\n") << altered.err;
    auto after = run({"topics", "describe", "orders"});
    EXPECT_NE(after.out.find("retention.ms = 2000\n"), std::string::npos) << after.out;
    EXPECT_NE(after.out.find("cleanup.policy = compact\n"), std::string::npos) << after.out;
    EXPECT_EQ(run({"topics", "alter", "orders"}).status, 2) << "which setting?";
    EXPECT_EQ(run({"topics", "alter", "nowhere", "-c", "retention.ms=1"}).status, 1);
    auto again = run({"topics", "create", "orders"});
    EXPECT_EQ(again.status, 1);
    EXPECT_EQ(again.err, "error: topic 'orders' exists\n");
    EXPECT_EQ(run({"topics", "delete", "orders"}).out, "deleted orders\n");
    EXPECT_EQ(run({"topics", "describe", "orders"}).err, "error: there is no topic 'orders'\n");
}

TEST_F(CommandsTest, SchemasAreRegisteredFromAFile) {
    auto file = ::testing::TempDir() + "order.avsc";
    std::ofstream(file) << "\"int\"";
    EXPECT_EQ(run({"schemas", "register", "orders-value", file}).out,
              "registered orders-value version 3 with id 8\n");
    auto json = run({"schemas", "register", "orders-value", file, "--kind", "json", "-o", "json"});
    EXPECT_NE(json.out.find(R"("kind":"JSON","text":"\"int\"")"), std::string::npos) << json.out << json.err;
    std::ofstream(file) << "wrong";
    EXPECT_EQ(run({"schemas", "register", "orders-value", file}).err, "error: that is no schema\n");
    EXPECT_EQ(run({"schemas", "register", "orders-value", "order.txt"}).err,
              "error: order.txt: expected a name with .avsc, .json or .proto, or its --kind\n");
    EXPECT_EQ(run({"schemas", "register", "orders-value"}).status, 2);
}

TEST_F(CommandsTest, GroupsAreDeletedByName) {
    auto ended = run({"groups", "delete", "nightly", "none"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.out, "deleted nightly\n");
    EXPECT_EQ(ended.err, "error: there is no consumer group none\n");
    EXPECT_EQ(run({"groups", "delete", "nightly", "-o", "json"}).out, "{\"deleted\":[\"nightly\"]}\n");
}

TEST_F(CommandsTest, ProduceSendsEachLineWithItsKeyAndHeaders) {
    make_topic("t", 1);
    auto ended = run({"produce", "t", "-k", ":", "-H", "a=b"}, "k1:v1\r\nk2:v:2\nk3:");
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_TRUE(ended.out.starts_with("3 records acknowledged in ")) << ended.out;
    auto full = run({"consume", "t", "--format", "key-value", "--offset", "earliest"});
    EXPECT_EQ(full.out, "k1\tv1\nk2\tv:2\nk3\t\n");
    auto json = run({"produce", "t", "-o", "json"}, "more\n");
    EXPECT_EQ(json.out, "{\"acknowledged\":1,\"next_offsets\":[{\"partition\":0,\"offset\":4}]}\n");
}

TEST_F(CommandsTest, ProduceMakesTombstonesOfEmptyValuesWhenToldTo) {
    make_topic("t", 1);
    EXPECT_EQ(run({"produce", "t", "-k", ":", "-Z"}, "k1:v1\nk1:\n:v2\n").status, 0);
    EXPECT_EQ(run({"consume", "t", "--format", "%k %K %s %S;"}).out, "k1 2 v1 2;k1 2  -1; -1 v2 2;");
    EXPECT_EQ(run({"produce", "t"}, "\n").status, 0);
    EXPECT_EQ(run({"consume", "t", "-n", "1", "--format", "%K %S"}).out, "-1 0");
}

TEST_F(CommandsTest, ProduceTakesManyLines) {
    make_topic("t", 4);
    std::string input;
    for (int i = 0; i < 25'000; ++i) input += fmt::format("line {}\n", i);
    auto ended = run({"produce", "t"}, input);
    EXPECT_TRUE(ended.out.starts_with("25,000 records acknowledged")) << ended.out << ended.err;
    auto all = run({"consume", "t", "--offset", "earliest"});
    EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 25'000);
}

TEST_F(CommandsTest, ProduceNamesTheLineWithoutAKeyAndSendsThoseBefore) {
    make_topic("t", 1);
    auto ended = run({"produce", "t", "-k", ":"}, "a:1\nb:2\nnothing\nc:3\n");
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.err, "error: line 3: there is no ':' in it, and so no key\n");
    EXPECT_EQ(run({"consume", "t"}).out, "1\n2\n");
    EXPECT_EQ(run({"produce", "nowhere"}, "x\n").err, "error: there is no topic 'nowhere'\n");
}

TEST_F(CommandsTest, ProduceWritesLinesAsTheSchemaSays) {
    make_topic("users", 1);
    auto ended = run({"produce", "users", "--schema", "latest"}, "\"hi\"\n");
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(
        run({"produce", "users", "--schema", "7", "-k", ";", "--key-schema", "7"}, "\"k\";\"v\"").status, 0);
    EXPECT_EQ(run({"consume", "users", "--decode", "--format", "full"}).out.substr(0, 4), "0:0\t");
    EXPECT_EQ(run({"consume", "users", "--decode", "--format", "%k %s;"}).out, " \"hi\";\"k\" \"v\";");
    EXPECT_EQ(run({"consume", "users", "--format", "%S;"}).out, "8;7;");
    EXPECT_EQ(run({"produce", "users", "--schema", "newest"}).status, 2);
    EXPECT_EQ(run({"produce", "users", "--schema", "0"}).status, 2);
    EXPECT_EQ(run({"produce", "users", "--key-schema", "latest"}).err,
              "error: --key-schema latest: no such schema\n");
}

TEST_F(CommandsTest, ProduceNamesTheLineThatDoesNotFitTheSchemaAndSendsThoseBefore) {
    make_topic("users", 1);
    auto ended = run({"produce", "users", "--schema", "7"}, "\"a\"\n\"b\"\n5\n\"c\"\n");
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.err,
              "error: after 2 records acknowledged: line 3: value: does not fit schema 7 of users-value: "
              "expected a string, found 5\n");
    EXPECT_EQ(run({"consume", "users", "--decode"}).out, "\"a\"\n\"b\"\n");
}

TEST_F(CommandsTest, ConsumeShowsTheLastRecordsOfAllPartitionsInOrder) {
    make_topic("t", 2);
    for (int i = 0; i < 30; ++i) {
        fakes.topics.put("t", std::size_t(i % 2),
                         {.key = fmt::format("k{}", i), .value = fmt::format("v{}", i), .timestamp_ms = i});
    }
    std::string last;
    for (int i = 20; i < 30; ++i) last += fmt::format("v{}\n", i);
    EXPECT_EQ(run({"consume", "t"}).out, last);
    EXPECT_EQ(run({"consume", "t", "--offset", "-2"}).out, "v28\nv29\n");
    EXPECT_EQ(run({"consume", "t", "-n", "2"}).out, "v28\nv29\n");
    EXPECT_EQ(run({"consume", "t", "-p", "1", "--offset", "13"}).out, "v27\nv29\n");
    EXPECT_EQ(run({"consume", "t", "-p", "0", "--offset", "earliest", "-n", "2"}).out, "v0\nv2\n");
    EXPECT_EQ(run({"consume", "t", "--offset", "latest"}).out, "");
    EXPECT_EQ(run({"consume", "t", "--offset", "-1", "--format", "full"}).out,
              "1:14\t1970-01-01T00:00:00.029Z\tk29\tv29\n");
    EXPECT_EQ(run({"consume", "t", "--offset", "-2", "--format", "%t %p:%o %T %k=%s;"}).out,
              "t 0:14 28 k28=v28;t 1:14 29 k29=v29;");
    EXPECT_EQ(run({"consume", "t", "--format", "%y"}).status, 2);
    auto json = run({"consume", "t", "--offset", "-1", "-o", "json"});
    EXPECT_TRUE(json.out.starts_with(R"({"partition":1,"offset":14)")) << json.out;
}

TEST_F(CommandsTest, ConsumeSaysWhatCannotBe) {
    make_topic("t", 2);
    EXPECT_EQ(run({"consume", "t", "-p", "7"}).err, "error: topic t has no partition 7; it has 0 to 1\n");
    EXPECT_NE(run({"consume", "t", "--offset", "5"}).err.find("say which with --partition"),
              std::string::npos);
    EXPECT_NE(run({"consume", "t", "--offset", "5", "-p", "0"}).err.find("partition 0 has 0 to 0"),
              std::string::npos);
    EXPECT_EQ(run({"consume", "x/../y"}).status, 1);
}

TEST_F(CommandsTest, ConsumeGivesBytesBackAsTheyWere) {
    make_topic("t", 1);
    std::string bytes("\x00\xff\x80 raw", 7);
    fakes.topics.put("t", 0, {.value = bytes});
    fakes.topics.put("t", 0, {.value = std::nullopt});
    EXPECT_EQ(run({"consume", "t", "--offset", "earliest", "-n", "1"}).out, bytes + "\n");
    auto full = run({"consume", "t", "--format", "full"});
    EXPECT_NE(full.out.find("\tnull\tbase64:AP+AIHJhdw=="), std::string::npos) << full.out;
    EXPECT_NE(full.out.find("\tnull\tnull"), std::string::npos);
}

TEST_F(CommandsTest, ConsumeFollowsWhatComesIn) {
    make_topic("t", 1);
    fakes.topics.put("t", 0, {.value = "first"});
    if (!monitor) start();
    std::thread producer([&] {
        for (int i = 0; i < 5; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            fakes.topics.put("t", 0, {.value = fmt::format("v{}", i)});
        }
    });
    auto ended = run({"consume", "t", "--follow", "-n", "6"});
    producer.join();
    EXPECT_EQ(ended.out, "first\nv0\nv1\nv2\nv3\nv4\n");
}

TEST_F(CommandsTest, SqlShowsATableOrObjects) {
    auto table = run({"sql", "SELECT name, people FROM t"});
    EXPECT_EQ(table.status, 0) << table.err;
    EXPECT_TRUE(table.out.starts_with("name  people\nAda        2\nnull      -1\n(2 rows, ")) << table.out;
    auto json = run({"sql", "SELECT 1", "-o", "json"});
    EXPECT_EQ(json.out, "[{\"name\":\"Ada\",\"people\":2},{\"name\":null,\"people\":-1}]\n");
    EXPECT_EQ(run({"sql", "-", "-o", "json"}, "SELECT 1").out, json.out);
    EXPECT_EQ(run({"sql", "-o", "json"}, "SELECT 1").out, json.out);
}

TEST_F(CommandsTest, SqlPointsAtTheMistake) {
    auto ended = run({"sql", "SELECT nmae FROM t"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.err,
              "error: line 1, column 8: unknown column 'nmae'\n"
              "    SELECT nmae FROM t\n"
              "           ^\n");
}

TEST_F(CommandsTest, StatusShowsWhatRuns) {
    fakes.sources.set({{.name = "random_users",
                        .kind = "http",
                        .topic = "users_created",
                        .state = ingest::SourceState::running,
                        .detail = "the built-in replica answers: x",
                        .replica = true,
                        .counts = {.fetched = 12345, .acknowledged = 12345}}});
    fakes.scheduler.set({{.pipeline = "users",
                          .name = "daily",
                          .schedule = "@daily",
                          .next_run_us = 1'770'000'000'000'000,
                          .tasks = {"a"}}});
    if (!monitor) start();
    monitor->sample_now();
    auto ended = run({"status"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    for (auto expected : {"/var/lib/penstock", "fake engine", "12,345", "random_users",
                          "the built-in replica answers: x", "daily", "2026-02-02T02:40:00Z"}) {
        EXPECT_NE(ended.out.find(expected), std::string::npos) << expected << "\n" << ended.out;
    }
    auto json = run({"status", "-o", "json"});
    EXPECT_TRUE(json.out.starts_with(R"({"status":{"version":)")) << json.out;
}

TEST_F(CommandsTest, WhatIsWrittenOnTheLineHoldsBeforeTheEnvironment) {
    start();
    ::setenv("PENSTOCK_SERVER", "http://127.0.0.1:1", 1);
    auto by_line = run({"sources"});
    auto by_environment = run_as_given({"sources"});
    ::unsetenv("PENSTOCK_SERVER");
    EXPECT_EQ(by_line.status, 0) << by_line.err;
    EXPECT_EQ(by_environment.status, 1);
    EXPECT_NE(by_environment.err.find("127.0.0.1:1"), std::string::npos) << by_environment.err;
}

TEST_F(CommandsTest, SourcesAndQueriesStartAndStop) {
    fakes.sources.set(
        {{.name = "random_users", .kind = "http", .topic = "users_created", .endpoint = "https://api/"}});
    EXPECT_EQ(run({"sources", "start", "random_users"}).out, "started random_users\n");
    monitor->sample_now();
    EXPECT_NE(run({"sources", "list"}).out.find("running"), std::string::npos);
    EXPECT_NE(run({"sources", "list"}).out.find("https://api/"), std::string::npos);
    EXPECT_EQ(run({"sources"}).out, run({"sources", "list"}).out);
    EXPECT_EQ(run({"sources", "stop", "nobody"}).err, "error: there is no source 'nobody'\n");
    EXPECT_EQ(run({"queries", "stop", "created_users"}).out, "stopped created_users\n");
}

TEST_F(CommandsTest, DagsArePausedAndTriggered) {
    fakes.scheduler.set({{.pipeline = "users", .name = "daily", .schedule = "", .tasks = {"a"}}});
    EXPECT_EQ(run({"trigger", "daily", "--conf", R"({"day": 1})"}).out, "manual__1\n");
    ASSERT_EQ(fakes.scheduler.triggered().size(), 1u);
    EXPECT_NE(fakes.scheduler.triggered()[0].find("day"), std::string::npos);
    EXPECT_EQ(run({"trigger", "daily", "-o", "json"}).out, "{\"run_id\":\"manual__2\"}\n");
    EXPECT_EQ(run({"pause", "daily"}).out, "paused daily\n");
    EXPECT_NE(run({"dags"}).out.find("daily  users     by hand       1  paused    -         -"),
              std::string::npos)
        << run({"dags"}).out;
    EXPECT_EQ(run({"unpause", "daily"}).out, "unpaused daily\n");
    auto missing = run({"trigger", "nobody"});
    EXPECT_EQ(missing.status, 1);
    EXPECT_EQ(missing.err, "error: there is no DAG 'nobody'\n");
}

TEST_F(CommandsTest, TriggerWaitsForTheEnd) {
    fakes.scheduler.set({{.pipeline = "users", .name = "daily"}});
    add_run(metadata::RunState::success, {{.dag = "daily",
                                           .run_id = "manual__1",
                                           .task = "a",
                                           .try_number = 2,
                                           .state = metadata::TaskState::success,
                                           .note = "fine",
                                           .counts = "{}"}});
    auto ended = run({"trigger", "daily", "--wait"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, "manual__1: success in 1.5 s\n");
    EXPECT_EQ(ended.err, "manual__1\na: success, try 2: fine\n");
}

TEST_F(CommandsTest, TriggerFailsWhenTheRunFails) {
    fakes.scheduler.set({{.pipeline = "users", .name = "daily"}});
    add_run(metadata::RunState::failed, {{.dag = "daily",
                                          .run_id = "manual__1",
                                          .task = "a",
                                          .try_number = 1,
                                          .state = metadata::TaskState::failed,
                                          .note = "broken",
                                          .counts = "{}"}});
    auto ended = run({"trigger", "daily", "--wait"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_NE(ended.err.find("error: run manual__1 failed: 0 of 1; a failed"), std::string::npos)
        << ended.err;
}

TEST_F(CommandsTest, TriggerStopsWaitingAfterItsTime) {
    fakes.scheduler.set({{.pipeline = "users", .name = "daily"}});
    add_run(metadata::RunState::running, {});
    auto ended = run({"trigger", "daily", "--wait", "--timeout", "0s"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_NE(ended.err.find("it goes on without being waited for"), std::string::npos);
}

TEST_F(CommandsTest, RunsShowTasksAndLogs) {
    add_run(metadata::RunState::failed, {{.dag = "daily",
                                          .run_id = "manual__1",
                                          .task = "fetch",
                                          .try_number = 1,
                                          .state = metadata::TaskState::success,
                                          .counts = R"({"fetched":1234})"},
                                         {.dag = "daily",
                                          .run_id = "manual__1",
                                          .task = "report",
                                          .try_number = 3,
                                          .state = metadata::TaskState::failed,
                                          .note = "exit code 1:\nno",
                                          .counts = "{}"}});
    ASSERT_TRUE(fakes.metadata.append_log("daily", "manual__1", "report", 3,
                                          {{1'769'904'000'000'000, "no such file"}}));
    auto listed = run({"runs"});
    EXPECT_EQ(listed.out,
              "DAG    RUN        STATE   STARTED                TOOK  TASKS\n"
              "daily  manual__1  failed  2026-02-01T00:00:00Z  1.5 s  1 of 2; report failed\n");
    auto one = run({"runs", "daily", "manual__1"});
    EXPECT_NE(one.out.find("fetched 1,234"), std::string::npos) << one.out;
    EXPECT_NE(one.out.find("exit code 1: no"), std::string::npos) << one.out;
    EXPECT_NE(one.out.find(R"(conf     {"day":1})"), std::string::npos) << one.out;
    EXPECT_EQ(run({"runs", "daily", "--tasks"}).out, one.out);
    EXPECT_EQ(run({"runs", "daily", "manual__1", "--log", "report"}).out,
              "2026-02-01T00:00:00.000Z  no such file\n");
    EXPECT_EQ(run({"runs", "daily", "manual__1", "--log", "report", "--try", "1"}).out, "");
    EXPECT_EQ(run({"runs", "daily", "other"}).status, 1);
    EXPECT_EQ(run({"runs", "daily", "manual__1", "--log", "nope"}).status, 1);
}

TEST_F(CommandsTest, GroupsShowTheirLag) {
    make_topic("users_created", 2);
    for (int i = 0; i < 5; ++i) fakes.topics.put("users_created", 1, {.value = "v"});
    auto all = run({"groups"});
    EXPECT_EQ(all.status, 0) << all.err;
    EXPECT_NE(all.out.find("billing"), std::string::npos) << all.out;
    auto one = run({"groups", "billing"});
    EXPECT_EQ(one.status, 0) << one.err;
    EXPECT_NE(one.out.find("state    Stable"), std::string::npos) << one.out;
    EXPECT_NE(one.out.find("TOPIC          PARTITION  COMMITTED  END  LAG  CLIENT  HOST\n"
                           "users_created          0          -    0    -  slow    /10.0.0.2\n"
                           "users_created          1          0    5    5  fast    /10.0.0.1\n"),
              std::string::npos)
        << one.out;
    EXPECT_EQ(run({"groups", "nobody"}).status, 1);
}

TEST_F(CommandsTest, AResetIsShownFirstAndDoneWhenToldTo) {
    make_topic("users_created", 2);
    for (int i = 0; i < 5; ++i) fakes.topics.put("users_created", 1, {.value = "v", .timestamp_ms = i});
    auto shown = run({"groups", "reset", "nightly", "--to-offset", "3"});
    EXPECT_EQ(shown.out,
              "TOPIC          PARTITION  COMMITTED  NEW  END  AGAIN  SKIPPED\n"
              "users_created          0          1    0    0      1        0\n"
              "users_created          1          1    3    5      0        2\n\n"
              "1 record would be read again, 2 skipped; nothing has changed: --execute does it\n");
    EXPECT_TRUE(fakes.committed.empty());
    auto done = run({"groups", "reset", "nightly", "--to-datetime", "1970-01-01T00:00:00.004Z", "--execute",
                     "--topic", "users_created:1"});
    EXPECT_EQ(done.status, 0) << done.err;
    EXPECT_NE(done.out.find("0 records will be read again, 3 skipped\n"), std::string::npos) << done.out;
    EXPECT_EQ(fakes.committed["nightly"], (broker::PartitionOffsets{{{"users_created", 1}, 4}}));
    run({"groups", "reset", "new", "--to-latest", "--execute", "--topic", "users_created:1,0"});
    EXPECT_EQ(fakes.committed["new"],
              (broker::PartitionOffsets{{{"users_created", 0}, 0}, {{"users_created", 1}, 5}}));
    EXPECT_EQ(run({"groups", "reset", "nightly", "--by-duration", "1d", "-o", "json"}).status, 0);
}

TEST_F(CommandsTest, AnOptionThatMayComeAgainTakesOneWordEachTime) {
    make_topic("t", 1);
    auto produced = run({"produce", "-H", "a=1", "-H", "b=2", "t"}, "v\n");
    EXPECT_EQ(produced.status, 0) << produced.err;
    EXPECT_EQ(run({"topics", "alter", "-c", "retention.ms=1", "-c", "cleanup.policy=compact", "t"}).status,
              0);
    EXPECT_EQ(run({"topics", "create", "-c", "retention.ms=1", "other"}).status, 0);
    EXPECT_EQ(run({"groups", "reset", "--to-latest", "--topic", "t", "--topic", "other", "nightly"}).status,
              0);
}

TEST_F(CommandsTest, AResetThatCannotBeIsRefused) {
    make_topic("users_created", 2);
    EXPECT_EQ(
        run({"groups", "reset", "billing", "--to-latest", "--execute"}).err,
        "error: group billing is Stable and has 2 members: its offsets can be reset when it has none\n");
    EXPECT_EQ(run({"groups", "reset", "nightly"}).status, 2) << "where to?";
    EXPECT_EQ(run({"groups", "reset", "nightly", "--to-latest", "--to-earliest"}).status, 2);
    EXPECT_EQ(run({"groups", "reset", "nightly", "--to-datetime", "yesterday"}).status, 1);
    EXPECT_EQ(
        run({"groups", "reset", "nightly", "--to-latest", "--topic", "users_created:x"}).err,
        "error: --topic users_created:x: expected a topic's name, or with partitions users_created:0,1\n");
    EXPECT_EQ(run({"groups", "reset", "nightly", "--to-latest", "--topic", "users_created:7"}).err,
              "error: topic users_created has no partition 7; it has 0 to 1\n");
    EXPECT_TRUE(fakes.committed.empty());
}

TEST_F(CommandsTest, SchemasAndTables) {
    EXPECT_EQ(run({"schemas"}).out, "SUBJECT      VERSIONS  LATEST\nusers-value         2       2\n");
    EXPECT_NE(run({"schemas", "users-value"}).out.find("version  2"), std::string::npos);
    EXPECT_NE(run({"schemas", "users-value", "1"}).out.find("version  1"), std::string::npos);
    EXPECT_EQ(run({"schemas", "users-value", "first"}).status, 1);
    ASSERT_TRUE(fakes.tables.ensure(
        {.keyspace = "k", .name = "t", .columns = {{"id", TypeId::string}}, .partition_key = {"id"}}));
    EXPECT_EQ(run({"tables"}).out,
              "TABLE  ROWS, ABOUT     SIZE  COLUMNS\n"
              "k.t             42  4.0 KiB        1\n");
    EXPECT_NE(run({"tables", "k.t"}).out.find("partition_key"), std::string::npos);
    EXPECT_EQ(run({"tables", "k.x"}).err, "error: there is no table k.x; 'penstock tables' lists them\n");
}

TEST(TextTableTest, WideAndCombiningLettersAreAligned) {
    EXPECT_EQ(display_width("abc"), 3u);
    EXPECT_EQ(display_width("\xe6\x97\xa5\xe6\x9c\xac"), 4u);
    EXPECT_EQ(display_width("e\xcc\x81"), 1u);
    EXPECT_EQ(display_width("\xf0\x9f\x98\x80"), 2u);
    EXPECT_EQ(display_width("\xff"), 1u);
    TextTable table({{"NAME"}, {"N", TextTable::Align::right}});
    table.add({"\xe6\x97\xa5\xe6\x9c\xac", "1"});
    table.add({"Ada\x1b[2J", "22"});
    EXPECT_EQ(table.text(), "NAME      N\n\xe6\x97\xa5\xe6\x9c\xac      1\nAda?[2J  22\n");
}

TEST_F(CommandsTest, HealthIsTheExitStatus) {
    auto ended = run({"health"});
    EXPECT_EQ(ended.status, 0);
    EXPECT_EQ(ended.out, "ok\n");
    EXPECT_EQ(run({"health", "-o", "json"}).out, "{\"status\":\"ok\"}\n");
    ended = run({"health", "--server", "http://127.0.0.1:1"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_NE(ended.err.find("no Penstock answers"), std::string::npos) << ended.err;
}

TEST_F(CommandsTest, WhatIsStartingIsNotHealthyYet) {
    fakes.loaded = false;
    auto ended = run({"health"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_NE(ended.err.find("is starting"), std::string::npos) << ended.err;
}

TEST_F(CommandsTest, ReadyIsMoreThanAnswering) {
    start();
    EXPECT_EQ(run({"health", "--ready"}).out, "ok\n");
    {
        const std::lock_guard lock(fakes.mutex);
        fakes.view.pipelines[0].problems.push_back({"users.yaml", {3, 1}, "no such column"});
    }
    monitor->sample_now();
    EXPECT_EQ(run({"health"}).status, 0);
    auto ended = run({"health", "--ready"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_NE(ended.err.find("users.yaml:3:1: no such column"), std::string::npos) << ended.err;
}

TEST_F(CommandsTest, ARunIsCancelled) {
    EXPECT_EQ(run({"runs", "--cancel"}).status, 2);
    auto ended = run({"runs", "user_automation", "manual__1", "--cancel"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_NE(ended.out.find("state    failed"), std::string::npos) << ended.out;
    EXPECT_EQ(run({"runs", "none", "manual__1", "--cancel"}).status, 1);
}

}  // namespace
}  // namespace penstock::app
