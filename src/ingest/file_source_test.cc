#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "ingest/input_file.h"
#include "ingest/sources.h"
#include "ingest/testing/fake_topics.h"

namespace penstock::ingest {
namespace {

namespace fs = std::filesystem;
using pipeline::FileSource;
using pipeline::SourceSpec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class NoReplicas final : public Replicas {
public:
    Result<std::string> base_url(std::string_view name) override {
        return fail(Errc::not_found, "there is no replica '{}'", name);
    }
};

std::string gzipped(std::string_view plain) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(compressBound(uLong(plain.size())) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = uInt(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = uInt(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(std::string_view plain) {
    std::string out(ZSTD_compressBound(plain.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
    return out;
}

std::string lines(int from, int to) {
    std::string out;
    for (int i = from; i < to; ++i) out += fmt::format("{{\"id\":\"{}\"}}\n", i);
    return out;
}

class FileSourceTest : public ::testing::Test {
protected:
    FileSourceTest() {
        auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::temp_directory_path() / fmt::format("penstock-files-{}-{}", ::getpid(), test->name());
        fs::remove_all(folder_);
        fs::create_directories(folder_);
    }
    ~FileSourceTest() override { fs::remove_all(folder_); }

    void write(const std::string& name, std::string_view text) {
        std::ofstream(folder_ / name, std::ios::binary) << text;
    }
    void append(const std::string& name, std::string_view text) {
        std::ofstream(folder_ / name, std::ios::binary | std::ios::app) << text;
    }
    SourceSpec spec(const std::string& name, FileSource::Kind kind = FileSource::Kind::json_lines) {
        SourceSpec spec{.name = "files", .key = "/id", .topic = "things"};
        spec.input = FileSource{.path = (folder_ / name).string(), .kind = kind};
        return spec;
    }
    SourceSpec following(const std::string& name) {
        auto made = spec(name);
        std::get<FileSource>(made.input).follow = true;
        return made;
    }
    Result<SourceCounts> once(const SourceSpec& spec) {
        return sources_->run_bounded(spec, 0, "run", [] { return false; });
    }
    std::vector<std::string> keys() {
        std::vector<std::string> all;
        for (auto& record : topics_.records("things")) all.push_back(record.key.value_or("(none)"));
        return all;
    }
    template <class Condition>
    static bool eventually(Condition condition) {
        for (int i = 0; i < 1000; ++i) {
            if (condition()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return false;
    }

    fs::path folder_;
    testing::FakeTopics topics_;
    NoReplicas replicas_;
    std::unique_ptr<Sources> sources_ = make_sources(topics_, replicas_);
};

TEST_F(FileSourceTest, LinesAreRecordsAndBadOnesAreKept) {
    write("a.jsonl", "\xEF\xBB\xBF{\"id\":1}\n\nbroken\n{\"id\":2}");
    auto counts = once(spec("a.jsonl"));
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_EQ(counts->acknowledged, 2);
    EXPECT_EQ(counts->rejected, 1);
    EXPECT_THAT(keys(), ElementsAre("1", "2"));
    auto letter = topics_.records("things.dlq")[0];
    EXPECT_EQ(letter.value, "broken");
    EXPECT_THAT(letter.headers["penstock.dlq.reason"], HasSubstr("line 3"));
    EXPECT_THAT(letter.headers["penstock.dlq.url"], HasSubstr("a.jsonl"));
}

TEST_F(FileSourceTest, WhatWasReadIsNotReadAgain) {
    write("a.jsonl", lines(0, 10));
    EXPECT_EQ(once(spec("a.jsonl"))->acknowledged, 10);
    EXPECT_EQ(once(spec("a.jsonl"))->acknowledged, 0);
    append("a.jsonl", lines(10, 13));
    EXPECT_EQ(once(spec("a.jsonl"))->acknowledged, 3);
    fs::rename(folder_ / "a.jsonl", folder_ / "b.jsonl");
    EXPECT_EQ(once(spec("b.jsonl"))->acknowledged, 0);
    EXPECT_EQ(keys().size(), 13u);
}

TEST_F(FileSourceTest, AGlobReadsAllItsFilesWhateverTheirCompression) {
    write("1.jsonl", lines(0, 5));
    write("2.jsonl.gz", gzipped(lines(5, 8)) + gzipped(lines(8, 10)));
    write("3.jsonl.zst", zstd(lines(10, 13)) + zstd(lines(13, 15)));
    write("4.other", lines(90, 95));
    EXPECT_EQ(once(spec("*.jsonl*"))->acknowledged, 15);
    EXPECT_EQ(once(spec("*.jsonl*"))->acknowledged, 0);
    auto all = keys();
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 15u);
}

TEST_F(FileSourceTest, AMissingFileIsNamed) {
    auto counts = once(spec("none.jsonl"));
    ASSERT_FALSE(counts);
    EXPECT_EQ(counts.error().code, Errc::not_found);
    EXPECT_THAT(counts.error().text, HasSubstr("none.jsonl"));
    EXPECT_EQ(once(spec("none*.jsonl"))->acknowledged, 0);
}

TEST_F(FileSourceTest, ABrokenFileIsKeptAsALetterAndTheOthersAreRead) {
    auto bytes = gzipped(lines(0, 1000));
    write("1.gz", bytes.substr(0, bytes.size() / 2));
    write("2.gz", gzipped(lines(0, 5)));
    auto counts = once(spec("*.gz"));
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_GT(counts->acknowledged, 5);
    EXPECT_THAT(topics_.records("things.dlq").back().headers["penstock.dlq.reason"], HasSubstr("1.gz"));
}

TEST_F(FileSourceTest, ManyStretchesAndACrashInEach) {
    ASSERT_TRUE(topics_.create({.name = "things", .partitions = 3, .config = {}}));
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += fmt::format("{{\"id\":\"{}\",\"filler\":\"{:0>120}\"}}\n", i, i);
    write("a.jsonl", text);
    for (int crash = 1; crash < 12; crash += 2) {
        topics_.crash_after(crash);
        std::atomic<int> polls{0};
        auto counts = sources_->run_bounded(spec("a.jsonl"), 0, "r", [&] { return ++polls > 12; });
        topics_.recover();
        sources_ = make_sources(topics_, replicas_);
    }
    auto counts = once(spec("a.jsonl"));
    ASSERT_TRUE(counts) << counts.error().text;
    auto all = keys();
    EXPECT_EQ(all.size(), 20'000u);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 20'000u);
}

TEST_F(FileSourceTest, ATaskIsToldHowFarItsRunIs) {
    ASSERT_TRUE(topics_.create({.name = "things", .partitions = 1, .config = {}}));
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += fmt::format("{{\"id\":\"{}\",\"filler\":\"{:0>120}\"}}\n", i, i);
    write("a.jsonl", text);
    std::vector<std::int64_t> seen;
    auto counts = sources_->run_bounded(spec("a.jsonl"), 0, "r", {}, [&](const SourceCounts& so_far) {
        seen.push_back(so_far.acknowledged);
    });
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_EQ(counts->acknowledged, 20'000);
    ASSERT_FALSE(seen.empty());
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_LE(seen.back(), counts->acknowledged);
}

TEST_F(FileSourceTest, ALineThatIsTooLongIsCutAndTheNextIsRead) {
    write("a.jsonl", lines(0, 1) + std::string(20 * 1024 * 1024, 'x') + "\n" + lines(1, 2));
    auto counts = once(spec("a.jsonl"));
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_THAT(keys(), ElementsAre("0", "1"));
    EXPECT_EQ(counts->rejected, 1);
    EXPECT_THAT(topics_.records("things.dlq")[0].headers["penstock.dlq.reason"], HasSubstr("line 2"));
}

TEST_F(FileSourceTest, CsvRowsAreObjects) {
    write("a.csv",
          "id,name,note\r\n1,\"O'Neil, \"\"x\"\"\",\r\n2,\"two\nlines\",\"\"\r\n3,only two\r\n4,d,e");
    auto counts = once(spec("a.csv", FileSource::Kind::csv));
    ASSERT_TRUE(counts) << counts.error().text;
    auto records = topics_.records("things");
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[0].value, R"({"id":"1","name":"O'Neil, \"x\"","note":null})");
    EXPECT_EQ(records[1].value, R"({"id":"2","name":"two\nlines","note":""})");
    EXPECT_EQ(records[2].key, "4");
    auto letter = topics_.records("things.dlq")[0];
    EXPECT_EQ(letter.value, "3,only two\r\n");
    EXPECT_THAT(letter.headers["penstock.dlq.reason"], HasSubstr("line 5: expected 3 fields, found 2"));
    append("a.csv", "\r\n5,f,g\r\n");
    EXPECT_EQ(once(spec("a.csv", FileSource::Kind::csv))->acknowledged, 1);
}

TEST_F(FileSourceTest, CsvWithoutAHeaderNamesItsColumns) {
    write("a.csv", "1;x\n2;y\n");
    auto source = spec("a.csv", FileSource::Kind::csv);
    auto& file = std::get<FileSource>(source.input);
    file.header = false;
    file.delimiter = ';';
    source.key = "/_c0";
    EXPECT_EQ(once(source)->acknowledged, 2);
    EXPECT_EQ(topics_.records("things")[1].value, R"({"_c0":"2","_c1":"y"})");
}

TEST_F(FileSourceTest, AFollowedFileGrowsRotatesAndIsTruncated) {
    auto source = following("app.log*");
    ASSERT_TRUE(sources_->start("p", source));
    write("app.log", lines(0, 2));
    EXPECT_TRUE(eventually([&] { return keys().size() == 2; }));
    append("app.log", "{\"id\":\"half");
    append("app.log", "\"}\n");
    EXPECT_TRUE(eventually([&] { return keys().size() == 3; }));
    fs::rename(folder_ / "app.log", folder_ / "app.log.1");
    append("app.log.1", lines(3, 4));
    write("app.log", lines(4, 6));
    EXPECT_TRUE(eventually([&] { return keys().size() == 6; }));
    write("app.log", "{\"id\":\"new\"}\n");
    EXPECT_TRUE(eventually([&] { return keys().size() == 7; }));
    ASSERT_TRUE(sources_->stop("files"));
    append("app.log", lines(7, 9));
    ASSERT_TRUE(sources_->start("p", source));
    EXPECT_TRUE(eventually([&] { return keys().size() == 9; }));
    EXPECT_THAT(keys(), UnorderedElementsAre("0", "1", "half", "3", "4", "5", "new", "7", "8"));
    EXPECT_EQ(sources_->status()[0].state, SourceState::running);
}

TEST_F(FileSourceTest, AnotherFileInThePlaceOfTheOldOneIsReadFromItsStart) {
    write("a.jsonl", lines(0, 5));
    EXPECT_EQ(once(spec("a.jsonl"))->acknowledged, 5);
    write("a.jsonl", lines(100, 120));  // the same inode
    EXPECT_EQ(once(spec("a.jsonl"))->acknowledged, 20);
}

class WebhookTest : public FileSourceTest {
protected:
    SourceSpec hook(std::string token = {}, std::string records = {}) {
        SourceSpec spec{.name = "posted", .key = "/id", .topic = "things"};
        spec.input =
            pipeline::WebhookSource{.path = "/in", .token = std::move(token), .records = std::move(records)};
        return spec;
    }
    Result<SourceCounts> post(std::string_view body, std::string_view authorization = {}) {
        std::mutex mutex;
        std::condition_variable told;
        std::optional<Result<SourceCounts>> answer;
        sources_->webhook("in", authorization, body, [&](Result<SourceCounts> result) {
            std::lock_guard lock(mutex);
            answer = std::move(result);
            told.notify_all();
        });
        std::unique_lock lock(mutex);
        told.wait(lock, [&] { return answer.has_value(); });
        return *answer;
    }
};

TEST_F(WebhookTest, ObjectsArraysAndLinesAreTaken) {
    ASSERT_TRUE(sources_->start("p", hook()));
    EXPECT_EQ(post(R"({"id":1})")->acknowledged, 1);
    EXPECT_EQ(post(R"([{"id":2},{"id":3},4])")->acknowledged, 2);
    EXPECT_EQ(post("{\"id\":5}\n{\"id\":6}\n")->acknowledged, 2);
    EXPECT_THAT(keys(), UnorderedElementsAre("1", "2", "3", "5", "6"));
    auto status = sources_->status()[0];
    EXPECT_EQ(status.kind, "webhook");
    EXPECT_EQ(status.counts.acknowledged, 5);
    EXPECT_EQ(status.counts.rejected, 1);
    EXPECT_EQ(status.counts.requests, 3);
    EXPECT_EQ(status.endpoint, "/ingest/in");
    EXPECT_EQ(status.detail,
              "last rejected: a record must be a JSON object, this is a number; in topic things.dlq");
}

TEST_F(WebhookTest, TheTokenIsAskedFor) {
    ::setenv("PENSTOCK_TEST_TOKEN", "letmein", 1);
    ASSERT_TRUE(sources_->start("p", hook("${PENSTOCK_TEST_TOKEN}")));
    EXPECT_EQ(post(R"({"id":1})").error().code, Errc::unauthorized);
    EXPECT_EQ(post(R"({"id":1})", "Bearer no").error().code, Errc::unauthorized);
    EXPECT_EQ(post(R"({"id":1})", "Bearer letmein")->acknowledged, 1);
    EXPECT_FALSE(sources_->start("p", hook("${PENSTOCK_TEST_NO_TOKEN}")));
}

TEST_F(WebhookTest, WhatCannotBeReadIsRefusedAndKept) {
    ASSERT_TRUE(sources_->start("p", hook("", "/items")));
    auto refused = post("not json");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid);
    EXPECT_TRUE(eventually([&] { return topics_.records("things.dlq").size() == 1; }));
    EXPECT_EQ(topics_.records("things.dlq")[0].value, "not json");
    EXPECT_EQ(post(R"({"items":[{"id":1}]})")->acknowledged, 1);
}

TEST_F(WebhookTest, UnknownAndStoppedOnesAreSaid) {
    EXPECT_EQ(post("{}").error().code, Errc::not_found);
    ASSERT_TRUE(sources_->start("p", hook()));
    auto other = hook();
    other.name = "second";
    EXPECT_EQ(sources_->start("p", other).error().code, Errc::exists);
    ASSERT_TRUE(sources_->stop("posted"));
    EXPECT_EQ(post("{}").error().code, Errc::unavailable);
    EXPECT_EQ(sources_->run_bounded(hook(), 0, "r", {}).error().code, Errc::unsupported);
}

TEST_F(WebhookTest, WhatTheLogRefusesIsTold) {
    ASSERT_TRUE(sources_->start("p", hook()));
    topics_.fail_next(1, {Errc::full, "no room on the disk"});
    auto refused = post(R"({"id":1})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::full);
}

}  // namespace
}  // namespace penstock::ingest
