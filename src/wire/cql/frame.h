// Frames of the native protocol, versions 3 to 5 and the beta of 6, which is like 5 (native_protocol_v5.spec,
// section 2), without a socket: bytes in, frames out, and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::wire::cql {

inline constexpr int least_version = 3;
inline constexpr int greatest_version = 5;
inline constexpr int beta_version = 6;  ///< for clients that set the flag

/// "3/v3", ... "6/v6-beta"
std::vector<std::string> supported_versions();

enum class Opcode : std::uint8_t {
    error = 0x00,
    startup = 0x01,
    ready = 0x02,
    authenticate = 0x03,
    options = 0x05,
    supported = 0x06,
    query = 0x07,
    result = 0x08,
    prepare = 0x09,
    execute = 0x0A,
    register_ = 0x0B,
    event = 0x0C,
    batch = 0x0D,
    auth_challenge = 0x0E,
    auth_response = 0x0F,
    auth_success = 0x10,
};

namespace frame_flag {
inline constexpr std::uint8_t compressed = 0x01;
inline constexpr std::uint8_t tracing = 0x02;
inline constexpr std::uint8_t custom_payload = 0x04;
inline constexpr std::uint8_t warning = 0x08;
inline constexpr std::uint8_t beta = 0x10;
}  // namespace frame_flag

enum class Compression : std::uint8_t { none, lz4, snappy };

struct Frame {
    int version = greatest_version;
    std::uint8_t flags = 0;
    std::int16_t stream = 0;
    Opcode opcode = Opcode::options;
    std::string body;  ///< decompressed
};

/// Where bytes stopped being frames; the connection is of no use after that.
struct FrameFault {
    int answer_version = greatest_version;  ///< the version to answer in
    std::int16_t stream = 0;
    std::string text;
};

/// Who sends the frames that are read.
enum class Direction : std::uint8_t { requests, responses };

/// Takes frames from a stream of bytes. Memory: at most one frame, one segment and what feed() brought.
class FrameReader {
public:
    explicit FrameReader(std::size_t max_frame, Direction direction = Direction::requests)
        : max_frame_(max_frame), direction_(direction) {}

    void feed(std::string_view bytes) { buffer_.append(bytes); }
    /// True and a frame, or false: more bytes are needed, or fault() says why there will be no more frames.
    bool next(Frame& out);
    const FrameFault* fault() const { return faulty_ ? &fault_ : nullptr; }

    /// Of the frames' bodies (versions 3 and 4).
    void set_compression(Compression compression) { compression_ = compression; }
    /// From now on frames come in checked segments (version 5, after STARTUP).
    void use_segments(bool compressed) {
        segmented_ = true;
        segments_compressed_ = compressed;
    }

private:
    bool next_from(std::string& buffer, std::size_t& at, Frame& out);
    bool take_segment();
    bool fail_with(std::string text);
    bool decompress(Frame& frame);

    std::size_t max_frame_;
    Direction direction_;
    std::string buffer_;  ///< as it came
    std::size_t at_ = 0;
    std::string unwrapped_;  ///< what the segments held
    std::size_t unwrapped_at_ = 0;
    Compression compression_ = Compression::none;
    bool segmented_ = false;
    bool segments_compressed_ = false;
    bool faulty_ = false;
    FrameFault fault_;
};

/// Appends a frame of a response; the body is compressed when that is shorter (versions 3 and 4).
void append_frame(std::string& out, int version, std::int16_t stream, Opcode opcode, std::uint8_t flags,
                  std::string_view body, Compression compression = Compression::none);
/// The same for a request: for tests and clients.
void append_request_frame(std::string& out, int version, std::int16_t stream, Opcode opcode,
                          std::uint8_t flags, std::string_view body,
                          Compression compression = Compression::none);

/// Wraps whole frames into segments (version 5).
void append_segments(std::string& out, std::string_view frames, bool compressed);

/// Of a segment's header, least significant byte first.
std::uint32_t crc24(std::uint64_t bytes, int count);

/// LZ4 as a block behind its length (i32), or raw snappy. Errc::invalid, also when more than limit comes out.
Result<std::string> decompress_body(Compression compression, std::string_view bytes, std::size_t limit);
std::string compress_body(Compression compression, std::string_view bytes);

}  // namespace penstock::wire::cql
