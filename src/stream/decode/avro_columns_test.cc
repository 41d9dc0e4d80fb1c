#include "stream/decode/avro_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/avro_encoder.h"
#include "stream/plan/data_type.h"
#include "stream/testing/one_row.h"

namespace penstock::stream {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const registry::AvroSchema> parsed(std::string_view text) {
    auto schema = registry::AvroSchema::parse(text);
    EXPECT_TRUE(schema) << schema.error().text;
    return std::make_shared<const registry::AvroSchema>(std::move(*schema));
}

std::string bytes_of(const registry::AvroSchema& schema, std::string_view json) {
    simdjson::dom::parser parser;
    registry::AvroEncoder encoder(schema.root());
    std::string out;
    EXPECT_TRUE(encoder.encode(parser.parse(json.data(), json.size()).value(), out)) << encoder.why();
    return out;
}

using testing::column;

/// The row's values as text, or why there is none.
std::string decoded(const std::vector<ScanColumn>& scan, const registry::AvroSchema& writer_schema,
                    std::string_view bytes, std::string_view reader = {}) {
    PathTree tree(scan);
    auto writer = std::shared_ptr<const registry::AvroSchema>(std::shared_ptr<void>(), &writer_schema);
    AvroColumns columns(tree, writer, reader.empty() ? nullptr : parsed(reader));
    return testing::text_of_row(scan, columns, bytes);
}

constexpr auto everything = R"({"type":"record","name":"R","fields":[
  {"name":"id","type":"int"},
  {"name":"n","type":["null","long"],"default":null},
  {"name":"ratio","type":"float"},
  {"name":"name","type":"string"},
  {"name":"kind","type":{"type":"enum","name":"K","symbols":["A","B"]}},
  {"name":"address","type":["null",{"type":"record","name":"Address","fields":[
     {"name":"city","type":"string"},{"name":"geo","type":{"type":"array","items":"double"}}]}],"default":null},
  {"name":"tags","type":{"type":"map","values":"string"}},
  {"name":"day","type":{"type":"int","logicalType":"date"}},
  {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
  {"name":"exact","type":{"type":"long","logicalType":"timestamp-micros"}},
  {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
  {"name":"uid","type":{"type":"string","logicalType":"uuid"}},
  {"name":"raw","type":{"type":"fixed","name":"F","size":2}},
  {"name":"ok","type":"boolean"}]})";
constexpr auto one_of_all = R"({"id":7,"n":5,"ratio":1.5,"name":"Ann","kind":"B",
  "address":{"city":"Ghent","geo":[51.05,3.72]},"tags":{"a":"x","b":"y"},"day":"2024-02-29",
  "at":"2024-02-29T12:00:00.5Z","exact":"2024-02-29T12:00:00.000001Z","price":"-12.34",
  "uid":"00112233-4455-6677-8899-aabbccddeeff","raw":"\u00ff","ok":true})";

TEST(AvroColumns, ReadsEveryType) {
    auto schema = parsed(everything);
    auto bytes = bytes_of(*schema, one_of_all);
    auto of = [&](std::vector<ScanColumn> scan) { return decoded(scan, *schema, bytes); };
    EXPECT_EQ(of({column({{"id", -1}}, TypeId::int64), column({{"n", -1}}, TypeId::int64),
                  column({{"ratio", -1}}, TypeId::float64), column({{"name", -1}}, TypeId::string),
                  column({{"kind", -1}}, TypeId::string), column({{"ok", -1}}, TypeId::boolean)}),
              "7 | 5 | 1.5 | Ann | B | true");
    EXPECT_EQ(of({column({{"day", -1}}, TypeId::date), column({{"at", -1}}, TypeId::timestamp),
                  column({{"exact", -1}}, TypeId::timestamp), column({{"price", -1}}, TypeId::float64),
                  column({{"price", -1}}, TypeId::string), column({{"uid", -1}}, TypeId::string)}),
              "2024-02-29 | 2024-02-29 12:00:00.5 | 2024-02-29 12:00:00.000001 | -12.34 | -12.34 | "
              "00112233-4455-6677-8899-aabbccddeeff");
    EXPECT_EQ(of({column({{"address", -1}, {"city", -1}}, TypeId::string),
                  column({{"address", -1}, {"geo", -1}, {"", 1}}, TypeId::float64),
                  column({{"tags", -1}, {"b", -1}}, TypeId::string),
                  column({{"tags", -1}, {"z", -1}}, TypeId::string)}),
              "Ghent | 3.72 | y | NULL");
    EXPECT_EQ(of({column({{"address", -1}}, TypeId::json), column({{"tags", -1}}, TypeId::json)}),
              R"({"city":"Ghent","geo":[51.05,3.72]} | {"a":"x","b":"y"})");
    EXPECT_EQ(of({column({{"raw", -1}}, TypeId::binary)}), "0xc3bf");
}

TEST(AvroColumns, TurnsValuesIntoTheColumnsTypes) {
    auto schema = parsed(everything);
    auto bytes = bytes_of(*schema, one_of_all);
    auto of = [&](ScanColumn one) { return decoded({std::move(one)}, *schema, bytes); };
    EXPECT_EQ(of(column({{"id", -1}}, TypeId::float64)), "7.0");
    EXPECT_EQ(of(column({{"id", -1}}, TypeId::string)), "7");
    EXPECT_EQ(of(column({{"day", -1}}, TypeId::timestamp)), "2024-02-29 00:00:00");
    EXPECT_EQ(of(column({{"at", -1}}, TypeId::date)), "2024-02-29");
    EXPECT_EQ(of(column({{"day", -1}}, TypeId::string)), "2024-02-29");
    EXPECT_EQ(of(column({{"n", -1}}, TypeId::string, true)), "5");
    EXPECT_EQ(of(column({{"name", -1}}, TypeId::int64)), "no: name: expected BIGINT, found 'Ann'");
    EXPECT_EQ(of(column({{"name", -1}}, TypeId::int64, true)), "no: name: cannot cast 'Ann' to BIGINT");
    EXPECT_EQ(of(column({{"name", -1}, {"x", -1}}, TypeId::int64)),
              "no: name: expected an object, found Ann");
    EXPECT_EQ(of(column({{"address", -1}}, TypeId::int64)),
              R"(no: address: expected BIGINT, found {"city":"Ghent","geo":[51.05,3.72]})");
    EXPECT_EQ(of(column({{"ratio", -1}}, TypeId::boolean)), "no: ratio: expected BOOLEAN, found 1.5");
}

TEST(AvroColumns, TheReadersDefaultsStandIn) {
    auto writer = parsed(R"({"type":"record","name":"R","fields":[{"name":"old_name","type":"int"},
        {"name":"o","type":{"type":"record","name":"O","fields":[{"name":"x","type":"int"}]}}]})");
    auto bytes = bytes_of(*writer, R"({"old_name":3,"o":{"x":1}})");
    constexpr auto reader = R"({"type":"record","name":"R","fields":[
        {"name":"id","type":"long","aliases":["old_name"]},
        {"name":"unit","type":"string","default":"EUR"},
        {"name":"maybe","type":["null","string"],"default":null},
        {"name":"box","type":{"type":"record","name":"B","fields":[{"name":"w","type":"int","default":4}]},"default":{}},
        {"name":"o","type":{"type":"record","name":"O","fields":[{"name":"x","type":"int"},
            {"name":"y","type":"double","default":2.5}]}}]})";
    std::vector<ScanColumn> scan{column({{"id", -1}}, TypeId::int64),
                                 column({{"unit", -1}}, TypeId::string),
                                 column({{"maybe", -1}}, TypeId::string),
                                 column({{"o", -1}, {"y", -1}}, TypeId::float64),
                                 column({{"box", -1}, {"w", -1}}, TypeId::int64),
                                 column({{"none", -1}}, TypeId::string)};
    EXPECT_EQ(decoded(scan, *writer, bytes, reader), "3 | EUR | NULL | 2.5 | 4 | NULL");
    EXPECT_EQ(decoded(scan, *writer, bytes), "NULL | NULL | NULL | NULL | NULL | NULL");
}

TEST(AvroColumns, RefusesEveryCutAndEveryExtraByte) {
    auto schema = parsed(everything);
    auto bytes = bytes_of(*schema, one_of_all);
    std::vector<ScanColumn> scan{column({{"address", -1}}, TypeId::json),
                                 column({{"ok", -1}}, TypeId::boolean)};
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_THAT(decoded(scan, *schema, bytes.substr(0, size)),
                    HasSubstr("no: not a record of its schema"))
            << size;
    EXPECT_EQ(decoded(scan, *schema, bytes + "x"), "no: not a record of its schema: 1 bytes follow its end");
}

TEST(AvroColumns, ABlockTakesAsManyBytesAsItSays) {
    auto schema = parsed(
        R"({"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"int"}}]})");
    auto block = [](std::int64_t says) {
        std::string out;
        codec::append_avro_long(out, -2);
        codec::append_avro_long(out, says);
        for (auto value : {3, 4, 0}) codec::append_avro_long(out, value);
        return out;
    };
    for (auto type : {TypeId::json, TypeId::int64}) {
        auto path = type == TypeId::json ? Path{{"a", -1}} : Path{{"a", -1}, {"", 1}};
        EXPECT_EQ(decoded({column(path, type)}, *schema, block(2)), type == TypeId::json ? "[3,4]" : "4");
        for (auto says : {0, 1, 3})
            EXPECT_THAT(decoded({column(path, type)}, *schema, block(says)), HasSubstr("and takes 2"));
    }
}

TEST(AvroColumns, WorkIsBounded) {
    auto schema = parsed(
        R"({"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"null"}}]})");
    std::string many;
    codec::append_avro_long(many, INT64_MAX / 2);
    for (auto type : {TypeId::json, TypeId::int64})
        EXPECT_THAT(decoded({column({{"a", -1}}, type)}, *schema, many),
                    HasSubstr("more values than its bytes"));
    EXPECT_THAT(decoded({}, *schema, many), HasSubstr("more values than its bytes"));
    auto list = parsed(R"({"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]})");
    std::string deep(100'000, '\2');
    deep += '\0';
    EXPECT_THAT(decoded({}, *list, deep), HasSubstr("nested deeper than 64 levels"));
    EXPECT_THAT(decoded({column({{"next", -1}}, TypeId::json)}, *list, deep), HasSubstr("nested deeper"));
}

TEST(AvroColumns, ColumnsOfASchema) {
    EXPECT_EQ(
        ddl_of(columns_of(*parsed(everything))),
        "id BIGINT, n BIGINT, ratio DOUBLE, name STRING, kind STRING, address STRUCT<city: STRING, geo: "
        "ARRAY<DOUBLE>>, tags MAP<STRING, STRING>, day DATE, at TIMESTAMP, exact TIMESTAMP, price DOUBLE, "
        "uid "
        "STRING, raw BINARY, ok BOOLEAN");
    EXPECT_EQ(ddl_of(columns_of(*parsed(R"("string")"))), "value STRING");
    EXPECT_EQ(ddl_of(columns_of(*parsed(R"({"type":"record","name":"R","fields":[
        {"name":"a","type":["int","double"]},{"name":"b","type":["null","int","string"]},
        {"name":"c","type":{"type":"bytes","logicalType":"decimal","precision":30,"scale":2}},
        {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":18}}]})"))),
              "a DOUBLE, b STRING, c STRING, d BIGINT");
    auto a = *parse_ddl("x BIGINT, o STRUCT<p: STRING>, z BIGINT");
    auto b = *parse_ddl("x DOUBLE, o STRUCT<q: BIGINT>, z STRING");
    EXPECT_EQ(ddl_of(merged(a, b)), "x DOUBLE, o STRUCT<p: STRING, q: BIGINT>, z STRING");
}

TEST(AvroColumns, ATypeThatHoldsItselfHasAnEnd) {
    auto list = parsed(R"({"type":"record","name":"L","fields":[{"name":"v","type":"int"},
        {"name":"a","type":["null","L"]},{"name":"b","type":["null","L"]},{"name":"c","type":["null","L"]}]})");
    auto columns = columns_of(*list);
    EXPECT_EQ(columns.fields[0].type, scalar_type(TypeId::int64));
    EXPECT_EQ(AvroColumns::unknown_field(*list, columns), "");
    EXPECT_EQ(AvroColumns::unknown_field(*parsed(everything), *parse_ddl("id INT")), "unknown field n");
    EXPECT_EQ(AvroColumns::unknown_field(
                  *list, *parse_ddl("v INT, a STRUCT<v: INT, a: STRING, b: STRING>, b STRING, "
                                    "c STRING")),
              "unknown field a.c");
}

}  // namespace
}  // namespace penstock::stream
