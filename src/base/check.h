// CHECK stops the process when an invariant of ours is broken. Never for user, network or other outside
// input.
#pragma once

#include <string_view>

namespace penstock::detail {
[[noreturn]] void check_failed(std::string_view condition, const char* file, int line);
}

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) [[unlikely]]                                        \
            ::penstock::detail::check_failed(#condition, __FILE__, __LINE__); \
    } while (false)
