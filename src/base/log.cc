#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace penstock::log {
namespace {

constexpr auto pattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ %v";

std::shared_ptr<spdlog::logger>& logger() {
    static std::shared_ptr<spdlog::logger> instance = [] {
        auto made = spdlog::stderr_color_mt("penstock");
        made->set_pattern(pattern);
        made->set_level(spdlog::level::info);
        return made;
    }();
    return instance;
}

spdlog::level::level_enum native(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warn:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

}  // namespace

void set_level(Level level) {
    logger()->set_level(native(level));
}

bool enabled(Level level) {
    return logger()->should_log(native(level));
}

void to_file(const std::string& path) {
    auto level = logger()->level();
    spdlog::drop("penstock-file");
    auto made = spdlog::basic_logger_mt("penstock-file", path);
    made->set_pattern(pattern);
    made->set_level(level);
    made->flush_on(spdlog::level::info);
    logger() = std::move(made);
}

void line(Level level, std::string_view text) {
    logger()->log(native(level), "{}", text);
}

}  // namespace penstock::log
