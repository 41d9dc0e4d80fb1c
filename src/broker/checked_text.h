// Small files of text that are read whole or not at all: the first line names the kind, the last one is a
// checksum.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::broker {

/// lines: each with its line break.
std::string checked_text(std::string_view first_line, std::string_view lines);
/// The lines between the first and the last one, a view into text. Errc::corrupt when either is another one.
Result<std::string_view> lines_of_checked_text(std::string_view text, std::string_view first_line);
/// Takes text up to the separator from the front, and the separator.
std::string_view take_until(std::string_view& text, char separator);

}  // namespace penstock::broker
