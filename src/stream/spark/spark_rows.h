// Rows that Spark sends, as a Batch: Arrow's IPC stream format, of the types that a bounded query is cast to.
#pragma once

#include <string_view>

#include "base/result.h"
#include "record/batch.h"

namespace penstock::stream {

/// Appends the rows of one stream to batch, whose columns are those of the stream, in order; json columns
/// come as text. Errc::corrupt when the bytes are not of that form; batch may then hold a part. Nothing in
/// stream is needed afterwards.
Result<> append_arrow_rows(std::string_view stream, Batch& batch);

}  // namespace penstock::stream
