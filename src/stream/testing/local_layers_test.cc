// The engine between the real embedded log and the real embedded tables.
#include <gtest/gtest.h>

#include <filesystem>

#include "broker/local_topics.h"
#include "store/local_tables.h"
#include "stream/native_engine.h"

namespace penstock::stream {
namespace {

class LocalLayersTest : public ::testing::Test {
protected:
    LocalLayersTest() {
        directory_ =
            std::filesystem::temp_directory_path() /
            fmt::format("penstock_stream_{}_{}", getpid(), ::testing::UnitTest::GetInstance()->random_seed());
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        open();
    }
    ~LocalLayersTest() override {
        close();
        std::filesystem::remove_all(directory_);
    }

    void open() {
        broker::LocalTopicsOptions topics;
        topics.data_directory = directory_ / "topics";
        auto opened = broker::LocalTopics::open(topics);
        ASSERT_TRUE(opened) << opened.error().text;
        topics_ = std::move(*opened);
        store::StoreOptions tables;
        tables.data_directory = directory_ / "tables";
        auto store = store::open_local_tables(tables);
        ASSERT_TRUE(store) << store.error().text;
        tables_ = std::move(*store);
        engine_ = make_native_engine(*topics_, *tables_, system_clock());
    }
    void close() {
        engine_.reset();
        tables_.reset();
        topics_.reset();
    }

    void append(int from, int to) {
        for (std::int32_t partition = 0; partition < 4; ++partition) {
            std::vector<std::string> values;
            for (int i = from; i < to; ++i)
                if (i % 4 == partition)
                    values.push_back(fmt::format(
                        R"({{"login":{{"uuid":"u{0}"}},"name":{{"first":"F\u00e9{0}"}},"location":{{"postcode":{1}}},)"
                        R"("dob":{{"date":"1992-03-08T15:13:16.688Z","age":{2}}},"nat":"{3}"}})",
                        i, i % 2 ? std::to_string(i) : fmt::format("\"P{}\"", i), 20 + i % 10,
                        i % 3 ? "CH" : "GB"));
            std::vector<broker::NewRecord> records;
            for (const auto& value : values) {
                auto& record = records.emplace_back();
                record.value = value;
                record.timestamp_ms = 1'700'000'040'000;
            }
            broker::AppendRequest request{"users_created", partition, records, {}, {}};
            auto appended = broker::append_and_wait(*topics_, request);
            ASSERT_TRUE(appended) << appended.error().text;
        }
    }

    void start() {
        pipeline::TopicSpec topic;
        topic.name = "users_created";
        topic.partitions = 4;
        pipeline::QuerySpec users;
        users.name = "created_users";
        users.sql.text =
            "SELECT login.uuid AS id, name.first AS first_name, CAST(location.postcode AS STRING) AS "
            "post_code, "
            "CAST(dob.date AS TIMESTAMP) AS dob, dob.age, location FROM users_created";
        users.into = "spark_streams.created_users";
        users.key = {{"id", false}};
        pipeline::QuerySpec minutes;
        minutes.name = "users_per_minute";
        minutes.watermark = {"_timestamp", 10'000'000};
        minutes.sql.text =
            "SELECT nat, window.start AS minute, count(*) AS people, avg(dob.age) AS mean_age "
            "FROM users_created GROUP BY window(_timestamp, '1 minute'), nat";
        minutes.into = "spark_streams.users_per_minute";
        minutes.key = {{"nat", false}, {"minute", true}};
        for (const auto& query : {users, minutes}) {
            auto started = engine_->start("users", query, {topic});
            ASSERT_TRUE(started) << started.error().text;
            auto done = engine_->wait_caught_up(query.name, 30'000'000);
            ASSERT_TRUE(done) << done.error().text;
        }
    }

    std::string select(std::string_view sql) {
        auto result = engine_->select(sql);
        if (!result) return result.error().text;
        std::string out;
        for (std::size_t row = 0; row < result->rows; ++row) {
            if (row > 0) out += '\n';
            for (std::size_t i = 0; i < result->columns.size(); ++i)
                out += (i ? " | " : "") + value_text(result->columns[i], row);
        }
        return out;
    }

    std::filesystem::path directory_;
    std::unique_ptr<broker::LocalTopics> topics_;
    std::unique_ptr<store::LocalTables> tables_;
    std::unique_ptr<Engine> engine_;
};

TEST_F(LocalLayersTest, TheExamplePipelineOverARestart) {
    ASSERT_TRUE(topics_->create({"users_created", 4, {}}));
    append(0, 300);
    start();
    close();
    open();
    append(300, 1200);
    start();
    EXPECT_EQ(select("SELECT count(*), count(DISTINCT id), min(dob) FROM spark_streams.created_users"),
              "1200 | 1200 | 1992-03-08 15:13:16.688");
    EXPECT_EQ(select("SELECT * FROM spark_streams.created_users WHERE id = 'u7'"),
              "u7 | Fé7 | 7 | 1992-03-08 15:13:16.688 | 27 | {\"postcode\":7}");
    EXPECT_EQ(select("SELECT nat, minute, people FROM spark_streams.users_per_minute ORDER BY nat"),
              "CH | 2023-11-14 22:14:00 | 800\nGB | 2023-11-14 22:14:00 | 400");
    EXPECT_EQ(select("SELECT count(*) FROM users_created WHERE nat = 'GB'"), "400");
}

}  // namespace
}  // namespace penstock::stream
