#include "stream/spark/spark_progress.h"

#include <gtest/gtest.h>

namespace penstock::stream {
namespace {

// As Spark 3.5 writes it, shortened.
constexpr std::string_view report = R"({
  "id" : "8c57b1ec-94bd-4a5f-a3ae-a1a3a8d4e3f5",
  "runId" : "9f6a0d1a-4b0c-4b2c-9c39-6c1d3e0a7b11",
  "name" : "users",
  "timestamp" : "2026-01-31T10:00:00.500Z",
  "batchId" : 7,
  "batchDuration" : 1250,
  "numInputRows" : 300,
  "eventTime" : {"avg" : "2026-01-31T09:59:50.000Z", "watermark" : "2026-01-31T09:59:40.000Z"},
  "stateOperators" : [ {"operatorName" : "stateStoreSave", "numRowsTotal" : 3, "numRowsDroppedByWatermark" : 2} ],
  "sources" : [ {
    "description" : "KafkaV2[Subscribe[users_created]]",
    "startOffset" : {"users_created" : {"1" : 0, "0" : 0}},
    "endOffset" : {"users_created" : {"1" : 100, "0" : 200}},
    "latestOffset" : {"users_created" : {"1" : 150, "0" : 250}},
    "numInputRows" : 300
  } ],
  "sink" : {"description" : "KafkaWriterFactory", "numOutputRows" : 12}
})";

TEST(SparkProgressTest, SaysHowFarItIs) {
    auto progress = parse_spark_progress(report);
    ASSERT_TRUE(progress) << progress.error().text;
    EXPECT_EQ(progress->run_id, "9f6a0d1a-4b0c-4b2c-9c39-6c1d3e0a7b11");
    EXPECT_EQ(progress->batch, 7);
    EXPECT_EQ(progress->input_rows, 300);
    EXPECT_EQ(progress->output_rows, 12);
    EXPECT_EQ(progress->late_rows, 2);
    EXPECT_EQ(progress->duration_us, 1'250'000);
    EXPECT_EQ(progress->time_us, 1'769'853'600'500'000);
    EXPECT_EQ(progress->watermark_us, 1'769'853'580'000'000);
    EXPECT_EQ(progress->ends.at("users_created").at(0), 200);
    EXPECT_EQ(progress->ends.at("users_created").at(1), 100);
}

TEST(SparkProgressTest, AReportWithoutABatchHasTheNumberOfTheLastOne) {
    auto idle = parse_spark_progress(
        R"({"batchId":8,"numInputRows":0,"durationMs":{"latestOffset":2,"triggerExecution":2},
            "sources":[{"endOffset":{"t":{"0":9}},"numInputRows":0}]})");
    ASSERT_TRUE(idle);
    EXPECT_TRUE(idle->is_idle);
    EXPECT_EQ(idle->batch, 7);
    EXPECT_FALSE(parse_spark_progress(report)->is_idle);
    // One that moves the watermark only.
    EXPECT_FALSE(parse_spark_progress(R"({"batchId":8,"durationMs":{"addBatch":20},"sources":[]})")->is_idle);
}

TEST(SparkProgressTest, OffsetsMayBeText) {
    auto progress = parse_spark_progress(R"({"sources":[{"endOffset":"{\"t\":{\"3\":9}}"}]})");
    ASSERT_TRUE(progress);
    EXPECT_EQ(progress->ends.at("t").at(3), 9);
}

TEST(SparkProgressTest, WhatIsMissingStaysAtItsDefault) {
    auto progress = parse_spark_progress(
        R"({"batchId":"x","sources":[{"endOffset":{"t":{"a":1,"-1":2,"0":"z"},"u":5}},7],"sink":3,"eventTime":[]})");
    ASSERT_TRUE(progress);
    EXPECT_EQ(progress->batch, -1);
    EXPECT_EQ(progress->output_rows, -1);
    EXPECT_EQ(progress->watermark_us, INT64_MIN);
    EXPECT_TRUE(progress->ends.empty());
    // Until it has seen a time, Spark's watermark is the epoch.
    EXPECT_EQ(parse_spark_progress(R"({"eventTime":{"watermark":"1970-01-01T00:00:00.000Z"}})")->watermark_us,
              INT64_MIN);
    EXPECT_FALSE(parse_spark_progress("[]"));
    EXPECT_FALSE(parse_spark_progress("{"));
}

}  // namespace
}  // namespace penstock::stream
