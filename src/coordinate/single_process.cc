// Coordination of one process with itself: a lock on the data directory, and all work is ours.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/clock.h"
#include "base/units.h"
#include "coordinate/coordinator.h"

namespace penstock::coordinate {
namespace {

class File {
public:
    explicit File(int descriptor = -1) : descriptor_(descriptor) {}
    File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    File& operator=(File&&) = delete;
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

std::unexpected<Error> system_failure(std::string_view what, const std::string& path) {
    return fail(errno == ENOSPC ? Errc::full : Errc::io, "cannot {} '{}': {}", what, path,
                std::strerror(errno));
}

Result<std::string> read_all(int descriptor, const std::string& path) {
    std::string text;
    std::array<char, 512> part;
    for (off_t at = 0; text.size() < 4096;) {
        auto got = ::pread(descriptor, part.data(), part.size(), at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure("read", path);
        if (got == 0) break;
        text.append(part.data(), std::size_t(got));
        at += got;
    }
    return text;
}

Result<> write_all(int descriptor, std::string_view text, const std::string& path) {
    for (off_t at = 0; std::size_t(at) < text.size();) {
        auto put = ::pwrite(descriptor, text.data() + at, text.size() - std::size_t(at), at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return system_failure("write", path);
        at += put;
    }
    return {};
}

/// The value after "name " in a text of such lines.
std::string field(std::string_view text, std::string_view name) {
    for (std::size_t at = 0; at < text.size();) {
        auto end = std::min(text.find('\n', at), text.size());
        auto line = text.substr(at, end - at);
        if (line.starts_with(name) && line.substr(name.size()).starts_with(' '))
            return std::string(line.substr(name.size() + 1));
        at = end + 1;
    }
    return {};
}

/// The kernel gives the lock back when the process ends, however it ends.
Result<File> take_lock(const std::string& directory) {
    auto path = directory + "/LOCK";
    File file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (file.descriptor() < 0) return system_failure("open", path);
    while (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return system_failure("lock", path);
        auto text = TRY(read_all(file.descriptor(), path));
        auto pid = field(text, "pid");
        auto started = field(text, "started");
        return fail(Errc::unavailable,
                    "the data directory '{}' is in use by {}{}: stop it, or choose another data "
                    "directory",
                    directory, pid.empty() ? "another process" : "the process with pid " + pid,
                    started.empty() ? "" : " (started " + started + ")");
    }
    if (::ftruncate(file.descriptor(), 0) != 0) return system_failure("write", path);
    TRY(write_all(file.descriptor(),
                  fmt::format("pid {}\nstarted {}\n", ::getpid(), format_time_us(system_clock().now_us())),
                  path));
    return file;
}

/// Counts the starts; what is written here is on disk before anything is fenced by it.
Result<std::int64_t> next_epoch(const std::string& directory) {
    auto path = directory + "/EPOCH";
    std::int64_t epoch = 0;
    {
        File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (file.descriptor() < 0 && errno != ENOENT) return system_failure("open", path);
        if (file.descriptor() >= 0) {
            auto text = field(TRY(read_all(file.descriptor(), path)), "epoch");
            auto number = parse_int(text);
            if (!number || *number < 0) {
                return fail(Errc::corrupt,
                            "'{}' is damaged: expected a line 'epoch NUMBER'; "
                            "remove the file to count anew",
                            path);
            }
            epoch = *number;
        }
    }
    ++epoch;
    auto fresh = path + ".new";
    {
        File file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        if (file.descriptor() < 0) return system_failure("open", fresh);
        TRY(write_all(file.descriptor(), fmt::format("epoch {}\n", epoch), fresh));
        if (::fsync(file.descriptor()) != 0) return system_failure("sync", fresh);
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) return system_failure("rename", fresh);
    File parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.descriptor() < 0 || ::fsync(parent.descriptor()) != 0)
        return system_failure("sync", directory);
    return epoch;
}

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == 0) return "localhost";
    return name.data();
}

class SingleProcess final : public Coordinator {
public:
    SingleProcess(std::string directory, File lock, std::int64_t epoch)
        : directory_(std::move(directory)),
          lock_(std::move(lock)),
          epoch_(epoch),
          member_id_(fmt::format("{}-{}", host_name(), ::getpid())) {}

    std::string describe() const override {
        return fmt::format("this process alone, by a lock on {}", directory_);
    }
    std::string member_id() const override { return member_id_; }
    std::vector<Member> members() const override { return {{member_id_, "", true, mine()}}; }
    bool leads() const override { return true; }

    void offer(std::vector<std::string> work, std::function<void()> changed) override {
        std::sort(work.begin(), work.end());
        work.erase(std::unique(work.begin(), work.end()), work.end());
        {
            std::lock_guard lock(mutex_);
            if (work == work_) return;
            work_ = std::move(work);
        }
        // Without the mutex: whoever is called asks mine().
        if (changed) changed();
    }

    std::vector<std::string> mine() const override {
        std::lock_guard lock(mutex_);
        return work_;
    }

    std::int64_t epoch(std::string_view work) const override {
        std::lock_guard lock(mutex_);
        return std::binary_search(work_.begin(), work_.end(), work) ? epoch_ : 0;
    }

private:
    const std::string directory_;
    const File lock_;
    const std::int64_t epoch_;
    const std::string member_id_;
    mutable std::mutex mutex_;
    std::vector<std::string> work_;  ///< sorted
};

}  // namespace

Result<std::unique_ptr<Coordinator>> single_process(const std::string& data_directory) {
    auto lock = TRY(take_lock(data_directory));
    auto epoch = TRY(next_epoch(data_directory));
    return std::make_unique<SingleProcess>(data_directory, std::move(lock), epoch);
}

}  // namespace penstock::coordinate
