// Runs of a source or query without a DAG, runs with the caller's own id, and cancelling.
#include "orchestrate/scheduler_fixture.h"

namespace penstock::orchestrate::testing {
namespace {

using metadata::RunState;
using metadata::TaskState;

class AdHocTest : public SchedulerFixture {
protected:
    static constexpr std::string_view dag_name = "run:users";
    static AdHocRun users() { return {"p", {.name = "users", .for_us = 60'000'000, .allow_empty = true}}; }
    std::string run_now(std::string_view run_id = "") {
        auto made = scheduler_->run_now(users(), run_id);
        EXPECT_TRUE(made) << made.error().text;
        return made.value_or("");
    }
    static Result<TaskOutcome> until_cancelled(const TaskContext& context) {
        if (!eventually([&] { return context.cancelled(); })) return TaskOutcome{};
        return fail(Errc::cancelled, "told to stop");
    }
};

TEST_F(AdHocTest, ConfSaysWhatWasAsked) {
    auto again = ad_hoc_of(ad_hoc_conf(users()));
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(again->pipeline, "p");
    EXPECT_EQ(again->task.name, "users");
    EXPECT_EQ(again->task.for_us, 60'000'000);
    EXPECT_TRUE(again->task.allow_empty);
    for (const auto* bad : {"", "[]", "{}", R"({"pipeline":"p","run":"r","for":"soon","allow_empty":true})"})
        EXPECT_FALSE(ad_hoc_of(bad)) << bad;
}

TEST_F(AdHocTest, IsARunLikeAnyOther) {
    start();
    actions_.on("run", [](const TaskContext& context) -> Result<TaskOutcome> {
        EXPECT_EQ(context.dag, dag_name);
        EXPECT_EQ(context.pipeline, "p");
        context.log("fetching");
        return TaskOutcome{.note = "3 records", .counts = R"({"acknowledged":3})"};
    });
    auto run_id = run_now();
    EXPECT_EQ(ended(dag_name, run_id), RunState::success);
    EXPECT_EQ(task(dag_name, run_id, "run").counts, R"({"acknowledged":3})");
    EXPECT_EQ(metadata_->log(dag_name, run_id, "run", 1)->front().text, "fetching");
    EXPECT_EQ(ad_hoc_of(metadata_->run(dag_name, run_id).value()->conf)->task.for_us, 60'000'000);
    EXPECT_TRUE(scheduler_->status().empty()) << "it is no DAG of a pipeline";
}

TEST_F(AdHocTest, AnIdOfTheCallersOwnIsTakenOnce) {
    start();
    set_dags({dag("d", {sql_task("a")})});
    EXPECT_EQ(run_now("airflow__d__t__1"), "airflow__d__t__1");
    auto again = scheduler_->run_now(users(), "airflow__d__t__1");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::exists);
    EXPECT_EQ(scheduler_->trigger("d", "", "mine").value_or(""), "mine");
    EXPECT_EQ(scheduler_->trigger("d", "", "mine").error().code, Errc::exists);
    for (const auto& bad : {std::string("a b"), std::string("a/b"), std::string(251, 'a')})
        EXPECT_EQ(scheduler_->trigger("d", "", bad).error().code, Errc::invalid) << bad;
}

TEST_F(AdHocTest, ProgressIsSeenWhileItRuns) {
    start();
    std::atomic<bool> go_on{false};
    actions_.on("run", [&](const TaskContext& context) -> Result<TaskOutcome> {
        context.progress(R"({"acknowledged":1})");
        EXPECT_TRUE(eventually([&] { return go_on.load(); }));
        context.progress(R"({"acknowledged":2})");
        return fail(Errc::io, "broken");
    });
    auto run_id = run_now();
    EXPECT_TRUE(eventually([&] { return task(dag_name, run_id, "run").counts == R"({"acknowledged":1})"; }));
    go_on = true;
    EXPECT_EQ(ended(dag_name, run_id), RunState::failed);
    EXPECT_EQ(task(dag_name, run_id, "run").counts, R"({"acknowledged":2})")
        << "what a failed try did is kept";
}

TEST_F(AdHocTest, CancellingStopsWhatRunsAndSkipsTheRest) {
    start();
    actions_.on("a", until_cancelled);
    set_dags({dag("d", {sql_task("a", {}, 3), sql_task("b", {"a"})})});
    auto run_id = trigger("d");
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    auto cancelled = scheduler_->cancel("d", run_id);
    ASSERT_TRUE(cancelled) << cancelled.error().text;
    EXPECT_EQ(cancelled->state, RunState::failed);
    EXPECT_EQ(ended("d", run_id), RunState::failed);
    EXPECT_EQ(task("d", run_id, "a").state, TaskState::failed);
    EXPECT_EQ(task("d", run_id, "a").note, "the run was cancelled");
    EXPECT_EQ(task("d", run_id, "b").state, TaskState::skipped);
    EXPECT_TRUE(eventually([&] { return actions_.at_once() == 0; })) << "the task is told";
    EXPECT_EQ(actions_.started("a"), 1) << "and not tried again";
    actions_.on("a", {});
    EXPECT_EQ(ended("d", trigger("d")), RunState::success);
}

TEST_F(AdHocTest, CancellingAWaitAndAQueuedRun) {
    start();
    actions_.on_condition([](const TaskContext&) { return false; });
    auto waiting = dag("d", {{.name = "w", .action = pipeline::WaitTask{}}});
    waiting.max_active_runs = 1;
    set_dags({waiting});
    auto first = trigger("d");
    auto second = trigger("d");
    ASSERT_TRUE(eventually([&] { return task("d", first, "w").state == TaskState::running; }));
    EXPECT_EQ(scheduler_->cancel("d", second)->state, RunState::failed);
    EXPECT_EQ(task("d", second, "w").state, TaskState::skipped);
    EXPECT_EQ(scheduler_->cancel("d", first)->state, RunState::failed);
    EXPECT_EQ(ended("d", first), RunState::failed);
    EXPECT_EQ(metadata_->log("d", first, "w", 1)->back().text, "the run was cancelled");
    auto third = trigger("d");
    EXPECT_TRUE(eventually([&] { return task("d", third, "w").state == TaskState::running; }));
}

TEST_F(AdHocTest, CancellingWhatHasEndedChangesNothing) {
    start();
    set_dags({dag("d", {sql_task("a")})});
    auto run_id = trigger("d");
    EXPECT_EQ(ended("d", run_id), RunState::success);
    EXPECT_EQ(scheduler_->cancel("d", run_id)->state, RunState::success);
    EXPECT_EQ(scheduler_->cancel("d", "none").error().code, Errc::not_found);
    EXPECT_EQ(scheduler_->cancel("none", run_id).error().code, Errc::not_found);
}

TEST_F(AdHocTest, WhenTheStateCannotBeKeptNothingIsCancelled) {
    FaultyMetadata faulty(*metadata_);
    start_on(faulty);
    actions_.on("run", until_cancelled);
    auto run_id = run_now();
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    faulty.fail_from(faulty.writes() + 1, false);
    EXPECT_EQ(scheduler_->cancel(dag_name, run_id).error().code, Errc::io);
    EXPECT_EQ(actions_.at_once(), 1);
    faulty.heal();
    EXPECT_EQ(scheduler_->cancel(dag_name, run_id)->state, RunState::failed);
    scheduler_.reset();
}

TEST_F(AdHocTest, AfterAnOrderlyStopItStartsOverOnceThereIsAPipeline) {
    start();
    actions_.on("run", until_cancelled);
    auto run_id = run_now();
    ASSERT_TRUE(eventually([&] { return actions_.at_once() == 1; }));
    scheduler_.reset();
    actions_.on("run", [](const TaskContext& context) -> Result<TaskOutcome> {
        EXPECT_EQ(context.pipeline, "p");
        return TaskOutcome{};
    });
    start();
    EXPECT_FALSE(scheduler_->wait(dag_name, run_id, 50'000)) << "nothing is known of any source yet";
    set_dags({});
    EXPECT_EQ(ended(dag_name, run_id), RunState::success);
    EXPECT_EQ(actions_.started("run"), 2);
    EXPECT_EQ(task(dag_name, run_id, "run").try_number, 1);
}

}  // namespace
}  // namespace penstock::orchestrate::testing
