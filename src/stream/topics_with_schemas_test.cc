// Queries over topics whose records have schemas, and into such topics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "io/memory_files.h"
#include "registry/avro_encoder.h"
#include "registry/local_schemas.h"
#include "registry/record_encoder.h"
#include "registry/wire_format.h"
#include "stream/native_engine.h"
#include "stream/testing/memory_tables.h"
#include "stream/testing/memory_topics.h"

namespace penstock::stream {
namespace {

using registry::RegisteredSchema;
using registry::SchemaKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A registry that can be away.
class Registry final : public registry::Schemas {
public:
    Registry() { local_ = std::move(*registry::LocalSchemas::open("registry", files_)); }
    std::atomic<bool> is_away{false};
    registry::LocalSchemas& local() { return *local_; }

    std::string describe() const override { return "a registry"; }
    Result<RegisteredSchema> put(std::string_view subject, SchemaKind kind, std::string_view text,
                                 const registry::References& references = {}) override {
        if (is_away) return away();
        return local_->put(subject, kind, text, references);
    }
    Result<RegisteredSchema> by_id(std::int32_t id) override {
        if (is_away) return away();
        return local_->by_id(id);
    }
    Result<RegisteredSchema> get(std::string_view subject, std::int32_t version) override {
        if (is_away) return away();
        return local_->get(subject, version);
    }
    Result<std::vector<std::string>> subjects() override { return local_->subjects(); }
    Result<std::vector<std::int32_t>> versions(std::string_view subject) override {
        return local_->versions(subject);
    }

private:
    static std::unexpected<Error> away() { return fail(Errc::unavailable, "the registry is away"); }
    io::MemoryFiles files_;
    std::unique_ptr<registry::LocalSchemas> local_;
};

constexpr auto plain = R"({"type":"record","name":"R","fields":[{"name":"id","type":"int"},
    {"name":"v","type":["null","string"],"default":null}]})";
constexpr auto with_unit = R"({"type":"record","name":"R","fields":[{"name":"id","type":"long"},
    {"name":"v","type":["null","string"],"default":null},{"name":"unit","type":"string","default":"EUR"}]})";

class TopicsWithSchemasTest : public ::testing::Test {
protected:
    TopicsWithSchemasTest() {
        options_.retry_us = 1000;
        options_.retry_max_us = 4000;
        options_.idle_us = 20'000;
        options_.schemas = &registry_;
        engine_ = make_native_engine(topics_, tables_, system_clock(), options_);
        declare("events", pipeline::Format::avro);
    }

    pipeline::TopicSpec& declare(const std::string& name, pipeline::Format format) {
        EXPECT_TRUE(topics_.create({name, 1, {}}));
        auto& spec = specs_.emplace_back();
        spec.name = name;
        spec.format = format;
        return spec;
    }
    std::string record(std::string_view schema, std::string_view json) {
        auto id = registry_.put("events-value", SchemaKind::avro, schema);
        EXPECT_TRUE(id) << id.error().text;
        auto parsed = *registry::AvroSchema::parse(schema);
        simdjson::dom::parser parser;
        registry::AvroEncoder encoder(parsed.root());
        std::string out;
        registry::append_wire_header(out, id->id);
        EXPECT_TRUE(encoder.encode(parser.parse(json.data(), json.size()).value(), out)) << encoder.why();
        return out;
    }
    void start(std::string sql, std::string into = "ks.t") {
        pipeline::QuerySpec spec;
        spec.name = "q";
        spec.sql.text = std::move(sql);
        spec.into = std::move(into);
        if (!spec.into.starts_with("topic:")) spec.key.push_back({"id", false});
        auto started = engine_->start("p", spec, specs_);
        ASSERT_TRUE(started) << started.error().text;
    }
    void catch_up() {
        auto done = engine_->wait_caught_up("q", 20'000'000);
        ASSERT_TRUE(done) << done.error().text;
    }
    QueryStatus wait_for(std::string_view detail) {
        for (int i = 0; i < 20'000; ++i) {
            auto now = engine_->status().at(0);
            if (now.detail.find(detail) != std::string::npos) return now;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        ADD_FAILURE() << engine_->status().at(0).detail;
        return engine_->status().at(0);
    }
    std::vector<std::string> rows() { return tables_.rows("ks.t"); }
    std::vector<std::string> letters(const std::string& topic = "events.dlq") {
        std::vector<std::string> out;
        auto set = topics_.read(topic, 0, 0, 1 << 20);
        if (!set) return out;
        for (const auto& each : set->records)
            for (const auto& header : broker::decode_headers(each.headers))
                if (header.name == "penstock.dlq.reason") out.emplace_back(header.value);
        return out;
    }

    Registry registry_;
    testing::MemoryTopics topics_;
    testing::MemoryTables tables_;
    EngineOptions options_;
    std::vector<pipeline::TopicSpec> specs_;
    std::unique_ptr<Engine> engine_;
};

TEST_F(TopicsWithSchemasTest, ReadsWhatSeveralSchemasWrote) {
    topics_.add("events", 0, record(plain, R"({"id":1,"v":"a"})"));
    topics_.add("events", 0, record(with_unit, R"({"id":3000000000,"v":null,"unit":"USD"})"));
    start("SELECT id, v, unit FROM events");
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("1 | a | EUR", "3000000000 | NULL | USD"));
    auto selected = engine_->select("SELECT count(*) AS n, max(id) AS id FROM events");
    ASSERT_TRUE(selected) << selected.error().text;
    EXPECT_EQ(selected->columns[1].integers[0], 3000000000);
}

TEST_F(TopicsWithSchemasTest, ReadsASchemaThatRefersToAnother) {
    ASSERT_TRUE(
        registry_.put("unit", SchemaKind::avro, R"({"type":"enum","name":"Unit","symbols":["EUR","USD"]})"));
    constexpr std::string_view text =
        R"({"type":"record","name":"E","fields":[{"name":"id","type":"long"},{"name":"unit","type":"Unit"}]})";
    auto schema = registry_.local().add("events-value", SchemaKind::avro, text, {{"Unit", "unit", 1}});
    ASSERT_TRUE(schema) << schema.error().text;
    std::string value;
    registry::append_wire_header(value, schema->id);
    topics_.add("events", 0, value + "\x0e\x02");  // 7, the second symbol
    start("SELECT id, unit FROM events");
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("7 | USD"));
}

TEST_F(TopicsWithSchemasTest, WaitsForASchemaWhenThereIsNone) {
    start("SELECT id, unit FROM events");
    wait_for("its columns are not known");
    topics_.add("events", 0, record(plain, R"({"id":1})"));
    wait_for("unit");
    topics_.add("events", 0, record(with_unit, R"({"id":2})"));
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("1 | EUR", "2 | EUR"));
}

TEST_F(TopicsWithSchemasTest, WhatDoesNotDecodeIsALetter) {
    auto good = record(plain, R"({"id":1,"v":"a"})");
    topics_.add("events", 0, good);
    topics_.add("events", 0, good.substr(0, good.size() - 1));
    topics_.add("events", 0, std::string("\0\0\0\0\x63rest", 9));
    topics_.add("events", 0, R"({"id":1})");
    ASSERT_TRUE(registry_.put("other", SchemaKind::json, R"({"type":"object"})"));
    topics_.add("events", 0, std::string("\0\0\0\0\2{}", 7));
    start("SELECT id, v FROM events");
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("1 | a"));
    EXPECT_THAT(letters(),
                ElementsAre(HasSubstr("not a record of its schema"), HasSubstr("schema 99 is not to be had"),
                            HasSubstr("does not begin with the id of a schema"),
                            HasSubstr("schema 2 is of type JSON")));
}

TEST_F(TopicsWithSchemasTest, OnDriftDeadLetterRefusesUnknownFields) {
    specs_[0].on_drift = pipeline::TopicSpec::Drift::dead_letter;
    specs_[0].schema.text = "id BIGINT, v STRING";
    topics_.add("events", 0, record(plain, R"({"id":1})"));
    topics_.add("events", 0, record(with_unit, R"({"id":2})"));
    start("SELECT id FROM events");
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("1"));
    EXPECT_THAT(letters(), ElementsAre("unknown field unit"));
}

TEST_F(TopicsWithSchemasTest, WithoutTheRegistryKnownSchemasGoOnAndNewOnesWait) {
    topics_.add("events", 0, record(plain, R"({"id":1,"v":"a"})"));
    start("SELECT id, v FROM events");
    catch_up();
    auto known = record(plain, R"({"id":2,"v":"b"})");
    auto newer = record(with_unit, R"({"id":3,"v":"c"})");
    registry_.is_away = true;
    topics_.add("events", 0, known);
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("1 | a", "2 | b"));
    topics_.add("events", 0, known);
    topics_.add("events", 0, newer);
    auto now = wait_for("the registry is away");
    EXPECT_EQ(now.state, QueryState::waiting);
    registry_.is_away = false;
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("1 | a", "2 | b", "3 | c"));
    EXPECT_THAT(letters(), ElementsAre());
}

TEST_F(TopicsWithSchemasTest, JsonWithASchema) {
    declare("clicks", pipeline::Format::json_schema);
    ASSERT_TRUE(registry_.put("clicks-value", SchemaKind::json, R"({"type":"object"})"));
    topics_.add("clicks", 0, std::string("\0\0\0\0\1", 5) + R"({"id":1,"page":"/"})");
    topics_.add("clicks", 0, R"({"id":2,"page":"/"})");
    start("SELECT id, page FROM clicks");
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("1 | /"));
    EXPECT_THAT(letters("clicks.dlq"), ElementsAre(HasSubstr("does not begin with the id")));
}

TEST_F(TopicsWithSchemasTest, ProtobufAndWhatDoesNotDecode) {
    declare("events2", pipeline::Format::protobuf);
    auto id = registry_.put("events2-value", SchemaKind::protobuf,
                            "syntax = \"proto3\"; message M { int64 id = 1; string v = 2; }");
    ASSERT_TRUE(id) << id.error().text;
    auto encoder = registry::RecordEncoder::make(registry_, *id, {});
    ASSERT_TRUE(encoder) << encoder.error().text;
    auto good = *encoder->encode(R"({"id":1,"v":"a"})");
    topics_.add("events2", 0, good);
    topics_.add("events2", 0, good.substr(0, good.size() - 1));
    start("SELECT id, v FROM events2");
    catch_up();
    EXPECT_THAT(rows(), ElementsAre("1 | a"));
    EXPECT_THAT(letters("events2.dlq"), ElementsAre(HasSubstr("not a M of its schema (schema 1)")));
}

TEST_F(TopicsWithSchemasTest, WritesProtobufOnceItsSchemaIsThere) {
    declare("out", pipeline::Format::protobuf);
    topics_.add("events", 0, record(plain, R"({"id":1,"v":"a"})"));
    start("SELECT id, v FROM events", "topic:out");
    EXPECT_EQ(wait_for("register one as out-value first").state, QueryState::failed);
    auto put = registry_.put("out-value", SchemaKind::protobuf,
                             "syntax = \"proto3\"; message M { int64 id = 1; string v = 2; }");
    ASSERT_TRUE(put) << put.error().text;
    ASSERT_TRUE(engine_->stop("q"));
    start("SELECT id, v FROM events", "topic:out");
    catch_up();
    auto set = topics_.read("out", 0, 0, 1 << 20);
    ASSERT_TRUE(set) << set.error().text;
    ASSERT_EQ(set->records.size(), 1u);
    EXPECT_EQ(set->records[0].value, std::string_view("\0\0\0\0\2\0\x08\1\x12\1a", 11));
}

TEST_F(TopicsWithSchemasTest, WhatNobodyDeclaredIsReadByTheSchemaThatItNames) {
    ASSERT_TRUE(topics_.create({"undeclared", 1, {}}));
    topics_.add("undeclared", 0, record(plain, R"({"id":1,"v":"a"})"));
    auto selected = engine_->select("SELECT id, v FROM undeclared");
    ASSERT_TRUE(selected) << selected.error().text;
    EXPECT_EQ(value_text(selected->columns[1], 0), "a");
    ASSERT_TRUE(topics_.create({"no_schema", 1, {}}));
    topics_.add("no_schema", 0, std::string("\0\0\0\1\0\2", 6));
    selected = engine_->select("SELECT value FROM no_schema");
    ASSERT_TRUE(selected) << selected.error().text;
}

TEST_F(TopicsWithSchemasTest, APlainTopicSaysWhatItMeets) {
    declare("plain", pipeline::Format::json).schema.text = "id BIGINT";
    topics_.add("plain", 0, std::string("\0\0\0\0\1\2", 6));
    start("SELECT id FROM plain");
    catch_up();
    EXPECT_THAT(letters("plain.dlq"),
                ElementsAre(HasSubstr("format: avro, json_schema or protobuf reads those")));
}

TEST_F(TopicsWithSchemasTest, WritesATopicWithASchema) {
    declare("out", pipeline::Format::avro);
    topics_.add("events", 0, record(plain, R"({"id":1,"v":"a"})"));
    start(
        "SELECT id, v, CAST('2024-02-29 12:00:00.000001' AS TIMESTAMP) AS at, CAST('2024-02-29' AS DATE) AS "
        "day, "
        "id / 2 AS half, id > 0 AS `is positive` FROM events",
        "topic:out");
    catch_up();
    auto schema = registry_.get("out-value", -1);
    ASSERT_TRUE(schema) << schema.error().text;
    EXPECT_THAT(schema->text, HasSubstr(R"({"type":"long","logicalType":"timestamp-micros"})"));
    EXPECT_THAT(schema->text, HasSubstr(R"("penstock.name":"is positive")"));
    auto read = engine_->select("SELECT id, v, at, day, half, `is positive` FROM out");
    ASSERT_TRUE(read) << read.error().text;
    std::string row;
    for (const auto& column : read->columns) row += value_text(column, 0) + " | ";
    EXPECT_EQ(row, "1 | a | 2024-02-29 12:00:00.000001 | 2024-02-29 | 0.5 | true | ");
}

TEST_F(TopicsWithSchemasTest, ARowThatTheTargetsSchemaRefusesStopsTheQuery) {
    declare("out", pipeline::Format::avro);
    ASSERT_TRUE(registry_.put("out-value", SchemaKind::avro,
                              R"({"type":"record","name":"O","fields":[{"name":"id","type":"string"}]})"));
    topics_.add("events", 0, record(plain, R"({"id":1})"));
    start("SELECT id FROM events", "topic:out");
    auto now = wait_for("expected a string, found 1");
    EXPECT_EQ(now.state, QueryState::failed);
}

}  // namespace
}  // namespace penstock::stream
