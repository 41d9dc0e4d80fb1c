#include "ingest/input_file.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>

namespace penstock::ingest {
namespace {

std::unexpected<Error> io_error(const std::string& path, int code) {
    return fail(code == ENOENT ? Errc::not_found : Errc::io, "{}: {}", path, std::strerror(code));
}

std::string identity_of(const struct stat& info) {
    return fmt::format("{:x}-{:x}", info.st_dev, info.st_ino);
}

Result<std::size_t> read_at(int descriptor, const std::string& path, std::int64_t place, char* into,
                            std::size_t bytes) {
    while (true) {
        auto got = ::pread(descriptor, into, bytes, place);
        if (got >= 0) return std::size_t(got);
        if (errno != EINTR) return io_error(path, errno);
    }
}

}  // namespace

/// The state of one decompression, either kind.
struct InputFile::Decoder {
    explicit Decoder(Kind of) : kind(of) {
        if (kind == Kind::zstd)
            frames = ZSTD_createDStream();
        else
            inflateInit2(&members, 15 + 32);
    }
    ~Decoder() {
        if (kind == Kind::zstd)
            ZSTD_freeDStream(frames);
        else
            inflateEnd(&members);
    }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    /// Decodes some of input to the end of out, at most max bytes more; returns how much input it took.
    Result<std::size_t> decode(std::string& out, std::size_t max) {
        auto before = out.size();
        out.resize(before + max);
        std::size_t taken = 0, made = 0;
        std::string problem;
        if (kind == Kind::zstd) {
            ZSTD_inBuffer from{input.data(), input.size(), 0};
            ZSTD_outBuffer to{out.data() + before, max, 0};
            auto left = ZSTD_decompressStream(frames, &to, &from);
            if (ZSTD_isError(left)) problem = ZSTD_getErrorName(left);
            inside = left != 0;
            taken = from.pos;
            made = to.pos;
        } else {
            if (!inside && !input.empty()) inflateReset2(&members, 15 + 32);  // the next member
            members.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
            members.avail_in = uInt(input.size());
            members.next_out = reinterpret_cast<Bytef*>(out.data() + before);
            members.avail_out = uInt(max);
            auto code = inflate(&members, Z_NO_FLUSH);
            if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
                problem = members.msg ? members.msg : "broken data";
            inside = code != Z_STREAM_END;
            taken = input.size() - members.avail_in;
            made = max - members.avail_out;
        }
        out.resize(before + made);
        if (!problem.empty()) return fail(Errc::corrupt, "cannot be decompressed: {}", problem);
        return taken;
    }

    Kind kind;
    z_stream members{};
    ZSTD_DStream* frames = nullptr;
    bool inside = true;  ///< of a member or frame: the file must not end here
    std::string input;   ///< read and not decoded yet
};

Result<std::unique_ptr<InputFile>> InputFile::open(const std::string& path) {
    auto file = std::unique_ptr<InputFile>(new InputFile);
    file->path_ = path;
    file->descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->descriptor_ < 0) return io_error(path, errno);
    struct stat info{};
    if (::fstat(file->descriptor_, &info) != 0) return io_error(path, errno);
    if (!S_ISREG(info.st_mode)) return fail(Errc::invalid, "{} is not a regular file", path);
    file->identity_ = identity_of(info);
    char start[4] = {};
    auto got = TRY(read_at(file->descriptor_, path, 0, start, sizeof start));
    if (got >= 2 && std::memcmp(start, "\x1F\x8B", 2) == 0) file->kind_ = Kind::gzip;
    if (got == 4 && std::memcmp(start, "\x28\xB5\x2F\xFD", 4) == 0) file->kind_ = Kind::zstd;
    TRY(file->restart());
    return file;
}

InputFile::~InputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::int64_t> InputFile::size() const {
    struct stat info{};
    if (::fstat(descriptor_, &info) != 0) return io_error(path_, errno);
    return std::int64_t(info.st_size);
}

Result<> InputFile::restart() {
    place_ = 0;
    file_place_ = 0;
    decoder_.reset();
    if (kind_ != Kind::plain) decoder_ = std::make_unique<Decoder>(kind_);
    return {};
}

Result<std::size_t> InputFile::read(std::string& out, std::size_t max) {
    auto got = kind_ == Kind::plain ? read_plain(out, max) : read_compressed(out, max);
    if (got) place_ += std::int64_t(*got);
    return got;
}

Result<std::size_t> InputFile::read_plain(std::string& out, std::size_t max) {
    auto before = out.size();
    out.resize(before + max);
    auto got = read_at(descriptor_, path_, place_, out.data() + before, max);
    out.resize(before + got.value_or(0));
    return got;
}

Result<std::size_t> InputFile::read_compressed(std::string& out, std::size_t max) {
    auto before = out.size();
    while (out.size() - before < max) {
        if (decoder_->input.empty()) {
            decoder_->input.resize(64 * 1024);
            auto got =
                TRY(read_at(descriptor_, path_, file_place_, decoder_->input.data(), decoder_->input.size()));
            decoder_->input.resize(got);
            file_place_ += std::int64_t(got);
        }
        if (decoder_->input.empty()) {  // the file ends
            if (decoder_->inside && out.size() == before && file_place_ > 0)
                return fail(Errc::corrupt, "{}: the compressed data ends in the middle", path_);
            break;
        }
        auto taken = decoder_->decode(out, max - (out.size() - before));
        if (!taken) return fail(path_, taken.error());
        decoder_->input.erase(0, *taken);
    }
    return out.size() - before;
}

Result<> InputFile::seek(std::int64_t place) {
    if (kind_ == Kind::plain) {
        place_ = place;
        return {};
    }
    if (place < place_) TRY(restart());
    std::string skipped;
    while (place_ < place) {
        skipped.clear();
        auto wanted = std::min<std::int64_t>(place - place_, 256 * 1024);
        auto got = TRY(read(skipped, std::size_t(wanted)));
        if (got == 0)
            return fail(Errc::out_of_range, "{} ends at byte {}, before byte {}", path_, place_, place);
    }
    return {};
}

Result<std::string> InputFile::fingerprint(std::size_t count) const {
    std::string bytes(count, '\0');
    auto got = TRY(read_at(descriptor_, path_, 0, bytes.data(), count));
    return fmt::format("{:016x}", XXH3_64bits(bytes.data(), got));
}

std::vector<std::string> matching_files(const std::string& pattern) {
    if (pattern.find_first_of("*?[") == std::string::npos) return {pattern};
    std::vector<std::string> paths;
    glob_t found{};
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
        for (std::size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
    ::globfree(&found);
    return paths;
}

std::string identity_at(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 ? identity_of(info) : "";
}

}  // namespace penstock::ingest
