// One run under way: what state its tasks are in, and what follows from that. No threads, no clock, no I/O;
// whoever owns it writes changes down before acting on them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/metadata.h"
#include "orchestrate/scheduler.h"
#include "pipeline/spec.h"

namespace penstock::orchestrate {

class RunProgress {
public:
    /// A new run of the DAG; none of its tasks has started.
    RunProgress(metadata::DagRun run, std::shared_ptr<const pipeline::DagSpec> dag);
    /// A run that an earlier process left behind. Tries that it was in count as failed; waits go on. Tasks
    /// that the DAG has no longer fail; those that it has since then are not part of the run.
    static RunProgress resume(metadata::DagRun run, std::vector<metadata::TaskInstance> tasks,
                              std::shared_ptr<const pipeline::DagSpec> dag, std::int64_t now_us);

    const metadata::DagRun& run() const { return run_; }
    const std::vector<metadata::TaskInstance>& tasks() const { return tasks_; }
    const std::shared_ptr<const pipeline::DagSpec>& dag() const { return dag_; }
    /// None: the DAG has no such task any more.
    const pipeline::TaskSpec* spec(std::size_t task) const { return specs_[task]; }
    bool ended() const;

    void begin(std::int64_t now_us);
    /// Draws all consequences: tasks whose upstream failed, the end of the run. Returns the tasks that may
    /// start.
    std::vector<std::size_t> advance(std::int64_t now_us);
    /// Running, in its next try.
    void start(std::size_t task, std::int64_t now_us);
    /// May start, and waits for a worker.
    void queue(std::size_t task);
    void succeed(std::size_t task, const TaskOutcome& outcome, std::int64_t now_us);
    /// Up for retry, or failed when no try is left.
    void fail_try(std::size_t task, std::string_view note, std::int64_t now_us);
    /// What a task that runs has done so far.
    void report(std::size_t task, std::string counts);
    /// Running tasks have failed, without another try; others that have not ended are skipped; the run has
    /// failed.
    void cancel(std::int64_t now_us);
    /// As if this try had not been.
    void put_back(std::size_t task, std::string_view note);
    /// When the next retry is due.
    std::optional<std::int64_t> next_retry_us() const;

    bool changed() const { return run_changed_ || any_task_changed_; }
    std::optional<metadata::DagRun> changed_run() const;
    std::vector<metadata::TaskInstance> changed_tasks() const;
    void saved();

private:
    RunProgress(metadata::DagRun run, std::vector<metadata::TaskInstance> tasks,
                std::shared_ptr<const pipeline::DagSpec> dag);
    void change(std::size_t task);
    bool may_start(std::size_t task, std::int64_t now_us) const;
    void spread_failures();
    void end_if_done(std::int64_t now_us);

    metadata::DagRun run_;
    std::vector<metadata::TaskInstance> tasks_;
    std::shared_ptr<const pipeline::DagSpec> dag_;
    std::vector<const pipeline::TaskSpec*> specs_;
    std::vector<std::vector<std::size_t>> upstream_;
    bool run_changed_ = false;
    bool any_task_changed_ = false;
    std::vector<bool> task_changed_;
};

/// Success, failed, upstream_failed, skipped: it will not change any more.
bool is_final(metadata::TaskState state);

}  // namespace penstock::orchestrate
