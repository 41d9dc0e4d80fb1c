// The metadata seam: DAG runs, task instances, revisions of pipeline files, settings. Below it stand SQLite
// (the default) and PostgreSQL. One interface, one migration list, no decisions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::metadata {

/// Airflow's names for the same states.
enum class RunState { queued, running, success, failed };
enum class TaskState {
    none,
    scheduled,
    queued,
    running,
    success,
    failed,
    up_for_retry,
    upstream_failed,
    skipped
};
std::string_view to_string(RunState state);
std::string_view to_string(TaskState state);
std::optional<RunState> run_state_of(std::string_view name);
std::optional<TaskState> task_state_of(std::string_view name);

struct DagRun {
    std::string dag;
    std::string run_id;  ///< scheduled__2026-01-31T00:00:00Z or manual__...
    RunState state = RunState::queued;
    std::string run_type;         ///< scheduled, manual, backfill
    std::int64_t logical_us = 0;  ///< the start of the interval that the run stands for
    std::int64_t queued_us = 0;
    std::int64_t started_us = 0;  ///< 0: not yet
    std::int64_t ended_us = 0;    ///< 0: not yet
    std::string conf;             ///< JSON
};

struct TaskInstance {
    std::string dag;
    std::string run_id;
    std::string task;
    int try_number = 0;  ///< from 1, once it ran
    TaskState state = TaskState::none;
    std::int64_t started_us = 0;
    std::int64_t ended_us = 0;
    std::int64_t next_try_us = 0;  ///< up_for_retry: not before
    std::string note;              ///< why it is in this state, for people
    std::string counts;  ///< JSON of what was acknowledged: {"fetched":..,"acknowledged":..,"rejected":..}
};

struct LogLine {
    std::int64_t time_us = 0;
    std::string text;
};

struct Revision {
    std::string pipeline;
    std::int64_t number = 0;  ///< from 1
    std::int64_t time_us = 0;
    std::string text;
};

/// Thread-safe. Every write is durable when it returns.
class Metadata {
public:
    virtual ~Metadata() = default;
    virtual std::string describe() const = 0;

    /// How several processes know which of them makes DAG runs.
    enum class Election {
        by_coordinator,  ///< the caller has been elected: it leads from now on
        by_lock,         ///< who takes the database's lock leads until its connection ends
    };
    /// From when this returns, writes of runs and tasks by whoever led before fail with Errc::fenced, however
    /// long they have been on their way. by_lock: call it again every few seconds; Errc::fenced when another
    /// process has the lock. A store that only one process can open has nothing to do.
    virtual Result<> lead(Election) { return {}; }

    /// Errc::exists when dag and run_id are there already.
    virtual Result<> insert_run(const DagRun& run, const std::vector<TaskInstance>& tasks) = 0;
    virtual Result<> update_run(const DagRun& run) = 0;
    virtual Result<> update_task(const TaskInstance& task) = 0;
    /// The run, when there is one, and the tasks change together or not at all. Errc::not_found when one is
    /// missing.
    virtual Result<> update(const std::optional<DagRun>& run, const std::vector<TaskInstance>& tasks);
    virtual Result<std::optional<DagRun>> run(std::string_view dag, std::string_view run_id) = 0;
    /// Newest first; dag empty: of all.
    virtual Result<std::vector<DagRun>> runs(std::string_view dag, int limit) = 0;
    virtual Result<std::vector<DagRun>> unfinished_runs() = 0;
    virtual Result<std::vector<TaskInstance>> tasks(std::string_view dag, std::string_view run_id) = 0;
    /// The latest logical time among the scheduled runs of the DAG.
    virtual Result<std::optional<std::int64_t>> last_scheduled_us(std::string_view dag) = 0;

    virtual Result<> append_log(std::string_view dag, std::string_view run_id, std::string_view task,
                                int try_number, const std::vector<LogLine>& lines) = 0;
    virtual Result<std::vector<LogLine>> log(std::string_view dag, std::string_view run_id,
                                             std::string_view task, int try_number) = 0;

    virtual Result<> set_paused(std::string_view dag, bool paused) = 0;
    virtual Result<bool> paused(std::string_view dag) = 0;

    /// Stores the text as the next revision unless the newest one equals it; returns its number.
    virtual Result<std::int64_t> put_revision(std::string_view pipeline, std::string_view text,
                                              std::int64_t now_us) = 0;
    virtual Result<std::vector<Revision>> revisions(std::string_view pipeline) = 0;

    virtual Result<> put_setting(std::string_view name, std::string_view value) = 0;
    virtual Result<std::optional<std::string>> setting(std::string_view name) = 0;

    /// Removes ended runs, with their tasks and logs, beyond the newest keep of each DAG; returns how many.
    virtual Result<std::int64_t> prune_runs(std::string_view dag, std::int64_t keep);
};

/// Opens, creates and migrates the SQLite file. The error names the file: Errc::corrupt when it is damaged or
/// no SQLite database, Errc::unsupported when a newer Penstock has migrated it, Errc::io when it cannot be
/// opened.
Result<std::unique_ptr<Metadata>> open_sqlite(const std::string& path);

}  // namespace penstock::metadata
