#include "app/task_actions.h"

#include <thread>

#include "base/units.h"
#include "net/http_client.h"

namespace penstock::app {
namespace {

using orchestrate::TaskContext;
using orchestrate::TaskOutcome;

std::string counts_json(const ingest::SourceCounts& counts) {
    return fmt::format(
        R"({{"fetched":{},"acknowledged":{},"rejected":{},"requests":{},"failures":{},"bytes":{}}})",
        counts.fetched, counts.acknowledged, counts.rejected, counts.requests, counts.failures, counts.bytes);
}

std::optional<stream::QueryStatus> status_of(stream::Engine& engine, std::string_view query) {
    for (auto& status : engine.status())
        if (status.name == query) return std::move(status);
    return std::nullopt;
}

/// The rows of a report in the task's log, as many as a person reads.
void log_rows(const Batch& rows, const TaskContext& context) {
    constexpr std::size_t shown = 20;
    for (std::size_t row = 0; row < std::min(rows.rows, shown); ++row) {
        std::string line;
        append_row_json(line, rows, row);
        context.log(line);
    }
    if (rows.rows > shown) context.log(fmt::format("... and {} more rows", rows.rows - shown));
}

}  // namespace

Result<TaskOutcome> PipelineTaskActions::run(const pipeline::RunTask& task, const TaskContext& context) {
    const Deployment* deployment = deployment_;
    if (!deployment) return fail(Errc::unavailable, "no pipeline is loaded yet");
    if (auto source = deployment->find_source(task.name)) return run_source(*source, task, context);
    if (auto query = deployment->find_query(task.name)) return run_query(*query, task, context);
    return fail(Errc::not_found, "there is no source or query '{}'", task.name);
}

Result<TaskOutcome> PipelineTaskActions::run_source(const Deployment::FoundSource& source,
                                                    const pipeline::RunTask& task,
                                                    const TaskContext& context) {
    context.log(fmt::format("source {} -> topic {}{}", task.name, source.spec.topic,
                            task.for_us ? " for " + format_duration_us(task.for_us) : ""));
    auto run_id = fmt::format("{}/{}/{}", context.dag, context.run_id, context.task);
    auto counts = sources_.run_bounded(source.spec, task.for_us, run_id, context.cancelled);
    if (!counts) return fail(counts.error());
    auto note = fmt::format("fetched {}, acknowledged {}, rejected {}", format_count(counts->fetched),
                            format_count(counts->acknowledged), format_count(counts->rejected));
    context.log(note);
    // A green task that moved nothing is the worst answer there is.
    if (counts->acknowledged == 0 && !task.allow_empty) {
        return fail(Errc::unavailable,
                    "{}: the log acknowledged no record ({} of {} requests failed); "
                    "allow_empty: true makes that a success",
                    note, counts->failures, counts->requests);
    }
    return TaskOutcome{note, counts_json(*counts)};
}

Result<TaskOutcome> PipelineTaskActions::run_query(const Deployment::FoundQuery& query,
                                                   const pipeline::RunTask& task,
                                                   const TaskContext& context) {
    auto before = status_of(engine_, task.name);
    bool ran_before = before && before->state == stream::QueryState::running;
    TRY(engine_.start(query.pipeline, query.spec, query.topics));
    const auto& clock = system_clock();
    auto deadline = clock.monotonic_us() + task.for_us;
    Result<> ended = fail(Errc::timeout, "");
    while (!context.cancelled()) {
        constexpr std::int64_t slice_us = 200'000;
        if (task.for_us == 0) {
            ended = engine_.wait_caught_up(task.name, slice_us);
            if (ended || ended.error().code != Errc::timeout) break;
        } else {
            if (clock.monotonic_us() >= deadline) {
                ended = Result<>{};
                break;
            }
            std::this_thread::sleep_for(std::chrono::microseconds(slice_us));
        }
    }
    auto after = status_of(engine_, task.name);
    if (!ran_before && !query.spec.autostart) TRY(engine_.stop(task.name));
    if (context.cancelled()) return fail(Errc::cancelled, "cancelled");
    if (!ended) return fail(ended.error());
    if (!after) return fail(Errc::internal, "query {} has no status", task.name);
    if (after->state == stream::QueryState::failed) return fail(Errc::invalid, "{}", after->detail);
    auto since = [&](auto member) {
        return after.value().*member - (ran_before ? before.value().*member : 0);
    };
    auto processed = since(&stream::QueryStatus::processed);
    auto stored = since(&stream::QueryStatus::stored);
    auto rejected = since(&stream::QueryStatus::rejected);
    return TaskOutcome{fmt::format("processed {}, stored {}, rejected {}", format_count(processed),
                                   format_count(stored), format_count(rejected)),
                       fmt::format(R"({{"processed":{},"stored":{},"rejected":{},"lag":{}}})", processed,
                                   stored, rejected, after->lag)};
}

Result<TaskOutcome> PipelineTaskActions::sql(const pipeline::SqlTask& task, const TaskContext& context) {
    auto rows = engine_.select(task.sql.text);
    if (!rows) return fail(rows.error());
    log_rows(*rows, context);
    return TaskOutcome{fmt::format("{} rows", format_count(std::int64_t(rows->rows))),
                       fmt::format(R"({{"rows":{}}})", rows->rows)};
}

Result<TaskOutcome> PipelineTaskActions::http(const pipeline::HttpTask& task, const TaskContext& context) {
    context.log(task.method + " " + task.url);
    auto answer = net::http_request(task.method, task.url, task.body);
    if (!answer) return fail(answer.error());
    context.log(fmt::format("{}: {}", answer->status, answer->body.substr(0, 2000)));
    if (answer->status >= 400)
        return fail(Errc::unavailable, "{} {} answered {}", task.method, task.url, answer->status);
    return TaskOutcome{fmt::format("answered {}", answer->status),
                       fmt::format(R"({{"status":{}}})", answer->status)};
}

Result<bool> PipelineTaskActions::condition(const pipeline::WaitTask& task, const TaskContext&) {
    auto rows = engine_.select(task.until.text);
    if (!rows) return fail(rows.error());
    if (rows->rows == 0 || rows->columns.empty() || rows->columns[0].is_null(0)) return false;
    const auto& first = rows->columns[0];
    switch (storage_of(first.type)) {
        case Storage::integers:
            return first.integers[0] != 0;
        case Storage::floats:
            return first.floats[0] != 0;
        case Storage::strings:
            return first.strings[0] == "true";
    }
    return false;
}

}  // namespace penstock::app
