// Log lines. ERROR: data lost or someone must come. WARN: odd, nothing lost. INFO: a service started,
// stopped, moved. DEBUG: for the one who looks for a fault; never one line for each record. Thread-safe.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace penstock::log {

enum class Level { debug, info, warn, error };

/// Lines below this are dropped. The start value is info.
void set_level(Level level);
bool enabled(Level level);
/// Sends lines to this file instead of stderr (appending).
void to_file(const std::string& path);
void line(Level level, std::string_view text);

template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(Level::debug)) line(Level::debug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(Level::info)) line(Level::info, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
    line(Level::warn, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
    line(Level::error, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace penstock::log
