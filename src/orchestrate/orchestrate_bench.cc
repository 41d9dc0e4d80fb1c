// How long a run takes that does nothing: from trigger to the first task's start, and a chain of 100 tasks.
// With SQLite on disk, each step synced.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "base/units.h"
#include "coordinate/coordinator.h"
#include "orchestrate/scheduler.h"

namespace penstock::orchestrate {
namespace {

class NoOp final : public TaskActions {
public:
    std::atomic<std::int64_t> first_us{0};
    Result<TaskOutcome> run(const pipeline::RunTask&, const TaskContext&) override { return TaskOutcome{}; }
    Result<TaskOutcome> sql(const pipeline::SqlTask&, const TaskContext&) override {
        std::int64_t none = 0;
        first_us.compare_exchange_strong(none, system_clock().monotonic_us());
        return TaskOutcome{};
    }
    Result<TaskOutcome> http(const pipeline::HttpTask&, const TaskContext&) override { return TaskOutcome{}; }
    Result<bool> condition(const pipeline::WaitTask&, const TaskContext&) override { return true; }
};

pipeline::DagSpec chain(std::string name, int length, bool shell) {
    pipeline::DagSpec dag{.name = std::move(name)};
    for (int i = 0; i < length; ++i) {
        pipeline::TaskSpec task{.name = fmt::format("t{}", i), .action = pipeline::SqlTask{}};
        if (shell) task.action = pipeline::ShellTask{"true"};
        if (i > 0) task.after = {fmt::format("t{}", i - 1)};
        dag.tasks.push_back(std::move(task));
    }
    return dag;
}

pipeline::DagSpec fan(std::string name, int width) {
    auto dag = chain(std::move(name), width, false);
    for (auto& task : dag.tasks) task.after.clear();
    return dag;
}

void measure(const std::string& directory) {
    auto metadata = std::move(*metadata::open_sqlite(directory + "/metadata.sqlite"));
    auto coordinator = std::move(*coordinate::single_process(directory));
    NoOp actions;
    auto scheduler = make_scheduler(*metadata, *coordinator, actions, system_clock());
    (void)scheduler->set_dags("bench", {chain("one", 1, false), chain("chain", 100, false), fan("fan", 100),
                                        chain("shell", 20, true)});

    std::vector<std::int64_t> latencies;
    for (int i = 0; i < 200; ++i) {
        actions.first_us = 0;
        auto before = system_clock().monotonic_us();
        auto run = scheduler->trigger("one", "");
        (void)scheduler->wait("one", *run, 60'000'000);
        latencies.push_back(actions.first_us - before);
    }
    std::sort(latencies.begin(), latencies.end());
    std::printf("trigger to first task: median %.2f ms, p99 %.2f ms\n", double(latencies[100]) / 1e3,
                double(latencies[198]) / 1e3);
    for (auto [name, tasks] : {std::pair{"chain", 100}, std::pair{"fan", 100}, std::pair{"shell", 20}}) {
        auto before = system_clock().monotonic_us();
        auto run = scheduler->trigger(name, "");
        (void)scheduler->wait(name, *run, 60'000'000);
        auto took_us = system_clock().monotonic_us() - before;
        std::printf("%s of %d tasks: %.1f ms, %.0f tasks/s\n", name, tasks, double(took_us) / 1e3,
                    tasks * 1e6 / double(took_us));
    }
    auto idle_before = std::clock();
    ::sleep(2);
    std::printf("idle: %.2f %% of one core\n", double(std::clock() - idle_before) / CLOCKS_PER_SEC / 2 * 100);
}

}  // namespace
}  // namespace penstock::orchestrate

int main(int argc, char** argv) {
    std::string base = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
    auto directory = base + "/penstock_bench_XXXXXX";
    if (!::mkdtemp(directory.data())) return 1;
    penstock::orchestrate::measure(directory);
    std::filesystem::remove_all(directory);
}
