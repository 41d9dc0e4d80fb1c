// One try of one task, on a worker thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "orchestrate/run_progress.h"
#include "orchestrate/scheduler.h"
#include "orchestrate/task_log.h"

namespace penstock::orchestrate {

class TaskAttempt {
public:
    /// keep holds the spec.
    TaskAttempt(const RunProgress& progress, std::size_t task, std::string pipeline,
                std::shared_ptr<const pipeline::DagSpec> keep, metadata::Metadata& metadata,
                const Clock& clock);
    TaskAttempt(const TaskAttempt&) = delete;
    TaskAttempt& operator=(const TaskAttempt&) = delete;

    /// From any thread: the try is to end soon.
    void cancel() { cancel_ = true; }
    bool was_cancelled() const { return cancel_; }
    /// The counts that were reported since this was last asked.
    std::optional<std::string> take_progress();
    bool timed_out() const;
    TaskLog& log() { return log_; }
    const pipeline::TaskSpec& spec() const { return spec_; }

    /// Does the work. An error is a failed try; its text is for the task's note.
    Result<TaskOutcome> run(TaskActions& actions);
    /// Waits only: whether the condition holds now.
    Result<bool> ask(TaskActions& actions);

private:
    bool was_cut_short() const;
    Result<TaskOutcome> act(TaskActions& actions);
    Result<TaskOutcome> run_shell_task(const pipeline::ShellTask& task);

    const std::shared_ptr<const pipeline::DagSpec> keep_;
    const pipeline::TaskSpec& spec_;
    const Clock& clock_;
    const std::int64_t started_us_;  ///< monotonic
    std::atomic<bool> cancel_{false};
    std::mutex progress_mutex_;
    std::optional<std::string> progress_;
    TaskLog log_;
    TaskContext context_;
};

}  // namespace penstock::orchestrate
