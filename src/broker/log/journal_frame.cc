#include "broker/log/journal_frame.h"

#include <algorithm>
#include <cstring>

#include "codec/big_endian.h"
#include "codec/crc32c.h"

namespace penstock::broker {
namespace {

using codec::load_big;
using codec::store_big;

constexpr std::uint32_t magic = 0x504a4e4c;  // "PJNL"
constexpr std::int64_t entry_size = 40;
constexpr std::size_t checked_from = 8;  // what stands before is the magic and the checksum itself

std::int64_t bytes_of(const JournalEntry& entry) {
    std::int64_t sum = 0;
    for (auto piece : entry.pieces) sum += std::int64_t(piece.size());
    return sum;
}

codec::Uuid load_uuid(const char* from) {
    codec::Uuid uuid;
    std::memcpy(uuid.bytes.data(), from, uuid.bytes.size());
    return uuid;
}

}  // namespace

std::int64_t frame_size(std::span<const JournalEntry> entries) {
    auto size = frame_header_size + entry_size * std::int64_t(entries.size());
    for (const auto& entry : entries) size += bytes_of(entry);
    return size;
}

std::size_t entries_within(std::span<const JournalEntry> entries, std::int64_t size) {
    std::size_t count = 0;
    for (auto used = frame_header_size; count < entries.size(); ++count) {
        used += entry_size + bytes_of(entries[count]);
        if (used > size) break;
    }
    return std::max<std::size_t>(count, 1);
}

void encode_frame(const codec::Uuid& journal, std::uint64_t sequence, std::span<const JournalEntry> entries,
                  std::span<char> to) {
    auto* at = to.data() + frame_header_size;
    for (const auto& entry : entries) {
        std::ranges::copy(entry.place.log.topic.bytes, at);
        store_big(at + 16, entry.place.log.partition);
        store_big(at + 20, entry.place.segment);
        store_big(at + 28, entry.place.position);
        store_big(at + 36, std::uint32_t(bytes_of(entry)));
        at += entry_size;
    }
    for (const auto& entry : entries)
        for (auto piece : entry.pieces) at = std::ranges::copy(piece, at).out;
    store_big(to.data(), magic);
    std::ranges::copy(journal.bytes, to.data() + 8);
    store_big(to.data() + 24, sequence);
    store_big(to.data() + 32, std::uint32_t(to.size()));
    store_big(to.data() + 36, std::uint32_t(entries.size()));
    store_big(to.data() + 4, codec::crc32c({to.data() + checked_from, to.size() - checked_from}));
}

Result<FrameHeader> decode_frame_header(std::string_view bytes) {
    if (std::int64_t(bytes.size()) < frame_header_size || load_big<std::uint32_t>(bytes.data()) != magic)
        return fail(Errc::corrupt, "no frame of the journal");
    FrameHeader header{.crc = load_big<std::uint32_t>(bytes.data() + 4),
                       .journal = load_uuid(bytes.data() + 8),
                       .sequence = load_big<std::uint64_t>(bytes.data() + 24),
                       .size = load_big<std::uint32_t>(bytes.data() + 32),
                       .entries = load_big<std::uint32_t>(bytes.data() + 36)};
    if (header.size < frame_header_size + entry_size * std::int64_t(header.entries))
        return fail(Errc::corrupt, "a frame of {} bytes has no room for {} entries", header.size,
                    header.entries);
    return header;
}

Result<std::vector<StoredEntry>> decode_frame(const FrameHeader& header, std::string_view frame) {
    if (std::int64_t(frame.size()) != header.size || codec::crc32c(frame.substr(checked_from)) != header.crc)
        return fail(Errc::corrupt, "frame {} of the journal fails its checksum", header.sequence);
    std::vector<StoredEntry> entries;
    auto table = frame.substr(frame_header_size);
    auto bytes = table.substr(entry_size * header.entries);
    for (std::uint32_t i = 0; i < header.entries; ++i) {
        const auto* at = table.data() + entry_size * i;
        StoredEntry entry;
        entry.place.log.topic = load_uuid(at);
        entry.place.log.partition = load_big<std::int32_t>(at + 16);
        entry.place.segment = load_big<std::int64_t>(at + 20);
        entry.place.position = load_big<std::int64_t>(at + 28);
        auto length = load_big<std::uint32_t>(at + 36);
        if (length > bytes.size() || entry.place.position < 0)
            return fail(Errc::corrupt, "frame {} of the journal: entry {} is not inside", header.sequence, i);
        entry.bytes = bytes.substr(0, length);
        bytes.remove_prefix(length);
        entries.push_back(entry);
    }
    return entries;
}

}  // namespace penstock::broker
