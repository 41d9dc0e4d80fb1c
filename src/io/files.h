// Files behind an interface, so that tests can lose un-synced writes, tear them, fill the disk and fail an
// fsync.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::io {

/// Bytes of a file in memory, shared with the page cache. Reading behind the end of the file faults: the
/// owner knows how far the file is written. Bytes that are appended to the file later become readable through
/// it.
class Mapping {
public:
    virtual ~Mapping() = default;
    virtual const char* data() const = 0;
    virtual std::int64_t size() const = 0;  ///< mapped bytes; may be beyond the end of the file
};

/// An open file. Reads and sync may run beside one write; writes and truncate are for one thread at a time.
/// Errors: Errc::full when the disk (or quota) is, else Errc::io; the text names the path.
class File {
public:
    virtual ~File() = default;
    virtual const std::string& path() const = 0;
    /// Reads at position until into is full or the file ends; returns how many bytes.
    virtual Result<std::size_t> read_at(std::int64_t position, std::span<char> into) const = 0;
    /// Writes the pieces one behind the other. After an error any part of them may have been written.
    virtual Result<> write_at(std::int64_t position, std::span<const std::string_view> pieces) = 0;
    /// fdatasync: when it returns, the bytes and the size survive a power cut. After an error the state of
    /// what was written since the last success is unknown, and stays so: a second call proves nothing.
    virtual Result<> sync() = 0;
    virtual Result<> truncate(std::int64_t size) = 0;
    virtual Result<std::int64_t> size() const = 0;
    /// Maps the first bytes of the file; nullptr when this kind of file cannot be mapped.
    virtual Result<std::shared_ptr<const Mapping>> map(std::int64_t bytes) const = 0;

    Result<> write_at(std::int64_t position, std::string_view bytes) {
        return write_at(position, std::span(&bytes, 1));
    }
};

/// create: read_write, made when missing. direct: as create, and writes go past the page cache where the
/// filesystem can: their positions, sizes and memory are to be multiples of 4096, and each is one piece.
enum class OpenMode { read, read_write, create, direct };

/// Held until destroyed, or the process ends however it does.
class FileLock {
public:
    virtual ~FileLock() = default;
};

/// Thread-safe. Errors as File's, and Errc::not_found.
class Files {
public:
    virtual ~Files() = default;
    virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
    virtual bool exists(const std::string& path) = 0;
    /// Names in the directory, sorted, without "." and "..".
    virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
    /// With its parents; no error when it exists.
    virtual Result<> create_directories(const std::string& directory) = 0;
    virtual Result<> remove(const std::string& path) = 0;
    /// A directory and all that is in it; no error when it does not exist.
    virtual Result<> remove_all(const std::string& directory) = 0;
    /// Replaces `to` when it exists.
    virtual Result<> rename(const std::string& from, const std::string& to) = 0;
    /// Makes creations, removals and renames in the directory survive a power cut.
    virtual Result<> sync_directory(const std::string& directory) = 0;
    /// Errc::exists when another process holds it.
    virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;

    Result<std::string> read_file(const std::string& path);
    /// Writes path anew so that a crash leaves either the old or the new content: a temporary file beside it,
    /// fsync, rename, fsync of the directory.
    Result<> replace_file(const std::string& path, std::string_view content);
};

/// The operating system's. Lives for ever.
Files& system_files();

/// The directory part of a path; "." when it has none.
std::string directory_of(const std::string& path);

}  // namespace penstock::io
