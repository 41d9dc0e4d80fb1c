// One suite for every implementation of Metadata.
#include "metadata/metadata.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "metadata/migrations.h"
#include "metadata/postgres.h"
#include "metadata/sqlite_database.h"

namespace penstock::metadata {
namespace {

namespace fs = std::filesystem;

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        auto pattern = (fs::temp_directory_path() / "penstock_metadata_XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryDirectory() { fs::remove_all(path_); }
    std::string file(std::string_view name) const { return (path_ / name).string(); }

private:
    fs::path path_;
};

/// Opens the same store again and again; what was written stays.
struct Implementation {
    std::string name;
    Result<std::unique_ptr<Metadata>> (*open)(const TemporaryDirectory& directory);
};

const Implementation sqlite{"Sqlite", [](const TemporaryDirectory& directory) {
                                return open_sqlite(directory.file("metadata.sqlite"));
                            }};

/// A schema for each directory, on the server that the tests of tests/real have started.
const Implementation postgres{"Postgres", [](const TemporaryDirectory& directory) {
                                  auto schema = fs::path(directory.file("x")).parent_path();
                                  std::string url = std::getenv("PENSTOCK_TEST_POSTGRES");
                                  return open_postgres(url + "?schema=" + schema.filename().string());
                              }};

std::vector<Implementation> implementations() {
    if (std::getenv("PENSTOCK_TEST_POSTGRES")) return {sqlite, postgres};
    return {sqlite};
}

class MetadataTest : public testing::TestWithParam<Implementation> {
protected:
    void SetUp() override { reopen(); }
    void reopen() {
        metadata_.reset();
        auto opened = GetParam().open(directory_);
        ASSERT_TRUE(opened) << opened.error().text;
        metadata_ = std::move(*opened);
    }
    static DagRun run_named(std::string_view dag, std::string_view run_id, std::int64_t time = 0) {
        return {.dag = std::string(dag),
                .run_id = std::string(run_id),
                .run_type = "scheduled",
                .logical_us = time,
                .queued_us = time,
                .conf = "{}"};
    }
    static TaskInstance task_named(std::string_view dag, std::string_view run_id, std::string_view task) {
        return {.dag = std::string(dag),
                .run_id = std::string(run_id),
                .task = std::string(task),
                .counts = "{}"};
    }

    TemporaryDirectory directory_;
    std::unique_ptr<Metadata> metadata_;
};

INSTANTIATE_TEST_SUITE_P(All, MetadataTest, testing::ValuesIn(implementations()),
                         [](const auto& about) { return about.param.name; });

TEST_P(MetadataTest, RunComesBackAsWritten) {
    DagRun run{.dag = "d",
               .run_id = "manual__1",
               .state = RunState::running,
               .run_type = "manual",
               .logical_us = -5,
               .queued_us = 1,
               .started_us = 2,
               .ended_us = 3,
               .conf = R"({"a":"'\"; DROP"})"};
    ASSERT_TRUE(metadata_->insert_run(run, {}));
    reopen();
    auto found = metadata_->run("d", "manual__1");
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->state, RunState::running);
    EXPECT_EQ((*found)->run_type, "manual");
    EXPECT_EQ((*found)->logical_us, -5);
    EXPECT_EQ((*found)->queued_us, 1);
    EXPECT_EQ((*found)->started_us, 2);
    EXPECT_EQ((*found)->ended_us, 3);
    EXPECT_EQ((*found)->conf, run.conf);
}

TEST_P(MetadataTest, MissingRunIsNothingAndNoError) {
    auto found = metadata_->run("d", "r");
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
}

TEST_P(MetadataTest, SecondInsertOfARunIsRefusedAndChangesNothing) {
    ASSERT_TRUE(metadata_->insert_run(run_named("d", "r"), {task_named("d", "r", "a")}));
    auto again = metadata_->insert_run(run_named("d", "r", 9), {task_named("d", "r", "b")});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::exists);
    EXPECT_EQ(metadata_->tasks("d", "r")->size(), 1u);
    EXPECT_EQ((*metadata_->run("d", "r"))->logical_us, 0);
}

TEST_P(MetadataTest, InsertWithATaskTwiceWritesNothing) {
    auto bad =
        metadata_->insert_run(run_named("d", "r"), {task_named("d", "r", "a"), task_named("d", "r", "a")});
    EXPECT_FALSE(bad);
    EXPECT_FALSE(*metadata_->run("d", "r"));
    EXPECT_TRUE(metadata_->insert_run(run_named("d", "r"), {task_named("d", "r", "a")}));
}

TEST_P(MetadataTest, TasksKeepTheirOrderAndEveryField) {
    ASSERT_TRUE(
        metadata_->insert_run(run_named("d", "r"), {task_named("d", "r", "z"), task_named("d", "r", "a")}));
    TaskInstance task{.dag = "d",
                      .run_id = "r",
                      .task = "a",
                      .try_number = 2,
                      .state = TaskState::up_for_retry,
                      .started_us = 4,
                      .ended_us = 5,
                      .next_try_us = 6,
                      .note = "it broke",
                      .counts = R"({"fetched":1})"};
    ASSERT_TRUE(metadata_->update_task(task));
    reopen();
    auto tasks = metadata_->tasks("d", "r");
    ASSERT_TRUE(tasks);
    ASSERT_EQ(tasks->size(), 2u);
    EXPECT_EQ((*tasks)[0].task, "z");
    EXPECT_EQ((*tasks)[0].state, TaskState::none);
    const auto& got = (*tasks)[1];
    EXPECT_EQ(got.try_number, 2);
    EXPECT_EQ(got.state, TaskState::up_for_retry);
    EXPECT_EQ(got.started_us, 4);
    EXPECT_EQ(got.ended_us, 5);
    EXPECT_EQ(got.next_try_us, 6);
    EXPECT_EQ(got.note, "it broke");
    EXPECT_EQ(got.counts, task.counts);
}

TEST_P(MetadataTest, EveryStateHasAName) {
    ASSERT_TRUE(metadata_->insert_run(run_named("d", "r"), {task_named("d", "r", "a")}));
    for (auto name : {"none", "scheduled", "queued", "running", "success", "failed", "up_for_retry",
                      "upstream_failed", "skipped"}) {
        auto task = task_named("d", "r", "a");
        ASSERT_TRUE(task_state_of(name)) << name;
        task.state = *task_state_of(name);
        ASSERT_TRUE(metadata_->update_task(task));
        EXPECT_EQ(to_string(metadata_->tasks("d", "r")->front().state), name);
    }
    for (auto name : {"queued", "running", "success", "failed"}) {
        auto run = run_named("d", "r");
        run.state = run_state_of(name).value();
        ASSERT_TRUE(metadata_->update_run(run));
        EXPECT_EQ(to_string((*metadata_->run("d", "r"))->state), name);
    }
    EXPECT_FALSE(run_state_of("skipped"));
    EXPECT_FALSE(task_state_of(""));
}

TEST_P(MetadataTest, UpdateOfWhatIsNotThereSaysSo) {
    auto run = metadata_->update_run(run_named("d", "r"));
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().code, Errc::not_found);
    auto task = metadata_->update_task(task_named("d", "r", "a"));
    ASSERT_FALSE(task);
    EXPECT_EQ(task.error().code, Errc::not_found);
}

TEST_P(MetadataTest, UpdateIsAllOrNothing) {
    ASSERT_TRUE(metadata_->insert_run(run_named("d", "r"), {task_named("d", "r", "a")}));
    auto task = task_named("d", "r", "a");
    task.state = TaskState::success;
    auto run = run_named("d", "r");
    run.state = RunState::success;
    EXPECT_FALSE(metadata_->update(run, {task, task_named("d", "r", "not there")}));
    EXPECT_EQ(metadata_->tasks("d", "r")->front().state, TaskState::none);
    EXPECT_EQ((*metadata_->run("d", "r"))->state, RunState::queued);
    ASSERT_TRUE(metadata_->update(run, {task}));
    EXPECT_EQ(metadata_->tasks("d", "r")->front().state, TaskState::success);
    EXPECT_EQ((*metadata_->run("d", "r"))->state, RunState::success);
    task.note = "only the task";
    ASSERT_TRUE(metadata_->update(std::nullopt, {task}));
    EXPECT_EQ(metadata_->tasks("d", "r")->front().note, "only the task");
}

TEST_P(MetadataTest, RunsAreNewestFirstAndLimited) {
    for (int i = 1; i <= 5; ++i)
        ASSERT_TRUE(metadata_->insert_run(run_named("d", fmt::format("r{}", i), i), {}));
    ASSERT_TRUE(metadata_->insert_run(run_named("e", "x", 99), {}));
    auto of_one = metadata_->runs("d", 2);
    ASSERT_EQ(of_one->size(), 2u);
    EXPECT_EQ((*of_one)[0].run_id, "r5");
    EXPECT_EQ((*of_one)[1].run_id, "r4");
    auto of_all = metadata_->runs("", 2);
    ASSERT_EQ(of_all->size(), 2u);
    EXPECT_EQ((*of_all)[0].dag, "e");
    EXPECT_TRUE(metadata_->runs("nobody", 5)->empty());
    EXPECT_TRUE(metadata_->runs("d", 0)->empty());
    EXPECT_TRUE(metadata_->runs("d", -1)->empty());
}

TEST_P(MetadataTest, UnfinishedRunsAreThoseQueuedAndRunningOldestFirst) {
    for (auto [name, state, time] :
         {std::tuple{"a", RunState::success, 1}, std::tuple{"b", RunState::running, 3},
          std::tuple{"c", RunState::queued, 2}, std::tuple{"d", RunState::failed, 4}}) {
        auto run = run_named("dag", name, time);
        run.state = state;
        ASSERT_TRUE(metadata_->insert_run(run, {}));
    }
    auto found = metadata_->unfinished_runs();
    ASSERT_EQ(found->size(), 2u);
    EXPECT_EQ((*found)[0].run_id, "c");
    EXPECT_EQ((*found)[1].run_id, "b");
}

TEST_P(MetadataTest, LastScheduledLooksAtScheduledRunsOnly) {
    EXPECT_FALSE(*metadata_->last_scheduled_us("d"));
    ASSERT_TRUE(metadata_->insert_run(run_named("d", "r1", 10), {}));
    ASSERT_TRUE(metadata_->insert_run(run_named("d", "r2", 7), {}));
    auto manual = run_named("d", "m", 99);
    manual.run_type = "manual";
    ASSERT_TRUE(metadata_->insert_run(manual, {}));
    EXPECT_EQ(*metadata_->last_scheduled_us("d"), 10);
}

TEST_P(MetadataTest, LogLinesKeepTheirOrderOverAppends) {
    ASSERT_TRUE(metadata_->append_log("d", "r", "t", 1, {{5, "one"}, {4, ""}}));
    ASSERT_TRUE(metadata_->append_log("d", "r", "t", 1, {{6, "zwei \xc3\xbc"}}));
    ASSERT_TRUE(metadata_->append_log("d", "r", "t", 2, {{7, "second try"}}));
    ASSERT_TRUE(metadata_->append_log("d", "r", "t", 2, {}));
    reopen();
    auto lines = metadata_->log("d", "r", "t", 1);
    ASSERT_EQ(lines->size(), 3u);
    EXPECT_EQ((*lines)[0].text, "one");
    EXPECT_EQ((*lines)[1].text, "");
    EXPECT_EQ((*lines)[1].time_us, 4);
    EXPECT_EQ((*lines)[2].text, "zwei \xc3\xbc");
    EXPECT_EQ(metadata_->log("d", "r", "t", 2)->size(), 1u);
    EXPECT_TRUE(metadata_->log("d", "r", "t", 3)->empty());
}

TEST_P(MetadataTest, PausedIsKept) {
    EXPECT_FALSE(*metadata_->paused("d"));
    ASSERT_TRUE(metadata_->set_paused("d", true));
    ASSERT_TRUE(metadata_->set_paused("d", true));
    reopen();
    EXPECT_TRUE(*metadata_->paused("d"));
    ASSERT_TRUE(metadata_->set_paused("d", false));
    EXPECT_FALSE(*metadata_->paused("d"));
}

TEST_P(MetadataTest, RevisionsCountUpWhenTheTextChanges) {
    EXPECT_EQ(metadata_->put_revision("p", "a", 1), 1);
    EXPECT_EQ(metadata_->put_revision("p", "a", 2), 1);
    EXPECT_EQ(metadata_->put_revision("p", "b", 3), 2);
    EXPECT_EQ(metadata_->put_revision("p", "a", 4), 3);
    EXPECT_EQ(metadata_->put_revision("q", "a", 5), 1);
    auto found = metadata_->revisions("p");
    ASSERT_EQ(found->size(), 3u);
    EXPECT_EQ((*found)[1].text, "b");
    EXPECT_EQ((*found)[1].number, 2);
    EXPECT_EQ((*found)[1].time_us, 3);
}

TEST_P(MetadataTest, SettingsAreReplaced) {
    EXPECT_FALSE(*metadata_->setting("s"));
    ASSERT_TRUE(metadata_->put_setting("s", "1"));
    ASSERT_TRUE(metadata_->put_setting("s", ""));
    reopen();
    EXPECT_EQ(*metadata_->setting("s"), "");
}

TEST_P(MetadataTest, PruneKeepsTheNewestTheUnfinishedAndTheLastScheduled) {
    for (int i = 1; i <= 6; ++i) {
        auto run = run_named("d", fmt::format("r{}", i), i);
        run.state = i == 2 ? RunState::running : RunState::success;
        ASSERT_TRUE(metadata_->insert_run(run, {task_named("d", run.run_id, "t")}));
        ASSERT_TRUE(metadata_->append_log("d", run.run_id, "t", 1, {{1, "line"}}));
    }
    EXPECT_EQ(metadata_->prune_runs("d", 2), 2);
    std::vector<std::string> left;
    for (const auto& run : *metadata_->runs("d", 10)) left.push_back(run.run_id);
    EXPECT_EQ(left, (std::vector<std::string>{"r6", "r5", "r4", "r2"}));
    EXPECT_TRUE(metadata_->tasks("d", "r1")->empty());
    EXPECT_TRUE(metadata_->log("d", "r1", "t", 1)->empty());
    EXPECT_EQ(metadata_->log("d", "r5", "t", 1)->size(), 1u);
    EXPECT_EQ(metadata_->prune_runs("d", 0), 2);
    EXPECT_EQ(metadata_->last_scheduled_us("d").value(), 6);
}

TEST_P(MetadataTest, ManyThreadsWriteAtOnce) {
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 25; ++i)
                if (!metadata_->insert_run(run_named("d", fmt::format("{}-{}", t, i), i), {})) ++failed;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(metadata_->runs("d", 1000)->size(), 100u);
}

// A child writes and tells of each write after it has returned; it is killed in the middle of it.
TEST_P(MetadataTest, WhatHasReturnedSurvivesKillMinusNine) {
    metadata_.reset();
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    pid_t child = ::fork();
    if (child == 0) {
        auto opened = GetParam().open(directory_);
        for (std::int64_t i = 0; opened; ++i) {
            if (!(*opened)->insert_run(run_named("d", fmt::format("r{}", i), i), {})) break;
            if (::write(told[1], "x", 1) != 1) break;
        }
        ::_exit(1);
    }
    ::close(told[1]);
    int acknowledged = 0;
    char byte = 0;
    while (acknowledged < 20 && ::read(told[0], &byte, 1) == 1) ++acknowledged;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(told[0], &byte, 1) == 1) ++acknowledged;
    ::close(told[0]);
    reopen();
    EXPECT_GE(acknowledged, 20);
    EXPECT_GE(metadata_->runs("d", 1'000'000)->size(), std::size_t(acknowledged));
}

TEST(SqliteFileTest, AFileThatIsNoDatabaseIsNamed) {
    TemporaryDirectory directory;
    auto path = directory.file("metadata.sqlite");
    std::ofstream(path) << std::string(8192, 'x');
    auto opened = open_sqlite(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_NE(opened.error().text.find(path), std::string::npos) << opened.error().text;
    EXPECT_NE(opened.error().text.find("not an SQLite database"), std::string::npos);
}

TEST(SqliteFileTest, ADamagedPageIsFoundAtTheStart) {
    TemporaryDirectory directory;
    auto path = directory.file("metadata.sqlite");
    {
        ASSERT_TRUE(open_sqlite(path));
    }
    {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096);
        file << std::string(8192, '\xff');
    }
    auto opened = open_sqlite(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_NE(opened.error().text.find(path), std::string::npos) << opened.error().text;
}

TEST(SqliteFileTest, ATruncatedFileIsFoundAtTheStart) {
    TemporaryDirectory directory;
    auto path = directory.file("metadata.sqlite");
    {
        ASSERT_TRUE(open_sqlite(path));
    }
    fs::resize_file(path, 8192);
    auto opened = open_sqlite(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt) << opened.error().text;
}

TEST(SqliteFileTest, ADirectoryThatDoesNotExistIsNamed) {
    auto opened = open_sqlite("/nonexistent/penstock/metadata.sqlite");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::io);
    EXPECT_NE(opened.error().text.find("/nonexistent/penstock"), std::string::npos);
}

TEST(SqliteFileTest, ANewerVersionIsRefusedAndLeftAlone) {
    TemporaryDirectory directory;
    auto path = directory.file("metadata.sqlite");
    {
        ASSERT_TRUE(open_sqlite(path));
    }
    {
        auto database = SqliteDatabase::open(path);
        ASSERT_TRUE((*database)->execute("INSERT INTO migrations (migration) VALUES (999)"));
    }
    auto opened = open_sqlite(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unsupported);
    EXPECT_NE(opened.error().text.find("version 999"), std::string::npos);
}

TEST(SqliteFileTest, AMigrationThatFailsLeavesNothingBehind) {
    TemporaryDirectory directory;
    auto path = directory.file("metadata.sqlite");
    {
        auto database = SqliteDatabase::open(path);
        ASSERT_TRUE((*database)->run_script("CREATE TABLE settings (mine TEXT)"));
    }
    auto opened = open_sqlite(path);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().text.find("migration 1"), std::string::npos) << opened.error().text;
    auto database = SqliteDatabase::open(path);
    std::int64_t tables = 0;
    ASSERT_TRUE((*database)->query("SELECT count(*) FROM sqlite_master WHERE name = 'dag_runs'",
                                   [&](const SqliteStatement& row) { tables = row.integer(0); }));
    EXPECT_EQ(tables, 0);
}

TEST(SqliteFileTest, CommitsAreSyncedInWalMode) {
    TemporaryDirectory directory;
    auto database = SqliteDatabase::open(directory.file("metadata.sqlite"));
    ASSERT_TRUE(database);
    std::string mode;
    std::int64_t synchronous = 0;
    ASSERT_TRUE(
        (*database)->query("PRAGMA journal_mode", [&](const SqliteStatement& row) { mode = row.text(0); }));
    ASSERT_TRUE((*database)->query("PRAGMA synchronous",
                                   [&](const SqliteStatement& row) { synchronous = row.integer(0); }));
    EXPECT_EQ(mode, "wal");
    EXPECT_EQ(synchronous, 2);
}

TEST(MigrationTest, TextFitsTheDialect) {
    auto text = migration_text("CREATE TABLE t (a INT64)ENDTABLE;", {"BIGINT", ""});
    EXPECT_EQ(text, "CREATE TABLE t (a BIGINT);");
}

}  // namespace
}  // namespace penstock::metadata
