// Bytes that are not text, within JSON.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::monitor {

/// RFC 4648 section 4, with padding.
std::string to_base64(std::string_view bytes);
/// Errc::invalid with the place of what is wrong.
Result<std::string> from_base64(std::string_view text);

}  // namespace penstock::monitor
