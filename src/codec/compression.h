// The compressions of Kafka's record batches, with a bound on what may come out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::codec {

/// The values of the lowest three attribute bits of a record batch.
enum class Compression : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

std::string_view to_string(Compression compression);
/// "uncompressed", "gzip", "snappy", "lz4" or "zstd", as in Kafka's compression.type; anything else: nullopt.
std::optional<Compression> parse_compression(std::string_view name);

/// Snappy is written in the xerial framing that Kafka's own clients write, LZ4 as a frame.
Result<std::string> compress(Compression compression, std::string_view bytes);

/// Appends to out what comes out. Snappy: raw, or in xerial framing, whichever it is.
/// Errc::invalid when the bytes are not of that kind; Errc::full when more than limit bytes would come out.
Result<> decompress(Compression compression, std::string_view bytes, std::string& out, std::size_t limit);

}  // namespace penstock::codec
