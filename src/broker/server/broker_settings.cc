#include "broker/server/broker_settings.h"

#include <algorithm>
#include <climits>
#include <variant>

#include "base/units.h"

namespace penstock::broker {
namespace {

struct Options {
    KafkaServerOptions& server;
    LocalTopicsOptions& topics;
};

using Flag = bool& (*)(Options);
using Int32 = std::int32_t& (*)(Options);
using Int64 = std::int64_t& (*)(Options);

struct BrokerSetting {
    std::string_view name;
    std::variant<Flag, Int32, Int64> place;
    std::int64_t low = 0, high = INT_MAX;
    std::string_view about;
    bool is_dynamic = false;  ///< may be changed while the broker runs
};

const BrokerSetting settings[] = {
    {.name = "allow.everyone.if.no.acl.found",
     .place = Flag([](Options all) -> bool& { return all.server.security.allows_without_acl; }),
     .about = "Permissions hold, and everybody may use what no permission speaks of."},
    {.name = "auto.create.topics.enable",
     .place = Flag([](Options all) -> bool& { return all.server.auto_create_topics; }),
     .about = "Whether asking for a topic that is not there makes it."},
    {.name = "connections.max.idle.ms",
     .place = Int64([](Options all) -> std::int64_t& { return all.server.idle_timeout_ms; }),
     .low = 1,
     .high = INT64_MAX,
     .about = "Connections on which nothing has been asked for as long are closed."},
    {.name = "fetch.max.bytes",
     .place = Int64([](Options all) -> std::int64_t& { return all.server.max_fetch_bytes; }),
     .low = 1024,
     .about = "The most that one answer to a fetch carries."},
    {.name = "group.consumer.heartbeat.interval.ms",
     .place =
         Int32([](Options all) -> std::int32_t& { return all.server.consumer_groups.heartbeat_interval_ms; }),
     .low = 1,
     .about = "How often members of the consumer protocol are told to send a heartbeat."},
    {.name = "group.consumer.max.heartbeat.interval.ms",
     .place = Int32(
         [](Options all) -> std::int32_t& { return all.server.consumer_groups.heartbeat_interval_ms_max; }),
     .low = 1,
     .about = "The longest consumer.heartbeat.interval.ms of a group."},
    {.name = "group.consumer.max.session.timeout.ms",
     .place = Int32(
         [](Options all) -> std::int32_t& { return all.server.consumer_groups.session_timeout_ms_max; }),
     .low = 1,
     .about = "The longest consumer.session.timeout.ms of a group."},
    {.name = "group.consumer.min.heartbeat.interval.ms",
     .place = Int32(
         [](Options all) -> std::int32_t& { return all.server.consumer_groups.heartbeat_interval_ms_min; }),
     .low = 1,
     .about = "The shortest consumer.heartbeat.interval.ms of a group."},
    {.name = "group.consumer.min.session.timeout.ms",
     .place = Int32(
         [](Options all) -> std::int32_t& { return all.server.consumer_groups.session_timeout_ms_min; }),
     .low = 1,
     .about = "The shortest consumer.session.timeout.ms of a group."},
    {.name = "group.consumer.session.timeout.ms",
     .place =
         Int32([](Options all) -> std::int32_t& { return all.server.consumer_groups.session_timeout_ms; }),
     .low = 1,
     .about = "Members of the consumer protocol that are silent for as long are taken out."},
    {.name = "group.initial.rebalance.delay.ms",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.groups.initial_delay_ms; }),
     .about = "How long a new group waits for more members."},
    {.name = "group.max.session.timeout.ms",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.groups.session_timeout_ms_max; }),
     .low = 1,
     .about = "The longest session that a member of a classic group may ask for."},
    {.name = "group.min.session.timeout.ms",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.groups.session_timeout_ms_min; }),
     .low = 1,
     .about = "The shortest session that a member of a classic group may ask for."},
    {.name = "group.share.delivery.count.limit",
     .place =
         Int32([](Options all) -> std::int32_t& { return all.server.share_groups.delivery_count.standard; }),
     .low = 1,
     .about = "How often a record is given out before it is given up."},
    {.name = "group.share.heartbeat.interval.ms",
     .place = Int32(
         [](Options all) -> std::int32_t& { return all.server.share_groups.heartbeat_interval_ms.standard; }),
     .low = 1,
     .about = "How often members of a share group are told to send a heartbeat."},
    {.name = "group.share.max.delivery.count.limit",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.delivery_count.high; }),
     .low = 1,
     .about = "The most that a group may have as share.delivery.count.limit."},
    {.name = "group.share.max.heartbeat.interval.ms",
     .place = Int32(
         [](Options all) -> std::int32_t& { return all.server.share_groups.heartbeat_interval_ms.high; }),
     .low = 1,
     .about = "The most that a group may have as share.heartbeat.interval.ms."},
    {.name = "group.share.max.partition.max.record.locks",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.record_locks.high; }),
     .low = 1,
     .about = "The most that a group may have as share.partition.max.record.locks."},
    {.name = "group.share.max.record.lock.duration.ms",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.lock_ms.high; }),
     .low = 1,
     .about = "The most that a group may have as share.record.lock.duration.ms."},
    {.name = "group.share.max.session.timeout.ms",
     .place =
         Int32([](Options all) -> std::int32_t& { return all.server.share_groups.session_timeout_ms.high; }),
     .low = 1,
     .about = "The most that a group may have as share.session.timeout.ms."},
    {.name = "group.share.max.share.sessions",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.max_sessions; }),
     .low = 1,
     .about = "Share sessions beyond as many are refused."},
    {.name = "group.share.max.size",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.max_members; }),
     .low = 1,
     .about = "Members of one share group."},
    {.name = "group.share.min.delivery.count.limit",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.delivery_count.low; }),
     .low = 1,
     .about = "The least that a group may have as share.delivery.count.limit."},
    {.name = "group.share.min.heartbeat.interval.ms",
     .place = Int32(
         [](Options all) -> std::int32_t& { return all.server.share_groups.heartbeat_interval_ms.low; }),
     .low = 1,
     .about = "The least that a group may have as share.heartbeat.interval.ms."},
    {.name = "group.share.min.partition.max.record.locks",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.record_locks.low; }),
     .low = 1,
     .about = "The least that a group may have as share.partition.max.record.locks."},
    {.name = "group.share.min.record.lock.duration.ms",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.lock_ms.low; }),
     .low = 1,
     .about = "The least that a group may have as share.record.lock.duration.ms."},
    {.name = "group.share.min.session.timeout.ms",
     .place =
         Int32([](Options all) -> std::int32_t& { return all.server.share_groups.session_timeout_ms.low; }),
     .low = 1,
     .about = "The least that a group may have as share.session.timeout.ms."},
    {.name = "group.share.partition.max.record.locks",
     .place =
         Int32([](Options all) -> std::int32_t& { return all.server.share_groups.record_locks.standard; }),
     .low = 1,
     .about = "How many records of a partition may be given out at any time."},
    {.name = "group.share.record.lock.duration.ms",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.share_groups.lock_ms.standard; }),
     .low = 1,
     .about = "How long a member may have a record before others get it."},
    {.name = "group.share.session.timeout.ms",
     .place = Int32(
         [](Options all) -> std::int32_t& { return all.server.share_groups.session_timeout_ms.standard; }),
     .low = 1,
     .about = "Members of a share group that are silent for as long are taken out."},
    {.name = "log.cleaner.backoff.ms",
     .place = Int64([](Options all) -> std::int64_t& { return all.topics.compact_interval_ms; }),
     .high = INT64_MAX,
     .about = "Between two looks at what can be compacted.",
     .is_dynamic = true},
    {.name = "max.connections",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.listen.max_connections; }),
     .low = 1,
     .about = "Connections beyond as many are closed at once."},
    {.name = "node.id",
     .place = Int32([](Options all) -> std::int32_t& { return all.topics.node_id; }),
     .about = "By which clients know this broker."},
    {.name = "num.partitions",
     .place = Int32([](Options all) -> std::int32_t& { return all.server.default_partitions; }),
     .low = 1,
     .high = 10'000,
     .about = "Of topics that are made without saying how many."},
    {.name = "socket.request.max.bytes",
     .place = Int64([](Options all) -> std::int64_t& { return all.server.max_request_bytes; }),
     .low = 1,
     .about = "A larger request ends its connection."},
    {.name = "transaction.max.timeout.ms",
     .place = Int32([](Options all) -> std::int32_t& { return all.topics.transactions.max_timeout_ms; }),
     .low = 1,
     .about = "The longest transaction that a producer may ask for."},
    {.name = "transactional.id.expiration.ms",
     .place = Int64([](Options all) -> std::int64_t& { return all.topics.transactions.id_expiration_ms; }),
     .low = 1,
     .about = "Transactional ids that are unused for as long are forgotten."},
};

std::string value_of(const BrokerSetting& setting, Options all) {
    if (const auto* flag = std::get_if<Flag>(&setting.place)) return (*flag)(all) ? "true" : "false";
    if (const auto* number = std::get_if<Int32>(&setting.place)) return std::to_string((*number)(all));
    return std::to_string(std::get<Int64>(setting.place)(all));
}

SettingType type_of(const BrokerSetting& setting) {
    if (std::holds_alternative<Flag>(setting.place)) return SettingType::boolean;
    return setting.high > INT_MAX ? SettingType::int64 : SettingType::int32;
}

/// What this broker is, whatever it is told.
constexpr std::string_view given_names[] = {"advertised.listeners",
                                            "broker.id",
                                            "default.replication.factor",
                                            "group.share.assignors",
                                            "listeners",
                                            "log.dirs",
                                            "node.id",
                                            "offsets.topic.num.partitions",
                                            "offsets.topic.replication.factor",
                                            "transaction.state.log.num.partitions",
                                            "transaction.state.log.replication.factor"};

const BrokerSetting* find_setting(std::string_view name) {
    auto found = std::ranges::find(settings, name, &BrokerSetting::name);
    return found == std::end(settings) ? nullptr : &*found;
}

Result<> set(const BrokerSetting& setting, std::string_view value, Options all) {
    if (const auto* flag = std::get_if<Flag>(&setting.place)) {
        if (value != "true" && value != "false")
            return fail(Errc::invalid, "Invalid value {} for configuration {}: expected true or false", value,
                        setting.name);
        (*flag)(all) = value == "true";
        return {};
    }
    auto number = parse_int(value);
    if (!number || *number < setting.low || *number > setting.high)
        return fail(Errc::invalid, "Invalid value {} for configuration {}: expected a number from {} to {}",
                    value, setting.name, setting.low, setting.high);
    if (const auto* place = std::get_if<Int32>(&setting.place))
        (*place)(all) = std::int32_t(*number);
    else
        std::get<Int64>(setting.place)(all) = *number;
    return {};
}

std::string known_names() {
    std::string names;
    for (const auto& setting : settings)
        names += fmt::format("{}{}", names.empty() ? "" : ", ", setting.name);
    return names;
}

}  // namespace

Result<> set_broker_setting(std::string_view assignment, KafkaServerOptions& server,
                            LocalTopicsOptions& topics) {
    auto equals = assignment.find('=');
    if (equals == std::string_view::npos)
        return fail(Errc::invalid, "'{}': expected a setting of Kafka's brokers as name=value", assignment);
    auto name = assignment.substr(0, equals), value = assignment.substr(equals + 1);
    if (const auto* topic_setting = find_topic_setting_of_broker(name)) {
        TopicConfig one{{std::string(topic_setting->name), std::string(value)}};
        TRY(check_topic_config(one));
        topics.topic_defaults[std::string(topic_setting->name)] = value;
        return {};
    }
    if (name == "broker.id") name = "node.id";  // as Kafka calls it with ZooKeeper
    const auto* found = find_setting(name);
    if (!found)
        return fail(Errc::invalid,
                    "{} is not a setting that can be given here; expected {}, or the default of a topic's "
                    "setting, such as log.retention.ms",
                    name, known_names());
    TRY(set(*found, value, {server, topics}));
    server.given.emplace(name);
    return {};
}

bool is_fixed_broker_setting(std::string_view name) {
    if (std::ranges::find(given_names, name) != std::end(given_names)) return true;
    const auto* found = find_setting(name);
    return found && !found->is_dynamic;
}

Result<> check_dynamic_broker_setting(std::string_view name, const std::string& value) {
    if (const auto* of_topics = find_topic_setting_of_broker(name))
        return check_topic_config({{std::string(of_topics->name), value}});
    KafkaServerOptions server;
    LocalTopicsOptions topics;
    if (const auto* found = find_setting(name)) return set(*found, value, {server, topics});
    return {};
}

std::vector<BrokerSettingValue> broker_settings(const KafkaServerOptions& server,
                                                const LocalTopicsOptions& topics, std::string_view address) {
    std::vector<BrokerSettingValue> all;
    auto listener =
        fmt::format("{}://{}", server.security.requires_login() ? "SASL_PLAINTEXT" : "PLAINTEXT", address);
    auto at_start = [&](std::string_view name) -> BrokerSettingValue {
        BrokerSettingValue value{std::string(name), "1", SettingType::int32, false,
                                 "As the broker has been started."};
        if (name.ends_with("listeners")) value = {value.name, listener, SettingType::list, true, value.about};
        if (name == "log.dirs")
            value = {value.name, topics.data_directory, SettingType::list, true, value.about};
        if (name == "group.share.assignors")
            value = {value.name, "simple", SettingType::list, false, value.about};
        if (name == "broker.id" || name == "node.id")
            value = {value.name, std::to_string(topics.node_id), SettingType::int32, true, value.about};
        return value;
    };
    for (auto name : given_names) all.push_back(at_start(name));

    KafkaServerOptions standard_server, given_server = server;
    LocalTopicsOptions standard_topics, given_topics = topics;
    for (const auto& setting : settings) {
        if (setting.name == "node.id") continue;  // is always given
        auto value = value_of(setting, {given_server, given_topics});
        auto standard = value_of(setting, {standard_server, standard_topics});
        bool is_given = server.given.contains(setting.name) || value != standard;
        all.push_back({std::string(setting.name), std::move(value), type_of(setting), is_given, setting.about,
                       std::move(standard)});
    }
    for (const auto& setting : topic_settings()) {
        if (setting.broker_name.empty()) continue;
        auto given = topics.topic_defaults.find(std::string(setting.name));
        bool is_given = given != topics.topic_defaults.end();
        auto value = is_given ? given->second : std::string(setting.standard);
        all.push_back({std::string(setting.broker_name), std::move(value), setting.type, is_given,
                       setting.about, std::string(setting.standard)});
    }
    std::ranges::sort(all, {}, &BrokerSettingValue::name);
    return all;
}

}  // namespace penstock::broker
