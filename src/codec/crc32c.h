// CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of record batches and of our own files.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::codec {

/// Continues from the checksum of the bytes before (0: none). Uses SSE4.2 when the processor has it.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// The same by tables; for processors without the instruction, and to test the other one.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before = 0);

}  // namespace penstock::codec
