#include "wire/cql/frame.h"

#include <lz4.h>
#include <snappy.h>
#include <zlib.h>

#include "wire/cql/primitives.h"

namespace penstock::wire::cql {
namespace {

constexpr std::size_t header_size = 9;
constexpr std::size_t max_segment = 128 * 1024 - 1;

std::uint64_t load_little_endian(std::string_view bytes) {
    std::uint64_t out = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) out = (out << 8) | static_cast<unsigned char>(bytes[i]);
    return out;
}

void append_little_endian(std::string& out, std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) out += char(value >> (8 * i));
}

/// Of a segment's payload: CRC-32 as in zlib, begun with four bytes that the specification gives.
std::uint32_t crc32_of(std::string_view payload) {
    static constexpr unsigned char begin[] = {0xFA, 0x2D, 0x55, 0xCA};
    auto crc = ::crc32(::crc32(0, nullptr, 0), begin, sizeof begin);
    return std::uint32_t(
        ::crc32(crc, reinterpret_cast<const unsigned char*>(payload.data()), unsigned(payload.size())));
}

void append_header(std::string& out, std::uint8_t version, std::int16_t stream, Opcode opcode,
                   std::uint8_t flags, std::size_t size) {
    out += char(version);
    out += char(flags);
    // Who still speaks version 1 or 2 is told so in its own.
    if ((version & 0x7F) < least_version)
        out += char(stream);
    else
        append_integer(out, stream);
    out += char(opcode);
    append_int(out, std::int32_t(size));
}

void append_segment(std::string& out, std::string_view payload, bool self_contained, bool compressed) {
    if (!compressed) {
        auto header = std::uint64_t(payload.size()) | (std::uint64_t(self_contained) << 17);
        append_little_endian(out, header, 3);
        append_little_endian(out, crc24(header, 3), 3);
        out += payload;
        append_little_endian(out, crc32_of(payload), 4);
        return;
    }
    std::string packed(std::size_t(LZ4_compressBound(int(payload.size()))), '\0');
    auto size = LZ4_compress_default(payload.data(), packed.data(), int(payload.size()), int(packed.size()));
    packed.resize(std::size_t(std::max(size, 0)));
    // An uncompressed length of zero says that the payload is as it is.
    auto uncompressed = payload.size();
    if (size <= 0 || packed.size() >= payload.size()) {
        packed = payload;
        uncompressed = 0;
    }
    auto header = std::uint64_t(packed.size()) | (std::uint64_t(uncompressed) << 17) |
                  (std::uint64_t(self_contained) << 34);
    append_little_endian(out, header, 5);
    append_little_endian(out, crc24(header, 5), 3);
    out += packed;
    append_little_endian(out, crc32_of(packed), 4);
}

/// Forgets what was read when it is worth the move.
void compact(std::string& buffer, std::size_t& at) {
    if (at == buffer.size())
        buffer.clear();
    else if (at < 64 * 1024)
        return;
    else
        buffer.erase(0, at);
    at = 0;
    if (buffer.empty() && buffer.capacity() > 1024 * 1024) buffer.shrink_to_fit();
}

}  // namespace

std::vector<std::string> supported_versions() {
    std::vector<std::string> out;
    for (int v = least_version; v <= beta_version; ++v)
        out.push_back(fmt::format("{0}/v{0}{1}", v, v == beta_version ? "-beta" : ""));
    return out;
}

std::uint32_t crc24(std::uint64_t bytes, int count) {
    std::uint32_t crc = 0x875060;
    for (; count > 0; --count, bytes >>= 8) {
        crc ^= std::uint32_t(bytes & 0xFF) << 16;
        for (int i = 0; i < 8; ++i) {
            crc <<= 1;
            if ((crc & 0x1000000) != 0) crc ^= 0x1974F0B;
        }
    }
    return crc;
}

bool FrameReader::fail_with(std::string text) {
    faulty_ = true;
    fault_.text = std::move(text);
    return false;
}

bool FrameReader::next(Frame& out) {
    if (faulty_) return false;
    if (!segmented_) {
        bool got = next_from(buffer_, at_, out);
        compact(buffer_, at_);
        return got;
    }
    while (true) {
        if (next_from(unwrapped_, unwrapped_at_, out)) {
            compact(unwrapped_, unwrapped_at_);
            return true;
        }
        compact(unwrapped_, unwrapped_at_);
        if (faulty_ || !take_segment()) return false;
    }
}

bool FrameReader::next_from(std::string& buffer, std::size_t& at, Frame& out) {
    auto bytes = std::string_view(buffer).substr(at);
    if (bytes.empty()) return false;
    auto version = static_cast<unsigned char>(bytes[0]);
    if ((version & 0x80) != (direction_ == Direction::responses ? 0x80 : 0))
        return fail_with(direction_ == Direction::responses
                             ? "Invalid message direction: a client does not take requests"
                             : "Invalid message direction: a server does not take responses");
    version &= 0x7F;
    // Drivers offer versions that only other servers have and step down when told which there are.
    if (version < least_version || version > beta_version) {
        bool ancient = version > 0 && version < least_version;
        fault_.answer_version = ancient ? version : greatest_version;
        if (ancient && bytes.size() >= 3) {
            fault_.stream = static_cast<signed char>(bytes[2]);
        } else if (bytes.size() >= 4) {
            BodyReader reader(bytes.substr(2));
            fault_.stream = reader.integer<std::int16_t>();
        } else if (bytes.size() < header_size) {
            return false;
        }
        return fail_with(
            fmt::format("Invalid or unsupported protocol version ({}); supported versions are ({})",
                        int(version), fmt::join(supported_versions(), ", ")));
    }
    if (bytes.size() < header_size) return false;
    BodyReader reader(bytes.substr(1));
    out.version = version;
    out.flags = reader.byte();
    out.stream = reader.integer<std::int16_t>();
    out.opcode = Opcode(reader.byte());
    auto size = reader.int_integer();
    fault_.answer_version = out.version;
    fault_.stream = out.stream;
    if (out.version == beta_version && (out.flags & frame_flag::beta) == 0) {
        return fail_with("Beta version of the protocol used (6/v6-beta), but USE_BETA flag is unset");
    }
    if (size < 0) return fail_with("Invalid frame: its length is negative");
    if (std::size_t(size) > max_frame_)
        return fail_with((direction_ == Direction::responses ? "Response" : "Request") +
                         std::string(" is too big: length ") + std::to_string(size) +
                         " exceeds maximum allowed length " + std::to_string(max_frame_));
    if (bytes.size() < header_size + std::size_t(size)) return false;
    out.body.assign(bytes.substr(header_size, std::size_t(size)));
    at += header_size + std::size_t(size);
    return decompress(out);
}

bool FrameReader::decompress(Frame& frame) {
    if ((frame.flags & frame_flag::compressed) == 0 || segmented_) return true;
    if (compression_ == Compression::none)
        return fail_with("Invalid frame: it is compressed, and STARTUP named no compression");
    auto body = decompress_body(compression_, frame.body, max_frame_);
    if (!body) return fail_with(body.error().text);
    frame.body = std::move(*body);
    return true;
}

bool FrameReader::take_segment() {
    std::size_t head = segments_compressed_ ? 5 : 3;
    auto bytes = std::string_view(buffer_).substr(at_);
    if (bytes.size() < head + 3) {
        compact(buffer_, at_);
        return false;
    }
    auto header = load_little_endian(bytes.substr(0, head));
    if (crc24(header, int(head)) != load_little_endian(bytes.substr(head, 3)))
        return fail_with("unrecoverable CRC mismatch detected in frame header");
    auto size = std::size_t(header & 0x1FFFF);
    auto uncompressed = segments_compressed_ ? std::size_t((header >> 17) & 0x1FFFF) : std::size_t(0);
    if (bytes.size() < head + 3 + size + 4) {
        compact(buffer_, at_);
        return false;
    }
    auto payload = bytes.substr(head + 3, size);
    if (crc32_of(payload) != load_little_endian(bytes.substr(head + 3 + size, 4)))
        return fail_with("unrecoverable CRC mismatch detected in frame body");
    if (uncompressed == 0) {
        unwrapped_ += payload;
    } else {
        auto start = unwrapped_.size();
        unwrapped_.resize(start + uncompressed);
        auto got =
            LZ4_decompress_safe(payload.data(), unwrapped_.data() + start, int(size), int(uncompressed));
        if (got != int(uncompressed)) {
            unwrapped_.resize(start);
            return fail_with("a segment's LZ4 bytes cannot be decompressed");
        }
    }
    at_ += head + 3 + size + 4;
    compact(buffer_, at_);
    return true;
}

namespace {

void append_message(std::string& out, int version, std::uint8_t direction, std::int16_t stream, Opcode opcode,
                    std::uint8_t flags, std::string_view body, Compression compression) {
    auto first = std::uint8_t(version | direction);
    if (version == beta_version) flags |= frame_flag::beta;
    if (compression != Compression::none && version < 5 && body.size() > 64) {
        auto packed = compress_body(compression, body);
        if (packed.size() < body.size()) {
            append_header(out, first, stream, opcode, flags | frame_flag::compressed, packed.size());
            out += packed;
            return;
        }
    }
    append_header(out, first, stream, opcode, flags, body.size());
    out += body;
}

}  // namespace

void append_frame(std::string& out, int version, std::int16_t stream, Opcode opcode, std::uint8_t flags,
                  std::string_view body, Compression compression) {
    append_message(out, version, 0x80, stream, opcode, flags, body, compression);
}

void append_request_frame(std::string& out, int version, std::int16_t stream, Opcode opcode,
                          std::uint8_t flags, std::string_view body, Compression compression) {
    append_message(out, version, 0, stream, opcode, flags, body, compression);
}

void append_segments(std::string& out, std::string_view frames, bool compressed) {
    // As many whole frames as fit go into one segment, which says that it is self-contained; a frame larger
    // than that is cut over segments of its own.
    while (!frames.empty()) {
        std::size_t whole = 0;
        while (whole + header_size <= frames.size()) {
            BodyReader length(frames.substr(whole + 5));
            auto size = header_size + std::size_t(length.int_integer());
            if (whole > 0 && whole + size > max_segment) break;
            whole += size;
        }
        auto piece = frames.substr(0, whole);
        frames.remove_prefix(piece.size());
        if (piece.size() <= max_segment) {
            append_segment(out, piece, true, compressed);
            continue;
        }
        for (; !piece.empty(); piece.remove_prefix(std::min(piece.size(), max_segment)))
            append_segment(out, piece.substr(0, max_segment), false, compressed);
    }
}

Result<std::string> decompress_body(Compression compression, std::string_view bytes, std::size_t limit) {
    std::string out;
    if (compression == Compression::lz4) {
        BodyReader reader(bytes);
        auto size = reader.int_integer();
        // LZ4 cannot shrink more than 255 times: a length beyond that is a lie and gets no memory.
        if (!reader.ok() || size < 0 || std::size_t(size) > limit ||
            std::uint64_t(size) > 255 * std::uint64_t(reader.rest().size()) + 16)
            return fail(Errc::invalid, "the LZ4 body's length is wrong");
        out.resize(std::size_t(size));
        auto got = LZ4_decompress_safe(reader.rest().data(), out.data(), int(reader.rest().size()), size);
        if (got != size) return fail(Errc::invalid, "the LZ4 body cannot be decompressed");
        return out;
    }
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size) || size > limit ||
        size > 64 * bytes.size() + 64)
        return fail(Errc::invalid, "the Snappy body's length is wrong");
    if (!snappy::Uncompress(bytes.data(), bytes.size(), &out))
        return fail(Errc::invalid, "the Snappy body cannot be decompressed");
    return out;
}

std::string compress_body(Compression compression, std::string_view bytes) {
    std::string out;
    if (compression == Compression::lz4) {
        append_int(out, std::int32_t(bytes.size()));
        out.resize(4 + std::size_t(LZ4_compressBound(int(bytes.size()))));
        auto size =
            LZ4_compress_default(bytes.data(), out.data() + 4, int(bytes.size()), int(out.size() - 4));
        out.resize(4 + std::size_t(size));
    } else {
        snappy::Compress(bytes.data(), bytes.size(), &out);
    }
    return out;
}

}  // namespace penstock::wire::cql
