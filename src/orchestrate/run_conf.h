// What a manual run is given: a JSON object.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::orchestrate {

/// The text as it is, "{}" when empty. Errc::invalid when it is no JSON object, or has more than 64 KiB.
Result<std::string> checked_conf(std::string_view conf);

}  // namespace penstock::orchestrate
