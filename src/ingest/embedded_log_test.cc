// Sources on the embedded log: positions and records survive its closing, together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "broker/local_topics.h"
#include "ingest/sources.h"
#include "ingest/testing/misbehaving_api.h"

namespace penstock::ingest {
namespace {

class NoReplicas final : public Replicas {
public:
    Result<std::string> base_url(std::string_view) override { return ""; }
};

class EmbeddedLogTest : public ::testing::Test {
protected:
    EmbeddedLogTest() {
        folder_ = std::filesystem::temp_directory_path() / fmt::format("penstock-ingest-{}", ::getpid());
        std::filesystem::remove_all(folder_);
        open();
    }
    ~EmbeddedLogTest() override {
        sources_.reset();
        topics_.reset();
        std::filesystem::remove_all(folder_);
    }
    void open() {
        sources_.reset();
        topics_.reset();
        auto opened = broker::LocalTopics::open({.data_directory = folder_.string()});
        ASSERT_TRUE(opened) << opened.error().text;
        topics_ = std::move(*opened);
        sources_ = make_sources(*topics_, replicas_);
    }
    std::vector<std::string> keys(std::string_view topic) {
        std::vector<std::string> all;
        auto info = topics_->info(topic);
        for (std::size_t p = 0; info && p < info->partitions.size(); ++p) {
            for (std::int64_t offset = 0; offset < info->partitions[p].end_offset;) {
                auto set = topics_->read(topic, std::int32_t(p), offset, 1 << 20);
                if (!set) break;
                for (auto& record : set->records) all.emplace_back(record.key.value_or("(none)"));
                offset = set->next_offset;
            }
        }
        return all;
    }

    std::filesystem::path folder_;
    NoReplicas replicas_;
    std::unique_ptr<broker::LocalTopics> topics_;
    std::unique_ptr<Sources> sources_;
};

TEST_F(EmbeddedLogTest, PagesGoOnWhereTheLogSays) {
    net::Shards shards(1);
    testing::MisbehavingApi api(shards);
    api.answer([](const net::HttpRequest& request) {
        int page = std::stoi(std::string(*request.query_value("page")));
        std::string body = "[";
        for (int i = 0; page <= 9 && i < 20; ++i)
            body += fmt::format(R"({}{{"id":"{}-{}"}})", i ? "," : "", page, i);
        return net::HttpResponse{.body = body + "]"};
    });
    ASSERT_TRUE(topics_->create({.name = "things", .partitions = 3, .config = {}}));
    pipeline::SourceSpec spec{.name = "pages", .key = "/id", .topic = "things"};
    pipeline::HttpSource http{.url = api.url("/")};
    http.pagination = {.kind = pipeline::Pagination::Kind::page, .parameter = "page"};
    for (int pages : {2, 5, 0}) {
        http.pagination.max_pages = pages;
        spec.input = http;
        auto counts = sources_->run_bounded(spec, 0, "run", {});
        ASSERT_TRUE(counts) << counts.error().text;
        open();
    }
    EXPECT_EQ(sources_->run_bounded(spec, 0, "run", {})->acknowledged, 0);
    auto all = keys("things");
    EXPECT_EQ(all.size(), 180u);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 180u);
}

TEST_F(EmbeddedLogTest, ARecordTooLargeForItsTopicIsALetter) {
    net::Shards shards(1);
    testing::MisbehavingApi api(shards);
    api.answer([](auto&) {
        return net::HttpResponse{.body = R"([{"id":"a"},{"id":"b","x":")" + std::string(9000, 'x') +
                                         R"("},{"id":"c"}])"};
    });
    ASSERT_TRUE(
        topics_->create({.name = "small", .partitions = 1, .config = {{"max.message.bytes", "8000"}}}));
    pipeline::SourceSpec spec{.name = "large", .key = "/id", .topic = "small"};
    spec.input = pipeline::HttpSource{.url = api.url("/")};
    auto counts = sources_->run_bounded(spec, 0, "run", {});
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_EQ(counts->acknowledged, 2);
    EXPECT_EQ(counts->rejected, 1);
    EXPECT_THAT(keys("small"), ::testing::ElementsAre("a", "c"));
}

}  // namespace
}  // namespace penstock::ingest
