#include "codec/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "codec/big_endian.h"

namespace penstock::codec {
namespace {

constexpr std::size_t chunk = 64 * 1024;
constexpr std::string_view xerial_magic("\x82SNAPPY\0", 8);
constexpr std::size_t xerial_header_size = 16;  // magic, version, compatible version

std::unexpected<Error> bad(Compression kind, std::string_view why) {
    return fail(Errc::invalid, "{} data cannot be decompressed: {}", to_string(kind), why);
}
std::unexpected<Error> too_large(Compression kind, std::size_t limit) {
    return fail(Errc::full, "{} data decompresses to more than {} bytes", to_string(kind), limit);
}

/// Calls produce(space) -> bytes written, done; grows out by chunks up to limit. compressed: bytes of it,
/// which say how many to expect.
template <class Produce>
Result<> grow(Compression kind, std::string& out, std::size_t compressed, std::size_t limit,
              Produce produce) {
    const auto start = out.size();
    out.reserve(start + std::min(2 * compressed + chunk, limit));
    while (true) {
        const auto used = out.size();
        const auto room = std::min(std::max(chunk, used - start), limit - (used - start) + 1);
        Result<bool> done = false;
        out.resize_and_overwrite(used + room, [&](char* space, std::size_t) {
            std::size_t written = 0;
            done = produce(space + used, room, written);
            return used + written;
        });
        if (!done) return std::unexpected(done.error());
        if (out.size() - start > limit) return too_large(kind, limit);
        if (*done) return {};
    }
}

Result<> gunzip(std::string_view bytes, std::string& out, std::size_t limit) {
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 32) != Z_OK) return bad(Compression::gzip, "no memory");
    auto closer = std::unique_ptr<z_stream, void (*)(z_stream*)>(&stream, [](z_stream* s) { inflateEnd(s); });
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = uInt(bytes.size());
    return grow(Compression::gzip, out, bytes.size(), limit,
                [&](char* space, std::size_t room, std::size_t& written) -> Result<bool> {
                    stream.next_out = reinterpret_cast<Bytef*>(space);
                    stream.avail_out = uInt(room);
                    int status = inflate(&stream, Z_NO_FLUSH);
                    written = room - stream.avail_out;
                    if (status == Z_STREAM_END) return true;
                    if (status == Z_OK && (written > 0 || stream.avail_in > 0)) return false;
                    if (status == Z_OK || status == Z_BUF_ERROR)
                        return bad(Compression::gzip, "it ends too early");
                    return bad(Compression::gzip, stream.msg ? stream.msg : "not gzip");
                });
}

Result<std::string> gzip(std::string_view bytes) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return fail(Errc::internal, "gzip: cannot start");
    std::string out(deflateBound(&stream, uLong(bytes.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = uInt(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = uInt(out.size());
    int status = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (status != Z_STREAM_END) return fail(Errc::internal, "gzip: cannot compress");
    return out;
}

Result<> unsnap_block(std::string_view block, std::string& out, std::size_t start, std::size_t limit) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(block.data(), block.size(), &size))
        return bad(Compression::snappy, "no length");
    auto used = out.size();
    if (size > limit - (used - start)) return too_large(Compression::snappy, limit);
    // The length is what the sender says: snappy copies at most 64 bytes for each 3 of input.
    if (size / 64 > block.size()) return bad(Compression::snappy, "impossible length");
    bool is_whole = false;
    out.resize_and_overwrite(used + size, [&](char* space, std::size_t) {
        is_whole = snappy::RawUncompress(block.data(), block.size(), space + used);
        return is_whole ? used + size : used;
    });
    return is_whole ? Result<>() : bad(Compression::snappy, "damaged block");
}

Result<> unsnap(std::string_view bytes, std::string& out, std::size_t limit) {
    const auto start = out.size();
    if (!bytes.starts_with(xerial_magic)) return unsnap_block(bytes, out, start, limit);
    if (bytes.size() < xerial_header_size) return bad(Compression::snappy, "it ends too early");
    bytes.remove_prefix(xerial_header_size);
    while (!bytes.empty()) {
        if (bytes.size() < 4) return bad(Compression::snappy, "it ends too early");
        auto size = load_big<std::uint32_t>(bytes.data());
        bytes.remove_prefix(4);
        if (size > bytes.size()) return bad(Compression::snappy, "it ends too early");
        TRY(unsnap_block(bytes.substr(0, size), out, start, limit));
        bytes.remove_prefix(size);
    }
    return {};
}

std::string snap(std::string_view bytes) {
    constexpr std::size_t block = 32 * 1024;  // what the Java client writes
    std::string out(xerial_magic);
    append_big<std::int32_t>(out, 1);
    append_big<std::int32_t>(out, 1);
    std::string compressed;
    do {
        auto part = bytes.substr(0, block);
        snappy::Compress(part.data(), part.size(), &compressed);
        append_big(out, std::uint32_t(compressed.size()));
        out += compressed;
        bytes.remove_prefix(part.size());
    } while (!bytes.empty());
    return out;
}

Result<> unlz4(std::string_view bytes, std::string& out, std::size_t limit) {
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return bad(Compression::lz4, "no memory");
    auto closer =
        std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)>(context, LZ4F_freeDecompressionContext);
    return grow(Compression::lz4, out, bytes.size(), limit,
                [&](char* space, std::size_t room, std::size_t& written) -> Result<bool> {
                    std::size_t taken = bytes.size();
                    written = room;
                    auto hint = LZ4F_decompress(context, space, &written, bytes.data(), &taken, nullptr);
                    if (LZ4F_isError(hint)) {
                        written = 0;
                        return bad(Compression::lz4, LZ4F_getErrorName(hint));
                    }
                    bytes.remove_prefix(taken);
                    if (hint == 0) return true;
                    if (taken == 0 && written == 0) return bad(Compression::lz4, "it ends too early");
                    return false;
                });
}

Result<std::string> lz4(std::string_view bytes) {
    LZ4F_preferences_t preferences{};
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    std::string out(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
    auto size = LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
    if (LZ4F_isError(size)) return fail(Errc::internal, "lz4: {}", LZ4F_getErrorName(size));
    out.resize(size);
    return out;
}

Result<> unzstd(std::string_view bytes, std::string& out, std::size_t limit) {
    std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (!context) return bad(Compression::zstd, "no memory");
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    return grow(Compression::zstd, out, bytes.size(), limit,
                [&](char* space, std::size_t room, std::size_t& written) -> Result<bool> {
                    ZSTD_outBuffer output{space, room, 0};
                    auto before = input.pos;
                    auto hint = ZSTD_decompressStream(context.get(), &output, &input);
                    written = output.pos;
                    if (ZSTD_isError(hint)) return bad(Compression::zstd, ZSTD_getErrorName(hint));
                    if (hint == 0 && input.pos == input.size) return true;
                    if (input.pos == before && output.pos == 0)
                        return bad(Compression::zstd, "it ends too early");
                    return false;
                });
}

Result<std::string> zstd(std::string_view bytes) {
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    auto size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
    if (ZSTD_isError(size)) return fail(Errc::internal, "zstd: {}", ZSTD_getErrorName(size));
    out.resize(size);
    return out;
}

}  // namespace

std::string_view to_string(Compression compression) {
    switch (compression) {
        case Compression::none:
            return "uncompressed";
        case Compression::gzip:
            return "gzip";
        case Compression::snappy:
            return "snappy";
        case Compression::lz4:
            return "lz4";
        case Compression::zstd:
            return "zstd";
    }
    return "unknown";
}

std::optional<Compression> parse_compression(std::string_view name) {
    if (name == "uncompressed") return Compression::none;
    for (auto each : {Compression::gzip, Compression::snappy, Compression::lz4, Compression::zstd})
        if (name == to_string(each)) return each;
    return std::nullopt;
}

Result<std::string> compress(Compression compression, std::string_view bytes) {
    switch (compression) {
        case Compression::none:
            return std::string(bytes);
        case Compression::gzip:
            return gzip(bytes);
        case Compression::snappy:
            return snap(bytes);
        case Compression::lz4:
            return lz4(bytes);
        case Compression::zstd:
            return zstd(bytes);
    }
    return fail(Errc::invalid, "compression {} is not known", int(compression));
}

Result<> decompress(Compression compression, std::string_view bytes, std::string& out, std::size_t limit) {
    switch (compression) {
        case Compression::none:
            if (bytes.size() > limit) return too_large(compression, limit);
            out += bytes;
            return {};
        case Compression::gzip:
            return gunzip(bytes, out, limit);
        case Compression::snappy:
            return unsnap(bytes, out, limit);
        case Compression::lz4:
            return unlz4(bytes, out, limit);
        case Compression::zstd:
            return unzstd(bytes, out, limit);
    }
    return fail(Errc::invalid, "compression {} is not known", int(compression));
}

}  // namespace penstock::codec
