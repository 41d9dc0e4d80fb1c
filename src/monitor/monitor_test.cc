#include "monitor/monitor.h"

#include <algorithm>
#include <thread>

#include "monitor/embedded_files.h"
#include "monitor/testing/running_monitor.h"

namespace penstock::monitor {
namespace {

using MonitorTest = testing::RunningMonitor;

TEST_F(MonitorTest, EveryResponseCarriesTheSecurityHeaders) {
    for (const auto* path : {"/", "/api/v1/status", "/metrics", "/nothing", "/api/v1/topics/none"}) {
        const auto result = get(path);
        const auto policy = result.header("content-security-policy");
        EXPECT_NE(policy.find("default-src 'none'"), std::string_view::npos) << path;
        EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string_view::npos) << path;
        EXPECT_EQ(policy.find("unsafe"), std::string_view::npos) << path;
        EXPECT_EQ(result.header("x-content-type-options"), "nosniff") << path;
        EXPECT_EQ(result.header("referrer-policy"), "no-referrer") << path;
    }
}

TEST_F(MonitorTest, ChangesFromOtherOriginsAreRefused) {
    ASSERT_TRUE(fakes.topics.create({"t", 1, {}}));
    const net::HttpHeaders from_elsewhere = {{"Origin", "http://evil.example"}};
    EXPECT_EQ(call("DELETE", "/api/v1/topics/t", {}, from_elsewhere).status, 403);
    EXPECT_EQ(post("/api/v1/topics", R"({"name":"u"})", from_elsewhere).status, 403);
    EXPECT_EQ(post("/ingest/shop/orders", "{}", from_elsewhere).status, 403);
    const auto own = fmt::format("http://127.0.0.1:{}", monitor->port());
    EXPECT_EQ(post("/api/v1/topics", R"({"name":"u"})", {{"Origin", own}}).status, 201);
    EXPECT_TRUE(fakes.topics.info("t"));
}

TEST_F(MonitorTest, HealthWaitsForThePipelines) {
    fakes.loaded = false;
    EXPECT_EQ(get("/health").status, 503);
    EXPECT_EQ(get("/health").body, R"({"status":"starting"})");
    fakes.loaded = true;
    EXPECT_EQ(get("/health").status, 200);
    EXPECT_EQ(get("/health").body, R"({"status":"ok"})");
}

TEST_F(MonitorTest, AnswersAreNotCachedButFilesAre) {
    EXPECT_EQ(get("/api/v1/status").header("cache-control"), "no-store");
    EXPECT_EQ(get("/api/v1/openapi.json").header("cache-control"), "no-cache");
}

TEST_F(MonitorTest, FilesComeOnceAndCompressed) {
    const auto first = get("/api/v1/openapi.json");
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(first.body, openapi_file().bytes);
    const std::string etag(first.header("etag"));
    EXPECT_EQ(get("/api/v1/openapi.json", {{"If-None-Match", etag}}).status, 304);
    EXPECT_EQ(get("/api/v1/openapi.json", {{"If-None-Match", "\"other\""}}).status, 200);
    const auto packed = get("/api/v1/openapi.json", {{"Accept-Encoding", "br, gzip;q=0.5"}});
    EXPECT_EQ(packed.header("content-encoding"), "gzip");
    EXPECT_EQ(packed.body, openapi_file().gzip);
    const auto plain = get("/api/v1/openapi.json", {{"Accept-Encoding", "gzip;q=0"}});
    EXPECT_EQ(plain.header("content-encoding"), "");
}

TEST_F(MonitorTest, TheFrontPageIsTheConsoleOrSaysThatThereIsNone) {
    const auto page = get("/");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
    const auto* expected = console_files().empty() ? "PENSTOCK_CONSOLE" : "/assets/";
    EXPECT_NE(page.body.find(expected), std::string::npos);
}

TEST_F(MonitorTest, TheConsoleNamesNoOtherHostAndHasNoInlineScript) {
    for (const auto& file : console_files()) {
        if (!file.path.ends_with(".html")) continue;
        EXPECT_EQ(file.bytes.find("http://"), std::string_view::npos);
        EXPECT_EQ(file.bytes.find("https://"), std::string_view::npos);
        EXPECT_EQ(file.bytes.find("<script>"), std::string_view::npos);
        EXPECT_EQ(file.bytes.find("<style"), std::string_view::npos);
    }
}

TEST_F(MonitorTest, WellKnownPortsOfOthersLeadToTheConsole) {
    options.redirect_ports = {{0, "/"}, {0, "/#queries"}};
    start();
    ASSERT_EQ(monitor->redirect_ports().size(), 2U);
    const auto there = fmt::format("http://127.0.0.1:{}", monitor->redirect_ports()[1]);
    for (const auto* path : {"/", "/clusters/1/topics"}) {
        const auto result = net::http_request("GET", there + path);
        ASSERT_TRUE(result);
        EXPECT_EQ(result->status, 302);
        EXPECT_EQ(result->header("location"), url("/#queries"));
    }
}

TEST_F(MonitorTest, ARedirectPortInUseIsOnlyAWarning) {
    start();
    MonitorOptions second = options;
    second.redirect_ports = {{monitor->port(), "/"}};
    auto other = start_monitor(shards, pool, fakes.parts(), second);
    ASSERT_TRUE(other) << other.error().text;
    EXPECT_TRUE((*other)->redirect_ports().empty());
}

TEST_F(MonitorTest, ItsOwnPortInUseIsAnErrorThatNamesPortAndSetting) {
    start();
    MonitorOptions second = options;
    second.listen.port = monitor->port();
    const auto other = start_monitor(shards, pool, fakes.parts(), second);
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().text.find(std::to_string(monitor->port())), std::string::npos);
    EXPECT_NE(other.error().text.find("ports.console"), std::string::npos);
}

TEST_F(MonitorTest, EventsFollowEverySample) {
    start();
    int events = 0;
    std::vector<std::string> seen;
    const auto read = net::http_lines(url("/api/v1/events"), {}, [&](std::string_view line) {
        if (line.starts_with("event: ")) seen.emplace_back(line.substr(7));
        if (!line.starts_with("data: ")) return true;
        simdjson::dom::parser own;
        simdjson::dom::element data;
        EXPECT_FALSE(own.parse(simdjson::padded_string(line.substr(6))).get(data)) << line;
        EXPECT_EQ(text(data["graphs"]["users"]["nodes"].at(0)["id"]), "source:random_users");
        monitor->sample_now();
        return ++events < 3;
    });
    EXPECT_EQ(events, 3);
    EXPECT_EQ(seen, (std::vector<std::string>{"status", "status", "status"}));
}

TEST_F(MonitorTest, MoreEventStreamsThanAllowedAreTurnedAway) {
    options.max_event_streams = 0;
    start();
    std::string seen;
    EXPECT_TRUE(net::http_lines(url("/api/v1/events"), {}, [&](std::string_view line) {
        seen += line;
        return true;
    }));
    EXPECT_NE(seen.find("event: error"), std::string::npos);
    EXPECT_NE(seen.find("consoles are open"), std::string::npos);
}

TEST_F(MonitorTest, StopsWhileAConsoleListens) {
    start();
    std::atomic<int> events{0};
    std::thread console([this, &events] {
        (void)net::http_lines(url("/api/v1/events"), {}, [&events](std::string_view line) {
            if (line.starts_with("data: ")) {
                ++events;
                events.notify_all();
            }
            return true;
        });
    });
    events.wait(0);
    monitor->stop();
    console.join();
    SUCCEED();
}

TEST_F(MonitorTest, SamplesByItselfOnceStarted) {
    options.sample_every_us = 1000;
    start();
    int events = 0;
    EXPECT_TRUE(net::http_lines(url("/api/v1/events"), {}, [&](std::string_view line) {
        if (line.starts_with("data: ")) ++events;
        return events < 3;
    }));
    EXPECT_EQ(events, 3);
}

}  // namespace
}  // namespace penstock::monitor
