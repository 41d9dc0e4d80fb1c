// Values from the environment in settings, and URLs as they may be shown.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::ingest {

/// Puts the environment's values in place of ${NAME}. Errc::invalid, naming the variable and never a value,
/// when it is not set, or the name is none.
Result<std::string> expand_environment(std::string_view text);

/// Whether expand_environment() would put something in: then the text is a secret.
bool uses_environment(std::string_view text);

/// The URL without its user and password, and without the values of parameters that look like keys: "***"
/// instead.
std::string masked_url(std::string_view url);

}  // namespace penstock::ingest
