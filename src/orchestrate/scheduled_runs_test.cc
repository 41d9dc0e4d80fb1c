// Runs that a schedule makes, and what a crash leaves of them.
#include <random>
#include <set>

#include "base/units.h"
#include "orchestrate/scheduler_fixture.h"

namespace penstock::orchestrate::testing {
namespace {

using metadata::RunState;
using metadata::TaskState;

constexpr std::int64_t hour_us = 3'600'000'000;
constexpr std::int64_t day_us = 24 * hour_us;

class ScheduledRunsTest : public SchedulerFixture {
protected:
    static pipeline::DagSpec scheduled(std::string schedule,
                                       std::vector<pipeline::TaskSpec> tasks = {sql_task("a")}) {
        auto spec = dag("d", std::move(tasks));
        spec.schedule = std::move(schedule);
        return spec;
    }
    /// After this the scheduler has looked at the clock at least once more.
    void settle() {
        ASSERT_TRUE(scheduler_->set_dags("other", {dag("settle", {})}));
        EXPECT_EQ(ended("settle", trigger("settle")), RunState::success);
    }
};

TEST_F(ScheduledRunsTest, ANewDagRunsItsLatestIntervalAtOnceAndThenEachOnTime) {
    start();
    set_dags({scheduled("@daily")});
    ASSERT_TRUE(eventually([&] { return all_ended("d", 1); }));
    EXPECT_EQ(run_ids("d"), std::vector<std::string>{"scheduled__2026-05-27T00:00:00Z"});
    auto run = metadata_->runs("d", 1)->front();
    EXPECT_EQ(run.run_type, "scheduled");
    EXPECT_EQ(format_time_us(run.logical_us), "2026-05-27T00:00:00.000Z");
    EXPECT_EQ(format_time_us(*scheduler_->status()[0].next_run_us), "2026-05-29T00:00:00.000Z");
    clock_.set_us(start_us - start_us % day_us + day_us - 1);
    settle();
    EXPECT_EQ(run_ids("d").size(), 1u);
    clock_.advance_us(1);
    ASSERT_TRUE(eventually([&] { return all_ended("d", 2); }));
    EXPECT_EQ(run_ids("d").back(), "scheduled__2026-05-28T00:00:00Z");
}

TEST_F(ScheduledRunsTest, MissedIntervalsWithoutCatchUpAreOneRun) {
    start();
    set_dags({scheduled("@hourly")});
    ASSERT_TRUE(eventually([&] { return all_ended("d", 1); }));
    clock_.advance_us(5 * hour_us);
    ASSERT_TRUE(eventually([&] { return all_ended("d", 2); }));
    settle();
    EXPECT_EQ(run_ids("d"), (std::vector<std::string>{"scheduled__2026-05-28T19:00:00Z",
                                                      "scheduled__2026-05-29T00:00:00Z"}));
}

TEST_F(ScheduledRunsTest, MissedIntervalsWithCatchUpAllRun) {
    start();
    auto spec = scheduled("@hourly");
    spec.catchup = true;
    spec.start_us = start_us - 5 * hour_us;  // 15:26:40
    spec.max_active_runs = 2;
    set_dags({spec});
    ASSERT_TRUE(eventually([&] { return all_ended("d", 4); }));
    settle();
    EXPECT_EQ(run_ids("d"), (std::vector<std::string>{
                                "scheduled__2026-05-28T16:00:00Z", "scheduled__2026-05-28T17:00:00Z",
                                "scheduled__2026-05-28T18:00:00Z", "scheduled__2026-05-28T19:00:00Z"}));
    EXPECT_LE(actions_.most_at_once(), 2);
}

TEST_F(ScheduledRunsTest, AStartTimeIsWaitedFor) {
    start();
    auto spec = scheduled("@hourly");
    spec.start_us = start_us + 10 * hour_us;
    set_dags({spec});
    settle();
    EXPECT_TRUE(run_ids("d").empty());
    clock_.advance_us(12 * hour_us);
    ASSERT_TRUE(eventually([&] { return all_ended("d", 1); }));
    EXPECT_EQ(run_ids("d").front(), "scheduled__2026-05-29T07:00:00Z");
}

TEST_F(ScheduledRunsTest, PausedDagsRunByHandOnly) {
    ASSERT_TRUE(metadata_->set_paused("d", true));
    start();
    set_dags({scheduled("@hourly")});
    settle();
    EXPECT_TRUE(run_ids("d").empty());
    EXPECT_TRUE(scheduler_->status()[0].paused);
    EXPECT_FALSE(scheduler_->status()[0].next_run_us);
    EXPECT_EQ(ended("d", trigger("d")), RunState::success);
    ASSERT_TRUE(scheduler_->set_paused("d", false));
    ASSERT_TRUE(eventually([&] { return all_ended("d", 2); }));
    ASSERT_TRUE(scheduler_->set_paused("d", true));
    clock_.advance_us(3 * hour_us);
    settle();
    EXPECT_EQ(run_ids("d").size(), 2u);
    ASSERT_TRUE(scheduler_->set_paused("d", false));
    ASSERT_TRUE(eventually([&] { return all_ended("d", 3); }));
    EXPECT_EQ(run_ids("d").back(), "scheduled__2026-05-28T22:00:00Z");
}

TEST_F(ScheduledRunsTest, OnceRunsOnce) {
    start();
    set_dags({scheduled("@once")});
    ASSERT_TRUE(eventually([&] { return all_ended("d", 1); }));
    clock_.advance_us(day_us);
    start();
    set_dags({scheduled("@once")});
    settle();
    EXPECT_EQ(run_ids("d").size(), 1u);
}

TEST_F(ScheduledRunsTest, ContinuousRunsOneAfterTheOtherAtMostOneASecond) {
    start();
    set_dags({scheduled("@continuous")});
    ASSERT_TRUE(eventually([&] { return all_ended("d", 1); }));
    settle();
    EXPECT_EQ(run_ids("d").size(), 1u);
    clock_.advance_us(1'000'000);
    ASSERT_TRUE(eventually([&] { return all_ended("d", 2); }));
    EXPECT_EQ(actions_.most_at_once(), 1);
}

TEST_F(ScheduledRunsTest, AtTheLimitOfRunsNoneIsMade) {
    std::atomic<bool> go{false};
    actions_.on("a", [&](const TaskContext&) -> Result<TaskOutcome> {
        eventually([&] { return go.load(); });
        return TaskOutcome{};
    });
    start();
    auto spec = scheduled("@hourly");
    spec.max_active_runs = 1;
    set_dags({spec});
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    clock_.advance_us(3 * hour_us);
    settle();
    EXPECT_EQ(run_ids("d").size(), 1u);
    go = true;
    ASSERT_TRUE(eventually([&] { return all_ended("d", 2); }));
    EXPECT_EQ(run_ids("d").back(), "scheduled__2026-05-28T22:00:00Z");
}

/// Whatever write is the last: afterwards each run has ended well, no try was acted on twice, and each
/// logical time has one run.
class CrashTest : public ScheduledRunsTest, public ::testing::WithParamInterface<bool> {};

INSTANTIATE_TEST_SUITE_P(LastWrite, CrashTest, ::testing::Bool(),
                         [](const auto& about) { return about.param ? "IsDone" : "IsLost"; });

TEST_P(CrashTest, AtEveryWrite) {
    auto spec = scheduled("@daily", {sql_task("a", {}, 1), sql_task("b", {"a"}, 1), sql_task("c", {"a"}, 1),
                                     sql_task("z", {"b", "c"}, 1)});
    auto path = directory_ + "/metadata.sqlite";
    int crashes = 0;
    for (int write = 1;; ++write) {
        metadata_.reset();
        for (auto suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
        metadata_ = std::move(*metadata::open_sqlite(path));
        auto before = actions_.started().size();
        {
            FaultyMetadata faulty(*metadata_);
            faulty.fail_from(write, GetParam());
            start_on(faulty);
            set_dags({spec});
            ASSERT_TRUE(eventually([&] { return faulty.failed() || all_ended("d", 1); }));
            crashes += faulty.failed() ? 1 : 0;
            scheduler_.reset();
            if (!faulty.failed()) break;  // it took fewer writes than this
        }
        start();
        set_dags({spec});
        ASSERT_TRUE(eventually([&] { return all_ended("d", 1); })) << "write " << write;
        auto run = metadata_->runs("d", 1)->front();
        EXPECT_EQ(run.state, RunState::success) << "write " << write;
        std::set<FakeActions::Started> tries;
        auto started = actions_.started();
        for (auto at = before; at < started.size(); ++at)
            EXPECT_TRUE(tries.insert(started[at]).second)
                << "write " << write << ": " << started[at].task << started[at].try_number;
        for (auto name : {"a", "b", "c", "z"})
            EXPECT_EQ(task("d", run.run_id, name).state, TaskState::success) << name;
        scheduler_.reset();
    }
    EXPECT_GE(crashes, 5);
}

TEST_P(CrashTest, ATryThatTheProcessDidNotSurviveCountsAsFailed) {
    std::atomic<bool> go{false};
    actions_.on("a", [&](const TaskContext&) -> Result<TaskOutcome> {
        eventually([&] { return go.load(); });
        return TaskOutcome{};
    });
    {
        FaultyMetadata faulty(*metadata_);
        start_on(faulty);
        set_dags({scheduled("@daily")});
        ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
        faulty.fail_from(faulty.writes() + 1, false);
        go = true;
        scheduler_.reset();
    }
    start();
    set_dags({scheduled("@daily")});
    ASSERT_TRUE(eventually([&] { return all_ended("d", 1); }));
    auto run = metadata_->runs("d", 1)->front();
    EXPECT_EQ(run.state, RunState::failed);
    EXPECT_EQ(task("d", run.run_id, "a").note, "the process ended while it ran");
    EXPECT_EQ(actions_.started("a"), 1);
}

/// Random DAGs whose tasks fail at random, some runs through a restart in the middle.
TEST_F(ScheduledRunsTest, RandomDagsKeepTheRules) {
    for (unsigned seed = 1; seed <= 25; ++seed) {
        std::mt19937 random(seed);
        auto below = [&](unsigned limit) { return int(random() % limit); };
        auto name = fmt::format("dag{}", seed);
        auto spec = dag(name, {});
        std::map<std::string, int> fails;  // how many tries fail
        for (int i = 0, count = 1 + below(10); i < count; ++i) {
            std::vector<std::string> after;
            for (int u = 0; u < i; ++u)
                if (below(3) == 0) after.push_back(fmt::format("{}t{}", name, u));
            auto one = sql_task(fmt::format("{}t{}", name, i), after, below(3));
            fails[one.name] = below(4);
            actions_.on(one.name, [&, after](const TaskContext& context) -> Result<TaskOutcome> {
                for (const auto& upstream : after)
                    EXPECT_EQ(task(name, context.run_id, upstream).state, TaskState::success);
                if (context.try_number <= fails[context.task]) return fail(Errc::io, "random");
                return TaskOutcome{};
            });
            spec.tasks.push_back(one);
        }
        std::shuffle(spec.tasks.begin(), spec.tasks.end(), random);
        int workers = 1 + below(4);
        start(workers);
        set_dags({spec});
        auto run_id = trigger(name);
        if (below(2) == 0) {
            start(workers);
            set_dags({spec});
        }
        auto state = ended(name, run_id);
        bool all_success = true;
        for (const auto& one : spec.tasks) {
            auto got = task(name, run_id, one.name);
            bool upstream_bad = false;
            for (const auto& upstream : one.after)
                upstream_bad |= task(name, run_id, upstream).state != TaskState::success;
            auto expected = upstream_bad                    ? TaskState::upstream_failed
                            : fails[one.name] > one.retries ? TaskState::failed
                                                            : TaskState::success;
            EXPECT_EQ(got.state, expected) << "seed " << seed << " " << one.name << got.note;
            if (!upstream_bad) EXPECT_EQ(got.try_number, std::min(fails[one.name], one.retries) + 1);
            all_success &= expected == TaskState::success;
        }
        EXPECT_EQ(state, all_success ? RunState::success : RunState::failed) << "seed " << seed;
        EXPECT_LE(actions_.most_at_once(), 4);
    }
}

}  // namespace
}  // namespace penstock::orchestrate::testing
