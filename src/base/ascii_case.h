// Letters of ASCII in upper or lower case; other bytes stay as they are.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace penstock {

inline std::string upper_case(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
    return out;
}

inline std::string lower_case(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return out;
}

}  // namespace penstock
