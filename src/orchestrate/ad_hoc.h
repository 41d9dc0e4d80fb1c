// Runs of one source or query that no pipeline's DAG asks for: a person or another scheduler does. Each is a
// run of a DAG of one task, which is made from the run itself, so that it has what every run has: an id,
// tries, a log, and its state after a restart.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "pipeline/spec.h"

namespace penstock::orchestrate {

/// No pipeline's DAG can have such a name: ':' is not allowed in one.
inline constexpr std::string_view ad_hoc_prefix = "run:";
/// The name of the one task.
inline constexpr std::string_view ad_hoc_task = "run";

struct AdHocRun {
    std::string pipeline;
    pipeline::RunTask task;
};

std::string ad_hoc_dag_name(std::string_view source_or_query);
bool is_ad_hoc(std::string_view dag);
/// What is kept as the run's conf: {"pipeline":"users","run":"random_users","for":"60s","allow_empty":false}.
std::string ad_hoc_conf(const AdHocRun& run);
/// The other way round; Errc::corrupt when it is no such conf.
Result<AdHocRun> ad_hoc_of(std::string_view conf);
pipeline::DagSpec ad_hoc_dag(const AdHocRun& run);

}  // namespace penstock::orchestrate
