#include "net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>

#include "net/http_client.h"
#include "net/http_target.h"

namespace penstock::net {
namespace {

using testing::HasSubstr;

Task<HttpResponse> describe(HttpRequest request) {
    std::string text = request.method + " " + request.path + "\n";
    for (auto& [name, value] : request.params) text += name + "=" + value + "\n";
    for (auto& [name, value] : request.query) text += "?" + name + "=" + value + "\n";
    if (!request.body.empty()) text += request.body;
    co_return HttpResponse{.content_type = "text/plain", .body = std::move(text)};
}

Task<HttpResponse> throws(HttpRequest) {
    throw std::runtime_error("broken on purpose");
    co_return HttpResponse{};
}

Task<HttpResponse> big(HttpRequest) {
    co_return HttpResponse{.content_type = "text/plain", .body = std::string(5'000'000, 'x')};
}

Task<HttpResponse> splits_header(HttpRequest request) {
    HttpResponse response = json_response("{}");
    response.headers.emplace_back("X-Echo", std::string(*request.query_value("v")));
    co_return response;
}

Task<> count_to_three(HttpRequest, EventStream& events) {
    for (int i = 1; i <= 3; ++i) {
        auto sent = co_await events.send("tick", fmt::format("{}\nsecond line", i));
        if (!sent) co_return;
    }
}

class HttpServerTest : public testing::Test {
protected:
    void SetUp() override {
        auto routes = std::make_shared<HttpRoutes>();
        routes->on("GET", "/plain", describe);
        routes->on("POST", "/plain", describe);
        routes->on("GET", "/topics/{topic}", describe);
        routes->on("GET", "/topics/special", describe);
        routes->on("DELETE", "/topics/{topic}", describe);
        routes->on("GET", "/files/{rest...}", describe);
        routes->on("GET", "/throws", throws);
        routes->on("GET", "/big", big);
        routes->on("GET", "/header", splits_header);
        routes->on_events("/events", count_to_three);
        auto started = HttpServer::start(shards_,
                                         {.listen = {.name = "http"},
                                          .max_body_bytes = 1000,
                                          .max_header_bytes = 2000,
                                          .idle_timeout = std::chrono::milliseconds(1000),
                                          .headers = {{"X-Server", "test"}}},
                                         routes);
        ASSERT_TRUE(started) << started.error().text;
        server_ = std::move(*started);
    }

    std::string url(std::string_view path) {
        return fmt::format("http://127.0.0.1:{}{}", server_->port(), path);
    }
    HttpResult get(std::string_view path, std::string_view method = "GET", std::string_view body = {}) {
        auto result = http_request(method, url(path), body);
        EXPECT_TRUE(result) << result.error().text;
        return result ? *result : HttpResult{};
    }
    /// Sends bytes and reads until the server closes.
    std::string raw(std::string_view bytes) {
        asio::io_context context;
        asio::ip::tcp::socket socket(context);
        socket.connect({asio::ip::make_address("127.0.0.1"), server_->port()});
        boost::system::error_code ignored;
        asio::write(socket, asio::buffer(bytes.data(), bytes.size()), ignored);
        std::string got;
        asio::read(socket, asio::dynamic_buffer(got), ignored);
        return got;
    }

    Shards shards_{2};
    std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithTheHandlersBodyAndTheServersHeaders) {
    auto result = get("/plain?a=1&b=x%20y+z&a=2");
    EXPECT_EQ(result.status, 200);
    EXPECT_EQ(result.body, "GET /plain\n?a=1\n?b=x y z\n?a=2\n");
    EXPECT_EQ(result.header("content-type"), "text/plain");
    EXPECT_EQ(result.header("x-server"), "test");
}

TEST_F(HttpServerTest, TheMoreLiteralRouteWins) {
    EXPECT_EQ(get("/topics/special").body, "GET /topics/special\n");
    EXPECT_EQ(get("/topics/users").body, "GET /topics/users\ntopic=users\n");
}

TEST_F(HttpServerTest, ParametersAreDecodedAfterThePathWasSplit) {
    EXPECT_EQ(get("/topics/a%2Fb%C3%A9").body, "GET /topics/a/b\xC3\xA9\ntopic=a/b\xC3\xA9\n");
    EXPECT_EQ(get("/files/css/site.css").body, "GET /files/css/site.css\nrest=css/site.css\n");
    EXPECT_EQ(get("/plain/").status, 200);
}

TEST_F(HttpServerTest, TheBodyOfAPostArrives) {
    EXPECT_THAT(get("/plain", "POST", R"({"x":1})").body, HasSubstr(R"({"x":1})"));
}

TEST_F(HttpServerTest, AnUnknownPathIs404AndAnUnknownMethod405WithAllow) {
    auto missing = get("/nowhere");
    EXPECT_EQ(missing.status, 404);
    EXPECT_THAT(missing.body, HasSubstr("not_found"));
    auto refused = get("/topics/users", "PUT", "x");
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.header("allow"), "DELETE, GET, HEAD, OPTIONS");
}

TEST_F(HttpServerTest, OptionsTellsTheMethods) {
    auto result = get("/plain", "OPTIONS");
    EXPECT_EQ(result.status, 204);
    EXPECT_EQ(result.header("allow"), "GET, HEAD, OPTIONS, POST");
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
    auto result = get("/plain", "HEAD");
    EXPECT_EQ(result.status, 200);
    EXPECT_EQ(result.header("content-length"), "12");
    EXPECT_EQ(result.body, "");
}

TEST_F(HttpServerTest, AThrowingHandlerIs500AndTheServerLives) {
    EXPECT_EQ(get("/throws").status, 500);
    EXPECT_EQ(get("/plain").status, 200);
}

TEST_F(HttpServerTest, ABodyOverTheLimitIs413) {
    EXPECT_EQ(get("/plain", "POST", std::string(100'000, 'x')).status, 413);
    auto chunked = raw("POST /plain HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" +
                       std::string(2048, 'x') + "\r\n0\r\n\r\n");
    EXPECT_THAT(chunked, HasSubstr("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, HeadersOverTheLimitAre431) {
    EXPECT_THAT(raw("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(5000, 'x') + "\r\n\r\n"),
                HasSubstr("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, WhatIsNotHttpIs400AndClosed) {
    EXPECT_THAT(raw("\x16\x03\x01 hello\r\n\r\n"), HasSubstr("HTTP/1.1 400"));
    EXPECT_THAT(raw("GET /plain HTTP/1.1\r\n\r\n"), HasSubstr("header 'Host'"));
    EXPECT_THAT(raw("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"), HasSubstr("HTTP/1.1 400"));
    EXPECT_THAT(raw("GET /files/%2e%2e/x HTTP/1.1\r\nHost: h\r\n\r\n"), HasSubstr("HTTP/1.1 400"));
    EXPECT_THAT(raw("POST /plain HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                HasSubstr("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
    auto got =
        raw("GET /topics/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /topics/2 HTTP/1.1\r\nHost: h\r\n\r\n"
            "GET /topics/3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    auto first = got.find("topic=1"), second = got.find("topic=2"), third = got.find("topic=3");
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_NE(third, std::string::npos);
}

TEST_F(HttpServerTest, ASlowRequestIsCutOffAtTheTimeLimit) {
    EXPECT_EQ(raw("GET /plain HTTP/1.1\r\nHost"), "");
    EXPECT_EQ(raw("POST /plain HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"), "");
}

TEST_F(HttpServerTest, AsksForTheBodyWhenToldToExpect) {
    EXPECT_THAT(raw("POST /plain HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
                    "Connection: close\r\n\r\nok"),
                testing::StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"));
}

TEST_F(HttpServerTest, ALargeResponseArrivesWhole) {
    EXPECT_EQ(get("/big").body.size(), 5'000'000u);
}

TEST_F(HttpServerTest, AHeadersValueCannotEndItsLine) {
    auto result = get("/header?v=a%0D%0ASet-Cookie:%20x");
    EXPECT_EQ(result.header("x-echo"), "a  Set-Cookie: x");
    EXPECT_EQ(result.header("set-cookie"), "");
}

TEST_F(HttpServerTest, EventsAreSentLineByLine) {
    std::vector<std::string> lines;
    auto done = http_lines(url("/events"), {}, [&](std::string_view line) {
        lines.emplace_back(line);
        return true;
    });
    ASSERT_TRUE(done) << done.error().text;
    ASSERT_EQ(lines.size(), 12u);
    EXPECT_EQ(lines[0], "event: tick");
    EXPECT_EQ(lines[1], "data: 1");
    EXPECT_EQ(lines[2], "data: second line");
    EXPECT_EQ(lines[3], "");
}

TEST_F(HttpServerTest, StopEndsConnectionsThatAreKeptOpen) {
    asio::io_context context;
    asio::ip::tcp::socket idle(context);
    idle.connect({asio::ip::make_address("127.0.0.1"), server_->port()});
    server_->stop();
    char byte;
    boost::system::error_code error;
    idle.read_some(asio::buffer(&byte, 1), error);
    EXPECT_TRUE(error);
}

TEST_F(HttpServerTest, TheClientNamesWhatItCannotReach) {
    auto port = server_->port();
    server_->stop();
    auto refused = http_request("GET", fmt::format("http://127.0.0.1:{}/", port));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_THAT(refused.error().text, HasSubstr(std::to_string(port)));
    EXPECT_EQ(http_request("GET", "ftp://x").error().code, Errc::invalid);
}

TEST(HttpTargetTest, EncodesAllButTheUnreserved) {
    EXPECT_EQ(percent_encode("a b/\xC3\xA9~"), "a%20b%2F%C3%A9~");
    EXPECT_EQ(*percent_decode("a%20b%2F%C3%A9~"), "a b/\xC3\xA9~");
}

}  // namespace
}  // namespace penstock::net
