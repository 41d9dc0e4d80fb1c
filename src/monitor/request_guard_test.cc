#include "monitor/request_guard.h"

#include <gtest/gtest.h>

namespace penstock::monitor {
namespace {

net::HttpRequest request(std::string method, std::string host, std::string origin = "") {
    net::HttpRequest made;
    made.method = std::move(method);
    made.headers["host"] = std::move(host);
    if (!origin.empty()) made.headers["origin"] = std::move(origin);
    return made;
}

const RequestGuard& guard() {
    static const RequestGuard one("127.0.0.1", {"Penstock.Example.org"});
    return one;
}

TEST(RequestGuard, TakesLoopbackNamesAddressesAndConfiguredHosts) {
    for (const auto* host :
         {"localhost:8080", "LOCALHOST", "localhost.:8080", "a.localhost:1", "127.0.0.1:8080", "[::1]:8080",
          "[::1]", "192.168.1.7:8080", "penstock.example.org:8080", "penstock.example.org"}) {
        EXPECT_TRUE(guard().check(request("GET", host))) << host;
    }
}

TEST(RequestGuard, RefusesNamesThatCouldBeRebound) {
    for (const auto* host : {"evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
                             "penstock.example.org.evil.example", "", ":8080", "[::1", "1.2.3.4.5"}) {
        EXPECT_FALSE(guard().check(request("GET", host))) << host;
    }
}

TEST(RequestGuard, SaysWhichSettingHelps) {
    const auto checked = guard().check(request("GET", "box.lan:8080"));
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().text.find("box.lan:8080"), std::string::npos);
    EXPECT_NE(checked.error().text.find("console.hosts"), std::string::npos);
}

TEST(RequestGuard, TakesChangesFromTheConsoleItselfAndFromPrograms) {
    EXPECT_TRUE(guard().check(request("POST", "localhost:8080")));
    EXPECT_TRUE(guard().check(request("POST", "localhost:8080", "http://localhost:8080")));
    EXPECT_TRUE(guard().check(request("DELETE", "localhost:8080", "https://LOCALHOST:8080")));
}

TEST(RequestGuard, RefusesChangesFromOtherOrigins) {
    for (const auto* origin : {"http://evil.example", "http://localhost:3000", "null",
                               "http://localhost:8080.evil.example", "http://", "localhost:8080"}) {
        EXPECT_FALSE(guard().check(request("POST", "localhost:8080", origin))) << origin;
        EXPECT_FALSE(guard().check(request("DELETE", "localhost:8080", origin))) << origin;
    }
}

TEST(RequestGuard, RefusesCrossSiteChangesWithoutOrigin) {
    auto made = request("POST", "localhost:8080");
    made.headers["sec-fetch-site"] = "cross-site";
    EXPECT_FALSE(guard().check(made));
}

TEST(RequestGuard, LetsOtherOriginsReadAsTheBrowserDecides) {
    EXPECT_TRUE(guard().check(request("GET", "localhost:8080", "http://evil.example")));
}

TEST(HostWithoutPort, KnowsNamesAndBothKindsOfAddresses) {
    EXPECT_EQ(host_without_port("Example.org:80"), "example.org");
    EXPECT_EQ(host_without_port("[::1]:80"), "[::1]");
    EXPECT_EQ(host_without_port("[::1]"), "[::1]");
    EXPECT_EQ(host_without_port("example.org."), "example.org");
}

}  // namespace
}  // namespace penstock::monitor
