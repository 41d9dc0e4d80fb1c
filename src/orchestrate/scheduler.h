// DAGs: schedules, runs, retries. What a task does stands behind TaskActions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "coordinate/coordinator.h"
#include "metadata/metadata.h"
#include "orchestrate/ad_hoc.h"
#include "pipeline/spec.h"

namespace penstock::orchestrate {

/// What a task did; counts is JSON for people and the console.
struct TaskOutcome {
    std::string note;
    std::string counts = "{}";
};

struct TaskContext {
    std::string pipeline;
    std::string dag;
    std::string run_id;
    std::string task;
    int try_number = 1;
    std::int64_t logical_us = 0;
    std::string conf;
    std::function<bool()> cancelled;            ///< poll; stop soon when true
    std::function<void(std::string_view)> log;  ///< a line of the task's log
    /// The counts so far, as in TaskOutcome: for whoever looks while the task runs. Written down within a
    /// second.
    std::function<void(std::string counts)> progress;
};

/// Does the work of run, sql and http tasks; shell tasks and waits are the scheduler's own. Called on worker
/// threads, several at once; an error is a failed try.
class TaskActions {
public:
    virtual ~TaskActions() = default;
    virtual Result<TaskOutcome> run(const pipeline::RunTask& task, const TaskContext& context) = 0;
    virtual Result<TaskOutcome> sql(const pipeline::SqlTask& task, const TaskContext& context) = 0;
    virtual Result<TaskOutcome> http(const pipeline::HttpTask& task, const TaskContext& context) = 0;
    /// Asked again and again by the scheduler; must be quick.
    virtual Result<bool> condition(const pipeline::WaitTask& task, const TaskContext& context) = 0;
};

struct DagStatus {
    std::string pipeline;
    std::string name;
    std::string schedule;
    bool paused = false;
    std::optional<std::int64_t> next_run_us;
    std::vector<std::string> tasks;
    std::vector<std::pair<std::string, std::string>> edges;  ///< upstream, downstream
};

/// Thread-safe.
class Scheduler {
public:
    virtual ~Scheduler() = default;
    /// Replaces the DAGs of the pipeline; runs under way go on with the definition they started with.
    /// Errc::invalid names the DAG, and the task or schedule, that cannot be; Errc::exists when another
    /// pipeline has one of that name. Then nothing is replaced.
    virtual Result<> set_dags(std::string_view pipeline, std::vector<pipeline::DagSpec> dags) = 0;
    virtual void remove_pipeline(std::string_view pipeline) = 0;
    /// A manual run, of a paused DAG too; conf_json is a JSON object, or empty; run_id is the caller's, or
    /// empty for one of the scheduler's. Returns the run_id once the run is durable. Errc::not_found,
    /// Errc::invalid (conf, run_id), Errc::exists (the DAG has a run of that id), Errc::full (too many runs
    /// wait already).
    virtual Result<std::string> trigger(std::string_view dag, std::string_view conf_json,
                                        std::string_view run_id) = 0;
    Result<std::string> trigger(std::string_view dag, std::string_view conf_json) {
        return trigger(dag, conf_json, {});
    }
    /// The same for a source or query without a DAG; the run is listed under ad_hoc_dag_name(). Whether there
    /// is such a source or query is found out by the task.
    virtual Result<std::string> run_now(const AdHocRun& run, std::string_view run_id) = 0;
    /// Ends a run: what runs is told to stop and has failed, what has not begun is skipped, nothing is tried
    /// again. Returns the run as it is after that; one that had ended already stays as it was.
    /// Errc::not_found.
    virtual Result<metadata::DagRun> cancel(std::string_view dag, std::string_view run_id) = 0;
    virtual Result<> set_paused(std::string_view dag, bool paused) = 0;
    virtual std::vector<DagStatus> status() = 0;
    /// Waits until the run has ended; Errc::timeout (of real time), Errc::not_found, Errc::cancelled after
    /// stop().
    virtual Result<metadata::DagRun> wait(std::string_view dag, std::string_view run_id,
                                          std::int64_t timeout_us) = 0;
    /// Cancels what runs, waits for it, starts nothing more. Unfinished runs go on at the next start: waits
    /// and tries of run and sql tasks start over, tries of shell and http tasks count as failed.
    virtual void stop() = 0;
};

struct SchedulerOptions {
    int workers = 8;                 ///< tasks at once; waits do not count
    std::int64_t poll_us = 200'000;  ///< the clock is looked at this often at least
    std::int64_t keep_runs = 1000;   ///< ended runs kept for each DAG
    /// Whether the coordinator knows all processes that share the metadata.
    metadata::Metadata::Election election = metadata::Metadata::Election::by_lock;
};

std::unique_ptr<Scheduler> make_scheduler(metadata::Metadata& metadata, coordinate::Coordinator& coordinator,
                                          TaskActions& actions, const Clock& clock,
                                          SchedulerOptions options = {});

/// When a schedule fires next.
class Schedule {
public:
    /// once: one run ever. continuous: the next run starts when the last one has ended, at most one a second.
    enum class Kind { times, once, continuous };
    static constexpr std::int64_t never = INT64_MAX;

    virtual ~Schedule() = default;
    /// The first time after this one; never when there is none.
    virtual std::int64_t next_after(std::int64_t us) const = 0;
    virtual Kind kind() const { return Kind::times; }
};
/// Cron (5 fields, names, steps, ranges), presets (@hourly, @daily, @weekly, @monthly, @quarterly, @yearly,
/// @once,
/// @continuous), "every 10m" (multiples since 1970 in UTC). Errc::invalid says which field and what was
/// expected.
///
/// Day of month and day of week: when both are restricted, either may match (as in cron and Airflow).
/// Changes of the clock: a schedule with * in the hour follows elapsed time, so that each of its times exists
/// once. Otherwise a local time that is skipped fires once when the gap ends, and one that comes twice fires
/// the first time.
Result<std::unique_ptr<Schedule>> parse_schedule(std::string_view text, std::string_view timezone);

}  // namespace penstock::orchestrate
