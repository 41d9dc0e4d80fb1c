// Table files whose reads can be told not to wait for the disk.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

namespace penstock::store {

/// The default file system. While a thread has a ResidentReads that is on, its reads of table files are
/// answered from the page cache, and fail with IsBusy() when what they ask for is not there (preadv2 with
/// RWF_NOWAIT, Linux 4.14). Where the kernel cannot do that for a file, every such read fails so.
/// Takes a second file descriptor for each open table file.
std::shared_ptr<rocksdb::FileSystem> make_resident_file_system();

class ResidentReads {
public:
    explicit ResidentReads(bool on);
    ~ResidentReads();
    ResidentReads(const ResidentReads&) = delete;
    ResidentReads& operator=(const ResidentReads&) = delete;

private:
    bool on_;
};

}  // namespace penstock::store
