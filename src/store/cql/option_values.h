// What the options of keyspaces, tables and indexes have in common: their values, and how these are refused.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "store/cql/token_stream.h"

namespace penstock::store::cql {

template <class... Args>
std::unexpected<Error> misconfigured(fmt::format_string<Args...> text, Args&&... args) {
    return fail(Errc::invalid, "{}{}", config_prefix, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
std::unexpected<Error> misspelt(fmt::format_string<Args...> text, Args&&... args) {
    return fail(Errc::invalid, "{}{}", syntax_prefix, fmt::format(text, std::forward<Args>(args)...));
}

/// Options are kept as they were written.
inline std::string unquoted(const std::string& text) {
    return text.size() >= 2 && text.front() == '\'' ? text.substr(1, text.size() - 2) : text;
}

inline std::optional<std::int32_t> parse_int32(std::string_view text) {
    auto value = parse_int(text);
    if (!value || *value < INT32_MIN || *value > INT32_MAX) return std::nullopt;
    return std::int32_t(*value);
}

/// In any case of letters.
inline Result<bool> parse_truth(std::string_view name, std::string text) {
    for (auto& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
    constexpr std::array<std::string_view, 3> yes{"1", "true", "yes"}, no{"0", "false", "no"};
    if (std::ranges::find(yes, text) != yes.end()) return true;
    if (std::ranges::find(no, text) != no.end()) return false;
    return misspelt(
        "Invalid boolean value {} for '{}'. Positive values can be '1', 'true' or 'yes'. Negative values can "
        "be '0', 'false' or 'no'.",
        text, name);
}

}  // namespace penstock::store::cql
