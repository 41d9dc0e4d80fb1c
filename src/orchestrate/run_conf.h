// What a manual run is given: a JSON object.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::orchestrate {

/// The text as it is, "{}" when empty. Errc::invalid when it is no JSON object, or has more than 64 KiB.
Result<std::string> checked_conf(std::string_view conf);

/// Errc::invalid unless it is what Airflow allows by default as well: letters, digits and _.~:+-, at most
/// 250.
Result<> check_run_id(std::string_view run_id);

}  // namespace penstock::orchestrate
