#include "app/task_actions.h"

#include <thread>

#include "base/clock.h"
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

std::string note_of(const ingest::SourceCounts& counts) {
    return fmt::format("fetched {}, acknowledged {}, rejected {}", format_count(counts.fetched),
                       format_count(counts.acknowledged), format_count(counts.rejected));
}

/// How far a task is, for whoever looks: its counts once a second, a line of its log every five.
class Reporter {
public:
    explicit Reporter(const TaskContext& context) : context_(context), logged_us_(now_us()) {}

    void report(const std::function<std::string()>& counts, const std::function<std::string()>& note) {
        constexpr std::int64_t counts_every_us = 1'000'000;
        constexpr std::int64_t line_every_us = 5'000'000;
        const auto now = now_us();
        if (now - reported_us_ >= counts_every_us) {
            reported_us_ = now;
            if (context_.progress) context_.progress(counts());
        }
        if (now - logged_us_ >= line_every_us) {
            logged_us_ = now;
            context_.log("so far: " + note());
        }
    }

private:
    static std::int64_t now_us() { return system_clock().monotonic_us(); }

    const TaskContext& context_;
    std::int64_t reported_us_ = 0;
    std::int64_t logged_us_;
};

std::optional<stream::QueryStatus> status_of(stream::Engine& engine, std::string_view query) {
    for (auto& status : engine.status())
        if (status.name == query) return std::move(status);
    return std::nullopt;
}

/// What a query did since a task began.
struct QueryCounts {
    std::int64_t processed = 0;
    std::int64_t stored = 0;
    std::int64_t rejected = 0;
    std::int64_t lag = 0;

    std::string note() const {
        return fmt::format("processed {}, stored {}, rejected {}, lag {}", format_count(processed),
                           format_count(stored), format_count(rejected), format_count(lag));
    }
    std::string json() const {
        return fmt::format(R"({{"processed":{},"stored":{},"rejected":{},"lag":{}}})", processed, stored,
                           rejected, lag);
    }
};

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
    Reporter reporter(context);
    auto progress = [&](const ingest::SourceCounts& so_far) {
        reporter.report([&] { return counts_json(so_far); }, [&] { return note_of(so_far); });
    };
    auto counts = sources_.run_bounded(source.spec, task.for_us, run_id, context.cancelled, progress);
    if (!counts) return fail(counts.error());
    auto note = note_of(*counts);
    context.log(note);
    if (context.progress) context.progress(counts_json(*counts));  // kept when the task fails as well
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
    context.log(
        fmt::format("query {} -> {} {}", task.name, query.spec.into,
                    task.for_us ? "for " + format_duration_us(task.for_us) : "until it has caught up"));
    TRY(engine_.start(query.pipeline, query.spec, query.topics));
    auto counts_since = [&](const stream::QueryStatus& now) {
        auto since = [&](auto member) { return now.*member - (ran_before ? before.value().*member : 0); };
        return QueryCounts{since(&stream::QueryStatus::processed), since(&stream::QueryStatus::stored),
                           since(&stream::QueryStatus::rejected), now.lag};
    };
    Reporter reporter(context);
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
        if (auto now = status_of(engine_, task.name)) {
            auto so_far = counts_since(*now);
            reporter.report([&] { return so_far.json(); }, [&] { return so_far.note(); });
        }
    }
    auto after = status_of(engine_, task.name);
    if (!ran_before && !query.spec.autostart) TRY(engine_.stop(task.name));
    if (context.cancelled()) return fail(Errc::cancelled, "cancelled");
    if (!ended) return fail(ended.error());
    if (!after) return fail(Errc::internal, "query {} has no status", task.name);
    if (after->state == stream::QueryState::failed) return fail(Errc::invalid, "{}", after->detail);
    auto counts = counts_since(*after);
    context.log(counts.note());
    return TaskOutcome{counts.note(), counts.json()};
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
