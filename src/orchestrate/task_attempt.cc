#include "orchestrate/task_attempt.h"

#include <exception>

#include "base/units.h"
#include "orchestrate/shell_process.h"

namespace penstock::orchestrate {

TaskAttempt::TaskAttempt(const RunProgress& progress, std::size_t task, std::string pipeline,
                         std::shared_ptr<const pipeline::DagSpec> keep, metadata::Metadata& metadata,
                         const Clock& clock)
    : keep_(std::move(keep)),
      spec_(*progress.spec(task)),
      clock_(clock),
      // A wait that goes on after a restart has its time limit from when it first started.
      started_us_(clock.monotonic_us() - (clock.now_us() - progress.tasks()[task].started_us)),
      log_(metadata, clock, progress.tasks()[task]) {
    const auto& run = progress.run();
    const auto& instance = progress.tasks()[task];
    context_ = {.pipeline = std::move(pipeline),
                .dag = run.dag,
                .run_id = run.run_id,
                .task = instance.task,
                .try_number = instance.try_number,
                .logical_us = run.logical_us,
                .conf = run.conf,
                .cancelled = [this] { return was_cancelled() || timed_out(); },
                .log = [this](std::string_view line) { log_.add(line); },
                .progress =
                    [this](std::string counts) {
                        std::lock_guard lock(progress_mutex_);
                        progress_ = std::move(counts);
                    }};
}

std::optional<std::string> TaskAttempt::take_progress() {
    std::lock_guard lock(progress_mutex_);
    return std::exchange(progress_, std::nullopt);
}

bool TaskAttempt::timed_out() const {
    return spec_.timeout_us > 0 && clock_.monotonic_us() - started_us_ >= spec_.timeout_us;
}

/// A source or query that was told to stop has done a part of its work, whatever it says of that part.
bool TaskAttempt::was_cut_short() const {
    const auto* task = std::get_if<pipeline::RunTask>(&spec_.action);
    if (!task) return false;
    bool beyond_limit = task->for_us == 0 || task->for_us > spec_.timeout_us;
    return was_cancelled() || (timed_out() && beyond_limit);
}

Result<TaskOutcome> TaskAttempt::run(TaskActions& actions) {
    auto outcome = act(actions);
    if (outcome && was_cut_short())
        outcome = fail(Errc::cancelled, "cut short; until then: {}", outcome->note);
    if (!outcome && timed_out() && !was_cancelled()) {
        outcome = fail(Errc::timeout, "stopped after its time limit of {}: {}",
                       format_duration_us(spec_.timeout_us), outcome.error().text);
    }
    if (!outcome) log_.add("failed: " + outcome.error().text);
    log_.finish();
    return outcome;
}

Result<TaskOutcome> TaskAttempt::act(TaskActions& actions) {
    if (was_cancelled()) return fail(Errc::cancelled, "it was stopped before it began");
    try {
        if (const auto* task = std::get_if<pipeline::RunTask>(&spec_.action))
            return actions.run(*task, context_);
        if (const auto* task = std::get_if<pipeline::SqlTask>(&spec_.action))
            return actions.sql(*task, context_);
        if (const auto* task = std::get_if<pipeline::HttpTask>(&spec_.action))
            return actions.http(*task, context_);
        if (const auto* task = std::get_if<pipeline::ShellTask>(&spec_.action)) return run_shell_task(*task);
        return fail(Errc::internal, "a wait is not run, but asked");
    } catch (const std::exception& error) {
        return fail(Errc::internal, "{}", error.what());
    }
}

Result<bool> TaskAttempt::ask(TaskActions& actions) {
    if (was_cancelled()) return false;
    try {
        auto holds = actions.condition(std::get<pipeline::WaitTask>(spec_.action), context_);
        if (!holds) log_.add("failed: " + holds.error().text);
        if (!holds || *holds) log_.finish();
        return holds;
    } catch (const std::exception& error) {
        return fail(Errc::internal, "{}", error.what());
    }
}

Result<TaskOutcome> TaskAttempt::run_shell_task(const pipeline::ShellTask& task) {
    auto end = TRY(run_shell({.command = task.command,
                              .environment = {{"PENSTOCK_PIPELINE", context_.pipeline},
                                              {"PENSTOCK_DAG", context_.dag},
                                              {"PENSTOCK_RUN_ID", context_.run_id},
                                              {"PENSTOCK_TASK", context_.task},
                                              {"PENSTOCK_LOGICAL_DATE", format_time_us(context_.logical_us)},
                                              {"PENSTOCK_TRY", std::to_string(context_.try_number)},
                                              {"PENSTOCK_CONF", context_.conf}},
                              .cancelled = context_.cancelled,
                              .log = context_.log}));
    if (!end.success()) return fail(Errc::io, "{}", printable(end.describe()));
    return TaskOutcome{.note = "exit code 0", .counts = R"({"exit_code":0})"};
}

}  // namespace penstock::orchestrate
