// A Monitor over fakes on a free port, and requests to it. For tests.
#pragma once

#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>
#include <string_view>

#include "monitor/testing/fakes.h"
#include "net/http_client.h"

namespace penstock::monitor::testing {

class RunningMonitor : public ::testing::Test {
protected:
    RunningMonitor() {
        options.listen.port = 0;
        options.sample_every_us = 0;
        options.data_directory = "/var/lib/penstock";
    }

    void start() {
        auto started = start_monitor(shards, pool, fakes.parts(), options);
        ASSERT_TRUE(started) << started.error().text;
        monitor = std::move(*started);
    }

    std::string url(std::string_view path) const {
        return fmt::format("http://127.0.0.1:{}{}", monitor->port(), path);
    }
    net::HttpResult call(std::string_view method, std::string_view path, std::string_view body = {},
                         const net::HttpHeaders& headers = {}) {
        if (!monitor) start();
        auto result = net::http_request(method, url(path), body, headers);
        EXPECT_TRUE(result) << result.error().text;
        return result ? std::move(*result) : net::HttpResult();
    }
    net::HttpResult get(std::string_view path, const net::HttpHeaders& headers = {}) {
        return call("GET", path, {}, headers);
    }
    net::HttpResult post(std::string_view path, std::string_view body, const net::HttpHeaders& headers = {}) {
        return call("POST", path, body, headers);
    }
    /// The body as JSON; lives until the next parse().
    simdjson::dom::element parse(const net::HttpResult& result) {
        simdjson::dom::element element;
        EXPECT_FALSE(parser.parse(result.body).get(element)) << result.body;
        return element;
    }
    static std::string text(simdjson::simdjson_result<simdjson::dom::element> element) {
        simdjson::dom::element value;
        if (element.get(value) != simdjson::SUCCESS) return "(missing)";
        std::string_view view;
        if (value.get_string().get(view) == simdjson::SUCCESS) return std::string(view);
        return simdjson::minify(value);
    }
    std::string error_message(const net::HttpResult& result) {
        return text(parse(result).at_pointer("/error/message"));
    }

    Fakes fakes;
    MonitorOptions options;
    net::Shards shards{1};
    net::BlockingPool pool{4};
    simdjson::dom::parser parser;
    std::unique_ptr<Monitor> monitor;  ///< the first request starts it
};

}  // namespace penstock::monitor::testing
