// Checks what the parts of a pipeline file say about one another: topics that are read and written,
// tasks and their order.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipeline/section_reader.h"
#include "pipeline/spec.h"

namespace penstock::pipeline {

using Names = std::set<std::string, std::less<>>;

/// Where each name of a task's `after` stands.
using AfterPlaces = std::map<std::string, std::vector<Place>, std::less<>>;

/// Topics that the file declares or that its sources and queries write.
Names topics_of(const Pipeline& pipeline);

/// Every topic that SQL reads is in known (the topics of all files that are loaded together) or is
/// the dead-letter topic of one that is.
void check_topics(const Pipeline& pipeline, const Names& known, Problems& problems);

/// Every `after` names a task of the DAG, and no task waits for itself, directly or through others.
void check_order(const DagSpec& dag, const AfterPlaces& places, Problems& problems);

}  // namespace penstock::pipeline
