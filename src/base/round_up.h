// The next multiple.
#pragma once

#include <cstdint>

namespace penstock {

/// The smallest multiple of `to`, which is positive, that is not below value, which is not negative.
constexpr std::int64_t round_up(std::int64_t value, std::int64_t to) {
    return (value + to - 1) / to * to;
}

}  // namespace penstock
