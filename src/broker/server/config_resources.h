// What has settings that clients read and change: topics, brokers and their log, groups, and what metrics
// clients shall send. DescribeConfigs, AlterConfigs
// and IncrementalAlterConfigs are made of these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/server/handlers.h"

namespace penstock::broker {

/// Kafka's numbers of the types.
enum class ConfigKind : std::int8_t {
    topic = 2,
    broker = 4,
    broker_logger = 8,
    client_metrics = 16,
    group = 32
};

struct ConfigResource {
    ConfigKind kind;
    std::string name;
};

struct ConfigRefusal {
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string text;
};

/// Whether the client may do that with the resource, and there is such a one; error none: yes.
ConfigRefusal check_resource(const Request& request, const ConfigResource& resource, Operation operation);

/// What a client has set of it.
TopicConfig config_of(const ServerState& server, const ConfigResource& resource);
/// What can be added to and taken from when it is not set; Errc::invalid when it is no list, or not known.
Result<std::string> standard_list(const ConfigResource& resource, std::string_view setting);
/// Errc::invalid, naming the setting and what was expected.
Result<> check_config(const ServerState& server, const ConfigResource& resource, const TopicConfig& config);
/// Replaces all that is set of it by a config that is checked. Kept on disk when this returns.
Result<> set_config(ServerState& server, const ConfigResource& resource, TopicConfig config);
/// The code of an error of the functions above.
wire::kafka::ErrorCode error_of(const ConfigResource& resource, const Error& error);

/// Of client metrics: a name without a match, an expression in RE2's syntax, or the like: Errc::invalid. Any
/// other fault: Errc::not_found or out_of_range.
Result<> check_client_metrics(const TopicConfig& config);
std::vector<DescribeConfigs::Response::Result::Config> describe_client_metrics(const TopicConfig& config);
/// The one logger is "root".
TopicConfig log_level_config();
Result<> set_log_level(const TopicConfig& config, bool only_check);

std::vector<DescribeConfigs::Response::Result::Config> describe_config(const Request& request,
                                                                       const ConfigResource& resource);

}  // namespace penstock::broker
