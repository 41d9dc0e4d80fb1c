#include "orchestrate/run_progress.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace penstock::orchestrate {

using metadata::DagRun;
using metadata::RunState;
using metadata::TaskInstance;
using metadata::TaskState;

bool is_final(TaskState state) {
    switch (state) {
        case TaskState::success:
        case TaskState::failed:
        case TaskState::upstream_failed:
        case TaskState::skipped:
            return true;
        case TaskState::none:
        case TaskState::scheduled:
        case TaskState::queued:
        case TaskState::running:
        case TaskState::up_for_retry:
            return false;
    }
    return false;
}

namespace {

std::vector<TaskInstance> fresh_tasks(const DagRun& run, const pipeline::DagSpec& dag) {
    std::vector<TaskInstance> tasks;
    for (const auto& spec : dag.tasks)
        tasks.push_back({.dag = run.dag, .run_id = run.run_id, .task = spec.name, .counts = "{}"});
    return tasks;
}

}  // namespace

RunProgress::RunProgress(DagRun run, std::vector<TaskInstance> tasks,
                         std::shared_ptr<const pipeline::DagSpec> dag)
    : run_(std::move(run)),
      tasks_(std::move(tasks)),
      dag_(std::move(dag)),
      specs_(tasks_.size(), nullptr),
      upstream_(tasks_.size()),
      task_changed_(tasks_.size(), false) {
    std::map<std::string_view, std::size_t> positions;
    for (std::size_t i = 0; i < tasks_.size(); ++i) positions[tasks_[i].task] = i;
    for (const auto& spec : dag_->tasks) {
        auto found = positions.find(spec.name);
        if (found == positions.end()) continue;
        specs_[found->second] = &spec;
        for (const auto& name : spec.after) {
            auto upstream = positions.find(name);
            if (upstream != positions.end()) upstream_[found->second].push_back(upstream->second);
        }
    }
}

RunProgress::RunProgress(DagRun run, std::shared_ptr<const pipeline::DagSpec> dag)
    : RunProgress(run, fresh_tasks(run, *dag), dag) {}

RunProgress RunProgress::resume(DagRun run, std::vector<TaskInstance> tasks,
                                std::shared_ptr<const pipeline::DagSpec> dag, std::int64_t now_us) {
    RunProgress progress(std::move(run), std::move(tasks), std::move(dag));
    for (std::size_t i = 0; i < progress.tasks_.size(); ++i) {
        auto& task = progress.tasks_[i];
        const auto* spec = progress.specs_[i];
        if (is_final(task.state)) continue;
        if (!spec) {
            task.state = TaskState::failed;
            task.ended_us = now_us;
            task.note = "the pipeline file no longer has this task";
            progress.change(i);
        } else if (task.state == TaskState::running) {
            if (std::holds_alternative<pipeline::WaitTask>(spec->action)) continue;
            progress.fail_try(i, "the process ended while it ran", now_us);
        } else if (task.state == TaskState::queued || task.state == TaskState::scheduled) {
            task.state = TaskState::none;
            progress.change(i);
        }
    }
    return progress;
}

bool RunProgress::ended() const {
    return run_.state == RunState::success || run_.state == RunState::failed;
}

void RunProgress::change(std::size_t task) {
    task_changed_[task] = true;
    any_task_changed_ = true;
}

void RunProgress::begin(std::int64_t now_us) {
    CHECK(run_.state == RunState::queued);
    run_.state = RunState::running;
    run_.started_us = now_us;
    run_changed_ = true;
}

bool RunProgress::may_start(std::size_t task, std::int64_t now_us) const {
    const auto& instance = tasks_[task];
    switch (instance.state) {
        case TaskState::none:
        case TaskState::scheduled:
        case TaskState::queued:
            break;
        case TaskState::up_for_retry:
            if (instance.next_try_us > now_us) return false;
            break;
        case TaskState::running:
        case TaskState::success:
        case TaskState::failed:
        case TaskState::upstream_failed:
        case TaskState::skipped:
            return false;
    }
    return std::all_of(upstream_[task].begin(), upstream_[task].end(),
                       [&](std::size_t i) { return tasks_[i].state == TaskState::success; });
}

void RunProgress::spread_failures() {
    // Tasks may stand in the file before what they come after, so one pass may not reach the end of a chain.
    for (bool again = true; again;) {
        again = false;
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            if (is_final(tasks_[i].state)) continue;
            auto failed = std::find_if(upstream_[i].begin(), upstream_[i].end(), [&](auto u) {
                return is_final(tasks_[u].state) && tasks_[u].state != TaskState::success;
            });
            if (failed == upstream_[i].end()) continue;
            tasks_[i].state = TaskState::upstream_failed;
            tasks_[i].note =
                fmt::format("task {}: {}", tasks_[*failed].task, to_string(tasks_[*failed].state));
            change(i);
            again = true;
        }
    }
}

void RunProgress::end_if_done(std::int64_t now_us) {
    if (ended()) return;
    bool all_success = true;
    for (const auto& task : tasks_) {
        if (!is_final(task.state)) return;
        all_success &= task.state == TaskState::success;
    }
    run_.state = all_success ? RunState::success : RunState::failed;
    run_.ended_us = now_us;
    run_changed_ = true;
}

std::vector<std::size_t> RunProgress::advance(std::int64_t now_us) {
    if (run_.state != RunState::running) return {};
    spread_failures();
    end_if_done(now_us);
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < tasks_.size(); ++i)
        if (may_start(i, now_us)) ready.push_back(i);
    return ready;
}

void RunProgress::start(std::size_t task, std::int64_t now_us) {
    auto& instance = tasks_[task];
    CHECK(may_start(task, now_us));
    instance.state = TaskState::running;
    ++instance.try_number;
    instance.started_us = now_us;
    instance.ended_us = 0;
    instance.next_try_us = 0;
    instance.note.clear();
    instance.counts = "{}";
    change(task);
}

void RunProgress::queue(std::size_t task) {
    auto& instance = tasks_[task];
    if (instance.state == TaskState::queued) return;
    instance.state = TaskState::queued;
    change(task);
}

void RunProgress::succeed(std::size_t task, const TaskOutcome& outcome, std::int64_t now_us) {
    auto& instance = tasks_[task];
    CHECK(instance.state == TaskState::running);
    instance.state = TaskState::success;
    instance.ended_us = now_us;
    instance.note = outcome.note;
    instance.counts = outcome.counts.empty() ? "{}" : outcome.counts;
    change(task);
}

void RunProgress::fail_try(std::size_t task, std::string_view note, std::int64_t now_us) {
    auto& instance = tasks_[task];
    CHECK(instance.state == TaskState::running);
    instance.ended_us = now_us;
    instance.note = note;
    if (instance.try_number <= specs_[task]->retries) {
        instance.state = TaskState::up_for_retry;
        instance.next_try_us = now_us + std::max<std::int64_t>(specs_[task]->retry_delay_us, 0);
    } else {
        instance.state = TaskState::failed;
    }
    change(task);
}

void RunProgress::report(std::size_t task, std::string counts) {
    auto& instance = tasks_[task];
    if (instance.state != TaskState::running || instance.counts == counts) return;
    instance.counts = std::move(counts);
    change(task);
}

void RunProgress::cancel(std::int64_t now_us) {
    if (ended()) return;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        auto& instance = tasks_[i];
        if (is_final(instance.state)) continue;
        bool began = instance.state == TaskState::running || instance.state == TaskState::up_for_retry;
        instance.state = began ? TaskState::failed : TaskState::skipped;
        instance.note = "the run was cancelled";
        instance.ended_us = now_us;
        instance.next_try_us = 0;
        change(i);
    }
    run_.state = RunState::failed;
    run_.ended_us = now_us;
    run_changed_ = true;
}

void RunProgress::put_back(std::size_t task, std::string_view note) {
    auto& instance = tasks_[task];
    CHECK(instance.state == TaskState::running);
    instance.state = TaskState::none;
    --instance.try_number;
    instance.started_us = 0;
    instance.note = note;
    change(task);
}

std::optional<std::int64_t> RunProgress::next_retry_us() const {
    std::optional<std::int64_t> next;
    for (const auto& task : tasks_) {
        if (task.state != TaskState::up_for_retry) continue;
        next = std::min(next.value_or(task.next_try_us), task.next_try_us);
    }
    return next;
}

std::optional<DagRun> RunProgress::changed_run() const {
    if (!run_changed_) return std::nullopt;
    return run_;
}

std::vector<TaskInstance> RunProgress::changed_tasks() const {
    std::vector<TaskInstance> changed;
    for (std::size_t i = 0; i < tasks_.size(); ++i)
        if (task_changed_[i]) changed.push_back(tasks_[i]);
    return changed;
}

void RunProgress::saved() {
    run_changed_ = false;
    any_task_changed_ = false;
    std::fill(task_changed_.begin(), task_changed_.end(), false);
}

}  // namespace penstock::orchestrate
