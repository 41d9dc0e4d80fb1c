#include "orchestrate/planned_dag.h"

#include <algorithm>
#include <map>
#include <set>

namespace penstock::orchestrate {
namespace {

/// A run of a continuous DAG starts no sooner than this after the one before.
constexpr std::int64_t continuous_pause_us = 1'000'000;

/// Takes away tasks whose upstream are gone, until none is left, or a circle.
Result<> check_circles(const pipeline::DagSpec& dag) {
    std::map<std::string_view, std::set<std::string_view>> waiting;
    for (const auto& task : dag.tasks) waiting[task.name] = {task.after.begin(), task.after.end()};
    while (!waiting.empty()) {
        auto free = std::find_if(waiting.begin(), waiting.end(),
                                 [](const auto& entry) { return entry.second.empty(); });
        if (free == waiting.end()) {
            return fail(Errc::invalid,
                        "DAG {}: tasks wait for each other in a circle; {} is one "
                        "of them: take one of its 'after' away",
                        dag.name, waiting.begin()->first);
        }
        auto name = free->first;
        waiting.erase(free);
        for (auto& [task, after] : waiting) after.erase(name);
    }
    return {};
}

}  // namespace

Result<> check_dag(const pipeline::DagSpec& dag) {
    if (dag.name.empty()) return fail(Errc::invalid, "a DAG has no name");
    if (dag.max_active_runs < 1) {
        return fail(Errc::invalid, "DAG {}: max_active_runs is {}; expected 1 or more", dag.name,
                    dag.max_active_runs);
    }
    std::set<std::string_view> names;
    for (const auto& task : dag.tasks) {
        if (task.name.empty()) return fail(Errc::invalid, "DAG {}: a task has no name", dag.name);
        if (!names.insert(task.name).second)
            return fail(Errc::invalid, "DAG {} has two tasks named {}", dag.name, task.name);
    }
    for (const auto& task : dag.tasks) {
        for (const auto& upstream : task.after) {
            if (names.contains(upstream)) continue;
            return fail(Errc::invalid,
                        "DAG {}: task {} comes after {}, which is no task of this "
                        "DAG",
                        dag.name, task.name, upstream);
        }
    }
    return check_circles(dag);
}

Result<PlannedDag> PlannedDag::make(std::string_view pipeline, pipeline::DagSpec dag,
                                    metadata::Metadata& metadata) {
    TRY(check_dag(dag));
    PlannedDag made;
    made.pipeline_ = pipeline;
    if (!dag.schedule.empty()) {
        auto schedule = parse_schedule(dag.schedule, dag.timezone);
        if (!schedule) return fail("DAG " + dag.name, schedule.error());
        made.schedule_ = std::move(*schedule);
    }
    made.spec_ = std::make_shared<const pipeline::DagSpec>(std::move(dag));
    TRY(made.refresh(metadata));
    return made;
}

Result<> PlannedDag::refresh(metadata::Metadata& metadata) {
    auto paused = TRY(metadata.paused(spec_->name));
    auto last = TRY(metadata.last_scheduled_us(spec_->name));
    if (paused == paused_ && last == last_logical_us_) return {};
    paused_ = paused;
    last_logical_us_ = last;
    next_.reset();
    return {};
}

void PlannedDag::set_paused(bool paused) {
    paused_ = paused;
    next_.reset();
}

std::optional<Interval> PlannedDag::next(std::int64_t now_us) {
    // What was the next one stays it until it is due; then the clock may have moved past several.
    if (!next_ || next_->end_us <= now_us) {
        next_ = next_interval(*schedule_, last_logical_us_, spec_->catchup, spec_->start_us, now_us);
    }
    return next_;
}

std::optional<std::int64_t> PlannedDag::due_logical_us(std::int64_t now_us, std::size_t active) {
    if (!schedule_ || paused_) return std::nullopt;
    if (active >= std::size_t(spec_->max_active_runs)) return std::nullopt;
    auto from_us = spec_->start_us.value_or(INT64_MIN);
    switch (schedule_->kind()) {
        case Schedule::Kind::once:
            if (last_logical_us_ || now_us < from_us) return std::nullopt;
            return spec_->start_us.value_or(now_us);
        case Schedule::Kind::continuous:
            if (active > 0 || now_us < from_us) return std::nullopt;
            if (last_logical_us_ && now_us < *last_logical_us_ + continuous_pause_us) return std::nullopt;
            return now_us;
        case Schedule::Kind::times:
            break;
    }
    auto interval = next(now_us);
    if (!interval || interval->end_us > now_us) return std::nullopt;
    return interval->start_us;
}

std::optional<std::int64_t> PlannedDag::next_due_us(std::int64_t now_us) {
    if (!schedule_ || paused_) return std::nullopt;
    switch (schedule_->kind()) {
        case Schedule::Kind::once:
            if (last_logical_us_) return std::nullopt;
            return std::max(spec_->start_us.value_or(now_us), now_us);
        case Schedule::Kind::continuous:
            return std::nullopt;
        case Schedule::Kind::times:
            break;
    }
    auto interval = next(now_us);
    if (!interval) return std::nullopt;
    return interval->end_us;
}

void PlannedDag::made(std::int64_t logical_us) {
    last_logical_us_ = std::max(last_logical_us_.value_or(logical_us), logical_us);
    next_.reset();
}

DagStatus PlannedDag::status(std::int64_t now_us) {
    DagStatus status{.pipeline = pipeline_,
                     .name = spec_->name,
                     .schedule = spec_->schedule,
                     .paused = paused_,
                     .next_run_us = next_due_us(now_us)};
    for (const auto& task : spec_->tasks) {
        status.tasks.push_back(task.name);
        for (const auto& upstream : task.after) status.edges.emplace_back(upstream, task.name);
    }
    return status;
}

}  // namespace penstock::orchestrate
