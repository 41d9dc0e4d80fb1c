// How far a query is in its input, as it is stored with every commit. docs/formats/checkpoint.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::stream {

struct Checkpoint {
    std::uint64_t query_hash = 0;   ///< of the SQL text and the watermark
    std::uint64_t target_hash = 0;  ///< of the topic's name, the table and its key
    bool grouped = false;           ///< the query keeps state
    std::string topic;
    std::string topic_id;
    std::vector<std::int64_t> offsets;  ///< by partition: the next to read
    std::int64_t watermark_us = INT64_MIN;
    /// Write timestamps below this may have been used, also by a commit of which nothing else is known.
    std::int64_t reserved_us = 0;
    std::int64_t commits = 0;
    std::string schema;  ///< Spark DDL of the payload's columns, when they were inferred

    bool operator==(const Checkpoint&) const = default;
};

std::string encode(const Checkpoint& checkpoint);
/// Errc::corrupt when the bytes are not what encode() made.
Result<Checkpoint> decode_checkpoint(std::string_view bytes);

}  // namespace penstock::stream
