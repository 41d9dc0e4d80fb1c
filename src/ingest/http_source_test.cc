#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/clock.h"
#include "ingest/sources.h"
#include "ingest/testing/fake_topics.h"
#include "ingest/testing/misbehaving_api.h"
#include "net/http_server.h"

namespace penstock::ingest {
namespace {

using pipeline::HttpSource;
using pipeline::Pagination;
using pipeline::SourceSpec;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class FakeReplicas final : public Replicas {
public:
    Result<std::string> base_url(std::string_view name) override {
        if (url.empty()) return fail(Errc::not_found, "there is no replica '{}'", name);
        return url;
    }
    std::string url;
};

net::HttpResponse text(int status, std::string body, net::HttpResponse response = {}) {
    response.status = status;
    response.body = std::move(body);
    return response;
}

/// {"items":[{"id":"3-0"},...]} with so many records of the page.
std::string items(int page, int count) {
    std::string body = R"({"items":[)";
    for (int i = 0; i < count; ++i) body += fmt::format(R"({}{{"id":"{}-{}"}})", i ? "," : "", page, i);
    return body + "]}";
}

std::string gzip(std::string_view plain) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(compressBound(uLong(plain.size())) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = uInt(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = uInt(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

class HttpSourceTest : public ::testing::Test {
protected:
    SourceSpec spec(std::string url) {
        SourceSpec spec{.name = "src", .key = "/id", .topic = "things"};
        HttpSource http{.url = std::move(url), .records = "/items"};
        http.backoff_us = 2'000;
        http.backoff_max_us = 10'000;
        http.breaker_open_us = 20'000;
        spec.input = http;
        return spec;
    }
    static HttpSource& http(SourceSpec& spec) { return std::get<HttpSource>(spec.input); }
    static SourceSpec paged(SourceSpec spec) {
        http(spec).pagination = {.kind = Pagination::Kind::page, .parameter = "page", .first = 1};
        return spec;
    }
    Result<SourceCounts> once(const SourceSpec& spec, std::int64_t for_us = 0) {
        return sources_->run_bounded(spec, for_us, "run1", [] { return false; });
    }
    std::vector<std::string> ids(std::string_view topic = "things") {
        std::vector<std::string> all;
        for (auto& record : topics_.records(topic)) all.push_back(record.key.value_or("(none)"));
        return all;
    }
    template <class Condition>
    static bool eventually(Condition condition) {
        for (int i = 0; i < 1000; ++i) {
            if (condition()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }
    SourceStatus status() {
        auto all = sources_->status();
        return all.empty() ? SourceStatus{} : all[0];
    }
    /// Pages 1 to last with 10 records each, then empty ones.
    void serve_pages(int last) {
        api_.answer([last](const net::HttpRequest& request) {
            int page = std::stoi(std::string(request.query_value("page").value_or("0")));
            return text(200, items(page, page <= last ? 10 : 0));
        });
    }

    net::Shards shards_{1};
    testing::MisbehavingApi api_{shards_};
    testing::FakeTopics topics_;
    FakeReplicas replicas_;
    std::unique_ptr<Sources> sources_ = make_sources(topics_, replicas_);
};

TEST_F(HttpSourceTest, RecordsArriveWithKeysAndHeaders) {
    api_.answer([](auto&) { return text(200, R"({"items":[{"id":"a","n":1.0},{"id":"b"},{"n":3}]})"); });
    auto counts = once(spec(api_.url("/api")));
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_EQ(counts->fetched, 3);
    EXPECT_EQ(counts->acknowledged, 3);
    EXPECT_EQ(counts->requests, 1);
    auto records = topics_.records("things");
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[0].key, "a");
    EXPECT_EQ(records[0].value, R"({"id":"a","n":1.0})");
    EXPECT_EQ(records[0].headers["penstock.source"], "src");
    EXPECT_EQ(records[0].headers["penstock.run"], "run1");
    EXPECT_EQ(records[0].headers["penstock.id"].size(), 32u);
    EXPECT_FALSE(records[0].headers.contains("penstock.origin"));
    EXPECT_EQ(records[2].key, std::nullopt);
    auto id = records[0].headers["penstock.id"];
    ASSERT_TRUE(once(spec(api_.url("/api"))));
    EXPECT_EQ(topics_.records("things")[3].headers["penstock.id"], id);
}

TEST_F(HttpSourceTest, ParametersAndHeadersAreSent) {
    ::setenv("PENSTOCK_TEST_KEY", "s3cret&x", 1);
    auto source = spec(api_.url("/api?fixed=1"));
    http(source).query = {{"q", "a b&c=é"}, {"token", "${PENSTOCK_TEST_KEY}"}};
    http(source).headers = {{"X-Key", "Bearer ${PENSTOCK_TEST_KEY}"}};
    api_.answer([](auto&) { return text(200, items(1, 1)); });
    ASSERT_TRUE(once(source));
    auto request = api_.requests()[0];
    EXPECT_EQ(request.query_value("fixed"), "1");
    EXPECT_EQ(request.query_value("q"), "a b&c=é");
    EXPECT_EQ(request.query_value("token"), "s3cret&x");
    EXPECT_EQ(request.header("x-key"), "Bearer s3cret&x");
    EXPECT_THAT(std::string(request.header("accept-encoding")), HasSubstr("gzip"));
    EXPECT_THAT(status().endpoint, Not(HasSubstr("s3cret")));
    EXPECT_THAT(status().endpoint, HasSubstr("token=***"));
}

TEST_F(HttpSourceTest, AMissingVariableIsNamedAtTheStart) {
    auto source = spec(api_.url("/"));
    http(source).headers = {{"X-Key", "${PENSTOCK_NOT_SET}"}};
    auto started = sources_->start("p", source);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().text, HasSubstr("header 'X-Key'"));
    EXPECT_THAT(started.error().text, HasSubstr("PENSTOCK_NOT_SET"));
    EXPECT_THAT(sources_->start("p", spec("ftp://x/")).error().text, HasSubstr("http://"));
    http(source).headers.clear();
    http(source).records = "items";
    EXPECT_THAT(sources_->start("p", source).error().text, HasSubstr("JSON Pointer"));
}

TEST_F(HttpSourceTest, ABodyIsPosted) {
    auto source = spec(api_.url("/search"));
    http(source).method = "POST";
    http(source).body = R"({"query":"all"})";
    http(source).headers = {{"Content-Type", "application/json"}};
    api_.answer([](auto&) { return text(200, items(1, 2)); });
    ASSERT_TRUE(once(source));
    EXPECT_EQ(api_.requests()[0].method, "POST");
    EXPECT_EQ(api_.requests()[0].body, R"({"query":"all"})");
}

TEST_F(HttpSourceTest, CompressedResponsesAreRead) {
    api_.answer([](auto&) {
        auto response = text(200, gzip(items(1, 500)));
        response.headers.emplace_back("Content-Encoding", "gzip");
        return response;
    });
    EXPECT_EQ(once(spec(api_.url("/")))->acknowledged, 500);
}

TEST_F(HttpSourceTest, FailuresAreTriedAgain) {
    std::atomic<int> asked{0};
    api_.answer([&](auto&) {
        int n = ++asked;
        if (n == 1) return text(503, R"({"error":"busy"})");
        if (n == 2) return text(500, "Internal Server Error");
        if (n == 3) return text(200, R"({"error":"Uh oh, something has gone wrong."})");
        return text(200, items(1, 3));
    });
    auto counts = once(spec(api_.url("/")));
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_EQ(counts->acknowledged, 3);
    EXPECT_EQ(counts->failures, 3);
    EXPECT_EQ(counts->requests, 4);
}

TEST_F(HttpSourceTest, ABoundedRunGivesUpAndSaysWhatTheApiSaid) {
    api_.answer([](auto&) { return text(200, R"({"error":"Uh oh, something has gone wrong."})"); });
    auto source = spec(api_.url("/api/?secret=1"));
    http(source).retries = 2;
    auto counts = once(source);
    ASSERT_FALSE(counts);
    EXPECT_THAT(counts.error().text, HasSubstr("Uh oh, something has gone wrong."));
    EXPECT_EQ(api_.count(), 3u);
    EXPECT_TRUE(topics_.records("things.dlq").empty());
}

TEST_F(HttpSourceTest, WhatTryingAgainCannotHelpIsNotTriedAgain) {
    api_.answer([](auto&) { return text(401, R"({"message":"bad key"})"); });
    auto counts = once(spec(api_.url("/")));
    ASSERT_FALSE(counts);
    EXPECT_EQ(counts.error().code, Errc::unauthorized);
    EXPECT_THAT(counts.error().text, HasSubstr("HTTP 401: bad key"));
    EXPECT_EQ(api_.count(), 1u);
}

TEST_F(HttpSourceTest, RetryAfterIsWaitedFor) {
    std::atomic<int> asked{0};
    api_.answer([&](auto&) {
        if (++asked > 1) return text(200, items(1, 1));
        auto response = text(429, R"({"error":"slow down"})");
        response.headers.emplace_back("Retry-After", "1");
        return response;
    });
    auto start = system_clock().monotonic_us();
    ASSERT_TRUE(once(spec(api_.url("/"))));
    EXPECT_GE(system_clock().monotonic_us() - start, 1'000'000);
}

TEST_F(HttpSourceTest, ATruncatedBodyIsAFailureAndNothingOfItIsAppended) {
    auto body = items(1, 10);
    testing::RawServer server(
        shards_, fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size() + 100, body));
    auto source = spec(server.url("/"));
    http(source).retries = 1;
    auto counts = once(source);
    ASSERT_FALSE(counts);
    testing::RawServer cut(shards_, "HTTP/1.1 200 OK\r\n\r\n" + body.substr(0, body.size() - 5));
    source = spec(cut.url("/"));
    http(source).retries = 1;
    EXPECT_FALSE(once(source));
    EXPECT_TRUE(topics_.records("things").empty());
}

TEST_F(HttpSourceTest, ABodyThatIsNotJsonIsKeptOnce) {
    api_.answer([](auto&) { return text(200, "<html>maintenance</html>"); });
    auto source = spec(api_.url("/api"));
    http(source).retries = 2;
    auto counts = once(source);
    ASSERT_FALSE(counts);
    EXPECT_THAT(counts.error().text, HasSubstr("maintenance"));
    auto letters = topics_.records("things.dlq");
    ASSERT_EQ(letters.size(), 1u);
    EXPECT_EQ(letters[0].value, "<html>maintenance</html>");
    EXPECT_EQ(letters[0].headers["penstock.dlq.source"], "src");
    EXPECT_THAT(letters[0].headers["penstock.dlq.reason"], HasSubstr("not JSON"));
    EXPECT_THAT(letters[0].headers["penstock.dlq.url"], HasSubstr("/api"));
}

TEST_F(HttpSourceTest, BadElementsAreRejectedAndTheOthersAppended) {
    api_.answer([](auto&) { return text(200, R"({"items":[{"id":1},7,{"id":2}]})"); });
    auto counts = once(spec(api_.url("/")));
    EXPECT_EQ(counts->acknowledged, 2);
    EXPECT_EQ(counts->rejected, 1);
    EXPECT_EQ(topics_.records("things.dlq")[0].value, "7");
}

TEST_F(HttpSourceTest, AHugeResponseIsRefused) {
    api_.answer([](auto&) {
        auto response = text(200, gzip(std::string(80 * 1024 * 1024, ' ')));
        response.headers.emplace_back("Content-Encoding", "gzip");
        return response;
    });
    auto counts = once(spec(api_.url("/")));
    ASSERT_FALSE(counts);
    EXPECT_THAT(counts.error().text, HasSubstr("larger than 64"));
}

TEST_F(HttpSourceTest, ASlowApiTimesOut) {
    api_.delay(std::chrono::milliseconds(2000));
    api_.answer([](auto&) { return text(200, items(1, 1)); });
    auto source = spec(api_.url("/"));
    http(source).timeout_us = 50'000;
    http(source).retries = 1;
    auto counts = once(source);
    ASSERT_FALSE(counts);
    EXPECT_EQ(counts.error().code, Errc::timeout);
}

TEST_F(HttpSourceTest, RedirectsAreFollowedAndKeepTheQuery) {
    for (int code : {301, 302, 303, 307, 308}) {
        api_.answer([code](const net::HttpRequest& request) {
            if (request.path == "/new/") return text(200, items(code, 1));
            auto response = text(code, "");
            response.headers.emplace_back("Location", "/new/");
            return response;
        });
        auto source = spec(api_.url("/old"));
        http(source).query = {{"results", "5"}};
        ASSERT_TRUE(once(source)) << code;
        EXPECT_EQ(api_.requests().back().query_value("results"), "5") << code;
    }
}

TEST_F(HttpSourceTest, RedirectsAreCapped) {
    api_.answer([](auto&) {
        auto response = text(302, "");
        response.headers.emplace_back("Location", "/again");
        return response;
    });
    auto counts = once(spec(api_.url("/")));
    ASSERT_FALSE(counts);
    EXPECT_THAT(counts.error().text, HasSubstr("more than 5 redirects"));
    EXPECT_EQ(api_.count(), 6u);
}

TEST_F(HttpSourceTest, SecretsAreNotSentToAnotherHost) {
    ::setenv("PENSTOCK_TEST_KEY", "s3cret", 1);
    testing::MisbehavingApi other(shards_);
    other.answer([](auto&) { return text(200, items(1, 1)); });
    api_.answer([&](auto&) {
        auto response = text(307, "");
        response.headers.emplace_back("Location", other.url("/there"));
        return response;
    });
    auto source = spec(api_.url("/"));
    http(source).headers = {{"X-Key", "${PENSTOCK_TEST_KEY}"}, {"X-Plain", "yes"}};
    http(source).query = {{"key", "${PENSTOCK_TEST_KEY}"}};
    ASSERT_TRUE(once(source));
    EXPECT_EQ(other.requests()[0].header("x-key"), "");
    EXPECT_EQ(other.requests()[0].header("x-plain"), "yes");
    EXPECT_TRUE(other.requests()[0].query.empty());
}

TEST_F(HttpSourceTest, NumberedPagesAreReadUntilOneIsEmpty) {
    serve_pages(7);
    ASSERT_TRUE(topics_.create({.name = "things", .partitions = 3, .config = {}}));
    auto counts = once(paged(spec(api_.url("/"))));
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_EQ(counts->acknowledged, 70);
    EXPECT_EQ(api_.count(), 8u);
    auto all = ids();
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 70u);
    // Nothing new: nothing is appended again.
    EXPECT_EQ(once(paged(spec(api_.url("/"))))->acknowledged, 0);
    EXPECT_EQ(ids().size(), 70u);
}

/// Several processes: each has an epoch of its right to run the source, or none.
class OwnedSourceTest : public HttpSourceTest {
protected:
    OwnedSourceTest() {
        sources_ = make_sources(
            topics_, replicas_,
            {.ownership = SourceOwnership{.epoch = [this](std::string_view) -> std::optional<std::int64_t> {
                                              if (epoch_ == 0) return std::nullopt;
                                              return epoch_.load();
                                          },
                                          .lost = [this](std::string_view) { ++lost_; }}});
    }
    ~OwnedSourceTest() override { sources_.reset(); }
    std::atomic<std::int64_t> epoch_{1};
    std::atomic<int> lost_{0};
};

TEST_F(OwnedSourceTest, WithoutTheRightNothingIsTakenOver) {
    epoch_ = 0;
    serve_pages(3);
    ASSERT_TRUE(sources_->start("p", paged(spec(api_.url("/api")))));
    ASSERT_TRUE(eventually([&] { return status().state == SourceState::stopped; }));
    EXPECT_EQ(topics_.positions_asked(), 0);
    EXPECT_EQ(topics_.appends(), 0);
    EXPECT_EQ(lost_, 1);
}

TEST_F(OwnedSourceTest, WhoIsFencedStopsAndTakesNothingBack) {
    serve_pages(3);
    topics_.fail_next(1, {Errc::fenced, "somebody else has the producer"});
    ASSERT_TRUE(sources_->start("p", paged(spec(api_.url("/api")))));
    ASSERT_TRUE(eventually([&] { return status().state == SourceState::stopped; }));
    EXPECT_THAT(status().detail, HasSubstr("somebody else"));
    EXPECT_EQ(lost_, 1);
    EXPECT_LE(topics_.positions_asked(), 2) << "when it began, and no more";
    // Still ours: it goes on where the log says.
    ASSERT_TRUE(sources_->start("p", paged(spec(api_.url("/api")))));
    ASSERT_TRUE(eventually([&] { return ids().size() == 30; }));
}

TEST_F(OwnedSourceTest, ALostRightIsNoticedBeforeTheNextAppend) {
    std::atomic<int> asked{0};
    api_.answer([&](auto&) {
        if (++asked == 2) epoch_ = 7;  // lost, and had again by somebody who does not know of this run
        return text(200, items(asked, 10));
    });
    ASSERT_TRUE(sources_->start("p", spec(api_.url("/api"))));
    ASSERT_TRUE(eventually([&] { return status().state == SourceState::stopped; }));
    EXPECT_EQ(ids().size(), 10u);
    EXPECT_EQ(lost_, 1);
}

TEST_F(OwnedSourceTest, EveryResponseOfASourceWithoutPagesIsAppendedUnderItsName) {
    std::atomic<int> asked{0};
    api_.answer([&](auto&) { return text(200, items(++asked, 10)); });
    for (int run = 1; run <= 3; ++run) ASSERT_TRUE(once(spec(api_.url("/api"))));
    EXPECT_EQ(ids().size(), 30u);
    EXPECT_GE(topics_.positions_asked(), 3);
}

/// A position that cannot be asked for is not taken for one that says no: the records could come twice. A
/// process alone may be fenced by what it asked for itself, before it gave up waiting for the answer.
class UnknownPositionTest : public HttpSourceTest, public ::testing::WithParamInterface<Errc> {};
INSTANTIATE_TEST_SUITE_P(, UnknownPositionTest, ::testing::Values(Errc::unavailable, Errc::fenced));

TEST_P(UnknownPositionTest, NothingIsSentAgain) {
    serve_pages(3);
    auto paged_spec = paged(spec(api_.url("/api")));
    http(paged_spec).every_us = 1'000;
    ASSERT_TRUE(sources_->start("p", paged_spec));
    ASSERT_TRUE(eventually([&] { return ids().size() == 30; }));
    ASSERT_TRUE(sources_->stop("src"));
    serve_pages(4);
    topics_.lose_positions(3, GetParam());  // of the start as well
    topics_.fail_next(1, {Errc::unavailable, "the log is away"});
    ASSERT_TRUE(sources_->start("p", paged_spec));
    ASSERT_TRUE(eventually([&] { return ids().size() >= 40; }));
    ASSERT_TRUE(sources_->stop("src"));
    EXPECT_EQ(ids().size(), 40u);
}

TEST_F(HttpSourceTest, PagesThatGrowGiveOnlyWhatIsNew) {
    std::atomic<int> available{25};
    api_.answer([&](const net::HttpRequest& request) {
        int page = std::stoi(std::string(*request.query_value("page")));
        return text(200, items(page, std::clamp(available - (page - 1) * 10, 0, 10)));
    });
    auto source = paged(spec(api_.url("/")));
    EXPECT_EQ(once(source)->acknowledged, 25);
    available = 28;
    EXPECT_EQ(once(source)->acknowledged, 3);
    available = 41;
    EXPECT_EQ(once(source)->acknowledged, 13);
    auto all = ids();
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 41u);
    EXPECT_EQ(all.size(), 41u);
}

TEST_F(HttpSourceTest, MaxPagesEndsTheRun) {
    serve_pages(100);
    auto source = paged(spec(api_.url("/")));
    http(source).pagination.max_pages = 3;
    EXPECT_EQ(once(source)->acknowledged, 30);
}

TEST_F(HttpSourceTest, CursorsAreFollowed) {
    api_.answer([](const net::HttpRequest& request) {
        auto cursor = request.query_value("after").value_or("c0");
        int page = cursor[1] - '0';
        auto body = items(page, 4);
        body.pop_back();
        return text(200, body + (page < 3 ? fmt::format(R"(,"next":{{"cursor":"c{}"}}}})", page + 1) : "}"));
    });
    auto source = spec(api_.url("/"));
    http(source).pagination = {
        .kind = Pagination::Kind::cursor, .parameter = "after", .next = "/next/cursor"};
    EXPECT_EQ(once(source)->acknowledged, 16);
    EXPECT_EQ(api_.count(), 4u);
    EXPECT_FALSE(api_.requests()[0].query_value("after"));
    EXPECT_EQ(once(source)->acknowledged, 0);
    EXPECT_EQ(api_.requests()[4].query_value("after"), "c3");
}

TEST_F(HttpSourceTest, LinksAreFollowed) {
    api_.answer([](const net::HttpRequest& request) {
        int page = std::stoi(std::string(request.query_value("p").value_or("1")));
        auto response = text(200, items(page, 2));
        if (page < 4)
            response.headers.emplace_back(
                "Link",
                fmt::format(R"(</list?p=1>; rel="first", </list?p={}>; title="a, b"; rel="next last")",
                            page + 1));
        return response;
    });
    auto source = spec(api_.url("/list"));
    http(source).pagination = {.kind = Pagination::Kind::link};
    EXPECT_EQ(once(source)->acknowledged, 8);
    EXPECT_EQ(api_.requests().back().query_value("p"), "4");
}

TEST_F(HttpSourceTest, ACrashBetweenPartitionsLosesAndDoublesNothing) {
    serve_pages(12);
    ASSERT_TRUE(topics_.create({.name = "things", .partitions = 3, .config = {}}));
    auto source = paged(spec(api_.url("/")));
    for (int crash = 1; crash < 30; crash += 2) {
        topics_.crash_after(crash);
        // "Crashed": the log refuses everything, and the run ends with its process.
        std::atomic<bool> ended{false};
        std::thread watch([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(30));
            ended = true;
        });
        auto counts = sources_->run_bounded(source, 0, "r", [&] { return ended.load(); });
        watch.join();
        topics_.recover();
        sources_ = make_sources(topics_, replicas_);
    }
    ASSERT_TRUE(once(source));
    auto all = ids();
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 120u);
    EXPECT_EQ(all.size(), 120u);
}

TEST_F(HttpSourceTest, ARefusedAppendIsTriedAgain) {
    serve_pages(5);
    topics_.fail_next(3, {Errc::full, "no room on the disk"});
    auto counts = once(paged(spec(api_.url("/"))));
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_EQ(counts->acknowledged, 50);
    EXPECT_EQ(ids().size(), 50u);
}

TEST_F(HttpSourceTest, AContinuousSourceOpensItsCircuitAndRecovers) {
    // Shared: a request that is cut off by stop() may still be answered when the test has ended.
    auto broken = std::make_shared<std::atomic<bool>>(true);
    api_.answer([broken](auto&) { return *broken ? text(500, "down") : text(200, items(1, 1)); });
    auto source = spec(api_.url("/"));
    http(source).every_us = 5'000;
    http(source).breaker_failures = 3;
    http(source).breaker_open_us = 100'000;
    ASSERT_TRUE(sources_->start("p", source));
    EXPECT_TRUE(eventually([&] { return status().state == SourceState::circuit_open; }));
    EXPECT_THAT(status().detail, HasSubstr("HTTP 500: down"));
    *broken = false;
    EXPECT_TRUE(eventually(
        [&] { return status().state == SourceState::running && status().counts.acknowledged > 2; }));
    EXPECT_EQ(status().detail, "");
    ASSERT_TRUE(sources_->stop("src"));
    auto stopped = status();
    EXPECT_EQ(stopped.state, SourceState::stopped);
    EXPECT_EQ(stopped.counts.fetched, stopped.counts.acknowledged);
}

TEST_F(HttpSourceTest, TheReplicaAnswersWhenTheApiCannotBeReached) {
    api_.answer([](auto&) { return text(200, items(1, 2)); });
    replicas_.url = api_.url("");
    auto source = spec("http://127.0.0.1:1/api/?results=2");
    http(source).replica = "randomuser";
    http(source).every_us = 5'000;
    ASSERT_TRUE(sources_->start("p", source));
    EXPECT_TRUE(eventually([&] { return status().counts.acknowledged >= 4; }));
    EXPECT_TRUE(status().replica);
    EXPECT_THAT(status().detail, HasSubstr("127.0.0.1:1"));
    EXPECT_THAT(status().detail, HasSubstr("replica"));
    EXPECT_EQ(status().counts.failures, 0);
    EXPECT_EQ(api_.requests()[0].path, "/api/");
    EXPECT_EQ(api_.requests()[0].query_value("results"), "2");
    EXPECT_EQ(topics_.records("things")[0].headers["penstock.origin"], "replica:randomuser");
}

TEST_F(HttpSourceTest, WithoutAReplicaItWaitsForTheApi) {
    auto source = spec("http://127.0.0.1:1/");
    http(source).retries = 2;
    auto counts = once(source);
    ASSERT_FALSE(counts);
    EXPECT_EQ(counts.error().code, Errc::unavailable);
    EXPECT_THAT(counts.error().text, HasSubstr("127.0.0.1:1"));
}

TEST_F(HttpSourceTest, ARunIsBoundedByItsTimeAndCanBeCancelled) {
    api_.answer([](auto&) { return text(200, items(1, 1)); });
    auto source = spec(api_.url("/"));
    http(source).every_us = 2'000;
    auto counts = once(source, 100'000);
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_GT(counts->acknowledged, 1);
    auto cancelled = sources_->run_bounded(source, 0, "r", [] { return true; });
    EXPECT_EQ(cancelled.error().code, Errc::cancelled);
}

TEST_F(HttpSourceTest, ALimitIsKept) {
    api_.answer([](auto&) { return text(200, items(1, 10)); });
    auto source = spec(api_.url("/"));
    http(source).limit = pipeline::RateLimit{.amount = 35, .records = true, .per_us = 10'000'000};
    EXPECT_EQ(once(source, 150'000)->acknowledged, 30);
}

TEST_F(HttpSourceTest, StartingTheSameAgainChangesNothingAndAnotherSpecRestarts) {
    api_.answer([](auto&) { return text(200, items(1, 1)); });
    auto source = spec(api_.url("/one"));
    http(source).every_us = 2'000;
    ASSERT_TRUE(sources_->start("p", source));
    ASSERT_TRUE(sources_->start("p", source));
    http(source).url = api_.url("/two");
    ASSERT_TRUE(sources_->start("p", source));
    EXPECT_TRUE(eventually([&] {
        auto requests = api_.requests();
        return !requests.empty() && requests.back().path == "/two";
    }));
    EXPECT_EQ(sources_->status().size(), 1u);
    ASSERT_TRUE(sources_->stop("src"));
    ASSERT_TRUE(sources_->stop("nobody"));
}

TEST_F(HttpSourceTest, AStopDoesNotWaitForASlowResponse) {
    api_.delay(std::chrono::milliseconds(3'000));
    api_.answer([](auto&) { return text(200, items(1, 1)); });
    ASSERT_TRUE(sources_->start("p", spec(api_.url("/"))));
    EXPECT_TRUE(eventually([&] { return api_.count() == 1; }));
    ASSERT_TRUE(sources_->stop("src"));
    EXPECT_EQ(status().state, SourceState::stopped);
    EXPECT_EQ(status().counts.fetched, 0);
}

}  // namespace
}  // namespace penstock::ingest
