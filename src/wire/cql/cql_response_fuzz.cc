// Any bytes a server may send, in any pieces, are responses or a fault, and rows end where their bytes end.
// The first byte chooses segments, compression and the size of the pieces.
#include "wire/cql/frame.h"
#include "wire/cql/response_decoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::wire::cql;
    if (size == 0) return 0;
    FrameReader reader(1 << 20, Direction::responses);
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
        while (reader.next(frame)) {
            auto response = decode_response(frame);
            if (!response) continue;
            if (const auto* rows = std::get_if<RowsResult>(&*response)) {
                RowReader cells(*rows);
                std::vector<std::optional<std::string_view>> row;
                while (cells.next(row)) {
                }
            }
        }
        if (reader.fault() != nullptr) break;
    }
    return 0;
}
