// A run in the scheduler's memory, with the tries that it is in.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orchestrate/run_progress.h"
#include "orchestrate/task_attempt.h"

namespace penstock::orchestrate {

struct ActiveRun {
    struct Try {
        std::shared_ptr<TaskAttempt> attempt;
        std::int64_t ask_at_us = 0;  ///< waits: monotonic
        bool asking = false;
    };
    ActiveRun(RunProgress run, std::string pipeline_name)
        : progress(std::move(run)), pipeline(std::move(pipeline_name)) {}

    RunProgress progress;
    std::string pipeline;
    std::map<std::size_t, Try> tries;   ///< by task
    std::vector<std::size_t> to_start;  ///< decided, not yet durable; each holds a worker
    std::int64_t save_at_us = 0;        ///< monotonic; after a failed save not before
    bool given_up = false;              ///< somebody else runs it: what it reports is dropped
};
using ActiveRunPtr = std::shared_ptr<ActiveRun>;

/// What a worker, or the thread that asks for waits, has to say.
struct Report {
    ActiveRunPtr run;
    std::size_t task = 0;
    std::shared_ptr<TaskAttempt> attempt;
    Result<TaskOutcome> outcome;
    std::optional<Result<bool>> holds;  ///< waits
};

}  // namespace penstock::orchestrate
