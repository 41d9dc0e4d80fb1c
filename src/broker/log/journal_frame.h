// What one write into the journal looks like: docs/formats/journal.md.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/round_up.h"
#include "codec/uuid.h"

namespace penstock::broker {

/// A partition, also when another topic of the same name comes later.
struct LogId {
    codec::Uuid topic;
    std::int32_t partition = 0;
    auto operator<=>(const LogId&) const = default;
};

/// Where bytes of a log stand in one of its segments.
struct JournalPlace {
    LogId log;
    std::int64_t segment = 0;   ///< its base offset
    std::int64_t position = 0;  ///< in its file
    bool operator==(const JournalPlace&) const = default;
};

/// Bytes of one log, in pieces.
struct JournalEntry {
    JournalPlace place;
    std::span<const std::string_view> pieces;
};

/// Bytes of one log, as they were read back.
struct StoredEntry {
    JournalPlace place;
    std::string_view bytes;
};

/// Frames begin at multiples of it, so that a write never shares a block with the one before.
inline constexpr std::int64_t journal_block = 4096;
/// What so many bytes take, in whole blocks.
constexpr std::int64_t whole_blocks(std::int64_t bytes) {
    return round_up(bytes, journal_block);
}

inline constexpr std::int64_t frame_header_size = 40;

std::int64_t frame_size(std::span<const JournalEntry> entries);
/// How many of the first entries, at least one, make a frame of at most that size.
std::size_t entries_within(std::span<const JournalEntry> entries, std::int64_t size);
/// Writes a frame of that size to `to`. journal: nobody else knows it, so that a frame which a client has put
/// into a record is not taken for one.
void encode_frame(const codec::Uuid& journal, std::uint64_t sequence, std::span<const JournalEntry> entries,
                  std::span<char> to);

struct FrameHeader {
    std::uint32_t crc = 0;
    codec::Uuid journal;
    std::uint64_t sequence = 0;
    std::int64_t size = 0;  ///< of the frame, with this header
    std::uint32_t entries = 0;
};
/// Of the first frame_header_size bytes; Errc::corrupt when they are none.
Result<FrameHeader> decode_frame_header(std::string_view bytes);
/// Of the whole frame; the entries' bytes are views of it. Errc::corrupt.
Result<std::vector<StoredEntry>> decode_frame(const FrameHeader& header, std::string_view frame);

}  // namespace penstock::broker
