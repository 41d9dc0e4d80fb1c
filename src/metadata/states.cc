#include <array>

#include "metadata/metadata.h"

namespace penstock::metadata {
namespace {

constexpr std::array run_states{RunState::queued, RunState::running, RunState::success, RunState::failed};
constexpr std::array task_states{TaskState::none,         TaskState::scheduled,       TaskState::queued,
                                 TaskState::running,      TaskState::success,         TaskState::failed,
                                 TaskState::up_for_retry, TaskState::upstream_failed, TaskState::skipped};

template <class States>
auto find(const States& states, std::string_view name) -> std::optional<typename States::value_type> {
    for (auto state : states)
        if (to_string(state) == name) return state;
    return std::nullopt;
}

}  // namespace

std::string_view to_string(RunState state) {
    switch (state) {
        case RunState::queued:
            return "queued";
        case RunState::running:
            return "running";
        case RunState::success:
            return "success";
        case RunState::failed:
            return "failed";
    }
    return "unknown";
}

std::string_view to_string(TaskState state) {
    switch (state) {
        case TaskState::none:
            return "none";
        case TaskState::scheduled:
            return "scheduled";
        case TaskState::queued:
            return "queued";
        case TaskState::running:
            return "running";
        case TaskState::success:
            return "success";
        case TaskState::failed:
            return "failed";
        case TaskState::up_for_retry:
            return "up_for_retry";
        case TaskState::upstream_failed:
            return "upstream_failed";
        case TaskState::skipped:
            return "skipped";
    }
    return "unknown";
}

std::optional<RunState> run_state_of(std::string_view name) {
    return find(run_states, name);
}

std::optional<TaskState> task_state_of(std::string_view name) {
    return find(task_states, name);
}

Result<> Metadata::update(const std::optional<DagRun>& run, const std::vector<TaskInstance>& tasks) {
    for (const auto& task : tasks) TRY(update_task(task));
    if (run) TRY(update_run(*run));
    return {};
}

Result<std::int64_t> Metadata::prune_runs(std::string_view, std::int64_t) {
    return 0;
}

}  // namespace penstock::metadata
