// Loads pipeline files: YAML to a Pipeline, or to everything that is wrong with it, each with its
// place.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/spec.h"

namespace penstock::pipeline {

/// pipeline is there exactly when problems is empty.
struct Loaded {
    std::string file;
    std::string source_text;  ///< for render(), also when nothing could be loaded
    std::optional<Pipeline> pipeline;
    std::vector<Problem> problems;  ///< in the file's order
};

/// file is named in problems, and relative paths in the text (a file source's path, ca_file) are
/// taken from its folder; it need not exist. Whatever the bytes are, the worst is a list of
/// problems.
Loaded load_text(std::string_view text, std::string_view file);
Loaded load_file(const std::string& path);

/// All *.yaml and *.yml of the folder itself, by name. A query may read topics that another file of
/// the folder declares or writes; names of pipelines, sources, queries, DAGs and declared topics
/// are unique in the folder (the file that comes later is refused). A folder that cannot be read is
/// one Loaded with the reason.
std::vector<Loaded> load_folder(const std::string& path);

}  // namespace penstock::pipeline
