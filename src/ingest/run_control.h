// Says when a source that runs has to end, and lets it wait until then.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace penstock::ingest {

/// stop() and wake() from any thread; the rest on the source's own.
class RunControl {
public:
    RunControl() = default;
    /// A run that ends by itself after for_us (0: not), or when cancelled, which is polled, says so.
    RunControl(std::int64_t for_us, std::function<bool()> cancelled);
    RunControl(const RunControl&) = delete;
    RunControl& operator=(const RunControl&) = delete;

    void stop();
    bool stopped() const { return stopped_.load(); }
    /// stop() was called, the time is up, or it was cancelled.
    bool ending() const;
    bool cancelled() const { return cancelled_ && cancelled_(); }
    /// Until the time has passed or ending(); returns at once when stopped.
    void wait_us(std::int64_t us);
    /// Microseconds that a wait may take before ending() has to be asked again.
    std::int64_t slice_us(std::int64_t wanted_us) const;
    /// Called by stop(), so that a wait elsewhere ends as well; null to take it away.
    void set_waker(std::function<void()> waker);

private:
    std::function<bool()> cancelled_;
    std::int64_t end_us_ = 0;  ///< monotonic; 0: none
    std::atomic<bool> stopped_{false};
    std::mutex mutex_;
    std::condition_variable moved_;
    std::function<void()> waker_;
};

}  // namespace penstock::ingest
