// What the app has loaded, as the REST API shows it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/spec.h"

namespace penstock::monitor {

struct PipelineView {
    std::string name;           ///< as in the file; the file's stem while no version of it has ever parsed
    std::string file;           ///< as the user gave it
    std::int64_t revision = 0;  ///< of the version that runs; 0: none does
    std::string text;           ///< the file as it is now, also when it does not parse
    /// The version that runs: the last one without problems. Null: none does.
    std::shared_ptr<const pipeline::Pipeline> running;
    /// Of the file as it is now; with some, running is an older version or null.
    std::vector<pipeline::Problem> problems;
};

/// A value: taken at one moment, complete, and not changed afterwards.
struct PipelinesView {
    std::vector<PipelineView> pipelines;
    /// Those that belong to no single pipeline: a name given twice in two files, a folder that cannot be
    /// read.
    std::vector<pipeline::Problem> problems;
};

}  // namespace penstock::monitor
