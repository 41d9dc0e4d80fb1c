// The header Link (RFC 8288 section 3): where the next page is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::ingest {

/// The target of the first link whose rel has the word "next", as written: it may be relative.
std::optional<std::string> next_link(std::string_view header);

}  // namespace penstock::ingest
