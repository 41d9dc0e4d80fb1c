#include "monitor/testing/running_monitor.h"

namespace penstock::monitor {
namespace {

class RecordsTest : public testing::RunningMonitor {
protected:
    RecordsTest() {
        EXPECT_TRUE(fakes.topics.create({"t", 2, {}}));
        for (int i = 0; i < 10; ++i) {
            fakes.topics.put("t", 0, {fmt::format("k{}", i), fmt::format("v{}", i), i * 10});
        }
        fakes.topics.put("t", 1, {std::nullopt, "other", 55});
    }
    /// "partition:offset ..." of the records there.
    std::string places(std::string_view query) {
        const auto result = get(fmt::format("/api/v1/topics/t/records{}", query));
        if (result.status != 200) return std::to_string(result.status);
        std::string out;
        const simdjson::dom::array all = parse(result);
        for (const auto record : all) {
            out += text(record["partition"]) + ":" + text(record["offset"]) + " ";
        }
        return out;
    }
};

TEST_F(RecordsTest, WithoutAPartitionTheNewestOfAllComeFirst) {
    EXPECT_EQ(places("?limit=6"), "0:9 0:8 0:7 0:6 1:0 0:5 ");
}

TEST_F(RecordsTest, WithoutAPartitionEarliestMeansTheOldestFirst) {
    EXPECT_EQ(places("?offset=earliest&limit=3"), "0:0 0:1 0:2 ");
    EXPECT_EQ(places("?timestamp=50&limit=3"), "0:5 1:0 0:6 ");
}

TEST_F(RecordsTest, OfAPartitionTheLastOnesComeInOrder) {
    EXPECT_EQ(places("?partition=0&limit=4"), "0:6 0:7 0:8 0:9 ");
    EXPECT_EQ(places("?partition=0&offset=-2"), "0:8 0:9 ");
}

TEST_F(RecordsTest, StartWhereAsked) {
    EXPECT_EQ(places("?partition=0&offset=earliest&limit=5"), "0:0 0:1 0:2 0:3 0:4 ");
    EXPECT_EQ(places("?partition=0&offset=7&limit=2"), "0:7 0:8 ");
    EXPECT_EQ(places("?partition=0&offset=latest"), "");
    EXPECT_EQ(places("?partition=0&timestamp=75&limit=1"), "0:8 ");
}

TEST_F(RecordsTest, RefuseWhatIsNotThereAndSayWhatIs) {
    EXPECT_EQ(places("?partition=0&offset=99"), "400");
    EXPECT_EQ(error_message(get("/api/v1/topics/t/records?partition=2")),
              "topic 't' has no partition 2; it has 2");
    EXPECT_NE(error_message(get("/api/v1/topics/t/records?partition=0&offset=soon")).find("'soon'"),
              std::string::npos);
    EXPECT_NE(error_message(get("/api/v1/topics/t/records?limit=0")).find("from 1 to 10000"),
              std::string::npos);
    EXPECT_NE(error_message(get("/api/v1/topics/t/records?offset=5")).find("partition"), std::string::npos);
}

TEST_F(RecordsTest, BytesThatAreNotTextComeAsBase64) {
    fakes.topics.put("t", 1, {"\xff", std::nullopt, 60});
    const auto record = parse(get("/api/v1/topics/t/records?partition=1&offset=1")).at(0);
    EXPECT_EQ(text(record["key"]), "/w==");
    EXPECT_EQ(text(record["key_encoding"]), "base64");
    EXPECT_EQ(text(record["value"]), "null");
    EXPECT_EQ(text(record["value_encoding"]), "utf8");
}

TEST_F(RecordsTest, AreToldAsTheirSchemasSayWhereThatIsAskedFor) {
    const std::string by_schema_7("\0\0\0\0\7\4hi", 8), by_schema_9("\0\0\0\0\x9\xff", 6);
    fakes.topics.put("t", 1, {by_schema_7, by_schema_9, 60});
    const auto record = parse(get("/api/v1/topics/t/records?partition=1&offset=1&decode=true")).at(0);
    EXPECT_EQ(text(record["key"]), "\"hi\"");
    EXPECT_EQ(text(record["key_encoding"]), "avro");
    EXPECT_EQ(text(record["key_schema_id"]), "7");
    EXPECT_EQ(text(record["value_encoding"]), "base64");
    EXPECT_EQ(text(record["value_problem"]), "schema 9: no such id");
    const auto as_it_is = parse(get("/api/v1/topics/t/records?partition=1&offset=1")).at(0);
    EXPECT_EQ(text(as_it_is["key"]), by_schema_7);
    EXPECT_EQ(error_message(get("/api/v1/topics/t/records?decode=maybe")),
              "parameter decode: expected true or false, found 'maybe'");
}

TEST_F(RecordsTest, AppendedOnesGetTheirOffsetsInOrder) {
    const auto result = post("/api/v1/topics/t/records",
                             R"({"records":[{"value":"a","partition":0},{"value":"b","partition":1},)"
                             R"({"value":"AAE=","value_encoding":"base64","partition":0}]})");
    EXPECT_EQ(result.body, R"({"offsets":[{"partition":0,"offset":10},{"partition":1,"offset":1},)"
                           R"({"partition":0,"offset":11}],"acknowledged":3})");
    const auto record = parse(get("/api/v1/topics/t/records?partition=0&offset=11")).at(0);
    EXPECT_EQ(text(record["value"]), std::string_view("\0\1", 2));
}

TEST_F(RecordsTest, AreWrittenAsTheirSchemaSays) {
    const auto result = post("/api/v1/topics/t/records",
                             R"({"records":[{"key":"\"k\"","key_schema_id":7,"key_encoding":"avro",)"
                             R"("value":"\"hi\"","value_schema_id":7,"partition":1},)"
                             R"({"value":null,"value_schema_id":7,"partition":1}]})");
    EXPECT_EQ(result.status, 200) << result.body;
    const auto records = parse(get("/api/v1/topics/t/records?partition=1&offset=1"));
    EXPECT_EQ(text(records.at(0)["key"]), std::string("\0\0\0\0\7\2k", 7));
    EXPECT_EQ(text(records.at(0)["value"]), std::string("\0\0\0\0\7\4hi", 8));
    EXPECT_EQ(text(records.at(1)["value"]), "null");
}

TEST_F(RecordsTest, ThatDoNotFitTheirSchemaAreRefusedAndNothingIsAppended) {
    const auto message = [&](std::string_view record) {
        return error_message(
            post("/api/v1/topics/t/records", fmt::format(R"({{"records":[{{"value":"x"}},{}]}})", record)));
    };
    EXPECT_EQ(message(R"({"value":"5","value_schema_id":7})"),
              "records[1].value: does not fit schema 7 of users-value: expected a string, found 5");
    EXPECT_EQ(message(R"({"value":"\"","value_schema_id":7})").substr(0, 32),
              "records[1].value: not valid JSON");
    EXPECT_EQ(message(R"({"key":"1","key_schema_id":9})"), "records[1].key_schema_id: no such id");
    EXPECT_EQ(message(R"({"value":"1","value_schema_id":7,"value_encoding":"protobuf"})"),
              "records[1].value_encoding: schema 7 is avro, found 'protobuf'");
    EXPECT_EQ(places("?partition=0&limit=1"), "0:9 ");
    EXPECT_EQ(places("?partition=1"), "1:0 ");
}

TEST_F(RecordsTest, OneKeyAlwaysGoesToOnePartition) {
    const auto both =
        post("/api/v1/topics/t/records", R"({"records":[{"key":"x","value":"1"},{"key":"x","value":"2"}]})");
    const auto offsets = parse(both)["offsets"];
    EXPECT_EQ(text(offsets.at(0)["partition"]), text(offsets.at(1)["partition"]));
}

TEST_F(RecordsTest, ThatCannotBeAppendedAreRefusedByName) {
    const auto message = [&](std::string_view body) {
        return error_message(post("/api/v1/topics/t/records", body));
    };
    EXPECT_EQ(message(R"({"records":[{"partition":2}]})"), "records[0].partition: expected 0 to 1, found 2");
    EXPECT_EQ(message(R"({"records":[{},{"valeu":"x"}]})").substr(0, 33),
              "records[1].valeu: unknown field; ");
    EXPECT_EQ(message(R"({"records":[]})"), "records: expected at least one record");
    EXPECT_EQ(message(R"({"records":[{"value":"?","value_encoding":"base64"}]})"),
              "records[0].value: not base64 with padding");
    EXPECT_EQ(message(R"({"records":[{},{"key":"?","key_encoding":"avro"}]})"),
              "records[1].key_encoding: expected utf8 or base64, or the kind of a schema with key_schema_id; "
              "found 'avro'");
    EXPECT_EQ(post("/api/v1/topics/none/records", R"({"records":[{}]})").status, 404);
}

}  // namespace
}  // namespace penstock::monitor
