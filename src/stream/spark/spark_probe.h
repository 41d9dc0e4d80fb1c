// What a Spark Connect server says of itself.
#pragma once

#include <string>

#include "base/result.h"

namespace penstock::stream {

/// Spark's version, "4.2.0", by a session that is given back at once. Errc::invalid: the URL.
/// Errc::unavailable, Errc::timeout, Errc::unauthorized as those of SparkSession.
Result<std::string> probe_spark(const std::string& url);

}  // namespace penstock::stream
