// What the scheduler's tests stand on: a real SQLite file, actions that tests decide, and writes that can
// fail.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "orchestrate/scheduler.h"

namespace penstock::orchestrate::testing {

inline bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 20'000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

class FakeActions final : public TaskActions {
public:
    struct Started {
        std::string run_id;
        std::string task;
        int try_number = 0;
        bool operator<(const Started& other) const {
            return std::tie(run_id, task, try_number) < std::tie(other.run_id, other.task, other.try_number);
        }
    };
    using Work = std::function<Result<TaskOutcome>(const TaskContext&)>;

    /// What the task of that name does; without it: success.
    void on(const std::string& task, Work work) {
        std::lock_guard lock(mutex_);
        works_[task] = std::move(work);
    }
    void on_condition(std::function<Result<bool>(const TaskContext&)> holds) {
        std::lock_guard lock(mutex_);
        holds_ = std::move(holds);
    }
    std::vector<Started> started() const {
        std::lock_guard lock(mutex_);
        return started_;
    }
    int started(std::string_view task) const {
        int count = 0;
        for (const auto& one : started()) count += one.task == task ? 1 : 0;
        return count;
    }
    int most_at_once() const {
        std::lock_guard lock(mutex_);
        return most_;
    }
    int at_once() const {
        std::lock_guard lock(mutex_);
        return at_once_;
    }

    Result<TaskOutcome> run(const pipeline::RunTask&, const TaskContext& context) override {
        return act(context);
    }
    Result<TaskOutcome> sql(const pipeline::SqlTask&, const TaskContext& context) override {
        return act(context);
    }
    Result<TaskOutcome> http(const pipeline::HttpTask&, const TaskContext& context) override {
        return act(context);
    }
    Result<bool> condition(const pipeline::WaitTask&, const TaskContext& context) override {
        std::function<Result<bool>(const TaskContext&)> holds;
        {
            std::lock_guard lock(mutex_);
            holds = holds_;
        }
        return holds ? holds(context) : true;
    }

private:
    Result<TaskOutcome> act(const TaskContext& context) {
        Work work;
        {
            std::lock_guard lock(mutex_);
            started_.push_back({context.run_id, context.task, context.try_number});
            most_ = std::max(most_, ++at_once_);
            if (auto found = works_.find(context.task); found != works_.end()) work = found->second;
        }
        Result<TaskOutcome> outcome = TaskOutcome{};
        try {
            if (work) outcome = work(context);
        } catch (...) {
            std::lock_guard lock(mutex_);
            --at_once_;
            throw;
        }
        std::lock_guard lock(mutex_);
        --at_once_;
        return outcome;
    }

    mutable std::mutex mutex_;
    std::map<std::string, Work> works_;
    std::function<Result<bool>(const TaskContext&)> holds_;
    std::vector<Started> started_;
    int at_once_ = 0;
    int most_ = 0;
};

class FakeCoordinator final : public coordinate::Coordinator {
public:
    std::atomic<bool> leading{true};
    std::string describe() const override { return "test"; }
    std::string member_id() const override { return "me"; }
    std::vector<coordinate::Member> members() const override {
        return {{"me", "", leading, {}}, {"other", "http://other:8080", !leading, {}}};
    }
    bool leads() const override { return leading; }
    void offer(std::vector<std::string>, std::function<void()>) override {}
    std::vector<std::string> mine() const override { return {}; }
    std::int64_t epoch(std::string_view) const override { return 1; }
};

/// Passes everything on, until its writes begin to fail: as if the process had ended there.
class FaultyMetadata final : public metadata::Metadata {
public:
    explicit FaultyMetadata(metadata::Metadata& real) : real_(real) {}
    /// The write of that number, from 1, is the first to fail; when torn, it is done all the same.
    void fail_from(int write, bool torn) {
        fail_from_ = write;
        torn_ = torn;
    }
    void heal() { fail_from_ = INT32_MAX; }
    bool failed() const { return writes_ >= fail_from_; }
    int writes() const { return writes_; }

    std::string describe() const override { return real_.describe(); }
    Result<> insert_run(const metadata::DagRun& run,
                        const std::vector<metadata::TaskInstance>& tasks) override {
        return write([&] { return real_.insert_run(run, tasks); });
    }
    Result<> update_run(const metadata::DagRun& run) override {
        return write([&] { return real_.update_run(run); });
    }
    Result<> update_task(const metadata::TaskInstance& task) override {
        return write([&] { return real_.update_task(task); });
    }
    Result<> update(const std::optional<metadata::DagRun>& run,
                    const std::vector<metadata::TaskInstance>& tasks) override {
        return write([&] { return real_.update(run, tasks); });
    }
    Result<std::optional<metadata::DagRun>> run(std::string_view dag, std::string_view run_id) override {
        return real_.run(dag, run_id);
    }
    Result<std::vector<metadata::DagRun>> runs(std::string_view dag, int limit) override {
        return real_.runs(dag, limit);
    }
    Result<std::vector<metadata::DagRun>> unfinished_runs() override { return real_.unfinished_runs(); }
    Result<std::vector<metadata::TaskInstance>> tasks(std::string_view dag,
                                                      std::string_view run_id) override {
        return real_.tasks(dag, run_id);
    }
    Result<std::optional<std::int64_t>> last_scheduled_us(std::string_view dag) override {
        return real_.last_scheduled_us(dag);
    }
    Result<> append_log(std::string_view dag, std::string_view run_id, std::string_view task, int try_number,
                        const std::vector<metadata::LogLine>& lines) override {
        if (failed()) return fail(Errc::io, "the disk is gone");
        return real_.append_log(dag, run_id, task, try_number, lines);
    }
    Result<std::vector<metadata::LogLine>> log(std::string_view dag, std::string_view run_id,
                                               std::string_view task, int try_number) override {
        return real_.log(dag, run_id, task, try_number);
    }
    Result<> set_paused(std::string_view dag, bool paused) override { return real_.set_paused(dag, paused); }
    Result<bool> paused(std::string_view dag) override { return real_.paused(dag); }
    Result<std::int64_t> put_revision(std::string_view pipeline, std::string_view text,
                                      std::int64_t now_us) override {
        return real_.put_revision(pipeline, text, now_us);
    }
    Result<std::vector<metadata::Revision>> revisions(std::string_view pipeline) override {
        return real_.revisions(pipeline);
    }
    Result<> put_setting(std::string_view name, std::string_view value) override {
        return real_.put_setting(name, value);
    }
    Result<std::optional<std::string>> setting(std::string_view name) override { return real_.setting(name); }
    Result<std::int64_t> prune_runs(std::string_view dag, std::int64_t keep) override {
        return real_.prune_runs(dag, keep);
    }

private:
    Result<> write(const std::function<Result<>()>& real) {
        int number = ++writes_;
        if (number < fail_from_) return real();
        if (number == fail_from_ && torn_) (void)real();
        return fail(Errc::io, "the disk is gone");
    }
    metadata::Metadata& real_;
    std::atomic<int> writes_{0};
    std::atomic<int> fail_from_{INT32_MAX};
    std::atomic<bool> torn_{false};
};

class SchedulerFixture : public ::testing::Test {
protected:
    static constexpr std::int64_t start_us = 1'780'000'000'000'000;  // 2026-05-28T20:26:40Z

    SchedulerFixture() {
        auto pattern = (std::filesystem::temp_directory_path() / "penstock_orchestrate_XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        metadata_ = std::move(*metadata::open_sqlite(directory_ + "/metadata.sqlite"));
    }
    ~SchedulerFixture() override {
        scheduler_.reset();
        std::filesystem::remove_all(directory_);
    }

    void start(int workers = 8) { start_on(*metadata_, workers); }
    void start_on(metadata::Metadata& metadata, int workers = 8) {
        scheduler_.reset();
        scheduler_ = make_scheduler(metadata, coordinator_, actions_, clock_,
                                    {.workers = workers, .poll_us = 1000, .keep_runs = 20});
    }
    void set_dags(std::vector<pipeline::DagSpec> dags) {
        auto set = scheduler_->set_dags("p", std::move(dags));
        ASSERT_TRUE(set) << set.error().text;
    }
    static pipeline::TaskSpec sql_task(std::string name, std::vector<std::string> after = {},
                                       int retries = 0) {
        return {.name = std::move(name),
                .action = pipeline::SqlTask{},
                .after = std::move(after),
                .retries = retries,
                .retry_delay_us = 0};
    }
    static pipeline::TaskSpec shell_task(std::string name, std::string command, int retries = 0) {
        return {.name = std::move(name),
                .action = pipeline::ShellTask{std::move(command)},
                .retries = retries,
                .retry_delay_us = 0};
    }
    static pipeline::DagSpec dag(std::string name, std::vector<pipeline::TaskSpec> tasks) {
        return {.name = std::move(name), .tasks = std::move(tasks)};
    }
    std::string trigger(std::string_view dag, std::string_view conf = "") {
        auto run_id = scheduler_->trigger(dag, conf);
        EXPECT_TRUE(run_id) << run_id.error().text;
        return run_id.value_or("");
    }
    metadata::RunState ended(std::string_view dag, std::string_view run_id) {
        auto run = scheduler_->wait(dag, run_id, 20'000'000);
        EXPECT_TRUE(run) << run.error().text;
        return run ? run->state : metadata::RunState::queued;
    }
    metadata::TaskInstance task(std::string_view dag, std::string_view run_id, std::string_view name) {
        auto tasks = metadata_->tasks(dag, run_id);
        for (const auto& one : *tasks)
            if (one.task == name) return one;
        ADD_FAILURE() << "no task " << name;
        return {};
    }
    std::vector<std::string> run_ids(std::string_view dag) {
        std::vector<std::string> ids;
        for (const auto& run : *metadata_->runs(dag, 1000)) ids.push_back(run.run_id);
        std::sort(ids.begin(), ids.end());
        return ids;
    }
    bool all_ended(std::string_view dag, std::size_t count) {
        auto runs = metadata_->runs(dag, 1000);
        std::size_t done = 0;
        for (const auto& run : *runs) done += run.ended_us != 0 ? 1 : 0;
        return runs->size() == count && done == count;
    }

    std::string directory_;
    std::unique_ptr<metadata::Metadata> metadata_;
    FakeCoordinator coordinator_;
    FakeActions actions_;
    ManualClock clock_{start_us};
    std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace penstock::orchestrate::testing
