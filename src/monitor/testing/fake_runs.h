// DAG runs in memory, and a scheduler that only notes what it is asked for. For tests.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "metadata/metadata.h"
#include "orchestrate/scheduler.h"

namespace penstock::monitor::testing {

class FakeMetadata final : public metadata::Metadata {
public:
    std::string describe() const override { return "fake metadata"; }
    Result<> insert_run(const metadata::DagRun& run,
                        const std::vector<metadata::TaskInstance>& tasks) override {
        const std::lock_guard lock(mutex_);
        runs_.push_front(run);
        tasks_[run.dag + "/" + run.run_id] = tasks;
        return {};
    }
    Result<> update_run(const metadata::DagRun& run) override {
        const std::lock_guard lock(mutex_);
        for (auto& one : runs_) {
            if (one.dag == run.dag && one.run_id == run.run_id) one = run;
        }
        return {};
    }
    Result<> update_task(const metadata::TaskInstance& task) override {
        const std::lock_guard lock(mutex_);
        for (auto& one : tasks_[task.dag + "/" + task.run_id]) {
            if (one.task == task.task) one = task;
        }
        return {};
    }
    Result<std::optional<metadata::DagRun>> run(std::string_view dag, std::string_view run_id) override {
        const std::lock_guard lock(mutex_);
        for (const auto& one : runs_) {
            if (one.dag == dag && one.run_id == run_id) return one;
        }
        return std::nullopt;
    }
    Result<std::vector<metadata::DagRun>> runs(std::string_view dag, int limit) override {
        const std::lock_guard lock(mutex_);
        std::vector<metadata::DagRun> all;
        for (const auto& one : runs_) {
            if (std::ssize(all) < limit && (dag.empty() || one.dag == dag)) all.push_back(one);
        }
        return all;
    }
    Result<std::vector<metadata::DagRun>> unfinished_runs() override {
        return std::vector<metadata::DagRun>();
    }
    Result<std::vector<metadata::TaskInstance>> tasks(std::string_view dag,
                                                      std::string_view run_id) override {
        const std::lock_guard lock(mutex_);
        return tasks_[fmt::format("{}/{}", dag, run_id)];
    }
    Result<std::optional<std::int64_t>> last_scheduled_us(std::string_view) override { return std::nullopt; }
    Result<> append_log(std::string_view dag, std::string_view run_id, std::string_view task, int try_number,
                        const std::vector<metadata::LogLine>& lines) override {
        const std::lock_guard lock(mutex_);
        auto& log = logs_[fmt::format("{}/{}/{}/{}", dag, run_id, task, try_number)];
        log.insert(log.end(), lines.begin(), lines.end());
        return {};
    }
    Result<std::vector<metadata::LogLine>> log(std::string_view dag, std::string_view run_id,
                                               std::string_view task, int try_number) override {
        const std::lock_guard lock(mutex_);
        return logs_[fmt::format("{}/{}/{}/{}", dag, run_id, task, try_number)];
    }
    Result<> set_paused(std::string_view, bool) override { return {}; }
    Result<bool> paused(std::string_view) override { return false; }
    Result<std::int64_t> put_revision(std::string_view, std::string_view, std::int64_t) override { return 1; }
    Result<std::vector<metadata::Revision>> revisions(std::string_view) override {
        return std::vector<metadata::Revision>();
    }
    Result<> put_setting(std::string_view, std::string_view) override { return {}; }
    Result<std::optional<std::string>> setting(std::string_view) override { return std::nullopt; }

private:
    std::mutex mutex_;
    std::deque<metadata::DagRun> runs_;  ///< newest first
    std::map<std::string, std::vector<metadata::TaskInstance>> tasks_;
    std::map<std::string, std::vector<metadata::LogLine>> logs_;
};

class FakeScheduler final : public orchestrate::Scheduler {
public:
    Result<> set_dags(std::string_view, std::vector<pipeline::DagSpec>) override { return {}; }
    void remove_pipeline(std::string_view) override {}
    Result<std::string> trigger(std::string_view dag, std::string_view conf_json,
                                std::string_view run_id) override {
        const std::lock_guard lock(mutex_);
        TRY(find(dag));
        triggered_.emplace_back(conf_json);
        if (!run_id.empty()) return std::string(run_id);
        return fmt::format("manual__{}", triggered_.size());
    }
    Result<std::string> run_now(const orchestrate::AdHocRun& run, std::string_view run_id) override {
        const std::lock_guard lock(mutex_);
        triggered_.push_back(orchestrate::ad_hoc_conf(run));
        return run_id.empty() ? fmt::format("manual__{}", triggered_.size()) : std::string(run_id);
    }
    Result<metadata::DagRun> cancel(std::string_view dag, std::string_view run_id) override {
        if (dag != "user_automation") return fail(Errc::not_found, "DAG {} has no run {}", dag, run_id);
        return metadata::DagRun{.dag = std::string(dag),
                                .run_id = std::string(run_id),
                                .state = metadata::RunState::failed,
                                .run_type = "manual",
                                .conf = "{}"};
    }
    Result<> set_paused(std::string_view dag, bool paused) override {
        const std::lock_guard lock(mutex_);
        TRY(find(dag))->paused = paused;
        return {};
    }
    std::vector<orchestrate::DagStatus> status() override {
        const std::lock_guard lock(mutex_);
        return dags_;
    }
    Result<metadata::DagRun> wait(std::string_view, std::string_view, std::int64_t) override {
        return fail(Errc::timeout, "the fake runs nothing");
    }
    void stop() override {}

    void set(std::vector<orchestrate::DagStatus> dags) {
        const std::lock_guard lock(mutex_);
        dags_ = std::move(dags);
    }
    /// The conf of each trigger().
    std::vector<std::string> triggered() {
        const std::lock_guard lock(mutex_);
        return triggered_;
    }

private:
    Result<orchestrate::DagStatus*> find(std::string_view name) {
        for (auto& dag : dags_) {
            if (dag.name == name) return &dag;
        }
        return fail(Errc::not_found, "there is no DAG '{}'", name);
    }
    std::mutex mutex_;
    std::vector<orchestrate::DagStatus> dags_;
    std::vector<std::string> triggered_;
};

}  // namespace penstock::monitor::testing
