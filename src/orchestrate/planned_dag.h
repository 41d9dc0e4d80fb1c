// A DAG that the scheduler knows: its definition, its schedule, and when it runs next.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "metadata/metadata.h"
#include "orchestrate/interval.h"
#include "orchestrate/scheduler.h"
#include "pipeline/spec.h"

namespace penstock::orchestrate {

/// Errc::invalid names the DAG and what is wrong: names, what comes after what, circles, limits.
Result<> check_dag(const pipeline::DagSpec& dag);

class PlannedDag {
public:
    /// Checks the definition, and reads what is remembered of the DAG.
    static Result<PlannedDag> make(std::string_view pipeline, pipeline::DagSpec dag,
                                   metadata::Metadata& metadata);

    const std::string& pipeline() const { return pipeline_; }
    const std::shared_ptr<const pipeline::DagSpec>& spec() const { return spec_; }
    bool paused() const { return paused_; }
    void set_paused(bool paused);

    /// The logical time of the run that is to be made now; none when nothing is due. active: its unfinished
    /// runs.
    std::optional<std::int64_t> due_logical_us(std::int64_t now_us, std::size_t active);
    /// When the next one will be due, as far as the clock decides.
    std::optional<std::int64_t> next_due_us(std::int64_t now_us);
    /// What another process may have changed.
    Result<> refresh(metadata::Metadata& metadata);
    /// The run for this logical time is durable.
    void made(std::int64_t logical_us);
    DagStatus status(std::int64_t now_us);

private:
    std::optional<Interval> next(std::int64_t now_us);

    std::string pipeline_;
    std::shared_ptr<const pipeline::DagSpec> spec_;
    std::unique_ptr<Schedule> schedule_;  ///< none: by hand only
    bool paused_ = false;
    std::optional<std::int64_t> last_logical_us_;
    std::optional<Interval> next_;  ///< as it was when last asked
};

}  // namespace penstock::orchestrate
