#include "metadata/migrations.h"

#include <array>

namespace penstock::metadata {
namespace {

// Times are microseconds since 1970 in UTC; 0 means not yet. Never change an entry that has been released:
// add one.
constexpr std::array<std::string_view, 1> list{
    R"sql(
CREATE TABLE dag_runs (
    dag        TEXT NOT NULL,
    run_id     TEXT NOT NULL,
    state      TEXT NOT NULL,
    run_type   TEXT NOT NULL,
    logical_us INT64 NOT NULL,
    queued_us  INT64 NOT NULL,
    started_us INT64 NOT NULL,
    ended_us   INT64 NOT NULL,
    conf       TEXT NOT NULL,
    PRIMARY KEY (dag, run_id)
)ENDTABLE;
CREATE INDEX dag_runs_by_time ON dag_runs (dag, queued_us);
CREATE INDEX all_runs_by_time ON dag_runs (queued_us);
CREATE INDEX dag_runs_by_state ON dag_runs (state);
CREATE INDEX dag_runs_by_logical ON dag_runs (dag, run_type, logical_us);

CREATE TABLE task_instances (
    dag         TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    task        TEXT NOT NULL,
    position    INT64 NOT NULL,
    try_number  INT64 NOT NULL,
    state       TEXT NOT NULL,
    started_us  INT64 NOT NULL,
    ended_us    INT64 NOT NULL,
    next_try_us INT64 NOT NULL,
    note        TEXT NOT NULL,
    counts      TEXT NOT NULL,
    PRIMARY KEY (dag, run_id, task),
    FOREIGN KEY (dag, run_id) REFERENCES dag_runs (dag, run_id) ON DELETE CASCADE
)ENDTABLE;

CREATE TABLE task_log_lines (
    dag         TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    task        TEXT NOT NULL,
    try_number  INT64 NOT NULL,
    line_number INT64 NOT NULL,
    time_us     INT64 NOT NULL,
    line        TEXT NOT NULL,
    PRIMARY KEY (dag, run_id, task, try_number, line_number)
)ENDTABLE;

CREATE TABLE paused_dags (
    dag TEXT NOT NULL PRIMARY KEY
)ENDTABLE;

CREATE TABLE revisions (
    pipeline        TEXT NOT NULL,
    revision_number INT64 NOT NULL,
    time_us         INT64 NOT NULL,
    source_text     TEXT NOT NULL,
    PRIMARY KEY (pipeline, revision_number)
)ENDTABLE;

CREATE TABLE settings (
    setting_name  TEXT NOT NULL PRIMARY KEY,
    setting_value TEXT NOT NULL
)ENDTABLE;
)sql"};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

}  // namespace

std::span<const std::string_view> migrations() {
    return list;
}

std::string migration_text(std::string_view migration, const Dialect& dialect) {
    std::string text(migration);
    replace_all(text, "INT64", dialect.integer);
    replace_all(text, "ENDTABLE", dialect.table_suffix);
    return text;
}

}  // namespace penstock::metadata
