#include "broker/server/config_resources.h"

#include <algorithm>

#include "base/units.h"
#include "broker/server/broker_settings.h"
#include "broker/server/error_code.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using Described = DescribeConfigs::Response::Result::Config;
using Synonyms = std::vector<Described::Synonym>;

// Where a value is from.
constexpr std::int8_t of_topic = 1, of_broker = 2, of_all_brokers = 3, of_options = 4, of_standard = 5,
                      of_group = 8;

std::int8_t wire_type(SettingType type) {
    switch (type) {
        case SettingType::boolean:
            return 1;
        case SettingType::text:
            return 2;
        case SettingType::int32:
            return 3;
        case SettingType::int64:
            return 5;
        case SettingType::real:
            return 6;
        case SettingType::list:
            return 7;
    }
    return 0;
}

struct GroupSetting {
    std::string_view name, broker_name;
    std::int32_t ConsumerGroupOptions::* standard;
    std::int32_t ConsumerGroupOptions::* low;
    std::int32_t ConsumerGroupOptions::* high;
    std::optional<std::int32_t> GroupTiming::* own;
};

constexpr GroupSetting group_settings[] = {
    {"consumer.heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms",
     &ConsumerGroupOptions::heartbeat_interval_ms, &ConsumerGroupOptions::heartbeat_interval_ms_min,
     &ConsumerGroupOptions::heartbeat_interval_ms_max, &GroupTiming::heartbeat_interval_ms},
    {"consumer.session.timeout.ms", "group.consumer.session.timeout.ms",
     &ConsumerGroupOptions::session_timeout_ms, &ConsumerGroupOptions::session_timeout_ms_min,
     &ConsumerGroupOptions::session_timeout_ms_max, &GroupTiming::session_timeout_ms},
};

const GroupSetting* find_group_setting(std::string_view name) {
    auto found = std::ranges::find(group_settings, name, &GroupSetting::name);
    return found == std::end(group_settings) ? nullptr : &*found;
}

Result<> check_group_config(const KafkaServerOptions& server, const TopicConfig& config) {
    const auto& options = server.consumer_groups;
    for (const auto& [name, value] : config) {
        const auto* setting = find_group_setting(name);
        if (!setting) {
            auto checked = check_share_setting(server.share_groups, name, value);
            if (!checked) return fail(Errc::invalid, "{}", checked.error().text);
            continue;
        }
        auto number = parse_int(value);
        auto low = options.*setting->low, high = options.*setting->high;
        if (!number || *number < low || *number > high)
            return fail(Errc::invalid,
                        "Invalid value {} for configuration {}: expected a number from {} to {}", value, name,
                        low, high);
    }
    return {};
}

/// These have a meaning here, and it is that of the broker's start; or they would be secrets in a file.
bool is_fixed(std::string_view name) {
    for (auto prefix : {"ssl.", "sasl.jaas.", "listener", "advertised.listener"})
        if (name.starts_with(prefix)) return true;
    return is_fixed_broker_setting(name);
}

/// Defaults of topics are checked as topics' settings; what nobody knows is kept, as Kafka does.
Result<> check_broker_config(const TopicConfig& config) {
    for (const auto& [name, value] : config) {
        if (is_fixed(name)) return fail(Errc::invalid, "Cannot update these configs dynamically: [{}]", name);
        TRY(check_dynamic_broker_setting(name, value));
    }
    return {};
}

void apply_timing(ServerState& server, const std::string& group, const TopicConfig& config) {
    GroupTiming timing;
    for (const auto& setting : group_settings)
        if (auto own = config.find(std::string(setting.name)); own != config.end())
            if (auto number = parse_int(own->second)) timing.*setting.own = std::int32_t(*number);
    server.consumer_groups.set_timing(group, timing);
    server.share->configs.set(group, config);
}

/// Of the others Kafka's brokers have a standard by another name, in hours, or none.
bool has_standard(std::string_view broker_name) {
    constexpr std::string_view without[] = {"", "log.flush.interval.ms", "log.retention.ms",
                                            "log.roll.jitter.ms", "log.roll.ms"};
    return std::ranges::find(without, broker_name) == std::end(without);
}

void add_if_set(const TopicConfig& config, std::string_view name, std::int8_t source, Synonyms& to) {
    if (auto found = config.find(std::string(name)); found != config.end())
        to.push_back({found->first, found->second, source});
}

/// What is set for brokers while they run, the nearest first.
struct BrokerConfigs {
    explicit BrokerConfigs(const ServerState& server)
        : own(server.topics.configs().of(ConfigOwner::broker, std::to_string(server.node_id()))),
          of_all(server.topics.configs().of(ConfigOwner::broker, "")) {}
    void add(std::string_view name, Synonyms& to) const {
        add_if_set(own, name, of_broker, to);
        add_if_set(of_all, name, of_all_brokers, to);
    }
    TopicConfig own, of_all;
};

Described described(std::string_view name, SettingType type, std::string_view about, std::string standard,
                    Synonyms values) {
    Described config;
    config.name = name;
    config.value = values.empty() ? std::move(standard) : values[0].value;
    config.source = values.empty() ? of_standard : values[0].source;
    config.config_type = wire_type(type);
    config.documentation = std::string(about);
    config.synonyms = std::move(values);
    return config;
}

/// Kafka answers in the order of the hash map (Java's, of 64 buckets) that a topic's settings are kept in,
/// and suites of clients look at the first of them.
std::uint32_t place_in_kafkas_map(const Described& config) {
    std::uint32_t hash = 0;
    for (const char c : config.name) hash = hash * 31 + static_cast<unsigned char>(c);
    return (hash ^ hash >> 16) % 64;
}

std::vector<Described> describe_topic(const ServerState& server, const std::string& name) {
    std::vector<Described> out;
    auto topic = server.topics.find(std::string_view(name));
    if (!topic) return out;
    const BrokerConfigs brokers(server);
    const auto& given = server.topics.options().topic_defaults;
    for (const auto& setting : topic_settings()) {
        Synonyms values;
        add_if_set(topic->spec.config, setting.name, of_topic, values);
        brokers.add(setting.broker_name, values);
        if (auto found = given.find(std::string(setting.name)); found != given.end())
            values.push_back({std::string(setting.broker_name), found->second, of_options});
        if (has_standard(setting.broker_name))
            values.push_back({std::string(setting.broker_name), std::string(setting.standard), of_standard});
        out.push_back(described(setting.name, setting.type, setting.about, std::string(setting.standard),
                                std::move(values)));
    }
    std::ranges::sort(out, std::less(), place_in_kafkas_map);
    return out;
}

std::vector<Described> describe_broker(const Request& request, bool all_brokers) {
    const auto& server = request.server;
    std::vector<Described> out;
    BrokerConfigs brokers(server);
    if (all_brokers) brokers.own.clear();
    if (!all_brokers)
        for (auto& setting : broker_settings(server.options, server.topics.options(),
                                             fmt::format("{}:{}", request.host, request.port))) {
            Synonyms values;
            brokers.add(setting.name, values);
            if (setting.is_given) values.push_back({setting.name, setting.value, of_options});
            if (setting.standard && has_standard(setting.name))
                values.push_back({setting.name, *setting.standard, of_standard});
            if (values.empty()) values.push_back({setting.name, setting.value, of_standard});
            out.push_back(described(setting.name, setting.type, setting.about, "", std::move(values)));
            out.back().read_only = is_fixed(setting.name);
        }
    TopicConfig others = brokers.of_all;
    others.insert(brokers.own.begin(), brokers.own.end());
    for (const auto& [name, value] : others) {
        if (std::ranges::find(out, name, &Described::name) != out.end()) continue;
        Synonyms values;
        brokers.add(name, values);
        const auto* known = find_topic_setting_of_broker(name);
        out.push_back(described(name, known ? known->type : SettingType::text,
                                known ? known->about : "Kept, and without an effect.", "",
                                std::move(values)));
    }
    return out;
}

std::vector<Described> describe_group(const ServerState& server, const std::string& name) {
    std::vector<Described> out;
    auto own = server.topics.configs().of(ConfigOwner::group, name);
    const auto& options = server.options.consumer_groups;
    const ConsumerGroupOptions standard;
    for (const auto& setting : group_settings) {
        Synonyms values;
        add_if_set(own, setting.name, of_group, values);
        auto now = options.*setting.standard;
        bool is_given =
            server.options.given.contains(setting.broker_name) || now != standard.*setting.standard;
        values.push_back(
            {std::string(setting.broker_name), std::to_string(now), is_given ? of_options : of_standard});
        out.push_back(described(setting.name, SettingType::int32,
                                "Of the members of a group that the broker assigns to.", "",
                                std::move(values)));
    }
    const ShareGroupOptions standard_share;
    for (const auto& setting : share_settings()) {
        Synonyms values;
        add_if_set(own, setting.name, of_group, values);
        auto type = SettingType::text;
        std::string now(setting.standard);
        bool is_given = false;
        if (setting.number) {
            type = SettingType::int32;
            auto number = (server.options.share_groups.*setting.number).standard;
            is_given = server.options.given.contains(setting.broker_name) ||
                       number != (standard_share.*setting.number).standard;
            now = std::to_string(number);
        } else if (now == "true") {
            type = SettingType::boolean;
        }
        values.push_back({std::string(setting.broker_name), now, is_given ? of_options : of_standard});
        out.push_back(described(setting.name, type, setting.about, "", std::move(values)));
    }
    return out;
}

ConfigRefusal check_broker_name(const ServerState& server, std::string_view name) {
    auto node = server.node_id();
    if (name.empty() || name == std::to_string(node)) return {};
    return {ErrorCode::invalid_request,
            fmt::format("Unexpected broker id, expected {} or empty string, but received {}", node, name)};
}

}  // namespace

void ServerState::apply_group_configs() {
    for (const auto& name : topics.configs().names(ConfigOwner::group))
        apply_timing(*this, name, topics.configs().of(ConfigOwner::group, name));
}

ConfigRefusal check_resource(const Request& request, const ConfigResource& resource, Operation operation) {
    const auto& name = resource.name;
    switch (resource.kind) {
        case ConfigKind::topic:
            if (!request.may_with_topic(operation, name)) return {ErrorCode::topic_authorization_failed, ""};
            if (request.server.topics.find(std::string_view(name))) return {};
            return {check_topic_name(name) ? ErrorCode::unknown_topic_or_partition
                                           : ErrorCode::invalid_topic_exception,
                    "topic " + name + " does not exist"};
        case ConfigKind::broker:
            if (!request.may_with_cluster(operation)) return {ErrorCode::cluster_authorization_failed, ""};
            return check_broker_name(request.server, name);
        case ConfigKind::group:
            if (!request.may_with_group(operation, name)) return {ErrorCode::group_authorization_failed, ""};
            if (!name.empty()) return {};
            return {ErrorCode::invalid_request, "Default group resources are not allowed."};
        case ConfigKind::broker_logger:
            if (!request.may_with_cluster(operation)) return {ErrorCode::cluster_authorization_failed, ""};
            if (name.empty()) return {ErrorCode::invalid_request, "Broker id must not be empty"};
            return check_broker_name(request.server, name);
        case ConfigKind::client_metrics:
            if (!request.may_with_cluster(operation)) return {ErrorCode::cluster_authorization_failed, ""};
            if (!name.empty()) return {};
            return {ErrorCode::invalid_request, "Subscription name can't be empty"};
    }
    return {
        ErrorCode::invalid_request,
        fmt::format(
            "resources of type {} have no settings here; topics (2), brokers (4), their loggers (8), client "
            "metrics (16) and groups (32) have",
            int(resource.kind))};
}

TopicConfig config_of(const ServerState& server, const ConfigResource& resource) {
    if (resource.kind == ConfigKind::broker)
        return server.topics.configs().of(ConfigOwner::broker, resource.name);
    if (resource.kind == ConfigKind::group)
        return server.topics.configs().of(ConfigOwner::group, resource.name);
    if (resource.kind == ConfigKind::client_metrics)
        return server.topics.configs().of(ConfigOwner::client_metrics, resource.name);
    if (resource.kind == ConfigKind::broker_logger) return log_level_config();
    auto topic = server.topics.find(std::string_view(resource.name));
    return topic ? topic->spec.config : TopicConfig();
}

Result<std::string> standard_list(const ConfigResource& resource, std::string_view name) {
    const TopicSetting* setting = nullptr;
    if (resource.kind == ConfigKind::topic) setting = find_topic_setting(name);
    if (resource.kind == ConfigKind::broker) setting = find_topic_setting_of_broker(name);
    if (resource.kind == ConfigKind::client_metrics && (name == "match" || name == "metrics")) return "";
    if (!setting || setting->type != SettingType::list)
        return fail(Errc::invalid, "Can't APPEND to key {} because its type is not LIST.", name);
    return std::string(setting->standard);
}

Result<> check_config(const ServerState& server, const ConfigResource& resource, const TopicConfig& config) {
    if (resource.kind == ConfigKind::broker) return check_broker_config(config);
    if (resource.kind == ConfigKind::group) return check_group_config(server.options, config);
    if (resource.kind == ConfigKind::client_metrics) return check_client_metrics(config);
    if (resource.kind == ConfigKind::broker_logger) return set_log_level(config, true);
    return check_topic_config(config);
}

Result<> set_config(ServerState& server, const ConfigResource& resource, TopicConfig config) {
    if (resource.kind == ConfigKind::broker)
        return server.topics.set_config(ConfigOwner::broker, resource.name, std::move(config));
    if (resource.kind == ConfigKind::topic) return server.topics.replace_config(resource.name, config);
    if (resource.kind == ConfigKind::broker_logger) return set_log_level(config, false);
    if (resource.kind == ConfigKind::client_metrics)
        return server.topics.set_config(ConfigOwner::client_metrics, resource.name, std::move(config));
    TRY(server.topics.set_config(ConfigOwner::group, resource.name, config));
    apply_timing(server, resource.name, config);
    return {};
}

wire::kafka::ErrorCode error_of(const ConfigResource& resource, const Error& error) {
    const bool is_request = error.code == Errc::not_found || error.code == Errc::out_of_range;
    if (is_request &&
        (resource.kind == ConfigKind::client_metrics || resource.kind == ConfigKind::broker_logger))
        return ErrorCode::invalid_request;
    return error_code(error, resource.kind == ConfigKind::broker ? Doing::other : Doing::change_topic);
}

std::vector<Described> describe_config(const Request& request, const ConfigResource& resource) {
    switch (resource.kind) {
        case ConfigKind::topic:
            return describe_topic(request.server, resource.name);
        case ConfigKind::broker:
            return describe_broker(request, resource.name.empty());
        case ConfigKind::group:
            return describe_group(request.server, resource.name);
        case ConfigKind::client_metrics:
            return describe_client_metrics(config_of(request.server, resource));
        case ConfigKind::broker_logger: {
            constexpr std::int8_t of_logger = 6;
            std::vector<Described> out;
            for (const auto& [name, value] : config_of(request.server, resource)) {
                out.push_back(described(name, SettingType::text, "", value, {}));
                out.back().source = of_logger;
            }
            return out;
        }
    }
    return {};
}

}  // namespace penstock::broker
