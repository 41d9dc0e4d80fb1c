// Buffers for batches, used again and again: a fresh megabyte costs the kernel more than encoding records
// into it.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::broker {

/// Thread-safe. Keeps at most max_kept buffers of at least smallest bytes.
class BufferPool {
public:
    /// A buffer that was given back, of any size and content, or an empty one.
    std::string take() {
        std::lock_guard lock(mutex_);
        if (kept_.empty()) return {};
        auto buffer = std::move(kept_.back());
        kept_.pop_back();
        return buffer;
    }
    void give_back(std::string buffer) {
        if (buffer.capacity() < smallest || buffer.capacity() > largest) return;
        std::lock_guard lock(mutex_);
        if (kept_.size() < max_kept) kept_.push_back(std::move(buffer));
    }

private:
    static constexpr std::size_t smallest = 256 * 1024, largest = 2 * 1024 * 1024, max_kept = 16;
    std::mutex mutex_;
    std::vector<std::string> kept_;
};

}  // namespace penstock::broker
