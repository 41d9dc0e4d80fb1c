// Metadata in a PostgreSQL database, which several Penstocks may share.
#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/service_url.h"
#include "base/units.h"
#include "metadata/metadata.h"
#include "metadata/migrations.h"
#include "metadata/postgres.h"
#include "metadata/postgres_pool.h"

namespace penstock::metadata {
namespace {

#define RUN_COLUMNS "dag, run_id, state, run_type, logical_us, queued_us, started_us, ended_us, conf"
#define TASK_COLUMNS \
    "dag, run_id, task, position, try_number, state, started_us, ended_us, next_try_us, note, counts"
// SQLite orders texts by their bytes; "C" makes PostgreSQL do so, whatever the database's language
// is.
#define NEWEST_FIRST " ORDER BY queued_us DESC, logical_us DESC, run_id COLLATE \"C\" DESC "

using Parameters = PostgresParameters;

/// How often the lead has changed.
constexpr std::string_view term_setting = "scheduling.term";

/// PostgreSQL refuses NUL and what is not UTF-8, which the output of a command may well hold: each
/// such byte becomes U+FFFD. For texts that people read; names are refused instead.
std::string readable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        auto first = static_cast<unsigned char>(text[i]);
        std::size_t size = first < 0x80   ? 1
                           : first < 0xc2 ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
        bool is_good = size > 0 && first != 0 && i + size <= text.size();
        for (std::size_t k = 1; is_good && k < size; ++k) {
            auto next = static_cast<unsigned char>(text[i + k]);
            is_good = (next & 0xc0) == 0x80;
            // Longer than need be, a surrogate, or beyond U+10FFFF.
            if (k == 1 && ((first == 0xe0 && next < 0xa0) || (first == 0xed && next > 0x9f) ||
                           (first == 0xf0 && next < 0x90) || (first == 0xf4 && next > 0x8f)))
                is_good = false;
        }
        if (is_good)
            out.append(text.substr(i, size));
        else
            out += "\xef\xbf\xbd";
        i += is_good ? size : 1;
    }
    return out;
}

/// PostgreSQL's text form of an array; every element in quotes.
template <class Each>
std::string array_of(const std::vector<LogLine>& lines, Each each) {
    std::string out = "{";
    for (const auto& line : lines) {
        if (out.size() > 1) out += ',';
        out += '"';
        for (char c : each(line)) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
        out += '"';
    }
    return out + "}";
}

DagRun run_of(const PostgresRows& rows, int row) {
    return {.dag = rows.text(row, 0),
            .run_id = rows.text(row, 1),
            .state = run_state_of(rows.text(row, 2)).value_or(RunState::failed),
            .run_type = rows.text(row, 3),
            .logical_us = rows.integer(row, 4),
            .queued_us = rows.integer(row, 5),
            .started_us = rows.integer(row, 6),
            .ended_us = rows.integer(row, 7),
            .conf = rows.text(row, 8)};
}

TaskInstance task_of(const PostgresRows& rows, int row) {
    return {.dag = rows.text(row, 0),
            .run_id = rows.text(row, 1),
            .task = rows.text(row, 2),
            .try_number = int(rows.integer(row, 4)),
            .state = task_state_of(rows.text(row, 5)).value_or(TaskState::failed),
            .started_us = rows.integer(row, 6),
            .ended_us = rows.integer(row, 7),
            .next_try_us = rows.integer(row, 8),
            .note = rows.text(row, 9),
            .counts = rows.text(row, 10)};
}

/// One after the other: two writers of the same thing at once would count from the same number.
Result<> lock_name(PostgresConnection& connection, std::string_view name) {
    TRY(connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", Parameters().add(name)));
    return {};
}

Result<> write_run(PostgresConnection& connection, const DagRun& run) {
    auto rows = TRY(
        connection.execute("UPDATE dag_runs SET state = $1, run_type = $2, logical_us = $3, queued_us = $4, "
                           "started_us = $5, ended_us = $6, conf = $7 WHERE dag = $8 AND run_id = $9",
                           Parameters()
                               .add(to_string(run.state))
                               .add(run.run_type)
                               .add(run.logical_us)
                               .add(run.queued_us)
                               .add(run.started_us)
                               .add(run.ended_us)
                               .add(run.conf)
                               .add(run.dag)
                               .add(run.run_id)));
    if (rows.changed() == 0) return fail(Errc::not_found, "DAG {} has no run {}", run.dag, run.run_id);
    return {};
}

Result<> write_task(PostgresConnection& connection, const TaskInstance& task) {
    auto rows = TRY(connection.execute(
        "UPDATE task_instances SET try_number = $1, state = $2, started_us = $3, ended_us = $4, "
        "next_try_us = $5, note = $6, counts = $7 WHERE dag = $8 AND run_id = $9 AND task = $10",
        Parameters()
            .add(std::int64_t(task.try_number))
            .add(to_string(task.state))
            .add(task.started_us)
            .add(task.ended_us)
            .add(task.next_try_us)
            .add(readable(task.note))
            .add(task.counts)
            .add(task.dag)
            .add(task.run_id)
            .add(task.task)));
    if (rows.changed() == 0) {
        return fail(Errc::not_found, "run {} of DAG {} has no task {}", task.run_id, task.dag, task.task);
    }
    return {};
}

class PostgresMetadata final : public Metadata {
public:
    PostgresMetadata(PostgresTarget target, const PostgresOptions& options)
        : pool_(std::move(target), options.connections, options.retry_for) {}

    Result<> migrate();

    std::string describe() const override { return pool_.target().name; }
    Result<> lead(Election election) override;

    Result<> insert_run(const DagRun& run, const std::vector<TaskInstance>& tasks) override;
    Result<> update_run(const DagRun& run) override { return update(run, {}); }
    Result<> update_task(const TaskInstance& task) override { return update(std::nullopt, {task}); }
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
    Result<> migrate_in(PostgresConnection& connection) const;
    Result<> take_lock();
    Result<> begin_term();
    Result<> check_term(PostgresConnection& connection) const;
    Result<PostgresRows> select(const char* sql, const Parameters& parameters);
    Result<std::vector<DagRun>> select_runs(const char* sql, const Parameters& parameters);

    PostgresPool pool_;
    std::atomic<std::int64_t> term_{0};  ///< of our lead; 0: we have never led, and nothing is compared
    std::mutex lead_mutex_;              ///< of the lock
    std::unique_ptr<PostgresConnection> lock_;  ///< the connection that has it
};

Result<> PostgresMetadata::lead(Election election) {
    std::lock_guard lock(lead_mutex_);
    if (election == Election::by_coordinator) return begin_term();
    if (lock_ && lock_->script("SELECT 1")) return {};
    TRY(take_lock());
    return begin_term();
}

Result<> PostgresMetadata::take_lock() {
    lock_.reset();
    auto connection = TRY(PostgresConnection::open(pool_.target()));
    auto rows = TRY(connection->execute("SELECT pg_try_advisory_lock(hashtextextended($1, 0))::int",
                                        Parameters().add("penstock scheduling in " + pool_.target().schema)));
    if (rows.integer(0, 0) == 0) {
        return fail(Errc::fenced, "{}: another process makes the runs of DAGs there", pool_.target().name);
    }
    lock_ = std::move(connection);
    return {};
}

/// Twice, when an answer is lost, is as good as once.
Result<> PostgresMetadata::begin_term() {
    auto rows = TRY(
        select("INSERT INTO settings AS s (setting_name, setting_value) VALUES ($1, '1') "
               "ON CONFLICT (setting_name) DO UPDATE SET setting_value = (s.setting_value::bigint + 1)::text "
               "RETURNING setting_value::bigint",
               Parameters().add(term_setting)));
    term_ = rows.integer(0, 0);
    return {};
}

/// In the transaction that writes: a new term waits for its end, or is seen by it.
Result<> PostgresMetadata::check_term(PostgresConnection& connection) const {
    auto ours = term_.load();
    if (ours == 0) return {};
    auto rows =
        TRY(connection.execute("SELECT setting_value::bigint FROM settings WHERE setting_name = $1 FOR SHARE",
                               Parameters().add(term_setting)));
    if (rows.size() > 0 && rows.integer(0, 0) == ours) return {};
    return fail(Errc::fenced, "{}: another process makes the runs of DAGs now", pool_.target().name);
}

Result<> PostgresMetadata::migrate() {
    return pool_.run([&](PostgresConnection& connection) -> Result<> {
        TRY(connection.script("BEGIN"));
        auto migrated = migrate_in(connection);
        if (migrated) {
            TRY(connection.script("COMMIT"));
        } else if (connection.alive()) {
            TRY(connection.script("ROLLBACK"));
        }
        return migrated;
    });
}

/// In one transaction, under a lock: of several Penstocks that start at once, one migrates and the
/// others find it done.
Result<> PostgresMetadata::migrate_in(PostgresConnection& connection) const {
    const auto& schema = pool_.target().schema;
    TRY(lock_name(connection, "penstock migrations in " + schema));
    // Asked first, as IF NOT EXISTS wants the right to create even where there is nothing to do.
    auto found = TRY(connection.execute(
        "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = $1), "
        "(SELECT count(*) FROM pg_tables WHERE schemaname = $1 AND tablename = 'migrations')",
        Parameters().add(schema)));
    if (found.integer(0, 0) == 0) TRY(connection.script(fmt::format("CREATE SCHEMA \"{}\"", schema)));
    if (found.integer(0, 1) == 0) {
        TRY(connection.script("CREATE TABLE migrations (migration BIGINT NOT NULL PRIMARY KEY)"));
        TRY(connection.script(PostgresPool::transactions_table));
    }
    auto rows = TRY(connection.execute("SELECT coalesce(max(migration), 0) FROM migrations", {}));
    auto version = rows.integer(0, 0);
    auto known = migrations();
    if (version > std::int64_t(known.size())) {
        return fail(Errc::unsupported,
                    "{}: schema {} has version {}, and this Penstock knows versions up to {}: run "
                    "the newer Penstock that wrote it",
                    pool_.target().name, schema, version, known.size());
    }
    for (auto number = version + 1; number <= std::int64_t(known.size()); ++number) {
        auto text = migration_text(known[std::size_t(number - 1)], postgres_dialect);
        auto done = connection.script(text);
        if (!done) return fail(fmt::format("migration {}", number), done.error());
        TRY(connection.execute("INSERT INTO migrations (migration) VALUES ($1)", Parameters().add(number)));
    }
    return {};
}

Result<PostgresRows> PostgresMetadata::select(const char* sql, const Parameters& parameters) {
    std::optional<PostgresRows> rows;
    TRY(pool_.run([&](PostgresConnection& connection) -> Result<> {
        rows = TRY(connection.execute(sql, parameters));
        return {};
    }));
    return std::move(*rows);
}

Result<std::vector<DagRun>> PostgresMetadata::select_runs(const char* sql, const Parameters& parameters) {
    auto rows = TRY(select(sql, parameters));
    std::vector<DagRun> found;
    for (int row = 0; row < rows.size(); ++row) found.push_back(run_of(rows, row));
    return found;
}

Result<> PostgresMetadata::insert_run(const DagRun& run, const std::vector<TaskInstance>& tasks) {
    return pool_.transaction([&](PostgresConnection& connection) -> Result<> {
        TRY(check_term(connection));
        auto inserted = TRY(connection.execute("INSERT INTO dag_runs (" RUN_COLUMNS
                                               ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                                               "ON CONFLICT (dag, run_id) DO NOTHING",
                                               Parameters()
                                                   .add(run.dag)
                                                   .add(run.run_id)
                                                   .add(to_string(run.state))
                                                   .add(run.run_type)
                                                   .add(run.logical_us)
                                                   .add(run.queued_us)
                                                   .add(run.started_us)
                                                   .add(run.ended_us)
                                                   .add(run.conf)));
        if (inserted.changed() == 0)
            return fail(Errc::exists, "DAG {} has a run {} already", run.dag, run.run_id);
        std::int64_t position = 0;
        for (const auto& task : tasks) {
            TRY(connection.execute("INSERT INTO task_instances (" TASK_COLUMNS
                                   ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                                   Parameters()
                                       .add(task.dag)
                                       .add(task.run_id)
                                       .add(task.task)
                                       .add(++position)
                                       .add(std::int64_t(task.try_number))
                                       .add(to_string(task.state))
                                       .add(task.started_us)
                                       .add(task.ended_us)
                                       .add(task.next_try_us)
                                       .add(readable(task.note))
                                       .add(task.counts)));
        }
        return {};
    });
}

Result<> PostgresMetadata::update(const std::optional<DagRun>& run, const std::vector<TaskInstance>& tasks) {
    return pool_.transaction([&](PostgresConnection& connection) -> Result<> {
        TRY(check_term(connection));
        for (const auto& task : tasks) TRY(write_task(connection, task));
        if (run) TRY(write_run(connection, *run));
        return {};
    });
}

Result<std::optional<DagRun>> PostgresMetadata::run(std::string_view dag, std::string_view run_id) {
    auto found = TRY(select_runs("SELECT " RUN_COLUMNS " FROM dag_runs WHERE dag = $1 AND run_id = $2",
                                 Parameters().add(dag).add(run_id)));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<std::vector<DagRun>> PostgresMetadata::runs(std::string_view dag, int limit) {
    auto most = std::int64_t(std::max(limit, 0));
    if (dag.empty()) {
        return select_runs("SELECT " RUN_COLUMNS " FROM dag_runs" NEWEST_FIRST "LIMIT $1",
                           Parameters().add(most));
    }
    return select_runs("SELECT " RUN_COLUMNS " FROM dag_runs WHERE dag = $1" NEWEST_FIRST "LIMIT $2",
                       Parameters().add(dag).add(most));
}

Result<std::vector<DagRun>> PostgresMetadata::unfinished_runs() {
    return select_runs("SELECT " RUN_COLUMNS
                       " FROM dag_runs WHERE state IN ('queued', 'running') "
                       "ORDER BY queued_us, logical_us, dag COLLATE \"C\", run_id COLLATE \"C\"",
                       {});
}

Result<std::vector<TaskInstance>> PostgresMetadata::tasks(std::string_view dag, std::string_view run_id) {
    auto rows = TRY(select("SELECT " TASK_COLUMNS " FROM task_instances "
                           "WHERE dag = $1 AND run_id = $2 ORDER BY position",
                           Parameters().add(dag).add(run_id)));
    std::vector<TaskInstance> found;
    for (int row = 0; row < rows.size(); ++row) found.push_back(task_of(rows, row));
    return found;
}

Result<std::optional<std::int64_t>> PostgresMetadata::last_scheduled_us(std::string_view dag) {
    auto rows =
        TRY(select("SELECT logical_us FROM dag_runs WHERE dag = $1 AND "
                   "run_type = 'scheduled' ORDER BY logical_us DESC LIMIT 1",
                   Parameters().add(dag)));
    if (rows.size() == 0) return std::nullopt;
    return rows.integer(0, 0);
}

Result<> PostgresMetadata::append_log(std::string_view dag, std::string_view run_id, std::string_view task,
                                      int try_number, const std::vector<LogLine>& lines) {
    if (lines.empty()) return {};
    auto times = array_of(lines, [](const LogLine& line) { return fmt::to_string(line.time_us); });
    auto texts = array_of(lines, [](const LogLine& line) { return readable(line.text); });
    Parameters parameters;
    parameters.add(dag).add(run_id).add(task).add(std::int64_t(try_number)).add(times).add(texts);
    return pool_.transaction([&](PostgresConnection& connection) -> Result<> {
        TRY(lock_name(connection, fmt::format("log {}/{}/{}/{}", dag, run_id, task, try_number)));
        TRY(connection.execute(
            "INSERT INTO task_log_lines (dag, run_id, task, try_number, line_number, time_us, line) "
            "SELECT $1, $2, $3, $4::bigint, (SELECT coalesce(max(line_number), 0) "
            "FROM task_log_lines WHERE dag = $1 AND run_id = $2 AND task = $3 AND "
            "try_number = $4::bigint) + n, t, l "
            "FROM unnest($5::bigint[], $6::text[]) WITH ORDINALITY AS given (t, l, n)",
            parameters));
        return {};
    });
}

Result<std::vector<LogLine>> PostgresMetadata::log(std::string_view dag, std::string_view run_id,
                                                   std::string_view task, int try_number) {
    auto rows =
        TRY(select("SELECT time_us, line FROM task_log_lines WHERE dag = $1 AND run_id = $2 AND task = $3 "
                   "AND try_number = $4 ORDER BY line_number",
                   Parameters().add(dag).add(run_id).add(task).add(std::int64_t(try_number))));
    std::vector<LogLine> found;
    for (int row = 0; row < rows.size(); ++row) found.push_back({rows.integer(row, 0), rows.text(row, 1)});
    return found;
}

Result<> PostgresMetadata::set_paused(std::string_view dag, bool paused) {
    TRY(select(paused ? "INSERT INTO paused_dags (dag) VALUES ($1) ON CONFLICT (dag) DO NOTHING"
                      : "DELETE FROM paused_dags WHERE dag = $1",
               Parameters().add(dag)));
    return {};
}

Result<bool> PostgresMetadata::paused(std::string_view dag) {
    auto rows = TRY(select("SELECT 1 FROM paused_dags WHERE dag = $1", Parameters().add(dag)));
    return rows.size() > 0;
}

Result<std::int64_t> PostgresMetadata::put_revision(std::string_view pipeline, std::string_view text,
                                                    std::int64_t now_us) {
    std::int64_t number = 0;
    TRY(pool_.transaction([&](PostgresConnection& connection) -> Result<> {
        TRY(lock_name(connection, fmt::format("revisions of {}", pipeline)));
        auto newest =
            TRY(connection.execute("SELECT revision_number, source_text FROM revisions WHERE pipeline = $1 "
                                   "ORDER BY revision_number DESC LIMIT 1",
                                   Parameters().add(pipeline)));
        number = newest.size() > 0 ? newest.integer(0, 0) : 0;
        if (newest.size() > 0 && newest.text(0, 1) == text) return {};
        TRY(
            connection.execute("INSERT INTO revisions (pipeline, revision_number, time_us, source_text) "
                               "VALUES ($1, $2, $3, $4)",
                               Parameters().add(pipeline).add(++number).add(now_us).add(text)));
        return {};
    }));
    return number;
}

Result<std::vector<Revision>> PostgresMetadata::revisions(std::string_view pipeline) {
    auto rows =
        TRY(select("SELECT pipeline, revision_number, time_us, source_text FROM revisions "
                   "WHERE pipeline = $1 ORDER BY revision_number",
                   Parameters().add(pipeline)));
    std::vector<Revision> found;
    for (int row = 0; row < rows.size(); ++row) {
        found.push_back({rows.text(row, 0), rows.integer(row, 1), rows.integer(row, 2), rows.text(row, 3)});
    }
    return found;
}

Result<> PostgresMetadata::put_setting(std::string_view name, std::string_view value) {
    TRY(
        select("INSERT INTO settings (setting_name, setting_value) VALUES ($1, $2) "
               "ON CONFLICT (setting_name) DO UPDATE SET setting_value = excluded.setting_value",
               Parameters().add(name).add(value)));
    return {};
}

Result<std::optional<std::string>> PostgresMetadata::setting(std::string_view name) {
    auto rows =
        TRY(select("SELECT setting_value FROM settings WHERE setting_name = $1", Parameters().add(name)));
    if (rows.size() == 0) return std::nullopt;
    return rows.text(0, 0);
}

Result<std::int64_t> PostgresMetadata::prune_runs(std::string_view dag, std::int64_t keep) {
    std::int64_t removed = 0;
    TRY(pool_.transaction([&](PostgresConnection& connection) -> Result<> {
        // The newest scheduled run stays in any case: last_scheduled_us() remembers by it what has
        // run. Task instances go with their run.
        auto rows = TRY(connection.execute(
            "WITH doomed AS (SELECT dag, run_id FROM dag_runs WHERE dag = $1 AND "
            "state IN ('success', 'failed') AND (run_type <> 'scheduled' OR logical_us < "
            "(SELECT max(logical_us) FROM dag_runs WHERE dag = $1 AND run_type = 'scheduled'))" NEWEST_FIRST
            "LIMIT 1000 OFFSET $2), "
            "lines AS (DELETE FROM task_log_lines USING doomed "
            "WHERE task_log_lines.dag = doomed.dag AND task_log_lines.run_id = doomed.run_id) "
            "DELETE FROM dag_runs USING doomed "
            "WHERE dag_runs.dag = doomed.dag AND dag_runs.run_id = doomed.run_id",
            Parameters().add(dag).add(std::max<std::int64_t>(keep, 0))));
        removed = rows.changed();
        return {};
    }));
    return removed;
}

}  // namespace

Result<PostgresTarget> target_of(const std::string& url) {
    auto scheme = url.starts_with("postgres://") ? "postgres" : "postgresql";
    auto parsed = TRY(parse_service_url(url, scheme));
    PostgresTarget target;
    auto& keywords = target.keywords;
    keywords = {{"application_name", "penstock"},
                {"tcp_user_timeout", "10000"},
                {"keepalives_idle", "10"},
                {"keepalives_interval", "5"},
                {"keepalives_count", "3"}};
    if (!parsed.hosts.empty()) {
        std::string names;
        std::string ports;
        for (const auto& host : parsed.hosts) {
            names += (names.empty() ? "" : ",") + host.name;
            ports += (ports.empty() ? "" : ",") + fmt::to_string(host.port.value_or(5432));
        }
        keywords["host"] = names;
        keywords["port"] = ports;
        // Of a primary and its stand-bys, the one that writes.
        if (parsed.hosts.size() > 1) keywords["target_session_attrs"] = "read-write";
    }
    if (!parsed.path.empty()) keywords["dbname"] = parsed.path;
    if (parsed.user) keywords["user"] = *parsed.user;
    if (parsed.password) keywords["password"] = *parsed.password;
    for (const auto& [name, value] : parsed.options) {
        if (name == "schema") {
            target.schema = value;
        } else if (name == "connect_timeout") {
            auto seconds = parse_int(value);
            if (!seconds || *seconds < 1 || *seconds > 600) {
                return fail(Errc::invalid, "'{}': connect_timeout is '{}'; expected 1 to 600 seconds",
                            masked_url(url), value);
            }
            target.connect_timeout = std::chrono::seconds(*seconds);
        } else {
            keywords[name] = value;
        }
    }
    if (target.schema.empty()) target.schema = "penstock";
    if (target.schema.find_first_of(std::string_view("\"\0", 2)) != std::string::npos)
        return fail(Errc::invalid, "'{}': the schema's name has a quote in it", masked_url(url));
    target.name = fmt::format("PostgreSQL at {}, database {}",
                              parsed.hosts.empty() ? "the local socket" : parsed.host_list(5432),
                              parsed.path.empty() ? "of the user" : parsed.path);
    return target;
}

Result<std::unique_ptr<Metadata>> open_postgres(const std::string& url, const PostgresOptions& options) {
    auto metadata = std::make_unique<PostgresMetadata>(TRY(target_of(url)), options);
    TRY(metadata->migrate());
    return metadata;
}

}  // namespace penstock::metadata
