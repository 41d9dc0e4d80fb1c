// A frame of the journal as recovery reads it, with a checksum that is right, as random bytes never have one.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "broker/log/journal_frame.h"
#include "codec/crc32c.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::broker;
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    auto header = decode_frame_header(bytes);
    if (!header || header->size > std::int64_t(size)) return 0;
    auto frame = bytes.substr(0, std::size_t(header->size));
    header->crc = penstock::codec::crc32c(frame.substr(8));
    auto entries = decode_frame(*header, frame);
    if (!entries) return 0;
    CHECK(entries->size() == header->entries);
    std::size_t sum = 0;
    for (const auto& entry : *entries) {
        CHECK(entry.bytes.data() >= frame.data() &&
              entry.bytes.data() + entry.bytes.size() <= frame.data() + frame.size());
        sum += entry.bytes.size();
    }
    CHECK(sum <= frame.size());
    return 0;
}
