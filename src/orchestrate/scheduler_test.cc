// Runs by hand: order, retries, limits, definitions, stopping.
#include <signal.h>

#include "orchestrate/scheduler_fixture.h"

namespace penstock::orchestrate::testing {
namespace {

using metadata::RunState;
using metadata::TaskState;

class SchedulerTest : public SchedulerFixture {};

Result<TaskOutcome> until_cancelled(const TaskContext& context) {
    if (!eventually([&] { return context.cancelled(); })) return TaskOutcome{};
    return fail(Errc::cancelled, "told to stop");
}

TEST_F(SchedulerTest, TasksRunAfterWhatTheyComeAfter) {
    start();
    set_dags({dag("d", {sql_task("c", {"a", "b"}), sql_task("b", {"a"}), sql_task("a")})});
    auto run_id = trigger("d");
    EXPECT_TRUE(run_id.starts_with("manual__2026-05-28T20:26:40")) << run_id;
    EXPECT_EQ(ended("d", run_id), RunState::success);
    std::vector<std::string> order;
    for (const auto& one : actions_.started()) order.push_back(one.task);
    EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "c"}));
    auto run = *metadata_->run("d", run_id);
    EXPECT_EQ(run->run_type, "manual");
    EXPECT_EQ(run->started_us, start_us);
    EXPECT_EQ(run->ended_us, start_us);
    EXPECT_EQ(task("d", run_id, "b").try_number, 1);
}

TEST_F(SchedulerTest, WhatATaskSaysIsKept) {
    start();
    actions_.on("a", [](const TaskContext& context) -> Result<TaskOutcome> {
        context.log("fetching");
        EXPECT_EQ(context.pipeline, "p");
        EXPECT_EQ(context.conf, R"({"day": 3})");
        return TaskOutcome{.note = "3 rows", .counts = R"({"rows":3})"};
    });
    set_dags({dag("d", {sql_task("a")})});
    auto run_id = trigger("d", R"({"day": 3})");
    EXPECT_EQ(ended("d", run_id), RunState::success);
    EXPECT_EQ(task("d", run_id, "a").note, "3 rows");
    EXPECT_EQ(task("d", run_id, "a").counts, R"({"rows":3})");
    auto log = metadata_->log("d", run_id, "a", 1);
    ASSERT_EQ(log->size(), 1u);
    EXPECT_EQ(log->front().text, "fetching");
}

TEST_F(SchedulerTest, ADagWithoutTasksSucceedsAtOnce) {
    start();
    set_dags({dag("d", {})});
    EXPECT_EQ(ended("d", trigger("d")), RunState::success);
}

TEST_F(SchedulerTest, AFailedTryIsRepeatedAfterItsDelayAndNotBefore) {
    start();
    actions_.on("a", [](const TaskContext& context) -> Result<TaskOutcome> {
        if (context.try_number < 3) return fail(Errc::io, "no luck");
        return TaskOutcome{};
    });
    auto with_retries = sql_task("a", {}, 2);
    with_retries.retry_delay_us = 60'000'000;
    set_dags({dag("d", {with_retries, sql_task("b", {"a"})})});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return task("d", run_id, "a").state == TaskState::up_for_retry; }));
    EXPECT_EQ(task("d", run_id, "a").note, "no luck");
    EXPECT_EQ(task("d", run_id, "a").next_try_us, start_us + 60'000'000);
    clock_.advance_us(59'999'999);
    EXPECT_FALSE(scheduler_->wait("d", run_id, 20'000));
    EXPECT_EQ(actions_.started("a"), 1);
    clock_.advance_us(1);
    ASSERT_TRUE(eventually([&] { return actions_.started("a") == 2; }));
    ASSERT_TRUE(eventually([&] { return task("d", run_id, "a").state == TaskState::up_for_retry; }));
    clock_.advance_us(60'000'000);
    EXPECT_EQ(ended("d", run_id), RunState::success);
    EXPECT_EQ(task("d", run_id, "a").try_number, 3);
    EXPECT_EQ(actions_.started("b"), 1);
}

TEST_F(SchedulerTest, WhenNoTryIsLeftWhatComesAfterFailsToo) {
    start();
    actions_.on("a", [](const TaskContext&) -> Result<TaskOutcome> { return fail(Errc::io, "broken"); });
    set_dags(
        {dag("d", {sql_task("c", {"b"}), sql_task("b", {"a"}), sql_task("a", {}, 1), sql_task("free")})});
    auto run_id = trigger("d");
    EXPECT_EQ(ended("d", run_id), RunState::failed);
    EXPECT_EQ(task("d", run_id, "a").state, TaskState::failed);
    EXPECT_EQ(task("d", run_id, "a").try_number, 2);
    EXPECT_EQ(task("d", run_id, "b").state, TaskState::upstream_failed);
    EXPECT_EQ(task("d", run_id, "c").state, TaskState::upstream_failed);
    EXPECT_EQ(task("d", run_id, "free").state, TaskState::success);
    EXPECT_EQ(actions_.started("b"), 0);
    EXPECT_EQ(metadata_->log("d", run_id, "a", 2)->back().text, "failed: broken");
}

TEST_F(SchedulerTest, AnExceptionIsAFailedTry) {
    start();
    actions_.on("a", [](const TaskContext&) -> Result<TaskOutcome> { throw std::runtime_error("thrown"); });
    set_dags({dag("d", {sql_task("a")})});
    auto run_id = trigger("d");
    EXPECT_EQ(ended("d", run_id), RunState::failed);
    EXPECT_EQ(task("d", run_id, "a").note, "thrown");
}

TEST_F(SchedulerTest, ATaskBeyondItsTimeLimitIsToldToStopAndFails) {
    start();
    actions_.on("a", until_cancelled);
    auto limited = sql_task("a");
    limited.timeout_us = 30'000'000;
    set_dags({dag("d", {limited})});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    clock_.advance_us(30'000'000);
    EXPECT_EQ(ended("d", run_id), RunState::failed);
    EXPECT_NE(task("d", run_id, "a").note.find("time limit of 30.0 s"), std::string::npos)
        << task("d", run_id, "a").note;
}

TEST_F(SchedulerTest, ASourceThatIsCutShortHasNotSucceeded) {
    actions_.on("r", [](const TaskContext& context) -> Result<TaskOutcome> {
        eventually([&] { return context.cancelled(); });
        return TaskOutcome{.note = "3 records"};
    });
    pipeline::TaskSpec run{.name = "r",
                           .action = pipeline::RunTask{.name = "source", .for_us = 60'000'000},
                           .timeout_us = 30'000'000};
    start();
    set_dags({dag("d", {run})});
    auto stopped = trigger("d");
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    scheduler_->stop();
    EXPECT_EQ(task("d", stopped, "r").state, TaskState::none);
    EXPECT_EQ(task("d", stopped, "r").try_number, 0);
    start();
    set_dags({dag("d", {run})});
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    clock_.advance_us(30'000'000);
    EXPECT_EQ(ended("d", stopped), RunState::failed);
    EXPECT_EQ(task("d", stopped, "r").note,
              "stopped after its time limit of 30.0 s: cut short; until then: 3 records");
}

TEST_F(SchedulerTest, ShellTasksKnowWhatTheyAreAndTheirOutputIsTheLog) {
    start();
    set_dags({dag("d", {shell_task("s",
                                   "echo $PENSTOCK_DAG $PENSTOCK_TASK $PENSTOCK_TRY "
                                   "$PENSTOCK_LOGICAL_DATE $PENSTOCK_CONF; "
                                   "echo $PENSTOCK_RUN_ID")})});
    auto run_id = trigger("d", R"({"a":1})");
    EXPECT_EQ(ended("d", run_id), RunState::success);
    auto log = metadata_->log("d", run_id, "s", 1);
    ASSERT_EQ(log->size(), 2u);
    EXPECT_EQ((*log)[0].text, R"(d s 1 2026-05-28T20:26:40.000Z {"a":1})");
    EXPECT_EQ((*log)[1].text, run_id);
}

TEST_F(SchedulerTest, AShellTaskThatFailsShowsItsLastLines) {
    start();
    set_dags({dag("d", {shell_task("s", "echo cannot find it >&2; exit 7")})});
    auto run_id = trigger("d");
    EXPECT_EQ(ended("d", run_id), RunState::failed);
    EXPECT_EQ(task("d", run_id, "s").note, "exit code 7: cannot find it");
}

TEST_F(SchedulerTest, WaitsHoldNoWorker) {
    std::atomic<bool> holds{false};
    std::atomic<int> asked{0};
    actions_.on_condition([&](const TaskContext&) -> Result<bool> {
        ++asked;
        return holds.load();
    });
    start(1);
    pipeline::TaskSpec wait{.name = "w", .action = pipeline::WaitTask{.every_us = 1'000'000}};
    set_dags({dag("waiting", {wait, sql_task("after", {"w"})}), dag("other", {sql_task("a")})});
    auto waiting = trigger("waiting");
    ASSERT_TRUE(eventually([&] { return asked == 1; }));
    EXPECT_EQ(ended("other", trigger("other")), RunState::success);
    EXPECT_EQ(task("waiting", waiting, "w").state, TaskState::running);
    holds = true;
    clock_.advance_us(1'000'000);
    EXPECT_EQ(ended("waiting", waiting), RunState::success);
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(task("waiting", waiting, "w").note, "the condition is true");
}

TEST_F(SchedulerTest, AWaitFailsAfterItsTimeLimit) {
    actions_.on_condition([](const TaskContext&) -> Result<bool> { return false; });
    start();
    pipeline::TaskSpec wait{
        .name = "w", .action = pipeline::WaitTask{.every_us = 1'000'000}, .timeout_us = 5'000'000};
    set_dags({dag("d", {wait})});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return task("d", run_id, "w").state == TaskState::running; }));
    clock_.advance_us(5'000'000);
    EXPECT_EQ(ended("d", run_id), RunState::failed);
    EXPECT_EQ(task("d", run_id, "w").note, "the condition did not become true within 5.0 s");
}

TEST_F(SchedulerTest, AWaitThatCannotBeAskedIsAFailedTry) {
    actions_.on_condition([](const TaskContext& context) -> Result<bool> {
        if (context.try_number == 1) return fail(Errc::not_found, "no table t");
        return true;
    });
    start();
    pipeline::TaskSpec wait{.name = "w", .action = pipeline::WaitTask{}, .retries = 1, .retry_delay_us = 0};
    set_dags({dag("d", {wait})});
    auto run_id = trigger("d");
    EXPECT_EQ(ended("d", run_id), RunState::success);
    EXPECT_EQ(task("d", run_id, "w").try_number, 2);
    EXPECT_EQ(metadata_->log("d", run_id, "w", 1)->front().text, "failed: no table t");
}

TEST_F(SchedulerTest, NoMoreTasksAtOnceThanWorkers) {
    start(3);
    std::vector<pipeline::TaskSpec> tasks;
    for (int i = 0; i < 12; ++i) {
        auto name = fmt::format("t{}", i);
        tasks.push_back(sql_task(name));
        actions_.on(name, [this](const TaskContext&) -> Result<TaskOutcome> {
            eventually([&] { return actions_.most_at_once() == 3; });
            return TaskOutcome{};
        });
    }
    set_dags({dag("d", tasks)});
    EXPECT_EQ(ended("d", trigger("d")), RunState::success);
    EXPECT_EQ(actions_.most_at_once(), 3);
}

TEST_F(SchedulerTest, RunsBeyondTheLimitWaitInOrder) {
    start();
    std::atomic<bool> go{false};
    actions_.on("a", [&](const TaskContext&) -> Result<TaskOutcome> {
        eventually([&] { return go.load(); });
        return TaskOutcome{};
    });
    auto limited = dag("d", {sql_task("a")});
    limited.max_active_runs = 2;
    set_dags({limited});
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(trigger("d"));
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 5u);
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 2; }));
    EXPECT_EQ((*metadata_->run("d", ids[1]))->state, RunState::running);
    EXPECT_EQ((*metadata_->run("d", ids[2]))->state, RunState::queued);
    go = true;
    for (const auto& id : ids) EXPECT_EQ(ended("d", id), RunState::success);
    EXPECT_LE(actions_.most_at_once(), 2);
}

TEST_F(SchedulerTest, BadTriggersSayWhatIsWrong) {
    start();
    set_dags({dag("d", {})});
    EXPECT_EQ(scheduler_->trigger("nobody", "").error().code, Errc::not_found);
    for (auto conf : {"[1]", "{", "3", "{\"a\":}"}) {
        auto bad = scheduler_->trigger("d", conf);
        ASSERT_FALSE(bad) << conf;
        EXPECT_EQ(bad.error().code, Errc::invalid);
        EXPECT_NE(bad.error().text.find("conf is not"), std::string::npos);
    }
    EXPECT_FALSE(scheduler_->trigger("d", "{\"a\":\"" + std::string(70'000, 'x') + "\"}"));
    EXPECT_EQ(scheduler_->set_paused("nobody", true).error().code, Errc::not_found);
    EXPECT_TRUE(metadata_->runs("", 10)->empty());
}

TEST_F(SchedulerTest, WaitingForARun) {
    start();
    actions_.on("a", until_cancelled);
    set_dags({dag("d", {sql_task("a")})});
    EXPECT_EQ(scheduler_->wait("d", "r", 0).error().code, Errc::not_found);
    auto run_id = trigger("d");
    EXPECT_EQ(scheduler_->wait("d", run_id, 1000).error().code, Errc::timeout);
    std::thread stopper([&] {
        eventually([&] { return actions_.at_once() == 1; });
        scheduler_->stop();
    });
    EXPECT_EQ(scheduler_->wait("d", run_id, INT64_MAX).error().code, Errc::cancelled);
    stopper.join();
    EXPECT_EQ(scheduler_->trigger("d", "").error().code, Errc::cancelled);
}

TEST_F(SchedulerTest, DefinitionsThatCannotBeAreRefusedAndNothingIsReplaced) {
    start();
    set_dags({dag("good", {sql_task("a")})});
    auto refused = [&](pipeline::DagSpec spec) {
        auto set = scheduler_->set_dags("p", {dag("new", {}), std::move(spec)});
        EXPECT_FALSE(set);
        return set ? "" : set.error().text;
    };
    EXPECT_EQ(refused(dag("d", {sql_task("a", {"x"})})),
              "DAG d: task a comes after x, which is no task of this DAG");
    EXPECT_EQ(refused(dag("d", {sql_task("a"), sql_task("a")})), "DAG d has two tasks named a");
    EXPECT_NE(
        refused(dag("d", {sql_task("a", {"b"}), sql_task("b", {"a"}), sql_task("c")})).find("in a circle"),
        std::string::npos);
    EXPECT_NE(refused(dag("d", {sql_task("a", {"a"})})).find("in a circle"), std::string::npos);
    auto schedule = dag("d", {});
    schedule.schedule = "61 * * * *";
    EXPECT_NE(refused(schedule).find("DAG d: cron field 1"), std::string::npos);
    auto limit = dag("d", {});
    limit.max_active_runs = 0;
    EXPECT_NE(refused(limit).find("expected 1 or more"), std::string::npos);
    EXPECT_NE(refused(dag("new", {})).find("two DAGs named new"), std::string::npos);
    auto other = scheduler_->set_dags("q", {dag("good", {})});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::exists);
    auto status = scheduler_->status();
    ASSERT_EQ(status.size(), 1u);
    EXPECT_EQ(status[0].name, "good");
}

TEST_F(SchedulerTest, ARunUnderWayKeepsItsDefinition) {
    start();
    std::atomic<bool> go{false};
    actions_.on("a", [&](const TaskContext&) -> Result<TaskOutcome> {
        eventually([&] { return go.load(); });
        return TaskOutcome{};
    });
    set_dags({dag("d", {sql_task("a"), sql_task("old", {"a"})})});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    set_dags({dag("d", {sql_task("new")})});
    EXPECT_EQ(ended("d", trigger("d")), RunState::success);
    scheduler_->remove_pipeline("p");
    EXPECT_TRUE(scheduler_->status().empty());
    go = true;
    EXPECT_EQ(ended("d", run_id), RunState::success);
    EXPECT_EQ(actions_.started("old"), 1);
    EXPECT_EQ(actions_.started("new"), 1);
}

TEST_F(SchedulerTest, StatusShowsTasksAndEdges) {
    start();
    set_dags({dag("d", {sql_task("b", {"a"}), sql_task("a")})});
    auto status = scheduler_->status();
    ASSERT_EQ(status.size(), 1u);
    EXPECT_EQ(status[0].pipeline, "p");
    EXPECT_EQ(status[0].tasks, (std::vector<std::string>{"b", "a"}));
    EXPECT_EQ(status[0].edges, (std::vector<std::pair<std::string, std::string>>{{"a", "b"}}));
    EXPECT_FALSE(status[0].next_run_us);
}

TEST_F(SchedulerTest, StopCancelsAndTheNextProcessStartsSqlOver) {
    start();
    actions_.on("a", until_cancelled);
    set_dags({dag("d", {sql_task("a")})});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    scheduler_->stop();
    EXPECT_EQ(actions_.at_once(), 0);
    EXPECT_EQ(task("d", run_id, "a").state, TaskState::none);
    EXPECT_EQ((*metadata_->run("d", run_id))->state, RunState::running);
    actions_.on("a", nullptr);
    start();
    set_dags({dag("d", {sql_task("a")})});
    EXPECT_EQ(ended("d", run_id), RunState::success);
    EXPECT_EQ(task("d", run_id, "a").try_number, 1);
}

TEST_F(SchedulerTest, StopEndsShellTasksAndCountsTheTry) {
    start();
    set_dags({dag("d", {shell_task("s", "echo started; sleep 1000")})});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] {
        clock_.advance_us(1'000'000);  // a quiet task's lines are written after a second
        return !metadata_->log("d", run_id, "s", 1)->empty();
    }));
    scheduler_->stop();
    EXPECT_EQ(task("d", run_id, "s").state, TaskState::failed);
    EXPECT_EQ(task("d", run_id, "s").note, "ended by signal 15 (Terminated): started");
    start();
    set_dags({dag("d", {shell_task("s", "echo started; sleep 1000")})});
    EXPECT_EQ(ended("d", run_id), RunState::failed);
}

TEST_F(SchedulerTest, WaitsGoOnInTheNextProcessInTheSameTry) {
    std::atomic<bool> holds{false};
    std::atomic<int> asked{0};
    actions_.on_condition([&](const TaskContext&) -> Result<bool> {
        ++asked;
        return holds.load();
    });
    auto waiting = dag("d", {{.name = "w", .action = pipeline::WaitTask{}, .timeout_us = 10'000'000}});
    start();
    set_dags({waiting});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return asked == 1; }));
    clock_.advance_us(9'000'000);
    holds = true;
    start();
    set_dags({waiting});
    EXPECT_EQ(ended("d", run_id), RunState::success);
    EXPECT_EQ(task("d", run_id, "w").try_number, 1);
    EXPECT_EQ(task("d", run_id, "w").started_us, start_us);
}

TEST_F(SchedulerTest, RunsOfADagThatNeverComesBackFailInTheEnd) {
    start();
    actions_.on("a", until_cancelled);
    set_dags({dag("d", {sql_task("a")})});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    start();
    clock_.advance_us(299'000'000);
    EXPECT_FALSE(scheduler_->wait("d", run_id, 10'000));
    clock_.advance_us(1'000'000);
    EXPECT_EQ(ended("d", run_id), RunState::failed);
    EXPECT_EQ(task("d", run_id, "a").note, "the pipeline file no longer has this task");
}

TEST_F(SchedulerTest, OnlyTheLeaderRunsDagsAndALostLeadIsTakenUpAgain) {
    coordinator_.leading = false;
    start();
    actions_.on("a", until_cancelled);
    auto scheduled = dag("d", {sql_task("a")});
    scheduled.schedule = "@daily";
    set_dags({scheduled});
    auto refused = scheduler_->trigger("d", "");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_TRUE(metadata_->runs("d", 10)->empty());
    coordinator_.leading = true;
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    coordinator_.leading = false;
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 0; }));
    auto runs = *metadata_->runs("d", 10);
    ASSERT_EQ(runs.size(), 1u);
    EXPECT_EQ(runs[0].state, RunState::running);  // nothing is written by who does not lead
    actions_.on("a", nullptr);
    auto retried = scheduled;
    retried.tasks[0].retries = 1;
    set_dags({retried});
    coordinator_.leading = true;
    EXPECT_EQ(ended("d", runs[0].run_id), RunState::success);
    EXPECT_EQ(task("d", runs[0].run_id, "a").try_number, 2);
}

TEST_F(SchedulerTest, NothingStartsWhileStateCannotBeWritten) {
    FaultyMetadata faulty(*metadata_);
    start_on(faulty);
    set_dags({dag("d", {sql_task("a"), sql_task("b", {"a"})})});
    faulty.fail_from(2, false);  // the run can be made, and not begun
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return faulty.failed(); }));
    EXPECT_EQ(actions_.started("a"), 0);
    faulty.heal();
    EXPECT_FALSE(scheduler_->wait("d", run_id, 10'000));
    clock_.advance_us(1'000'000);
    EXPECT_EQ(ended("d", run_id), RunState::success);
    EXPECT_EQ(actions_.started("a"), 1);
    EXPECT_EQ(actions_.started("b"), 1);
}

TEST_F(SchedulerTest, OldRunsAreRemoved) {
    start();
    set_dags({dag("d", {sql_task("a")})});
    std::string last;
    for (int i = 0; i < 100; ++i) {
        clock_.advance_us(1);
        last = trigger("d");
    }
    EXPECT_EQ(ended("d", last), RunState::success);
    ASSERT_TRUE(eventually([&] { return metadata_->runs("d", 1000)->size() == 20; }));
    EXPECT_TRUE(*metadata_->run("d", last));
}

}  // namespace
}  // namespace penstock::orchestrate::testing
