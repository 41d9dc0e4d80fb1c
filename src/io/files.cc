#include "io/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>

namespace penstock::io {
namespace {

std::unexpected<Error> system_error(std::string_view what, const std::string& path, int number) {
    Errc code = Errc::io;
    if (number == ENOSPC || number == EDQUOT) code = Errc::full;
    if (number == ENOENT) code = Errc::not_found;
    if (number == EEXIST) code = Errc::exists;
    return fail(code, "{}: cannot {}: {}", path, what, std::generic_category().message(number));
}

class SystemMapping final : public Mapping {
public:
    SystemMapping(void* start, std::size_t size) : start_(start), size_(size) {}
    ~SystemMapping() override { ::munmap(start_, size_); }
    SystemMapping(const SystemMapping&) = delete;
    SystemMapping& operator=(const SystemMapping&) = delete;
    const char* data() const override { return static_cast<const char*>(start_); }
    std::int64_t size() const override { return std::int64_t(size_); }

private:
    void* start_;
    std::size_t size_;
};

class SystemFile final : public File {
public:
    SystemFile(std::string path, int descriptor) : path_(std::move(path)), fd_(descriptor) {}
    ~SystemFile() override { ::close(fd_); }
    SystemFile(const SystemFile&) = delete;
    SystemFile& operator=(const SystemFile&) = delete;

    const std::string& path() const override { return path_; }

    Result<std::size_t> read_at(std::int64_t position, std::span<char> into) const override {
        std::size_t done = 0;
        while (done < into.size()) {
            auto got = ::pread(fd_, into.data() + done, into.size() - done, position + std::int64_t(done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return system_error("read", path_, errno);
            if (got == 0) break;
            done += std::size_t(got);
        }
        return done;
    }

    Result<> write_at(std::int64_t position, std::span<const std::string_view> pieces) override {
        std::vector<iovec> vectors;
        vectors.reserve(pieces.size());
        for (auto piece : pieces)
            if (!piece.empty()) vectors.push_back({const_cast<char*>(piece.data()), piece.size()});
        for (std::size_t first = 0; first < vectors.size();) {
            auto count = int(std::min<std::size_t>(vectors.size() - first, IOV_MAX));
            auto wrote = ::pwritev(fd_, vectors.data() + first, count, position);
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return system_error("write", path_, errno);
            position += wrote;
            for (auto left = std::size_t(wrote); left > 0;) {
                auto& vector = vectors[first];
                auto part = std::min(left, vector.iov_len);
                vector.iov_base = static_cast<char*>(vector.iov_base) + part;
                vector.iov_len -= part;
                left -= part;
                if (vector.iov_len == 0) ++first;
            }
        }
        return {};
    }

    Result<> sync() override {
        if (::fdatasync(fd_) != 0) return system_error("fdatasync", path_, errno);
        return {};
    }
    Result<> truncate(std::int64_t size) override {
        if (::ftruncate(fd_, size) != 0) return system_error("truncate", path_, errno);
        return {};
    }
    Result<std::int64_t> size() const override {
        struct stat info{};
        if (::fstat(fd_, &info) != 0) return system_error("stat", path_, errno);
        return std::int64_t(info.st_size);
    }
    Result<std::shared_ptr<const Mapping>> map(std::int64_t bytes) const override {
        if (bytes <= 0) return std::shared_ptr<const Mapping>();
        auto* start = ::mmap(nullptr, std::size_t(bytes), PROT_READ, MAP_SHARED, fd_, 0);
        if (start == MAP_FAILED) return system_error("map", path_, errno);
        return std::make_shared<SystemMapping>(start, std::size_t(bytes));
    }

private:
    std::string path_;
    int fd_;
};

class SystemLock final : public FileLock {
public:
    explicit SystemLock(int descriptor) : fd_(descriptor) {}
    ~SystemLock() override { ::close(fd_); }

private:
    int fd_;
};

class SystemFiles final : public Files {
public:
    Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
        int flags = O_CLOEXEC | (mode == OpenMode::read ? O_RDONLY : O_RDWR);
        if (mode == OpenMode::create || mode == OpenMode::direct) flags |= O_CREAT;
        int descriptor = ::open(path.c_str(), flags | (mode == OpenMode::direct ? O_DIRECT : 0), 0644);
        if (descriptor < 0 && mode == OpenMode::direct && errno == EINVAL)  // a filesystem without
            descriptor = ::open(path.c_str(), flags, 0644);
        if (descriptor < 0) return system_error("open", path, errno);
        return std::make_unique<SystemFile>(path, descriptor);
    }
    bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }
    Result<std::vector<std::string>> list(const std::string& directory) override {
        std::error_code error;
        std::vector<std::string> names;
        std::filesystem::directory_iterator entries(directory, error);
        if (error) return system_error("list", directory, error.value());
        for (const auto& entry : entries) names.push_back(entry.path().filename().string());
        std::ranges::sort(names);
        return names;
    }
    Result<> create_directories(const std::string& directory) override {
        std::error_code error;
        std::filesystem::create_directories(directory, error);
        if (error) return system_error("create directory", directory, error.value());
        return {};
    }
    Result<> remove(const std::string& path) override {
        if (::unlink(path.c_str()) != 0) return system_error("remove", path, errno);
        return {};
    }
    Result<> remove_all(const std::string& directory) override {
        std::error_code error;
        std::filesystem::remove_all(directory, error);
        if (error) return system_error("remove", directory, error.value());
        return {};
    }
    Result<> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from, errno);
        return {};
    }
    Result<> sync_directory(const std::string& directory) override {
        int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0) return system_error("open", directory, errno);
        int failed = ::fsync(descriptor) != 0 ? errno : 0;
        ::close(descriptor);
        if (failed) return system_error("fsync", directory, failed);
        return {};
    }
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
        int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (descriptor < 0) return system_error("open", path, errno);
        if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
            int number = errno;
            ::close(descriptor);
            if (number == EWOULDBLOCK) return fail(Errc::exists, "{} is locked by another process", path);
            return system_error("lock", path, number);
        }
        return std::make_unique<SystemLock>(descriptor);
    }
};

}  // namespace

Result<std::string> Files::read_file(const std::string& path) {
    auto file = TRY(open(path, OpenMode::read));
    std::string content(std::size_t(TRY(file->size())), '\0');
    content.resize(TRY(file->read_at(0, content)));
    return content;
}

Result<> Files::replace_file(const std::string& path, std::string_view content) {
    auto temporary = path + ".tmp";
    {
        auto file = TRY(open(temporary, OpenMode::create));
        TRY(file->truncate(0));
        TRY(file->write_at(0, content));
        TRY(file->sync());
    }
    TRY(rename(temporary, path));
    return sync_directory(directory_of(path));
}

Files& system_files() {
    static SystemFiles& files = *new SystemFiles;  // never destroyed: threads may write during exit
    return files;
}

std::string directory_of(const std::string& path) {
    auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace penstock::io
