// From a place in a text inside a file (SQL in a YAML block) to the place in the file, and a
// problem as people see it.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/spec.h"

namespace penstock::pipeline {

/// Where line and column (both from 1, columns in bytes) of the text stand in the file.
Place place_in_file(const Text& text, int line, int column);

/// The problem with its line and a caret, each line ended by '\n':
///   users.yaml:31:12: error: unknown column 'nmae'; did you mean 'name'?
///      31 |     SELECT nmae.first
///         |            ^
/// source_text is the whole file; without the line in it only the first line is written.
std::string render(const Problem& problem, std::string_view source_text);

/// The line (from 1) without its end; empty when there is none.
std::string_view line_of(std::string_view source, int line);

/// The text of a literal block scalar (|) whose indicator stands at offset of source, which is
/// place.
Text place_literal(std::string value, std::string_view source, std::size_t offset, Place place);

/// The text of a plain, quoted or folded scalar that starts (with its quote or '>') at offset of
/// source.
Text place_flow(std::string value, std::string_view source, std::size_t offset, bool escapes, Place place);

}  // namespace penstock::pipeline
