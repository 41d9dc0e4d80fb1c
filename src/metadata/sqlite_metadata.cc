// Metadata in one SQLite file. Statements keep to what PostgreSQL understands too, placeholders aside.
#include <mutex>

#include "metadata/metadata.h"
#include "metadata/migrations.h"
#include "metadata/sqlite_database.h"

namespace penstock::metadata {
namespace {

#define RUN_COLUMNS "dag, run_id, state, run_type, logical_us, queued_us, started_us, ended_us, conf"

DagRun run_of(const SqliteStatement& row) {
    return {.dag = row.text(0),
            .run_id = row.text(1),
            .state = run_state_of(row.text(2)).value_or(RunState::failed),
            .run_type = row.text(3),
            .logical_us = row.integer(4),
            .queued_us = row.integer(5),
            .started_us = row.integer(6),
            .ended_us = row.integer(7),
            .conf = row.text(8)};
}

TaskInstance task_of(const SqliteStatement& row) {
    return {.dag = row.text(0),
            .run_id = row.text(1),
            .task = row.text(2),
            .try_number = int(row.integer(3)),
            .state = task_state_of(row.text(4)).value_or(TaskState::failed),
            .started_us = row.integer(5),
            .ended_us = row.integer(6),
            .next_try_us = row.integer(7),
            .note = row.text(8),
            .counts = row.text(9)};
}

class SqliteMetadata final : public Metadata {
public:
    explicit SqliteMetadata(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)) {}

    Result<> migrate();

    std::string describe() const override { return "SQLite in " + database_->path(); }

    Result<> insert_run(const DagRun& run, const std::vector<TaskInstance>& tasks) override;
    Result<> update_run(const DagRun& run) override;
    Result<> update_task(const TaskInstance& task) override;
    Result<> update(const std::optional<DagRun>& run, const std::vector<TaskInstance>& tasks) override;
    Result<std::optional<DagRun>> run(std::string_view dag, std::string_view run_id) override;
    Result<std::vector<DagRun>> runs(std::string_view dag, int limit) override;
    Result<std::vector<DagRun>> unfinished_runs() override;
    Result<std::vector<TaskInstance>> tasks(std::string_view dag, std::string_view run_id) override;
    Result<std::optional<std::int64_t>> last_scheduled_us(std::string_view dag) override;

    Result<> append_log(std::string_view dag, std::string_view run_id, std::string_view task, int try_number,
                        const std::vector<LogLine>& lines) override;
    Result<std::vector<LogLine>> log(std::string_view dag, std::string_view run_id, std::string_view task,
                                     int try_number) override;

    Result<> set_paused(std::string_view dag, bool paused) override;
    Result<bool> paused(std::string_view dag) override;

    Result<std::int64_t> put_revision(std::string_view pipeline, std::string_view text,
                                      std::int64_t now_us) override;
    Result<std::vector<Revision>> revisions(std::string_view pipeline) override;

    Result<> put_setting(std::string_view name, std::string_view value) override;
    Result<std::optional<std::string>> setting(std::string_view name) override;

    Result<std::int64_t> prune_runs(std::string_view dag, std::int64_t keep) override;

private:
    // The callers of these hold the mutex.
    Result<> write_run(const DagRun& run);
    Result<> write_task(const TaskInstance& task);
    template <class... Args>
    Result<std::vector<DagRun>> select_runs(std::string_view sql, const Args&... args);

    std::mutex mutex_;
    std::unique_ptr<SqliteDatabase> database_;
};

Result<> SqliteMetadata::migrate() {
    TRY(database_->run_script(
        "CREATE TABLE IF NOT EXISTS migrations (migration INTEGER NOT NULL PRIMARY KEY) STRICT"));
    std::int64_t version = 0;
    TRY(database_->query("SELECT coalesce(max(migration), 0) FROM migrations",
                         [&](const SqliteStatement& row) { version = row.integer(0); }));
    auto known = migrations();
    if (version > std::int64_t(known.size())) {
        return fail(Errc::unsupported,
                    "the metadata file '{}' has version {}, and this Penstock knows versions up to "
                    "{}: run the newer Penstock that wrote it",
                    database_->path(), version, known.size());
    }
    for (auto number = version + 1; number <= std::int64_t(known.size()); ++number) {
        auto text = migration_text(known[std::size_t(number - 1)], sqlite_dialect);
        auto done = database_->transaction([&]() -> Result<> {
            TRY(database_->run_script(text));
            TRY(database_->execute("INSERT INTO migrations (migration) VALUES (?)", number));
            return {};
        });
        if (!done) return fail(fmt::format("migration {}", number), done.error());
    }
    return {};
}

Result<> SqliteMetadata::insert_run(const DagRun& run, const std::vector<TaskInstance>& tasks) {
    std::lock_guard lock(mutex_);
    return database_->transaction([&]() -> Result<> {
        auto inserted = TRY(
            database_->execute("INSERT INTO dag_runs (" RUN_COLUMNS
                               ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (dag, run_id) DO NOTHING",
                               run.dag, run.run_id, to_string(run.state), run.run_type, run.logical_us,
                               run.queued_us, run.started_us, run.ended_us, run.conf));
        if (inserted == 0) return fail(Errc::exists, "DAG {} has a run {} already", run.dag, run.run_id);
        std::int64_t position = 0;
        for (const auto& task : tasks) {
            TRY(database_->execute(
                "INSERT INTO task_instances (dag, run_id, task, position, try_number, state, "
                "started_us, ended_us, next_try_us, note, counts) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                task.dag, task.run_id, task.task, ++position, std::int64_t(task.try_number),
                to_string(task.state), task.started_us, task.ended_us, task.next_try_us, task.note,
                task.counts));
        }
        return {};
    });
}

Result<> SqliteMetadata::write_run(const DagRun& run) {
    auto changed =
        TRY(database_->execute("UPDATE dag_runs SET state = ?, run_type = ?, logical_us = ?, queued_us = ?, "
                               "started_us = ?, ended_us = ?, conf = ? WHERE dag = ? AND run_id = ?",
                               to_string(run.state), run.run_type, run.logical_us, run.queued_us,
                               run.started_us, run.ended_us, run.conf, run.dag, run.run_id));
    if (changed == 0) return fail(Errc::not_found, "DAG {} has no run {}", run.dag, run.run_id);
    return {};
}

Result<> SqliteMetadata::write_task(const TaskInstance& task) {
    auto changed = TRY(database_->execute(
        "UPDATE task_instances SET try_number = ?, state = ?, started_us = ?, ended_us = ?, "
        "next_try_us = ?, note = ?, counts = ? WHERE dag = ? AND run_id = ? AND task = ?",
        std::int64_t(task.try_number), to_string(task.state), task.started_us, task.ended_us,
        task.next_try_us, task.note, task.counts, task.dag, task.run_id, task.task));
    if (changed == 0) {
        return fail(Errc::not_found, "run {} of DAG {} has no task {}", task.run_id, task.dag, task.task);
    }
    return {};
}

Result<> SqliteMetadata::update_run(const DagRun& run) {
    std::lock_guard lock(mutex_);
    return write_run(run);
}

Result<> SqliteMetadata::update_task(const TaskInstance& task) {
    std::lock_guard lock(mutex_);
    return write_task(task);
}

Result<> SqliteMetadata::update(const std::optional<DagRun>& run, const std::vector<TaskInstance>& tasks) {
    std::lock_guard lock(mutex_);
    return database_->transaction([&]() -> Result<> {
        for (const auto& task : tasks) TRY(write_task(task));
        if (run) TRY(write_run(*run));
        return {};
    });
}

template <class... Args>
Result<std::vector<DagRun>> SqliteMetadata::select_runs(std::string_view sql, const Args&... args) {
    std::vector<DagRun> found;
    TRY(database_->query(sql, [&](const SqliteStatement& row) { found.push_back(run_of(row)); }, args...));
    return found;
}

Result<std::optional<DagRun>> SqliteMetadata::run(std::string_view dag, std::string_view run_id) {
    std::lock_guard lock(mutex_);
    auto found =
        TRY(select_runs("SELECT " RUN_COLUMNS " FROM dag_runs WHERE dag = ? AND run_id = ?", dag, run_id));
    if (found.empty()) return std::optional<DagRun>();
    return std::optional(std::move(found.front()));
}

Result<std::vector<DagRun>> SqliteMetadata::runs(std::string_view dag, int limit) {
    std::lock_guard lock(mutex_);
    auto most = std::int64_t(std::max(limit, 0));
    if (dag.empty()) {
        return select_runs("SELECT " RUN_COLUMNS
                           " FROM dag_runs "
                           "ORDER BY queued_us DESC, logical_us DESC, dag, run_id DESC LIMIT ?",
                           most);
    }
    return select_runs("SELECT " RUN_COLUMNS
                       " FROM dag_runs WHERE dag = ? "
                       "ORDER BY queued_us DESC, logical_us DESC, run_id DESC LIMIT ?",
                       dag, most);
}

Result<std::vector<DagRun>> SqliteMetadata::unfinished_runs() {
    std::lock_guard lock(mutex_);
    return select_runs("SELECT " RUN_COLUMNS
                       " FROM dag_runs WHERE state IN ('queued', 'running') "
                       "ORDER BY queued_us, logical_us, dag, run_id");
}

Result<std::vector<TaskInstance>> SqliteMetadata::tasks(std::string_view dag, std::string_view run_id) {
    std::lock_guard lock(mutex_);
    std::vector<TaskInstance> found;
    TRY(database_->query(
        "SELECT dag, run_id, task, try_number, state, started_us, ended_us, next_try_us, note, "
        "counts FROM task_instances WHERE dag = ? AND run_id = ? ORDER BY position",
        [&](const SqliteStatement& row) { found.push_back(task_of(row)); }, dag, run_id));
    return found;
}

Result<std::optional<std::int64_t>> SqliteMetadata::last_scheduled_us(std::string_view dag) {
    std::lock_guard lock(mutex_);
    std::optional<std::int64_t> found;
    TRY(database_->query(
        "SELECT logical_us FROM dag_runs WHERE dag = ? AND run_type = 'scheduled' "
        "ORDER BY logical_us DESC LIMIT 1",
        [&](const SqliteStatement& row) { found = row.integer(0); }, dag));
    return found;
}

Result<> SqliteMetadata::append_log(std::string_view dag, std::string_view run_id, std::string_view task,
                                    int try_number, const std::vector<LogLine>& lines) {
    if (lines.empty()) return {};
    std::lock_guard lock(mutex_);
    return database_->transaction([&]() -> Result<> {
        std::int64_t number = 0;
        TRY(database_->query(
            "SELECT coalesce(max(line_number), 0) FROM task_log_lines "
            "WHERE dag = ? AND run_id = ? AND task = ? AND try_number = ?",
            [&](const SqliteStatement& row) { number = row.integer(0); }, dag, run_id, task,
            std::int64_t(try_number)));
        for (const auto& line : lines) {
            TRY(database_->execute(
                "INSERT INTO task_log_lines (dag, run_id, task, try_number, line_number, time_us, "
                "line) VALUES (?, ?, ?, ?, ?, ?, ?)",
                dag, run_id, task, std::int64_t(try_number), ++number, line.time_us, line.text));
        }
        return {};
    });
}

Result<std::vector<LogLine>> SqliteMetadata::log(std::string_view dag, std::string_view run_id,
                                                 std::string_view task, int try_number) {
    std::lock_guard lock(mutex_);
    std::vector<LogLine> found;
    TRY(database_->query(
        "SELECT time_us, line FROM task_log_lines "
        "WHERE dag = ? AND run_id = ? AND task = ? AND try_number = ? ORDER BY line_number",
        [&](const SqliteStatement& row) { found.push_back({row.integer(0), row.text(1)}); }, dag, run_id,
        task, std::int64_t(try_number)));
    return found;
}

Result<> SqliteMetadata::set_paused(std::string_view dag, bool paused) {
    std::lock_guard lock(mutex_);
    if (paused) {
        TRY(database_->execute("INSERT INTO paused_dags (dag) VALUES (?) ON CONFLICT (dag) DO NOTHING", dag));
    } else {
        TRY(database_->execute("DELETE FROM paused_dags WHERE dag = ?", dag));
    }
    return {};
}

Result<bool> SqliteMetadata::paused(std::string_view dag) {
    std::lock_guard lock(mutex_);
    bool found = false;
    TRY(database_->query(
        "SELECT 1 FROM paused_dags WHERE dag = ?", [&](const SqliteStatement&) { found = true; }, dag));
    return found;
}

Result<std::int64_t> SqliteMetadata::put_revision(std::string_view pipeline, std::string_view text,
                                                  std::int64_t now_us) {
    std::lock_guard lock(mutex_);
    std::int64_t number = 0;
    TRY(database_->transaction([&]() -> Result<> {
        bool same = false;
        TRY(database_->query(
            "SELECT revision_number, source_text FROM revisions WHERE pipeline = ? "
            "ORDER BY revision_number DESC LIMIT 1",
            [&](const SqliteStatement& row) {
                number = row.integer(0);
                same = row.text(1) == text;
            },
            pipeline));
        if (same) return {};
        TRY(
            database_->execute("INSERT INTO revisions (pipeline, revision_number, time_us, source_text) "
                               "VALUES (?, ?, ?, ?)",
                               pipeline, ++number, now_us, text));
        return {};
    }));
    return number;
}

Result<std::vector<Revision>> SqliteMetadata::revisions(std::string_view pipeline) {
    std::lock_guard lock(mutex_);
    std::vector<Revision> found;
    TRY(database_->query(
        "SELECT pipeline, revision_number, time_us, source_text FROM revisions "
        "WHERE pipeline = ? ORDER BY revision_number",
        [&](const SqliteStatement& row) {
            found.push_back({row.text(0), row.integer(1), row.integer(2), row.text(3)});
        },
        pipeline));
    return found;
}

Result<> SqliteMetadata::put_setting(std::string_view name, std::string_view value) {
    std::lock_guard lock(mutex_);
    TRY(
        database_->execute("INSERT INTO settings (setting_name, setting_value) VALUES (?, ?) "
                           "ON CONFLICT (setting_name) "
                           "DO UPDATE SET setting_value = excluded.setting_value",
                           name, value));
    return {};
}

Result<std::optional<std::string>> SqliteMetadata::setting(std::string_view name) {
    std::lock_guard lock(mutex_);
    std::optional<std::string> found;
    TRY(database_->query(
        "SELECT setting_value FROM settings WHERE setting_name = ?",
        [&](const SqliteStatement& row) { found = row.text(0); }, name));
    return found;
}

Result<std::int64_t> SqliteMetadata::prune_runs(std::string_view dag, std::int64_t keep) {
    std::lock_guard lock(mutex_);
    // The newest scheduled run stays in any case: last_scheduled_us() remembers by it what has run.
    auto doomed = TRY(
        select_runs("SELECT " RUN_COLUMNS " FROM dag_runs WHERE dag = ? AND state IN ('success', 'failed') "
                    "AND (run_type <> 'scheduled' OR logical_us < "
                    "(SELECT max(logical_us) FROM dag_runs WHERE dag = ? AND run_type = 'scheduled')) "
                    "ORDER BY queued_us DESC, logical_us DESC, run_id DESC LIMIT 1000 OFFSET ?",
                    dag, dag, std::max<std::int64_t>(keep, 0)));
    if (doomed.empty()) return 0;
    TRY(database_->transaction([&]() -> Result<> {
        for (const auto& run : doomed) {
            for (auto table : {"task_log_lines", "task_instances", "dag_runs"}) {
                TRY(database_->execute(fmt::format("DELETE FROM {} WHERE dag = ? AND run_id = ?", table),
                                       run.dag, run.run_id));
            }
        }
        return {};
    }));
    return std::int64_t(doomed.size());
}

}  // namespace

Result<std::unique_ptr<Metadata>> open_sqlite(const std::string& path) {
    auto metadata = std::make_unique<SqliteMetadata>(TRY(SqliteDatabase::open(path)));
    TRY(metadata->migrate());
    return metadata;
}

}  // namespace penstock::metadata
