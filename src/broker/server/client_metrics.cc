// What clients shall send of their metrics (KIP-714), which is kept and told; none are gathered, so no client
// asks. And the level of this process's log, as the settings of a broker's logger.
#include <re2/re2.h>

#include "base/log.h"
#include "base/units.h"
#include "broker/checked_text.h"
#include "broker/server/config_resources.h"

namespace penstock::broker {
namespace {

using Described = DescribeConfigs::Response::Result::Config;

struct ClientMetricsSetting {
    std::string_view name, standard;
    std::int8_t wire_type;
};

constexpr std::int8_t int32_type = 3, list_type = 7, of_client_metrics = 7, of_standard = 5;
constexpr ClientMetricsSetting client_metrics_settings[] = {
    {"interval.ms", "300000", int32_type}, {"match", "", list_type}, {"metrics", "", list_type}};

Result<> check_match(std::string_view patterns) {
    constexpr std::string_view selectors[] = {"client_instance_id",    "client_id",
                                              "client_software_name",  "client_software_version",
                                              "client_source_address", "client_source_port"};
    while (!patterns.empty()) {
        const auto pattern = take_until(patterns, ',');
        auto value = pattern;
        const auto selector = take_until(value, '=');
        if (value.empty() || std::ranges::find(selectors, selector) == std::end(selectors) ||
            !re2::RE2(value, re2::RE2::Quiet).ok())
            return fail(Errc::invalid, "Illegal client matching pattern: {}", pattern);
    }
    return {};
}

constexpr std::pair<std::string_view, log::Level> levels[] = {{"DEBUG", log::Level::debug},
                                                              {"INFO", log::Level::info},
                                                              {"WARN", log::Level::warn},
                                                              {"ERROR", log::Level::error}};

}  // namespace

Result<> check_client_metrics(const TopicConfig& config) {
    constexpr std::int64_t low = 100, high = 3'600'000;
    for (const auto& [name, value] : config) {
        if (std::ranges::find(client_metrics_settings, name, &ClientMetricsSetting::name) ==
            std::end(client_metrics_settings))
            return fail(Errc::not_found, "Unknown client metrics configuration: {}", name);
        if (name == "match") TRY(check_match(value));
        if (name != "interval.ms") continue;
        auto ms = parse_int(value);
        if (!ms || *ms < low || *ms > high)
            return fail(Errc::out_of_range,
                        "Invalid value {} for interval.ms, interval must be between 100 and 3600000 (1 hour)",
                        value);
    }
    return {};
}

std::vector<Described> describe_client_metrics(const TopicConfig& config) {
    std::vector<Described> out;
    for (const auto& setting : client_metrics_settings) {
        auto found = config.find(std::string(setting.name));
        auto& each = out.emplace_back();
        each.name = setting.name;
        each.value = found == config.end() ? std::string(setting.standard) : found->second;
        each.source = found == config.end() ? of_standard : of_client_metrics;
        each.config_type = setting.wire_type;
    }
    return out;
}

TopicConfig log_level_config() {
    for (const auto& [name, level] : levels)
        if (log::enabled(level)) return {{"root", std::string(name)}};
    return {{"root", "ERROR"}};
}

Result<> set_log_level(const TopicConfig& config, bool only_check) {
    for (const auto& [logger, level] : config)
        if (logger != "root") return fail(Errc::invalid, "Logger {} does not exist!", logger);
    auto given = config.find("root");
    if (given == config.end())
        return fail(Errc::out_of_range, "Removing the log level of the root logger is not allowed");
    auto found = std::ranges::find(levels, given->second, [](const auto& each) { return each.first; });
    if (found == std::end(levels))
        return fail(Errc::invalid,
                    "Cannot set the log level of root to {} as it is not a supported log level. Valid log "
                    "levels are DEBUG, ERROR, INFO, WARN",
                    given->second);
    if (!only_check) log::set_level(found->second);
    return {};
}

}  // namespace penstock::broker
