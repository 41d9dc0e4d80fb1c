#include "base/clock.h"

#include <chrono>

namespace penstock {
namespace {

class SystemClock final : public Clock {
public:
    std::int64_t now_us() const override {
        auto now = std::chrono::system_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    }
    std::int64_t monotonic_us() const override {
        auto now = std::chrono::steady_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    }
};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

}  // namespace penstock
