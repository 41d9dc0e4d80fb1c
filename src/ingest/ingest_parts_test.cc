#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/csv.h"
#include "ingest/environment.h"
#include "ingest/http_fetcher.h"
#include "ingest/link_header.h"
#include "ingest/rate_window.h"
#include "ingest/retry.h"
#include "ingest/topic_writer.h"
#include "ingest/webhook.h"

namespace penstock::ingest {
namespace {

using ::testing::HasSubstr;

TEST(RateWindowTest, NoStretchOfThatLengthHoldsMore) {
    RateWindow window({.amount = 100, .records = true, .per_us = 1'000'000});
    std::vector<std::pair<std::int64_t, std::int64_t>> uses;
    std::int64_t now = 12'345;
    for (int i = 0; i < 500; ++i) {
        auto wait = window.wait_us(now, 7);
        if (wait > 0) {
            now += wait;
            continue;
        }
        window.count(now, 7);
        uses.emplace_back(now, 7);
        now += 1'111;
    }
    EXPECT_GT(uses.size(), 100u);
    for (auto& [start, unused] : uses) {
        std::int64_t sum = 0;
        for (auto& [at, amount] : uses)
            if (at >= start && at < start + 1'000'000) sum += amount;
        EXPECT_LE(sum, 100);
    }
}

TEST(RateWindowTest, OneRequestThatIsLargerThanTheLimitMayGoAlone) {
    RateWindow window({.amount = 10, .records = true, .per_us = 1'000});
    EXPECT_EQ(window.wait_us(0, 50), 0);
    window.count(0, 50);
    EXPECT_GT(window.wait_us(10, 50), 0);
    EXPECT_EQ(window.wait_us(1'100, 50), 0);
}

TEST(BackoffTest, GrowsWithJitterUpToItsMaximum) {
    Backoff backoff(1000, 8000, 1);
    for (int i = 0; i < 100; ++i) {
        EXPECT_LE(backoff.delay_us(1), 1000);
        EXPECT_LE(backoff.delay_us(3), 4000);
        EXPECT_LE(backoff.delay_us(60), 8000);
    }
    EXPECT_GE(backoff.delay_us(1, 5'000'000), 5'000'000);
    EXPECT_LE(backoff.delay_us(1, 99'000'000'000), 3'600'002'000);
}

TEST(CircuitBreakerTest, OpensHalfOpensAndCloses) {
    CircuitBreaker breaker(2, 1000);
    breaker.failed(0);
    EXPECT_EQ(breaker.state(), CircuitBreaker::State::closed);
    breaker.failed(10);
    EXPECT_EQ(breaker.state(), CircuitBreaker::State::open);
    EXPECT_EQ(breaker.wait_us(510), 500);
    EXPECT_EQ(breaker.wait_us(1010), 0);
    EXPECT_EQ(breaker.state(), CircuitBreaker::State::half_open);
    breaker.failed(1020);
    EXPECT_EQ(breaker.state(), CircuitBreaker::State::open);
    EXPECT_EQ(breaker.wait_us(2020), 0);
    breaker.succeeded();
    EXPECT_EQ(breaker.state(), CircuitBreaker::State::closed);
    EXPECT_EQ(breaker.failures(), 0);
}

TEST(LinkHeaderTest, FindsNextAmongOthers) {
    EXPECT_EQ(next_link(R"(<https://a/1>; rel="prev", <https://a/3?x=1,2>; rel=next)"), "https://a/3?x=1,2");
    EXPECT_EQ(next_link(R"(</p>; title="x\", rel=next"; REL="last NEXT")"), "/p");
    EXPECT_EQ(next_link(R"(</p>; rel=last; rel=next)"), std::nullopt);
    EXPECT_EQ(next_link("nonsense"), std::nullopt);
    EXPECT_EQ(next_link("<unclosed; rel=next"), std::nullopt);
    EXPECT_EQ(next_link(""), std::nullopt);
}

TEST(EnvironmentTest, ExpandsAndNamesWhatIsMissing) {
    ::setenv("PENSTOCK_TEST_A", "one", 1);
    EXPECT_EQ(*expand_environment("x ${PENSTOCK_TEST_A}${PENSTOCK_TEST_A} $y"), "x oneone $y");
    EXPECT_THAT(expand_environment("${PENSTOCK_NO}").error().text, HasSubstr("PENSTOCK_NO"));
    EXPECT_FALSE(expand_environment("${"));
    EXPECT_FALSE(expand_environment("${a b}"));
}

TEST(EnvironmentTest, UrlsAreMasked) {
    EXPECT_EQ(masked_url("https://user:pw@host:1/p?api_key=1&x=2&Access-Token=3"),
              "https://***@host:1/p?api_key=***&x=2&Access-Token=***");
    EXPECT_EQ(masked_url("http://host/p@x"), "http://host/p@x");
}

TEST(UrlTest, APathIsMovedToAnotherHost) {
    EXPECT_EQ(url_on("http://127.0.0.1:9", "https://a.example/api/?x=1"), "http://127.0.0.1:9/api/?x=1");
    EXPECT_EQ(url_on("http://127.0.0.1:9/", "https://a.example?x=1"), "http://127.0.0.1:9/?x=1");
    EXPECT_EQ(url_on("http://127.0.0.1:9", "https://a.example"), "http://127.0.0.1:9/");
    EXPECT_EQ(*resolve_url("https://a/b/c?x=1", "d?y=2"), "https://a/b/d?y=2");
}

TEST(CsvTest, QuotesMayHoldEverything) {
    auto row = parse_csv_row("a,\"b \"\"x\"\",\r\ny\",,\"\",c\r\n", ',');
    ASSERT_TRUE(row) << row.error().text;
    ASSERT_EQ(row->size(), 5u);
    EXPECT_EQ((*row)[1].text, "b \"x\",\r\ny");
    EXPECT_FALSE((*row)[2].quoted);
    EXPECT_TRUE((*row)[3].quoted);
    EXPECT_EQ((*row)[4].text, "c");
    EXPECT_EQ(*csv_row_as_json({"1", "2", "3", "4", "5"}, *row),
              R"({"1":"a","2":"b \"x\",\r\ny","3":null,"4":"","5":"c"})");
}

TEST(CsvTest, ARowEndsOutsideOfQuotes) {
    EXPECT_EQ(csv_row_end("a,\"b\nc\",d\nnext", false), 10u);
    EXPECT_EQ(csv_row_end("a,b", false), std::nullopt);
    EXPECT_EQ(csv_row_end("a,b", true), 3u);
    EXPECT_EQ(csv_row_end("a,\"b", true), std::nullopt);
}

TEST(CsvTest, WhatIsWrongIsSaid) {
    EXPECT_THAT(parse_csv_row("a,b\"c", ',').error().text, HasSubstr("field 2"));
    EXPECT_THAT(parse_csv_row("\"a\"b", ',').error().text, HasSubstr("after its closing quote"));
    EXPECT_THAT(parse_csv_row("\"a", ',').error().text, HasSubstr("no closing quote"));
    EXPECT_THAT(csv_row_as_json({"x"}, *parse_csv_row("1,2", ',')).error().text, HasSubstr("expected 1"));
    EXPECT_THAT(csv_row_as_json({"x"}, *parse_csv_row("\xFF", ',')).error().text, HasSubstr("UTF-8"));
    EXPECT_FALSE(csv_names(*parse_csv_row("a,a", ',')));
    EXPECT_FALSE(csv_names(*parse_csv_row("a,", ',')));
    EXPECT_EQ(parse_csv_row("", ',')->size(), 1u);
    EXPECT_EQ(parse_csv_row("a;b;", ';')->size(), 3u);
}

TEST(InputPositionTest, IsReadBack) {
    InputPosition position{.page = 12, .records = 50, .token = "a b c"};
    auto read = InputPosition::parse(position.text());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->page, 12);
    EXPECT_EQ(read->records, 50u);
    EXPECT_EQ(read->token, "a b c");
    EXPECT_EQ(InputPosition::parse("1 2 ")->token, "");
    EXPECT_FALSE(InputPosition::parse("x"));
    EXPECT_FALSE(InputPosition::parse("1 2"));
}

TEST(BearerTest, OnlyTheTokenFits) {
    EXPECT_TRUE(is_bearer("Bearer abc", "abc"));
    EXPECT_TRUE(is_bearer("bearer  abc", "abc"));
    EXPECT_FALSE(is_bearer("Bearer abcd", "abc"));
    EXPECT_FALSE(is_bearer("Bearer ab", "abc"));
    EXPECT_FALSE(is_bearer("Basic abc", "abc"));
    EXPECT_FALSE(is_bearer("", "abc"));
}

}  // namespace
}  // namespace penstock::ingest
