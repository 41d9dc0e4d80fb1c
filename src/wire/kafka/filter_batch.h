// Batches made anew from a stored or sent one: with fewer records, as log compaction does, or in another
// compression.
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

/// The same records, offsets and attributes in another compression. batch: a valid one. Errc::corrupt when
/// its records cannot be decompressed.
Result<std::string> recompress_batch(std::string_view batch, const BatchHeader& header,
                                     codec::Compression compression);

}  // namespace penstock::wire::kafka
