// How records that the process itself appends become batches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/buffer_pool.h"
#include "broker/topics.h"

namespace penstock::broker {

/// Batches of about a megabyte, and at most max_batch_bytes, that together are one append: every one but the
/// last has attribute::more_follows. With a producer, the last record carries its name and position as
/// headers, and its batch attribute::producer_position. Errc::invalid when there are no records; Errc::full
/// when one record alone is larger than a batch may be.
Result<std::vector<std::string>> encode_batches(const AppendRequest& request, std::int64_t max_batch_bytes,
                                                std::int64_t now_ms, BufferPool& buffers);

}  // namespace penstock::broker
