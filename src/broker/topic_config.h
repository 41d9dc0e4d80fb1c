// Names and settings of topics, as Kafka checks them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "broker/log/log.h"

namespace penstock::broker {

using TopicConfig = std::map<std::string, std::string>;

enum class SettingType { boolean, text, int32, int64, list, real };

struct TopicSetting {
    std::string_view name;
    std::string_view broker_name;  ///< of its default among a broker's settings; empty: it has none
    SettingType type;
    std::string_view standard;  ///< the value when nobody sets it
    std::string_view allowed;   ///< alternatives with | between them; empty: any of the type
    std::string_view about;
};

/// Kafka's topic settings. Those without a meaning on one node are accepted, kept and have no effect.
std::span<const TopicSetting> topic_settings();
const TopicSetting* find_topic_setting(std::string_view name);
const TopicSetting* find_topic_setting_of_broker(std::string_view broker_name);

/// Errc::invalid, naming the setting and what was expected.
Result<> check_topic_config(const TopicConfig& config);
/// Of a checked configuration; what it does not say is taken from defaults, then from topic_settings().
LogOptions log_options(const TopicConfig& config, const TopicConfig& defaults);

/// 1 to 249 letters, digits, '.', '_' and '-', and neither "." nor "..": Errc::invalid.
Result<> check_topic_name(std::string_view name);
/// Whether Kafka takes two names for one in its metric names ('.' and '_' are the same there).
bool topic_names_collide(std::string_view one, std::string_view other);

}  // namespace penstock::broker
