#include "monitor/api.h"

#include <set>

#include "monitor/embedded_files.h"
#include "monitor/testing/json_schema.h"
#include "monitor/testing/running_monitor.h"

namespace penstock::monitor {
namespace {

using testing::FakeTopics;
using testing::RunningMonitor;

class ApiTest : public RunningMonitor {
protected:
    /// Something of everything.
    void fill() {
        EXPECT_TRUE(fakes.topics.create({"users_created", 2, {{"retention.ms", "1000"}}}));
        fakes.topics.put("users_created", 0, {"a", R"({"name":"Ada"})", 1000});
        fakes.topics.put("users_created", 1, {std::nullopt, "\xff\x00", 2000});
        store::TableSpec table;
        table.keyspace = "spark_streams";
        table.name = "created_users";
        table.columns = {{"id", TypeId::string}, {"at", TypeId::timestamp}, {"x", TypeId::int32}};
        table.partition_key = {"id"};
        table.clustering = {{"at", true}};
        EXPECT_TRUE(fakes.tables.ensure(table));
        set_sources(100);
        stream::QueryStatus query;
        query.name = "created_users";
        query.state = stream::QueryState::running;
        query.processed = 90;
        query.stored = 90;
        query.lag = 10;
        query.reads = {"users_created"};
        query.into = "spark_streams.created_users";
        query.watermark_us = 1'000'000;
        fakes.engine.set({query});
        orchestrate::DagStatus dag;
        dag.pipeline = "users";
        dag.name = "user_automation";
        dag.schedule = "@daily";
        dag.tasks = {"stream_data_from_api", "report"};
        dag.edges = {{"stream_data_from_api", "report"}};
        fakes.scheduler.set({dag});
        metadata::DagRun run;
        run.dag = "user_automation";
        run.run_id = "manual__2026-01-31T00:00:00Z";
        run.run_type = "manual";
        run.state = metadata::RunState::success;
        run.started_us = 5'000'000;
        run.conf = R"({"a":1})";
        metadata::TaskInstance task;
        task.dag = run.dag;
        task.run_id = run.run_id;
        task.task = "stream_data_from_api";
        task.try_number = 2;
        task.state = metadata::TaskState::success;
        task.counts = R"({"acknowledged":10})";
        EXPECT_TRUE(fakes.metadata.insert_run(run, {task}));
        EXPECT_TRUE(fakes.metadata.append_log(run.dag, run.run_id, task.task, 2, {{7, "done"}}));
    }
    void set_sources(std::int64_t acknowledged) {
        ingest::SourceStatus source;
        source.name = "random_users";
        source.kind = "http";
        source.topic = "users_created";
        source.state = ingest::SourceState::running;
        source.replica = true;
        source.counts.fetched = acknowledged;
        source.counts.acknowledged = acknowledged;
        fakes.sources.set({source});
    }
    simdjson::dom::element openapi() {
        simdjson::dom::element document;
        const auto bytes = openapi_file().bytes;
        EXPECT_FALSE(openapi_parser.parse(bytes.data(), bytes.size()).get(document));
        return document;
    }
    /// Checks an answer against what openapi.json says of its path.
    void expect_documented(const net::HttpResult& result, std::string_view method, std::string_view path) {
        const auto document = openapi();
        simdjson::dom::element schema;
        const auto error = document["paths"][path][method]["responses"][std::to_string(result.status)]
                                   ["content"]["application/json"]["schema"]
                                       .get(schema);
        ASSERT_FALSE(error) << method << " " << path << " with " << result.status;
        for (const auto& problem : testing::JsonSchema(document).check(schema, parse(result))) {
            ADD_FAILURE() << path << ": " << problem;
        }
    }
    simdjson::dom::parser openapi_parser;
};

TEST_F(ApiTest, OpenapiDescribesExactlyTheRoutes) {
    std::set<std::string> described;
    const simdjson::dom::object paths = openapi()["paths"];
    for (const auto path : paths) {
        const simdjson::dom::object operations = path.value;
        for (const auto operation : operations) {
            std::string method(operation.key);
            for (auto& c : method) c = static_cast<char>(std::toupper(c));
            described.insert(fmt::format("{} {}", method, path.key));
        }
    }
    options.listen.name = "test";
    ApiRoutes routes(std::make_shared<Api>(pool, fakes.parts(), options));
    add_all_routes(routes);
    std::set<std::string> served;
    for (auto name : routes.names()) {
        if (name.find(" /api/") == std::string::npos && name != "GET /metrics" && name != "GET /health" &&
            name.find("/ingest/") == std::string::npos) {
            continue;  // the console's files
        }
        if (const auto dots = name.find("...}"); dots != std::string::npos) name.erase(dots, 3);
        served.insert(name);
    }
    EXPECT_EQ(served, described);
}

TEST_F(ApiTest, OpenapiRefersOnlyToWhatItHas) {
    const auto text = std::string(openapi_file().bytes);
    const std::string mark = "\"$ref\": \"#";
    std::size_t count = 0;
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
        const auto start = at + mark.size();
        const auto pointer = text.substr(start, text.find('"', start) - start);
        EXPECT_FALSE(openapi().at_pointer(pointer).error()) << pointer;
        ++count;
    }
    EXPECT_GT(count, 20U);
}

TEST_F(ApiTest, EveryAnswerIsAsDocumented) {
    fill();
    fakes.topics.put("users_created", 0,
                     {std::string("\0\0\0\0\7\4hi", 8), std::string("\0\0\0\0\x9", 5), 1000});
    const std::string run = "/api/v1/dags/user_automation/runs/manual__2026-01-31T00%3A00%3A00Z";
    const std::vector<std::pair<std::string, std::string>> requests = {
        {"/health", "/health"},
        {"/api/v1/health", "/api/v1/health"},
        {"/api/v1/status", "/api/v1/status"},
        {"/api/v1/pipelines", "/api/v1/pipelines"},
        {"/api/v1/pipelines/users", "/api/v1/pipelines/{name}"},
        {"/api/v1/pipelines/users/graph", "/api/v1/pipelines/{name}/graph"},
        {"/api/v1/sources", "/api/v1/sources"},
        {"/api/v1/topics", "/api/v1/topics"},
        {"/api/v1/topics/users_created", "/api/v1/topics/{topic}"},
        {"/api/v1/topics/users_created/records", "/api/v1/topics/{topic}/records"},
        {"/api/v1/topics/users_created/records?decode=true", "/api/v1/topics/{topic}/records"},
        {"/api/v1/groups", "/api/v1/groups"},
        {"/api/v1/queries", "/api/v1/queries"},
        {"/api/v1/tables", "/api/v1/tables"},
        {"/api/v1/dags", "/api/v1/dags"},
        {"/api/v1/runs", "/api/v1/runs"},
        {run, "/api/v1/dags/{dag}/runs/{run_id}"},
        {run + "/tasks/stream_data_from_api/log", "/api/v1/dags/{dag}/runs/{run_id}/tasks/{task}/log"},
        {"/api/v1/schemas", "/api/v1/schemas"},
        {"/api/v1/schemas/users-value", "/api/v1/schemas/{subject}"},
        {"/api/v1/schemas/users-value/latest", "/api/v1/schemas/{subject}/{version}"},
    };
    for (const auto& [path, documented] : requests) {
        const auto result = get(path);
        EXPECT_EQ(result.status, 200) << path << " " << result.body;
        expect_documented(result, "get", documented);
    }
}

TEST_F(ApiTest, EveryChangeIsAnsweredAsDocumented) {
    fill();
    const std::vector<std::tuple<std::string, std::string, std::string>> requests = {
        {"/api/v1/sources/random_users/stop", "{}", "/api/v1/sources/{name}/stop"},
        {"/api/v1/sources/random_users/start", "", "/api/v1/sources/{name}/start"},
        {"/api/v1/queries/created_users/stop", "", "/api/v1/queries/{name}/stop"},
        {"/api/v1/queries/created_users/start", "", "/api/v1/queries/{name}/start"},
        {"/api/v1/topics", R"({"name":"new","partitions":3})", "/api/v1/topics"},
        {"/api/v1/topics/new/config", R"({"config":{"retention.ms":"5"}})", "/api/v1/topics/{topic}/config"},
        {"/api/v1/topics/new/records", R"({"records":[{"value":"x"}]})", "/api/v1/topics/{topic}/records"},
        {"/api/v1/sql", R"({"sql":"SELECT 1"})", "/api/v1/sql"},
        {"/api/v1/dags/user_automation/trigger", R"({"conf":{"a":1}})", "/api/v1/dags/{dag}/trigger"},
        {"/api/v1/dags/user_automation/runs/manual__2026-01-31T00:00:00Z/cancel", "",
         "/api/v1/dags/{dag}/runs/{run_id}/cancel"},
        {"/api/v1/sources/random_users/run", R"({"for":"60s","allow_empty":true,"run_id":"mine"})",
         "/api/v1/sources/{name}/run"},
        {"/api/v1/queries/created_users/run", "", "/api/v1/queries/{name}/run"},
        {"/api/v1/groups/nightly/offsets", R"({"to":"earliest","topics":[{"topic":"users_created"}]})",
         "/api/v1/groups/{group}/offsets"},
        {"/api/v1/dags/user_automation/pause", "", "/api/v1/dags/{dag}/pause"},
        {"/api/v1/dags/user_automation/unpause", "", "/api/v1/dags/{dag}/unpause"},
    };
    for (const auto& [path, body, documented] : requests) {
        const auto result = post(path, body);
        EXPECT_LT(result.status, 300) << path << " " << result.body;
        expect_documented(result, "post", documented);
    }
    expect_documented(call("DELETE", "/api/v1/topics/new"), "delete", "/api/v1/topics/{topic}");
    EXPECT_EQ(get("/api/v1/topics/new").status, 404);
}

TEST_F(ApiTest, ErrorsAreAsDocumentedAndNameWhatIsMissing) {
    fill();
    const auto document_error = [&](const net::HttpResult& result) {
        simdjson::dom::element schema;
        const auto document = openapi();
        ASSERT_FALSE(document["components"]["schemas"]["Error"].get(schema));
        const auto problems = testing::JsonSchema(document).check(schema, parse(result));
        EXPECT_TRUE(problems.empty()) << result.body;
    };
    for (const auto* path :
         {"/api/v1/pipelines/none", "/api/v1/pipelines/none/graph", "/api/v1/topics/none",
          "/api/v1/topics/none/records", "/api/v1/dags/none/runs/none",
          "/api/v1/dags/none/runs/none/tasks/none/log", "/api/v1/schemas/none/1", "/nothing"}) {
        const auto result = get(path);
        EXPECT_EQ(result.status, 404) << path;
        document_error(result);
    }
    EXPECT_EQ(post("/api/v1/sources/none/start", "").status, 404);
    EXPECT_EQ(post("/api/v1/dags/none/trigger", "").status, 404);
    EXPECT_EQ(call("DELETE", "/api/v1/status").status, 405);
}

TEST_F(ApiTest, StatusAddsUpAndGivesRates) {
    fill();
    start();
    fakes.clock.advance_us(1'000'000);
    set_sources(350);
    monitor->sample_now();
    const auto status = parse(get("/api/v1/status"));
    EXPECT_EQ(text(status.at_pointer("/totals/fetched")), "350");
    EXPECT_EQ(text(status.at_pointer("/totals/lag")), "10");
    EXPECT_EQ(text(status.at_pointer("/rates/acknowledged")), "250");
    EXPECT_EQ(text(status.at_pointer("/ports/console")), std::to_string(monitor->port()));
    EXPECT_EQ(text(status.at_pointer("/data_directory")), "/var/lib/penstock");
    EXPECT_EQ(text(status.at_pointer("/seams/topics")), "fake log");
}

TEST_F(ApiTest, StatusListsProblemsWithTheirPlaces) {
    fakes.view.pipelines[0].problems.push_back({"users.yaml", {31, 18}, "unknown column 'nmae'"});
    const auto status = parse(get("/api/v1/status"));
    EXPECT_EQ(text(status.at_pointer("/problems/0/line")), "31");
    EXPECT_EQ(text(status.at_pointer("/problems/0/column")), "18");
    EXPECT_EQ(text(status.at_pointer("/problems/0/text")), "unknown column 'nmae'");
}

TEST_F(ApiTest, AnUnreachableSeamIsAFaultAndNotTheEnd) {
    fakes.topics.set_broken("Apache Kafka at h1:9092 does not answer");
    const auto status = parse(get("/api/v1/status"));
    EXPECT_EQ(text(status.at_pointer("/faults/0")), "topics: Apache Kafka at h1:9092 does not answer");
    EXPECT_EQ(get("/api/v1/topics").status, 503);
}

TEST_F(ApiTest, AFileThatNeverParsedIsListedWithItsText) {
    fakes.view.pipelines[0].running = nullptr;
    fakes.view.pipelines[0].revision = 0;
    const auto view = parse(get("/api/v1/pipelines/users"));
    EXPECT_EQ(text(view["loaded"]), "false");
    EXPECT_EQ(text(view["text"]), "pipeline: users\n");
    EXPECT_EQ(get("/api/v1/pipelines/users/graph").body, R"({"nodes":[],"edges":[]})");
}

TEST_F(ApiTest, GraphLeadsFromSourceToTable) {
    fill();
    std::vector<std::string> edges;
    const simdjson::dom::array all = parse(get("/api/v1/pipelines/users/graph"))["edges"];
    for (const auto edge : all) edges.push_back(text(edge["from"]) + " " + text(edge["to"]));
    std::ranges::sort(edges);
    EXPECT_EQ(edges, (std::vector<std::string>{"dag:user_automation source:random_users",
                                               "query:created_users table:spark_streams.created_users",
                                               "source:random_users topic:users_created",
                                               "topic:users_created query:created_users"}));
}

TEST_F(ApiTest, GraphOfAQueryThatNeverStartedIsReadFromItsText) {
    const auto graph = get("/api/v1/pipelines/users/graph").body;
    EXPECT_NE(graph.find(R"({"from":"topic:users_created","to":"query:created_users")"), std::string::npos);
}

TEST_F(ApiTest, GraphSaysWhenTheReplicaAnswers) {
    fill();
    EXPECT_NE(get("/api/v1/pipelines/users/graph").body.find(R"("replica":true)"), std::string::npos);
}

TEST_F(ApiTest, SqlGivesColumnsAndRows) {
    const auto rows = parse(post("/api/v1/sql", R"({"sql":"SELECT * FROM t"})"));
    EXPECT_EQ(text(rows["columns"]), R"([{"name":"name","type":"STRING"},)"
                                     R"({"name":"people","type":"BIGINT"}])");
    EXPECT_EQ(text(rows["rows"]), R"([["Ada",2],[null,-1]])");
}

TEST_F(ApiTest, SqlErrorsHaveTheirPlace) {
    const auto result = post("/api/v1/sql", R"({"sql":"SELECT nmae"})");
    EXPECT_EQ(result.status, 400);
    EXPECT_EQ(text(parse(result).at_pointer("/error/line")), "1");
    EXPECT_EQ(text(parse(result).at_pointer("/error/column")), "8");
}

TEST_F(ApiTest, SqlBodiesAreTakenApartWithPreciseErrors) {
    EXPECT_EQ(error_message(post("/api/v1/sql", "{}")), "sql: is missing; expected a string");
    EXPECT_EQ(error_message(post("/api/v1/sql", R"({"sql":1})")), "sql: expected a string, found a number");
    EXPECT_EQ(error_message(post("/api/v1/sql", R"({"sql":"x","limit":1})")),
              "limit: unknown field; expected one of sql");
    EXPECT_EQ(post("/api/v1/sql", "SELECT 1").status, 400);
}

TEST_F(ApiTest, MoreSqlThanAllowedAtOnceIsRefusedWithoutWaiting) {
    options.max_sql = 1;
    std::atomic<int> refused{0};
    fakes.engine.selecting = [&] {
        refused = net::http_request("POST", url("/api/v1/sql"), R"({"sql":"SELECT 2"})")->status;
    };
    start();
    EXPECT_EQ(post("/api/v1/sql", R"({"sql":"SELECT 1"})").status, 200);
    EXPECT_EQ(refused, 503);
}

TEST_F(ApiTest, TriggerPassesConfOn) {
    fill();
    EXPECT_EQ(post("/api/v1/dags/user_automation/trigger", R"({"conf":{"n":2}})").status, 201);
    EXPECT_EQ(post("/api/v1/dags/user_automation/trigger", "").status, 201);
    EXPECT_EQ(fakes.scheduler.triggered(), (std::vector<std::string>{R"({"n":2})", "{}"}));
    EXPECT_EQ(error_message(post("/api/v1/dags/user_automation/trigger", R"({"conf":[]})")),
              "conf: expected an object, found an array");
}

TEST_F(ApiTest, ARunOfASourceIsAskedForWithItsTime) {
    fill();
    EXPECT_EQ(post("/api/v1/sources/random_users/run", R"({"for":"90s","run_id":"mine"})").body,
              R"({"dag":"run:random_users","run_id":"mine","task":"run"})");
    EXPECT_EQ(post("/api/v1/queries/created_users/run", "").status, 201);
    EXPECT_EQ(fakes.scheduler.triggered(),
              (std::vector<std::string>{
                  R"({"pipeline":"users","run":"random_users","for":"90000000us","allow_empty":false})",
                  R"({"pipeline":"users","run":"created_users","for":"0us","allow_empty":false})"}));
    EXPECT_EQ(post("/api/v1/sources/none/run", "").status, 404);
    EXPECT_EQ(post("/api/v1/sources/random_users/run", R"({"for":"soon"})").status, 400);
    EXPECT_EQ(error_message(post("/api/v1/sources/random_users/run", R"({"allow_empty":1})")),
              "allow_empty: expected true or false, found a number");
    EXPECT_EQ(post("/api/v1/sources/random_users/run", R"({"fur":"1s"})").status, 400);
}

TEST_F(ApiTest, ARunIsCancelledByItsId) {
    fill();
    EXPECT_EQ(text(parse(post("/api/v1/dags/user_automation/runs/r1/cancel", "")).at_key("state")), "failed");
    EXPECT_EQ(post("/api/v1/dags/none/runs/r1/cancel", "").status, 404);
}

TEST_F(ApiTest, OfALogOnlyNewLinesAreGivenWhenAskedSo) {
    fill();
    const std::string log =
        "/api/v1/dags/user_automation/runs/manual__2026-01-31T00:00:00Z/tasks/stream_data_from_api/log";
    EXPECT_EQ(simdjson::dom::array(parse(get(log))["lines"]).size(), 1u);
    EXPECT_EQ(simdjson::dom::array(parse(get(log + "?after=1"))["lines"]).size(), 0u);
    EXPECT_EQ(simdjson::dom::array(parse(get(log + "?after=9"))["lines"]).size(), 0u);
    EXPECT_EQ(get(log + "?after=-1").status, 400);
}

TEST_F(ApiTest, WebhookGivesTheSourceItsPathAndToken) {
    EXPECT_EQ(post("/ingest/shop/orders", "{}", {{"Authorization", "Bearer secret"}}).body,
              R"({"fetched":2,"acknowledged":2,"rejected":0})");
    EXPECT_EQ(post("/ingest/shop/orders", "{}").status, 401);
    EXPECT_EQ(post("/ingest/none", "{}").status, 404);
}

TEST_F(ApiTest, WithoutARegistryItsPathsSayso) {
    auto parts = fakes.parts();
    parts.schemas = nullptr;
    auto started = start_monitor(shards, pool, parts, options);
    ASSERT_TRUE(started);
    monitor = std::move(*started);
    EXPECT_EQ(error_message(get("/api/v1/schemas")), "no schema registry runs here");
    EXPECT_EQ(text(parse(get("/api/v1/status")).at_pointer("/seams/schemas")), "null");
}

TEST_F(ApiTest, GroupsShowHowFarBehindTheyAre) {
    fill();
    const auto groups = parse(get("/api/v1/groups"));
    EXPECT_EQ(text(groups.at(0)["group"]), "billing");
    EXPECT_EQ(text(groups.at(0)["topics"]),
              R"([{"topic":"users_created","partition":0,"end_offset":1,"client":"slow","host":"/10.0.0.2"},)"
              R"({"topic":"users_created","partition":1,"committed":0,"end_offset":1,"lag":1,)"
              R"("client":"fast","host":"/10.0.0.1"}])");
}

TEST_F(ApiTest, AQuerysGroupIsNotReset) {
    fill();
    const std::string path = "/api/v1/groups/penstock-created_users/offsets";
    EXPECT_EQ(
        error_message(post(path, R"({"to":"earliest","execute":true})")),
        "group penstock-created_users only shows how far query created_users is, which keeps its position "
        "with its rows");
    EXPECT_TRUE(fakes.committed.empty());
}

TEST_F(ApiTest, AGroupIsDeletedUnlessAQueryShowsItsProgressThere) {
    fill();
    EXPECT_EQ(call("DELETE", "/api/v1/groups/nightly").body, R"({"deleted":true})");
    EXPECT_EQ(fakes.deleted_groups, std::vector<std::string>{"nightly"});
    EXPECT_EQ(call("DELETE", "/api/v1/groups/none").status, 404);
    EXPECT_EQ(call("DELETE", "/api/v1/groups/penstock-created_users").status, 400);
}

TEST_F(ApiTest, AResetSaysWhereToOnce) {
    fill();
    const std::string path = "/api/v1/groups/nightly/offsets";
    const std::string once = "expected one of to, offset, shift and timestamp";
    EXPECT_EQ(error_message(post(path, "{}")), once);
    EXPECT_EQ(error_message(post(path, R"({"to":"latest","shift":1})")), once);
    EXPECT_EQ(error_message(post(path, R"({"to":"there"})")),
              "to is 'there': expected earliest, latest or current");
    EXPECT_EQ(
        text(parse(post(path, R"({"shift":-1})"))["partitions"]),
        R"([{"topic":"users_created","partition":0,"committed":1,"offset":0,"end_offset":1,"again":1,"skipped":0},)"
        R"({"topic":"users_created","partition":1,"committed":1,"offset":0,"end_offset":1,"again":1,"skipped":0}])");
}

TEST_F(ApiTest, WithoutTheEmbeddedLogGroupsAreNotOffered) {
    auto parts = fakes.parts();
    parts.groups = nullptr;
    parts.delete_group = nullptr;
    auto started = start_monitor(shards, pool, parts, options);
    ASSERT_TRUE(started);
    monitor = std::move(*started);
    EXPECT_EQ(get("/api/v1/groups").status, 501);
    EXPECT_EQ(call("DELETE", "/api/v1/groups/nightly").status, 501);
}

TEST_F(ApiTest, MetricsNameWhatThereIs) {
    fill();
    get("/metrics");
    const auto result = get("/metrics");
    EXPECT_EQ(result.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for (const auto* line :
         {"penstock_source_acknowledged_records_total{source=\"random_users\"} 100\n",
          "penstock_source_replica{source=\"random_users\"} 1\n",
          "penstock_query_lag_records{query=\"created_users\"} 10\n",
          "penstock_topic_end_offset{topic=\"users_created\"} 2\n",
          "penstock_source_state{source=\"random_users\",state=\"running\"} 1\n",
          "penstock_source_state{source=\"random_users\",state=\"circuit_open\"} 0\n",
          "penstock_query_state{query=\"created_users\",state=\"failed\"} 0\n",
          "penstock_query_watermark_timestamp_seconds{query=\"created_users\"} 1\n",
          "penstock_group_lag_records{group=\"billing\",topic=\"users_created\"} 1\n",
          "penstock_group_members{group=\"billing\"} 2\n",
          "penstock_dag_last_run_state{dag=\"user_automation\",state=\"success\"} 1\n",
          "penstock_dag_unfinished_runs{state=\"running\"} 0\n",
          "penstock_dag_paused{dag=\"user_automation\"} 0\n", "penstock_pipeline_problems 0\n",
          "# TYPE process_cpu_seconds_total counter\n",
          "penstock_http_request_seconds_bucket{method=\"GET\",route=\"/metrics\",le=\"+Inf\"} "}) {
        EXPECT_NE(result.body.find(line), std::string::npos) << line;
    }
}

}  // namespace
}  // namespace penstock::monitor
