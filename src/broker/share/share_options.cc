#include "broker/share/share_options.h"

#include <algorithm>

#include "base/units.h"

namespace penstock::broker {
namespace {

using Options = ShareGroupOptions;

constexpr std::string_view reset_name = "share.auto.offset.reset", isolation_name = "share.isolation.level",
                           renew_name = "share.renew.acknowledge.enable";

constexpr ShareSetting settings[] = {
    {reset_name, reset_name, "Where a group begins that has read nothing.", nullptr, "latest"},
    {"share.delivery.count.limit", "group.share.delivery.count.limit",
     "How often a record is given out before it is given up.", &Options::delivery_count, ""},
    {"share.heartbeat.interval.ms", "group.share.heartbeat.interval.ms",
     "How often members of a share group are told to send a heartbeat.", &Options::heartbeat_interval_ms, ""},
    {isolation_name, isolation_name, "Whether records of open and aborted transactions are given out.",
     nullptr, "read_uncommitted"},
    {"share.partition.max.record.locks", "group.share.partition.max.record.locks",
     "How many records of a partition may be given out at any time.", &Options::record_locks, ""},
    {"share.record.lock.duration.ms", "group.share.record.lock.duration.ms",
     "How long a member may have a record before others get it.", &Options::lock_ms, ""},
    {renew_name, renew_name, "Whether a member may have a record for longer by saying so.", nullptr, "true"},
    {"share.session.timeout.ms", "group.share.session.timeout.ms",
     "Members of a share group that are silent for as long are taken out.", &Options::session_timeout_ms, ""},
};

constexpr std::string_view by_duration = "by_duration:";

}  // namespace

std::span<const ShareSetting> share_settings() {
    return settings;
}

Result<std::int64_t> parse_duration_ms(std::string_view text) {
    auto wrong = [&] {
        return fail(Errc::invalid, "'{}' is not a duration; expected one such as P1D, PT2H30M or PT0.5S",
                    text);
    };
    auto left = text;
    if (!left.starts_with('P')) return wrong();
    left.remove_prefix(1);
    bool is_time = false;
    std::int64_t total = 0;
    constexpr std::string_view units = "DHMS";
    while (!left.empty()) {
        if (left.front() == 'T' && !is_time) {
            is_time = true;
            left.remove_prefix(1);
            if (left.empty()) return wrong();
            continue;
        }
        auto digits = left.find_first_not_of("0123456789");
        if (digits == 0 || digits == left.npos || digits > 9) return wrong();
        auto number = *parse_int(left.substr(0, digits)) * 1000;
        left.remove_prefix(digits);
        if (left.front() == '.') {
            left.remove_prefix(1);
            auto more = left.find_first_not_of("0123456789");
            if (more == 0 || more == left.npos || more > 9 || left[more] != 'S') return wrong();
            auto fraction = std::string(left.substr(0, std::min<std::size_t>(more, 3)));
            fraction.resize(3, '0');
            number += *parse_int(fraction);
            left.remove_prefix(more);
        }
        auto unit = units.find(left.front());
        if (unit == units.npos || is_time == (unit == 0)) return wrong();
        constexpr std::int64_t seconds[] = {86'400, 3600, 60, 1};
        total += number * seconds[unit];
        left.remove_prefix(1);
    }
    if (total == 0 && text.find_first_of("0123456789") == text.npos) return wrong();
    return total;
}

Result<> check_share_setting(const ShareGroupOptions& options, const std::string& name,
                             const std::string& value) {
    auto setting = std::ranges::find(settings, name, &ShareSetting::name);
    if (setting == std::end(settings)) return fail(Errc::not_found, "Unknown group config name: {}", name);
    auto wrong = [&](std::string_view expected) {
        return fail(Errc::invalid, "Invalid value {} for configuration {}: expected {}", value, name,
                    expected);
    };
    if (setting->number) {
        const auto& bounds = options.*setting->number;
        auto number = parse_int(value);
        if (!number || *number < bounds.low || *number > bounds.high)
            return wrong(fmt::format("a number from {} to {}", bounds.low, bounds.high));
    } else if (name == isolation_name) {
        if (value != "read_uncommitted" && value != "read_committed")
            return wrong("read_uncommitted or read_committed");
    } else if (name == renew_name) {
        if (value != "true" && value != "false") return wrong("true or false");
    } else if (value != "latest" && value != "earliest") {
        bool is_duration =
            value.starts_with(by_duration) && parse_duration_ms(value.substr(by_duration.size()));
        if (!is_duration) return wrong("latest, earliest or by_duration: with a duration, such as PT1H");
    }
    return {};
}

void ShareConfigs::set(const std::string& group, const TopicConfig& config) {
    TopicConfig own;
    for (const auto& [name, value] : config)
        if (std::ranges::find(settings, name, &ShareSetting::name) != std::end(settings)) own[name] = value;
    std::lock_guard lock(mutex_);
    if (own.empty())
        own_.erase(group);
    else
        own_[group] = std::move(own);
}

ShareGroupConfig ShareConfigs::of(const std::string& group) const {
    TopicConfig own;
    {
        std::lock_guard lock(mutex_);
        if (auto found = own_.find(group); found != own_.end()) own = found->second;
    }
    auto number = [&](std::string_view name) {
        auto setting = std::ranges::find(settings, name, &ShareSetting::name);
        auto found = own.find(std::string(name));
        if (found != own.end())
            if (auto parsed = parse_int(found->second)) return std::int32_t(*parsed);
        return (options_.*setting->number).standard;
    };
    auto text = [&](std::string_view name, std::string_view standard) {
        auto found = own.find(std::string(name));
        return found == own.end() ? std::string(standard) : found->second;
    };
    ShareGroupConfig config;
    config.session_timeout_ms = number("share.session.timeout.ms");
    config.heartbeat_interval_ms = number("share.heartbeat.interval.ms");
    config.limits.delivery_count = std::int16_t(number("share.delivery.count.limit"));
    config.limits.lock_ms = number("share.record.lock.duration.ms");
    config.limits.records = number("share.partition.max.record.locks");
    config.limits.renews = text(renew_name, "true") == "true";
    config.auto_offset_reset = text(reset_name, "latest");
    config.is_committed = text(isolation_name, "read_uncommitted") == "read_committed";
    return config;
}

}  // namespace penstock::broker
