#include "base/metrics.h"

#include <gtest/gtest.h>

namespace penstock::metrics {
namespace {

bool has_line(const std::string& line) {
    return ("\n" + prometheus_text()).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, ACounterIsOneOfItsNameAndLabels) {
    counter("test_a_total", "A.", {{"x", "1"}}).add(2);
    counter("test_a_total", "A.", {{"x", "1"}}).add();
    counter("test_a_total", "A.", {{"x", "q\"\\\n"}}).add();
    EXPECT_TRUE(has_line("# TYPE test_a_total counter"));
    EXPECT_TRUE(has_line("test_a_total{x=\"1\"} 3"));
    EXPECT_TRUE(has_line("test_a_total{x=\"q\\\"\\\\\\n\"} 1"));
}

TEST(Metrics, BucketsOfAHistogramAddUp) {
    auto& took = histogram("test_took_seconds", "Took.", {{"api", "x"}});
    for (auto us : {0, 500, 501, 1'000'000, 60'000'000}) took.observe_us(us);
    EXPECT_TRUE(has_line("# TYPE test_took_seconds histogram"));
    EXPECT_TRUE(has_line("test_took_seconds_bucket{api=\"x\",le=\"0.0005\"} 2")) << prometheus_text();
    EXPECT_TRUE(has_line("test_took_seconds_bucket{api=\"x\",le=\"0.001\"} 3"));
    EXPECT_TRUE(has_line("test_took_seconds_bucket{api=\"x\",le=\"1\"} 4"));
    EXPECT_TRUE(has_line("test_took_seconds_bucket{api=\"x\",le=\"+Inf\"} 5"));
    EXPECT_TRUE(has_line("test_took_seconds_sum{api=\"x\"} 61.001001"));
    EXPECT_TRUE(has_line("test_took_seconds_count{api=\"x\"} 5"));
    histogram("test_bare_seconds", "Bare.").observe_us(1);
    EXPECT_TRUE(has_line("test_bare_seconds_bucket{le=\"+Inf\"} 1"));
    EXPECT_TRUE(has_line("test_bare_seconds_count 1"));
}

}  // namespace
}  // namespace penstock::metrics
