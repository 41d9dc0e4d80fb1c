// Any bytes, in any pieces, are frames or a fault; any frame is a request or an error. The first byte chooses
// segments and compression.
#include "wire/cql/frame.h"
#include "wire/cql/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::wire::cql;
    if (size == 0) return 0;
    FrameReader reader(1 << 20);
    if (data[0] & 1)
        reader.use_segments((data[0] & 2) != 0);
    else if (data[0] & 2)
        reader.set_compression(data[0] & 4 ? Compression::lz4 : Compression::snappy);
    std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::size_t piece = 1 + (data[0] >> 3);
    while (!bytes.empty()) {
        auto part = bytes.substr(0, piece);
        bytes.remove_prefix(part.size());
        reader.feed(part);
        Frame frame;
        while (reader.next(frame)) (void)decode_request(frame);
        if (reader.fault() != nullptr) break;
    }
    return 0;
}
