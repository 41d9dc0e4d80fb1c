// A file to read from, plain or compressed, and who it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::ingest {

/// An open file. The kind follows from its first bytes, not from its name. Places count bytes after
/// decompression. For one thread at a time.
class InputFile {
public:
    enum class Kind { plain, gzip, zstd };

    /// Errc::not_found, Errc::io; both name the path.
    static Result<std::unique_ptr<InputFile>> open(const std::string& path);
    ~InputFile();

    const std::string& path() const { return path_; }
    Kind kind() const { return kind_; }
    /// Device and inode: the same file under another name has the same.
    const std::string& identity() const { return identity_; }
    /// Bytes of the file now.
    Result<std::int64_t> size() const;
    std::int64_t place() const { return place_; }

    /// Appends at most max bytes; fewer, or none, at the end of what is there now. Errc::corrupt when
    /// compressed bytes cannot be read.
    Result<std::size_t> read(std::string& out, std::size_t max);
    /// Compressed files are read anew from their start to the place. Errc::out_of_range when the file ends
    /// before.
    Result<> seek(std::int64_t place);
    /// A hash of the first bytes (at most count): tells another file that took over the inode.
    Result<std::string> fingerprint(std::size_t count) const;

private:
    struct Decoder;
    InputFile() = default;
    Result<std::size_t> read_plain(std::string& out, std::size_t max);
    Result<std::size_t> read_compressed(std::string& out, std::size_t max);
    Result<> restart();

    std::string path_;
    std::string identity_;
    int descriptor_ = -1;
    Kind kind_ = Kind::plain;
    std::int64_t place_ = 0;       ///< of the next byte read() gives
    std::int64_t file_place_ = 0;  ///< compressed: of the next byte of the file
    std::unique_ptr<Decoder> decoder_;
};

/// Paths that match a glob pattern, sorted; one without wildcards is itself, whether it exists or not.
std::vector<std::string> matching_files(const std::string& pattern);

/// Device and inode of what is at the path now; empty when there is nothing.
std::string identity_at(const std::string& path);

}  // namespace penstock::ingest
