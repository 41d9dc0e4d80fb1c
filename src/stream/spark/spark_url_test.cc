#include "stream/spark/spark_url.h"

#include <gmock/gmock.h>

#include "stream/spark/spark_place.h"

namespace penstock::stream {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::optional<std::string> environment(const std::string& name) {
    if (name == "TOKEN") return "t;&=x";
    return std::nullopt;
}

TEST(SparkUrlTest, HasSparksOwnForm) {
    auto url = parse_spark_url("sc://spark:15003", environment);
    ASSERT_TRUE(url) << url.error().text;
    EXPECT_EQ(url->host, "spark");
    EXPECT_EQ(url->port, 15003);
    EXPECT_FALSE(url->use_ssl);
    EXPECT_EQ(parse_spark_url("sc://spark/")->port, 15002);
}

TEST(SparkUrlTest, OptionsFollowTheSlash) {
    auto url = parse_spark_url(
        "sc://h/;token=${TOKEN};checkpoints=s3a://bucket/a/;kafka=k1:9092,k2:9092;tables=relay;trigger=5 "
        "seconds;"
        "max_offsets=1000;dead_letters=false;select=embedded;spark.sql.shuffle.partitions=4;kafka.client.id="
        "a%26b",
        environment);
    ASSERT_TRUE(url) << url.error().text;
    EXPECT_EQ(url->token, "t;&=x");
    EXPECT_TRUE(url->use_ssl);
    EXPECT_EQ(url->checkpoints, "s3a://bucket/a");
    EXPECT_EQ(url->kafka, "k1:9092,k2:9092");
    EXPECT_EQ(url->tables, SparkTables::relay);
    EXPECT_EQ(url->trigger, "5 seconds");
    EXPECT_EQ(url->max_offsets, 1000);
    EXPECT_FALSE(url->dead_letters);
    EXPECT_TRUE(url->local_select);
    EXPECT_EQ(url->spark.at("spark.sql.shuffle.partitions"), "4");
    EXPECT_EQ(url->kafka_options.at("kafka.client.id"), "a&b");
}

TEST(SparkUrlTest, WhatIsWrongIsNamedAndSecretsAreNot) {
    auto error = [](std::string_view text) {
        auto url = parse_spark_url(text, environment);
        return url ? "none" : url.error().text;
    };
    EXPECT_THAT(error("sc://h/;token=hunter2;colour=red"), HasSubstr("there is no option colour"));
    EXPECT_THAT(error("sc://h/;token=hunter2;colour=red"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(error("sc://h/;use_ssl=maybe"), HasSubstr("expected true or false"));
    EXPECT_THAT(error("sc://h/;max_offsets=-1"), HasSubstr("expected a number of records"));
    EXPECT_THAT(error("sc://h/;tables=x"), HasSubstr("connector or relay"));
    EXPECT_THAT(error("sc://h1,h2/"), HasSubstr("expected sc://"));
    EXPECT_THAT(error("sc://h:99999"), HasSubstr("1 to 65535"));
    EXPECT_THAT(error("spark://h"), HasSubstr("expected sc://"));
    EXPECT_THAT(error("sc://h/;token=${MISSING}"), HasSubstr("MISSING is not set"));
}

TEST(SparkPlaceTest, NeighboursAreThoseOfPenstock) {
    auto url = *parse_spark_url("sc://127.0.0.1", environment);
    auto place = spark_place(url, {"kafka://127.0.0.1:9092", "cassandra://127.0.0.1:9043", "/data/spark"});
    ASSERT_TRUE(place) << place.error().text;
    EXPECT_EQ(place->kafka.at("kafka.bootstrap.servers"), "127.0.0.1:9092");
    EXPECT_EQ(place->cassandra.at("spark.cassandra.connection.port"), "9043");
    EXPECT_EQ(place->checkpoints, "/data/spark");
}

TEST(SparkPlaceTest, NeighboursAsTheClusterSeesThem) {
    auto url = *parse_spark_url("sc://h/;kafka=k:1;cassandra=c:2;checkpoints=hdfs://n/p", environment);
    auto place =
        spark_place(url, {"kafka://user:p\"w@a:9092?sasl.mechanism=SCRAM-SHA-256&security.protocol=sasl_ssl",
                          "cassandra://cu:cp@b", "/data"});
    ASSERT_TRUE(place) << place.error().text;
    EXPECT_EQ(place->kafka.at("kafka.bootstrap.servers"), "k:1");
    EXPECT_EQ(place->kafka.at("kafka.security.protocol"), "SASL_SSL");
    EXPECT_THAT(place->kafka.at("kafka.sasl.jaas.config"), HasSubstr("scram.ScramLoginModule required"));
    EXPECT_THAT(place->kafka.at("kafka.sasl.jaas.config"), HasSubstr("password=\"p\\\"w\";"));
    EXPECT_EQ(place->cassandra.at("spark.cassandra.connection.host"), "c");
    EXPECT_EQ(place->cassandra.at("spark.cassandra.auth.username"), "cu");
    EXPECT_EQ(place->checkpoints, "hdfs://n/p");
}

TEST(SparkPlaceTest, AFolderOfThisMachineIsOfNoUseElsewhere) {
    auto url = *parse_spark_url("sc://far.example", environment);
    auto place = spark_place(url, {"kafka://a", "cassandra://b", "/data"});
    ASSERT_FALSE(place);
    EXPECT_THAT(place.error().text, HasSubstr("checkpoints="));
}

}  // namespace
}  // namespace penstock::stream
