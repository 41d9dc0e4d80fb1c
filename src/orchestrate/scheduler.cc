// The scheduler's thread. It alone decides; every decision is in the metadata before it is acted on:
//   1. take what workers and waits report
//   2. adopt the runs that an earlier process left behind, once their DAGs are known
//   3. make the runs that are due
//   4. for each run: draw consequences, choose what starts, write it all down in one transaction, then start
//   it
#include "orchestrate/scheduler.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/metrics.h"
#include "base/units.h"
#include "orchestrate/active_run.h"
#include "orchestrate/planned_dag.h"
#include "orchestrate/run_conf.h"
#include "orchestrate/worker_pool.h"

namespace penstock::orchestrate {
namespace {

using metadata::DagRun;
using metadata::RunState;
using metadata::TaskState;

constexpr std::size_t unfinished_runs_max = 10'000;  // for each DAG
constexpr std::int64_t save_again_us = 1'000'000;
constexpr std::int64_t orphan_grace_us = 300'000'000;
constexpr std::int64_t wait_every_us_min = 100'000;
constexpr int prune_after_runs = 100;
constexpr std::int64_t lead_again_us = 1'000'000;
constexpr std::int64_t refresh_every_us = 2'000'000;
constexpr std::chrono::milliseconds others_run_look_every{200};

metrics::Counter& ended_runs(RunState state) {
    return metrics::counter("penstock_orchestrate_runs_total", "DAG runs that ended, by state.",
                            {{"state", std::string(to_string(state))}});
}

metrics::Counter& ended_tries(std::string_view result) {
    return metrics::counter("penstock_orchestrate_tries_total", "Tries of tasks, by result.",
                            {{"result", std::string(result)}});
}

/// 2026-01-31T00:00:00Z, with microseconds when there are some.
std::string run_time(std::int64_t us) {
    auto text = format_time_us(us).substr(0, 19);
    auto part = ((us % 1'000'000) + 1'000'000) % 1'000'000;
    return part == 0 ? text + "Z" : fmt::format("{}.{:06}Z", text, part);
}

/// For people.
std::string leader_of(const coordinate::Coordinator& coordinator) {
    for (const auto& member : coordinator.members())
        if (member.leads) return fmt::format("{} at {}", member.id, member.address);
    return "again when one leads";
}

class DagScheduler final : public Scheduler {
public:
    DagScheduler(metadata::Metadata& metadata, coordinate::Coordinator& coordinator, TaskActions& actions,
                 const Clock& clock, SchedulerOptions options)
        : metadata_(metadata),
          coordinator_(coordinator),
          actions_(actions),
          clock_(clock),
          options_(options),
          started_us_(clock.monotonic_us()),
          workers_(options.workers),
          asking_(1) {
        thread_ = std::thread([this] { run(); });
    }
    ~DagScheduler() override { stop(); }

    Result<> set_dags(std::string_view pipeline, std::vector<pipeline::DagSpec> dags) override;
    void remove_pipeline(std::string_view pipeline) override;
    Result<std::string> trigger(std::string_view dag, std::string_view conf_json,
                                std::string_view run_id) override;
    Result<std::string> run_now(const AdHocRun& run, std::string_view run_id) override;
    Result<DagRun> cancel(std::string_view dag, std::string_view run_id) override;
    Result<> set_paused(std::string_view dag, bool paused) override;
    std::vector<DagStatus> status() override;
    Result<DagRun> wait(std::string_view dag, std::string_view run_id, std::int64_t timeout_us) override;
    void stop() override;

private:
    // All of these run with the mutex held, on the scheduler's thread unless they say otherwise.
    void run();
    std::int64_t step();  ///< how long nothing is to be done, microseconds
    void take_reports(bool stopping);
    void take_report(Report& report, bool stopping);
    void follow_leadership();
    bool may_lead();
    void give_up_all();
    void refresh_dags();
    void adopt_orphans();
    void make_due_runs();
    void advance(const ActiveRunPtr& run, std::map<std::string_view, int>& running);
    void ask_waits(const ActiveRunPtr& run);
    void ask(const ActiveRunPtr& run, std::size_t task, std::shared_ptr<TaskAttempt> attempt);
    bool save(ActiveRun& run);
    void begin_tries(const ActiveRunPtr& run);
    void give_up(ActiveRun& run);
    void drop_ended();
    void prune(const std::string& dag);
    void finish();
    std::int64_t idle_us();
    std::size_t active_of(std::string_view dag) const;
    // Any thread:
    using Spec = std::shared_ptr<const pipeline::DagSpec>;
    Result<> add_run(const Spec& dag, const std::string& pipeline, DagRun run);
    Result<std::string> add_manual_run(const Spec& dag, const std::string& pipeline, std::string conf,
                                       std::string_view run_id);
    std::optional<AdHocRun> adopted_ad_hoc(const DagRun& orphan) const;

    metadata::Metadata& metadata_;
    coordinate::Coordinator& coordinator_;
    TaskActions& actions_;
    const Clock& clock_;
    const SchedulerOptions options_;
    const std::int64_t started_us_;

    std::mutex mutex_;
    std::condition_variable wake_;   ///< the thread has something to do
    std::condition_variable ended_;  ///< a run has ended, or all has
    bool woken_ = false;
    bool stopping_ = false;
    bool stopped_ = false;
    bool leading_ = false;
    std::optional<Error> not_leading_;  ///< why the metadata does not let us
    std::int64_t ask_lead_at_us_ = 0;   ///< monotonic
    std::int64_t refresh_at_us_ = 0;    ///< monotonic
    bool is_fenced_ = false;            ///< another process leads
    bool orphans_known_ = false;
    bool pipelines_known_ = false;    ///< one at least: from then on tasks find out what there is
    std::int64_t make_again_us_ = 0;  ///< monotonic; after a failed insert not before
    std::map<std::string, PlannedDag, std::less<>> dags_;
    std::vector<ActiveRunPtr> active_;  ///< oldest first
    std::vector<DagRun> orphans_;       ///< left behind by an earlier process, their DAG not known yet
    std::map<std::string, int, std::less<>> ended_since_prune_;
    std::vector<Report> reports_;
    int busy_workers_ = 0;

    WorkerPool workers_;
    WorkerPool asking_;
    std::once_flag stop_once_;
    std::thread thread_;
};

Result<> DagScheduler::set_dags(std::string_view pipeline, std::vector<pipeline::DagSpec> dags) {
    std::lock_guard lock(mutex_);
    std::map<std::string, PlannedDag, std::less<>> fresh;
    for (auto& dag : dags) {
        auto name = dag.name;
        auto other = dags_.find(name);
        if (other != dags_.end() && other->second.pipeline() != pipeline) {
            return fail(Errc::exists,
                        "DAG {} is in pipeline {} already; DAGs of all pipelines "
                        "need different names",
                        name, other->second.pipeline());
        }
        if (fresh.contains(name))
            return fail(Errc::invalid, "pipeline {} has two DAGs named {}", pipeline, name);
        fresh.emplace(name, TRY(PlannedDag::make(pipeline, std::move(dag), metadata_)));
    }
    std::erase_if(dags_, [&](const auto& entry) { return entry.second.pipeline() == pipeline; });
    dags_.merge(fresh);
    pipelines_known_ = true;
    woken_ = true;
    wake_.notify_all();
    return {};
}

void DagScheduler::remove_pipeline(std::string_view pipeline) {
    std::lock_guard lock(mutex_);
    std::erase_if(dags_, [&](const auto& entry) { return entry.second.pipeline() == pipeline; });
}

std::size_t DagScheduler::active_of(std::string_view dag) const {
    auto same = [&](const ActiveRunPtr& run) { return run->progress.run().dag == dag; };
    return std::size_t(std::count_if(active_.begin(), active_.end(), same));
}

Result<> DagScheduler::add_run(const Spec& dag, const std::string& pipeline, DagRun run) {
    RunProgress progress(std::move(run), dag);
    TRY(metadata_.insert_run(progress.run(), progress.tasks()));
    active_.push_back(std::make_shared<ActiveRun>(std::move(progress), pipeline));
    woken_ = true;
    wake_.notify_all();
    return {};
}

Result<std::string> DagScheduler::trigger(std::string_view dag, std::string_view conf_json,
                                          std::string_view run_id) {
    auto conf = TRY(checked_conf(conf_json));
    std::lock_guard lock(mutex_);
    auto found = dags_.find(dag);
    if (found == dags_.end()) return fail(Errc::not_found, "there is no DAG {}", dag);
    return add_manual_run(found->second.spec(), found->second.pipeline(), std::move(conf), run_id);
}

Result<std::string> DagScheduler::run_now(const AdHocRun& run, std::string_view run_id) {
    auto spec = std::make_shared<const pipeline::DagSpec>(ad_hoc_dag(run));
    std::lock_guard lock(mutex_);
    return add_manual_run(spec, run.pipeline, ad_hoc_conf(run), run_id);
}

Result<std::string> DagScheduler::add_manual_run(const Spec& dag, const std::string& pipeline,
                                                 std::string conf, std::string_view asked_id) {
    TRY(check_run_id(asked_id));
    if (stopping_) return fail(Errc::cancelled, "the scheduler has been stopped");
    if (!coordinator_.leads()) {
        return fail(Errc::unavailable, "this process does not lead, and so runs no DAGs; ask {}",
                    leader_of(coordinator_));
    }
    if (not_leading_) return fail(Errc::unavailable, "{}", not_leading_->text);
    if (active_of(dag->name) >= unfinished_runs_max) {
        return fail(Errc::full, "DAG {} has {} unfinished runs already", dag->name,
                    format_count(std::int64_t(unfinished_runs_max)));
    }
    auto now_us = clock_.now_us();
    for (auto logical_us = now_us;; ++logical_us) {  // two in one microsecond are two runs
        DagRun run{.dag = dag->name,
                   .run_id = asked_id.empty() ? "manual__" + run_time(logical_us) : std::string(asked_id),
                   .run_type = "manual",
                   .logical_us = logical_us,
                   .queued_us = now_us,
                   .conf = conf};
        auto run_id = run.run_id;
        auto added = add_run(dag, pipeline, std::move(run));
        if (added) return run_id;
        if (added.error().code == Errc::exists && !asked_id.empty())
            return fail(Errc::exists, "DAG {} has a run {} already", dag->name, asked_id);
        if (added.error().code != Errc::exists) return fail(std::move(added).error());
    }
}

Result<DagRun> DagScheduler::cancel(std::string_view dag, std::string_view run_id) {
    std::lock_guard lock(mutex_);
    auto is_it = [&](const ActiveRunPtr& run) {
        return run->progress.run().dag == dag && run->progress.run().run_id == run_id && !run->given_up;
    };
    auto found = std::ranges::find_if(active_, is_it);
    if (found == active_.end()) {
        auto known = TRY(metadata_.run(dag, run_id));
        if (!known) return fail(Errc::not_found, "DAG {} has no run {}", dag, run_id);
        if (known->state == RunState::success || known->state == RunState::failed) return *known;
        return fail(Errc::unavailable, "run {} of DAG {} is not run by this process, or not yet", run_id,
                    dag);
    }
    auto& run = **found;
    if (run.progress.ended()) return run.progress.run();
    // Written down before it is acted on; what the tries still say is of no account after that.
    auto cancelled = run.progress;
    cancelled.cancel(clock_.now_us());
    TRY(metadata_.update(cancelled.changed_run(), cancelled.changed_tasks()));
    cancelled.saved();
    run.progress = std::move(cancelled);
    run.save_at_us = 0;
    for (auto& [task, one] : run.tries) {
        one.attempt->log().add("the run was cancelled");
        one.attempt->log().finish();
    }
    give_up(run);
    ended_runs(RunState::failed).add();
    ended_.notify_all();
    woken_ = true;
    wake_.notify_all();
    return run.progress.run();
}

Result<> DagScheduler::set_paused(std::string_view dag, bool paused) {
    std::lock_guard lock(mutex_);
    auto found = dags_.find(dag);
    if (found == dags_.end()) return fail(Errc::not_found, "there is no DAG {}", dag);
    TRY(metadata_.set_paused(dag, paused));
    found->second.set_paused(paused);
    woken_ = true;
    wake_.notify_all();
    return {};
}

std::vector<DagStatus> DagScheduler::status() {
    std::lock_guard lock(mutex_);
    std::vector<DagStatus> all;
    for (auto& [name, dag] : dags_) all.push_back(dag.status(clock_.now_us()));
    return all;
}

Result<DagRun> DagScheduler::wait(std::string_view dag, std::string_view run_id, std::int64_t timeout_us) {
    // Not beyond what the clock of the machine can count.
    constexpr std::int64_t longest_us = 365LL * 86400 * 1'000'000;
    auto until = std::chrono::steady_clock::now() +
                 std::chrono::microseconds(std::clamp<std::int64_t>(timeout_us, 0, longest_us));
    std::unique_lock lock(mutex_);
    for (;;) {
        auto found = TRY(metadata_.run(dag, run_id));
        if (!found) return fail(Errc::not_found, "DAG {} has no run {}", dag, run_id);
        if (found->state == RunState::success || found->state == RunState::failed) return *found;
        if (stopped_) return fail(Errc::cancelled, "the scheduler stopped before run {} ended", run_id);
        // The end of another process's run is not told.
        auto look_at =
            leading_ ? until : std::min(until, std::chrono::steady_clock::now() + others_run_look_every);
        ended_.wait_until(lock, look_at);
        if (std::chrono::steady_clock::now() >= until) {
            return fail(Errc::timeout, "run {} of DAG {} is {} after {}", run_id, dag,
                        to_string(found->state), format_duration_us(timeout_us));
        }
    }
}

void DagScheduler::stop() {
    std::call_once(stop_once_, [this] {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        thread_.join();
    });
}

void DagScheduler::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        woken_ = false;
        auto pause_us = step();
        wake_.wait_for(lock, std::chrono::microseconds(pause_us), [this] { return stopping_ || woken_; });
    }
    for (const auto& run : active_)
        for (auto& [task, one] : run->tries) one.attempt->cancel();
    lock.unlock();
    workers_.finish();
    asking_.finish();
    lock.lock();
    finish();
}

/// The workers are gone: what they said last is kept for the next start.
void DagScheduler::finish() {
    take_reports(true);
    for (const auto& run : active_) {
        // Decided, and never written down: as if it had not been.
        for (auto task : run->to_start) run->progress.put_back(task, "");
        run->to_start.clear();
        for (auto& [task, one] : run->tries) one.attempt->log().finish();
        if (run->progress.changed()) save(*run);
    }
    stopped_ = true;
    ended_.notify_all();
}

std::int64_t DagScheduler::step() {
    take_reports(false);
    follow_leadership();
    if (!leading_) return options_.poll_us;
    adopt_orphans();
    make_due_runs();
    std::map<std::string_view, int> running;
    for (const auto& run : active_)
        if (run->progress.run().state == RunState::running) ++running[run->progress.run().dag];
    for (const auto& run : active_) advance(run, running);
    drop_ended();
    return idle_us();
}

void DagScheduler::take_reports(bool stopping) {
    auto reports = std::exchange(reports_, {});
    for (auto& report : reports) take_report(report, stopping);
}

void DagScheduler::take_report(Report& report, bool stopping) {
    auto& run = *report.run;
    bool is_wait = report.holds.has_value();
    if (!is_wait) --busy_workers_;
    auto found = run.tries.find(report.task);
    if (run.given_up || found == run.tries.end() || found->second.attempt != report.attempt) return;
    auto now_us = clock_.now_us();
    if (is_wait) {
        found->second.asking = false;
        if (*report.holds && !**report.holds) return;
        if (*report.holds) {
            report.outcome = TaskOutcome{.note = "the condition is true"};
        } else {
            report.outcome = fail(report.holds->error());
        }
    }
    run.tries.erase(found);
    if (auto counts = report.attempt->take_progress()) run.progress.report(report.task, std::move(*counts));
    if (report.outcome) {
        run.progress.succeed(report.task, *report.outcome, now_us);
        ended_tries("success").add();
        return;
    }
    const auto& action = report.attempt->spec().action;
    bool starts_over = is_wait || std::holds_alternative<pipeline::RunTask>(action) ||
                       std::holds_alternative<pipeline::SqlTask>(action);
    if (stopping && report.attempt->was_cancelled() && starts_over) {
        run.progress.put_back(report.task, "Penstock was stopped while it ran; it starts over");
        return;
    }
    run.progress.fail_try(report.task, printable(report.outcome.error().text), now_us);
    ended_tries("failure").add();
}

/// Led by the coordinator's word, and the metadata's: whoever led before can write no more.
bool DagScheduler::may_lead() {
    if (!coordinator_.leads()) {
        not_leading_.reset();
        return false;
    }
    auto now_us = clock_.monotonic_us();
    bool is_elected = options_.election == metadata::Metadata::Election::by_coordinator;
    if (leading_ && (is_elected || now_us < ask_lead_at_us_)) return true;
    if (not_leading_ && now_us < ask_lead_at_us_) return false;
    ask_lead_at_us_ = now_us + lead_again_us;
    auto led = metadata_.lead(options_.election);
    if (led) {
        not_leading_.reset();
        return true;
    }
    // While the database is away nobody else can lead either.
    if (leading_ && led.error().code != Errc::fenced) return true;
    if (!not_leading_) log::warn("this process makes no DAG runs: {}", led.error().text);
    not_leading_ = std::move(led).error();
    return false;
}

void DagScheduler::give_up_all() {
    log::warn("this process does not lead any more: its DAG runs are given up");
    for (const auto& run : active_) give_up(*run);
    active_.clear();
    orphans_.clear();
    leading_ = false;
}

void DagScheduler::refresh_dags() {
    for (auto& [name, dag] : dags_)
        if (auto done = dag.refresh(metadata_); !done) log::debug("DAG {}: {}", name, done.error().text);
    refresh_at_us_ = clock_.monotonic_us() + refresh_every_us;
}

void DagScheduler::follow_leadership() {
    if (std::exchange(is_fenced_, false) && leading_) {
        give_up_all();
        orphans_known_ = false;
        not_leading_ = Error{Errc::fenced, "another process makes the runs of DAGs now"};
        ask_lead_at_us_ = clock_.monotonic_us() + lead_again_us;
    }
    bool leads = may_lead();
    if (!leads && leading_) give_up_all();
    bool is_shared = coordinator_.members().size() > 1 || not_leading_;
    if ((leads && !leading_) || (is_shared && clock_.monotonic_us() >= refresh_at_us_)) refresh_dags();
    leading_ = leads;
    if (!leads) orphans_known_ = false;
    // Tries that are still being stopped must not meet their successors here.
    if (!leads || orphans_known_ || busy_workers_ > 0) return;
    auto unfinished = metadata_.unfinished_runs();
    if (!unfinished) {
        log::error("cannot read unfinished DAG runs: {}", unfinished.error().text);
        return;
    }
    orphans_known_ = true;
    for (auto& run : *unfinished) {
        bool known = std::any_of(active_.begin(), active_.end(), [&](const ActiveRunPtr& active) {
            return active->progress.run().dag == run.dag && active->progress.run().run_id == run.run_id;
        });
        if (!known) orphans_.push_back(std::move(run));
    }
}

/// The run of a source or query without a DAG, once tasks can find what it names.
std::optional<AdHocRun> DagScheduler::adopted_ad_hoc(const DagRun& orphan) const {
    if (!is_ad_hoc(orphan.dag) || !pipelines_known_) return std::nullopt;
    auto asked = ad_hoc_of(orphan.conf);
    if (!asked) return std::nullopt;
    return std::move(*asked);
}

void DagScheduler::adopt_orphans() {
    bool too_late = clock_.monotonic_us() - started_us_ >= orphan_grace_us;
    std::vector<ActiveRunPtr> adopted;
    std::erase_if(orphans_, [&](DagRun& orphan) {
        Spec spec;
        std::string pipeline;
        if (auto dag = dags_.find(orphan.dag); dag != dags_.end()) {
            spec = dag->second.spec();
            pipeline = dag->second.pipeline();
        } else if (auto asked = adopted_ad_hoc(orphan)) {
            spec = std::make_shared<const pipeline::DagSpec>(ad_hoc_dag(*asked));
            pipeline = asked->pipeline;
        }
        if (!spec && !too_late) return false;
        auto tasks = metadata_.tasks(orphan.dag, orphan.run_id);
        if (!tasks) return false;
        auto known = spec ? spec : std::make_shared<const pipeline::DagSpec>();
        auto progress = RunProgress::resume(orphan, std::move(*tasks), known, clock_.now_us());
        if (spec) {
            log::info("run {} of DAG {} goes on where an earlier process left it", orphan.run_id, orphan.dag);
        } else {
            log::warn("run {} of DAG {} was left behind, and no pipeline has that DAG: it fails",
                      orphan.run_id, orphan.dag);
        }
        adopted.push_back(std::make_shared<ActiveRun>(std::move(progress), std::move(pipeline)));
        return true;
    });
    active_.insert(active_.begin(), adopted.begin(), adopted.end());
}

void DagScheduler::make_due_runs() {
    if (!orphans_known_ || clock_.monotonic_us() < make_again_us_) return;
    for (auto& [name, dag] : dags_) {
        for (;;) {
            auto now_us = clock_.now_us();
            auto logical_us = dag.due_logical_us(now_us, active_of(name));
            if (!logical_us) break;
            auto added = add_run(dag.spec(), dag.pipeline(),
                                 {.dag = name,
                                  .run_id = "scheduled__" + run_time(*logical_us),
                                  .run_type = "scheduled",
                                  .logical_us = *logical_us,
                                  .queued_us = now_us,
                                  .conf = "{}"});
            if (!added && added.error().code != Errc::exists) {
                log::error("cannot make the run of DAG {} for {}: {}", name, run_time(*logical_us),
                           added.error().text);
                if (added.error().code == Errc::fenced) is_fenced_ = true;
                make_again_us_ = clock_.monotonic_us() + save_again_us;
                break;
            }
            dag.made(*logical_us);
        }
    }
}

void DagScheduler::advance(const ActiveRunPtr& run, std::map<std::string_view, int>& running) {
    auto& progress = run->progress;
    // What is not written down yet comes first: no new decision before that.
    if (run->save_at_us > 0) {
        if (clock_.monotonic_us() < run->save_at_us || !save(*run)) return;
        begin_tries(run);
    }
    auto now_us = clock_.now_us();
    if (progress.run().state == RunState::queued) {
        if (running[progress.run().dag] >= progress.dag()->max_active_runs) return;
        ++running[progress.run().dag];
        progress.begin(now_us);
    }
    for (auto& [task, one] : run->tries)
        if (auto counts = one.attempt->take_progress()) progress.report(task, std::move(*counts));
    for (auto task : progress.advance(now_us)) {
        bool is_wait = std::holds_alternative<pipeline::WaitTask>(progress.spec(task)->action);
        if (!is_wait && busy_workers_ >= options_.workers) {
            if (progress.tasks()[task].state != TaskState::up_for_retry) progress.queue(task);
            continue;
        }
        progress.start(task, now_us);
        run->to_start.push_back(task);
        if (!is_wait) ++busy_workers_;
    }
    if (progress.changed() && !save(*run)) return;
    begin_tries(run);
    ask_waits(run);
    for (auto& [task, one] : run->tries) one.attempt->log().flush_old();
}

bool DagScheduler::save(ActiveRun& run) {
    auto& progress = run.progress;
    auto saved = metadata_.update(progress.changed_run(), progress.changed_tasks());
    if (saved) {
        progress.saved();
        run.save_at_us = 0;
        if (progress.ended()) ended_.notify_all();
        return true;
    }
    log::error("cannot keep the state of run {} of DAG {}: {}", progress.run().run_id, progress.run().dag,
               saved.error().text);
    if (saved.error().code == Errc::not_found) give_up(run);  // somebody has deleted it
    if (saved.error().code == Errc::fenced) is_fenced_ = true;
    run.save_at_us = clock_.monotonic_us() + save_again_us;
    return false;
}

void DagScheduler::give_up(ActiveRun& run) {
    run.given_up = true;
    for (auto& [task, one] : run.tries) one.attempt->cancel();
    run.tries.clear();
    for (auto task : run.to_start) {
        const auto& action = run.progress.spec(task)->action;
        if (!std::holds_alternative<pipeline::WaitTask>(action)) --busy_workers_;
    }
    run.to_start.clear();
}

void DagScheduler::begin_tries(const ActiveRunPtr& run) {
    auto& progress = run->progress;
    auto make_attempt = [&](std::size_t task) {
        auto attempt =
            std::make_shared<TaskAttempt>(progress, task, run->pipeline, progress.dag(), metadata_, clock_);
        run->tries[task] = {.attempt = attempt};
        return attempt;
    };
    for (auto task : std::exchange(run->to_start, {})) {
        auto attempt = make_attempt(task);
        if (std::holds_alternative<pipeline::WaitTask>(attempt->spec().action)) continue;
        workers_.post([this, run, task, attempt] {
            auto outcome = attempt->run(actions_);
            std::lock_guard lock(mutex_);
            reports_.push_back({run, task, attempt, std::move(outcome), std::nullopt});
            woken_ = true;
            wake_.notify_all();
        });
    }
    // Waits of an adopted run are in the middle of their try.
    for (std::size_t task = 0; task < progress.tasks().size(); ++task) {
        if (progress.tasks()[task].state == TaskState::running && !run->tries.contains(task))
            make_attempt(task);
    }
}

void DagScheduler::ask(const ActiveRunPtr& run, std::size_t task, std::shared_ptr<TaskAttempt> attempt) {
    asking_.post([this, run, task, attempt = std::move(attempt)] {
        auto holds = attempt->ask(actions_);
        std::lock_guard lock(mutex_);
        reports_.push_back({run, task, attempt, TaskOutcome{}, std::move(holds)});
        woken_ = true;
        wake_.notify_all();
    });
}

void DagScheduler::ask_waits(const ActiveRunPtr& run) {
    auto& progress = run->progress;
    std::vector<std::size_t> late;
    for (auto& [task, one] : run->tries) {
        const auto* wait = std::get_if<pipeline::WaitTask>(&one.attempt->spec().action);
        if (!wait || one.asking) continue;
        auto now_us = clock_.monotonic_us();
        if (one.attempt->timed_out()) late.push_back(task);
        if (one.ask_at_us > now_us || one.attempt->timed_out()) continue;
        one.asking = true;
        one.ask_at_us = now_us + std::max(wait->every_us, wait_every_us_min);
        ask(run, task, one.attempt);
    }
    for (auto task : late) {
        auto limit = format_duration_us(run->tries.at(task).attempt->spec().timeout_us);
        auto note = "the condition did not become true within " + limit;
        run->tries.at(task).attempt->log().add("failed: " + note);
        run->tries.at(task).attempt->log().finish();
        run->tries.erase(task);
        progress.fail_try(task, note, clock_.now_us());
        ended_tries("failure").add();
        woken_ = true;  // and draw the consequences
    }
}

void DagScheduler::drop_ended() {
    std::vector<std::string> pruned;
    auto dropped = std::erase_if(active_, [&](const ActiveRunPtr& run) {
        if (run->given_up) return true;
        const auto& progress = run->progress;
        if (!progress.ended() || progress.changed()) return false;
        ended_runs(progress.run().state).add();
        if (++ended_since_prune_[progress.run().dag] >= prune_after_runs)
            pruned.push_back(progress.run().dag);
        return true;
    });
    if (dropped > 0) woken_ = true;  // there may be room for the next ones now
    for (const auto& dag : pruned) prune(dag);
}

void DagScheduler::prune(const std::string& dag) {
    ended_since_prune_[dag] = 0;
    auto removed = metadata_.prune_runs(dag, options_.keep_runs);
    if (!removed) log::warn("cannot remove old runs of DAG {}: {}", dag, removed.error().text);
}

std::int64_t DagScheduler::idle_us() {
    if (woken_) return 0;
    auto now_us = clock_.now_us();
    auto pause_us = options_.poll_us;
    auto due = [&](std::int64_t at_us, std::int64_t from_us) {
        pause_us = std::clamp<std::int64_t>(at_us - from_us, 0, pause_us);
    };
    for (auto& [name, dag] : dags_) {
        auto next_us = dag.next_due_us(now_us);
        if (next_us && *next_us > now_us) due(*next_us, now_us);
    }
    for (const auto& run : active_) {
        // A retry that is due and has not started waits for a worker, whose report wakes us.
        auto retry_us = run->progress.next_retry_us();
        if (retry_us && *retry_us > now_us) due(*retry_us, now_us);
        for (const auto& [task, one] : run->tries)
            if (one.ask_at_us > 0 && !one.asking) due(one.ask_at_us, clock_.monotonic_us());
    }
    return pause_us;
}

}  // namespace

std::unique_ptr<Scheduler> make_scheduler(metadata::Metadata& metadata, coordinate::Coordinator& coordinator,
                                          TaskActions& actions, const Clock& clock,
                                          SchedulerOptions options) {
    options.workers = std::max(options.workers, 1);
    options.poll_us = std::clamp<std::int64_t>(options.poll_us, 1000, 10'000'000);
    return std::make_unique<DagScheduler>(metadata, coordinator, actions, clock, options);
}

}  // namespace penstock::orchestrate
