// A progress report of Spark's Structured Streaming, taken from its JSON.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::stream {

struct SparkProgress {
    std::string run_id;
    std::int64_t batch = -1;
    /// No micro-batch: told from time to time while there is nothing to do. batch is the last one before it.
    bool is_idle = false;
    std::int64_t time_us = 0;  ///< when the micro-batch began
    std::int64_t duration_us = 0;
    std::int64_t input_rows = 0;
    std::int64_t output_rows = -1;  ///< -1: the sink does not say
    std::int64_t late_rows = 0;     ///< dropped because they were behind the watermark
    std::int64_t watermark_us = INT64_MIN;
    /// Of Kafka sources: topic -> partition -> the first offset that was not read.
    std::map<std::string, std::map<std::int32_t, std::int64_t>, std::less<>> ends;
};

/// Fields that are missing or of another type are left at their defaults; Errc::invalid when it is not a JSON
/// object.
Result<SparkProgress> parse_spark_progress(std::string_view json);

}  // namespace penstock::stream
