// Division of whole numbers that rounds down, as times before 1970 need it.
#pragma once

#include <cstdint>

namespace penstock {

/// by is greater than 0.
constexpr std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}

}  // namespace penstock
