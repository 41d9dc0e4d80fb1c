// Taking records out of a stored batch, as log compaction does.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/kafka/record_batch.h"

namespace penstock::wire::kafka {

/// What is left of a batch.
struct Filtered {
    bool changed = false;
    std::string batch;  ///< when changed: the new batch; empty when no record is left
};

/// Keeps the records for which keep is true, with their offsets, timestamps and bytes; the batch covers the
/// same offsets as before, in the same compression. Errc::corrupt when a record cannot be read.
Result<Filtered> filter_batch(std::string_view batch, const BatchHeader& header,
                              const std::function<bool(const RecordView& record)>& keep);

}  // namespace penstock::wire::kafka
