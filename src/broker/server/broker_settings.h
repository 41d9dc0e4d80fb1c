// What a broker can be told by the names of Kafka's server.properties, and what DescribeConfigs says of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/server/kafka_server.h"

namespace penstock::broker {

/// assignment: "num.partitions=4", as a line of Kafka's server.properties. Those of topics are given by
/// Kafka's names for their defaults: "log.retention.ms=60000". Errc::invalid, naming the setting and what was
/// expected.
Result<> set_broker_setting(std::string_view assignment, KafkaServerOptions& server,
                            LocalTopicsOptions& topics);

/// Whether the setting is that of the broker's start, from then to its end. What nobody knows is not.
bool is_fixed_broker_setting(std::string_view name);
/// A value for a setting that can be changed while the broker runs; of what nobody knows, any is right.
/// Errc::invalid, naming the setting and what was expected.
Result<> check_dynamic_broker_setting(std::string_view name, const std::string& value);

struct BrokerSettingValue {
    std::string name, value;
    SettingType type;
    bool is_given;  ///< by whoever has started the broker; false: as it is when nobody says anything
    std::string_view about;
    std::optional<std::string> standard = {};  ///< as it would be; none: it has to be given
};

/// In the order of their names. address: host:port by which the client knows the broker.
std::vector<BrokerSettingValue> broker_settings(const KafkaServerOptions& server,
                                                const LocalTopicsOptions& topics, std::string_view address);

}  // namespace penstock::broker
