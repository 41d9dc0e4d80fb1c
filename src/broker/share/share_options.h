// What share groups are held to: as the broker was started, and as clients have set of a group. Kafka's names
// and defaults.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "broker/share/share_partition.h"
#include "broker/topic_config.h"

namespace penstock::broker {

/// A number that a group may set within bounds.
struct BoundedSetting {
    std::int32_t standard, low, high;
};

struct ShareGroupOptions {
    BoundedSetting session_timeout_ms{45'000, 45'000, 60'000};
    BoundedSetting heartbeat_interval_ms{5'000, 5'000, 15'000};
    BoundedSetting lock_ms{30'000, 15'000, 60'000};
    BoundedSetting delivery_count{5, 2, 10};
    BoundedSetting record_locks{2000, 100, 4000};  ///< of one partition
    std::int32_t max_members = 200;                ///< of one group
    std::int32_t max_sessions = 2000;
};

/// How a group is served.
struct ShareGroupConfig {
    std::int32_t session_timeout_ms = 45'000, heartbeat_interval_ms = 5'000;
    ShareLimits limits;
    /// latest, earliest or by_duration:PT1H: where a group begins that has read nothing.
    std::string auto_offset_reset = "latest";
    bool is_committed = false;  ///< share.isolation.level
};

/// A setting of groups, in the order of their names.
struct ShareSetting {
    std::string_view name, broker_name, about;
    BoundedSetting ShareGroupOptions::* number = nullptr;  ///< nullptr: a text or a flag
    std::string_view standard;                             ///< of those
};
std::span<const ShareSetting> share_settings();

/// Milliseconds of an ISO 8601 duration of days and less, such as P1DT2H or PT0.5S; Errc::invalid.
Result<std::int64_t> parse_duration_ms(std::string_view text);

/// Errc::invalid, naming the setting; Errc::not_found: it is none of share groups.
Result<> check_share_setting(const ShareGroupOptions& options, const std::string& name,
                             const std::string& value);

/// Thread-safe.
class ShareConfigs {
public:
    explicit ShareConfigs(const ShareGroupOptions& options) : options_(options) {}
    /// Replaces what the group has of its own; what is none of a share group's is left out. Checked before.
    void set(const std::string& group, const TopicConfig& config);
    ShareGroupConfig of(const std::string& group) const;
    const ShareGroupOptions& options() const { return options_; }

private:
    const ShareGroupOptions options_;
    mutable std::mutex mutex_;
    std::map<std::string, TopicConfig, std::less<>> own_;
};

}  // namespace penstock::broker
