// A pipeline file as far as it could be read, with what is wrong with it so far.
#pragma once

#include <string_view>

#include "pipeline/section_reader.h"
#include "pipeline/spec.h"

namespace penstock::pipeline {

struct Draft {
    explicit Draft(std::string_view file) : problems(std::string(file)) { pipeline.file = file; }

    Pipeline pipeline;
    Place name_place;
    Problems problems;
};

/// Reads everything but the topics that SQL names: those may be in other files (references.h).
Draft draft_of(std::string_view text, std::string_view file);

}  // namespace penstock::pipeline
