#include "store/resident_files.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace penstock::store {
namespace {

thread_local int resident_only = 0;

class ResidentFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
public:
    ResidentFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file, int descriptor)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), descriptor_(descriptor) {}
    ~ResidentFile() override {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    rocksdb::IOStatus Read(std::uint64_t offset, std::size_t n, const rocksdb::IOOptions& options,
                           rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* debug) const override {
        if (resident_only == 0) return target()->Read(offset, n, options, result, scratch, debug);
        iovec part{scratch, n};
        auto got = descriptor_ < 0 ? -1 : ::preadv2(descriptor_, &part, 1, off_t(offset), RWF_NOWAIT);
        // Less than asked for: the rest is not in memory, or the file ends. Whoever may wait finds out.
        if (got != ssize_t(n)) return rocksdb::IOStatus::Busy();
        *result = rocksdb::Slice(scratch, n);
        return rocksdb::IOStatus::OK();
    }
    rocksdb::IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count,
                                const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
        if (resident_only == 0) return target()->MultiRead(requests, count, options, debug);
        return FSRandomAccessFile::MultiRead(requests, count, options, debug);
    }
    rocksdb::IOStatus Prefetch(std::uint64_t offset, std::size_t n, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
        if (resident_only == 0) return target()->Prefetch(offset, n, options, debug);
        return rocksdb::IOStatus::OK();
    }

private:
    int descriptor_;  ///< negative: could not be opened
};

class ResidentFileSystem final : public rocksdb::FileSystemWrapper {
public:
    ResidentFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
    const char* Name() const override { return "PenstockResidentFileSystem"; }

    rocksdb::IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                          rocksdb::IODebugContext* debug) override {
        std::unique_ptr<rocksdb::FSRandomAccessFile> file;
        auto opened = target()->NewRandomAccessFile(path, options, &file, debug);
        if (!opened.ok()) return opened;
        auto descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        *result = std::make_unique<ResidentFile>(std::move(file), descriptor);
        return opened;
    }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> make_resident_file_system() {
    return std::make_shared<ResidentFileSystem>();
}

ResidentReads::ResidentReads(bool on) : on_(on) {
    if (on_) ++resident_only;
}
ResidentReads::~ResidentReads() {
    if (on_) --resident_only;
}

}  // namespace penstock::store
