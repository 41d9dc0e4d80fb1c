// DescribeConfigs and IncrementalAlterConfigs.
#include "broker/server/broker_settings.h"
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using Described = DescribeConfigs::Response::Result;

constexpr std::int8_t topic_resource = 2, broker_resource = 4;
constexpr std::int8_t from_topic = 1, from_server = 4, from_standard = 5;  // sources

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

bool is_wanted(const DescribeConfigs::Message::Resource& resource, std::string_view name) {
    return !resource.keys || std::ranges::find(*resource.keys, name) != resource.keys->end();
}

/// Of the others Kafka's brokers have a standard by another name, in hours, or none.
bool has_standard(std::string_view broker_name) {
    constexpr std::string_view without[] = {"", "log.flush.interval.ms", "log.retention.ms",
                                            "log.roll.jitter.ms", "log.roll.ms"};
    return std::ranges::find(without, broker_name) == std::end(without);
}

void describe_topic(const DescribeConfigs::Message& message,
                    const DescribeConfigs::Message::Resource& resource, const LocalTopics& topics,
                    Described& out) {
    auto topic = topics.find(std::string_view(resource.name));
    if (!topic) {
        bool legal = bool(check_topic_name(resource.name));
        out.error = legal ? ErrorCode::unknown_topic_or_partition : ErrorCode::invalid_topic_exception;
        out.error_message = "topic " + resource.name + " does not exist";
        return;
    }
    const auto& defaults = topics.options().topic_defaults;
    for (const auto& setting : topic_settings()) {
        if (!is_wanted(resource, setting.name)) continue;
        auto name = std::string(setting.name);
        auto broker_name = std::string(setting.broker_name);
        Described::Config config;
        config.name = name;
        std::vector<Described::Config::Synonym> values;
        if (auto own = topic->spec.config.find(name); own != topic->spec.config.end())
            values.push_back({name, own->second, from_topic});
        if (auto given = defaults.find(name); given != defaults.end())
            values.push_back({broker_name, given->second, from_server});
        if (has_standard(setting.broker_name))
            values.push_back({broker_name, std::string(setting.standard), from_standard});
        config.value = values.empty() ? std::string(setting.standard) : values[0].value;
        config.source = values.empty() ? from_standard : values[0].source;
        config.config_type = wire_type(setting.type);
        if (message.include_documentation) config.documentation = std::string(setting.about);
        if (message.include_synonyms) config.synonyms = std::move(values);
        out.configs.push_back(std::move(config));
    }
}

void describe_broker(const Request& request, const DescribeConfigs::Message& message,
                     const DescribeConfigs::Message::Resource& resource, Described& out) {
    const auto& server = request.server;
    const auto& options = server.options;
    if (!resource.name.empty() && resource.name != std::to_string(options.node_id)) {
        out.error = ErrorCode::invalid_request;
        out.error_message = fmt::format("the only broker is {}", options.node_id);
        return;
    }
    for (auto& setting : broker_settings(options, server.topics.options(),
                                         fmt::format("{}:{}", request.host, request.port))) {
        if (!is_wanted(resource, setting.name)) continue;
        Described::Config config;
        config.value = std::move(setting.value);
        config.read_only = true;
        config.source = setting.is_given ? from_server : from_standard;
        config.config_type = wire_type(setting.type);
        if (message.include_documentation) config.documentation = std::string(setting.about);
        if (message.include_synonyms) config.synonyms.push_back({setting.name, config.value, config.source});
        config.name = std::move(setting.name);
        out.configs.push_back(std::move(config));
    }
}

/// One operation of IncrementalAlterConfigs (KIP-339).
Result<> apply(const IncrementalAlterConfigs::Message::Resource::Config& change, TopicConfig& to) {
    enum Operation { set = 0, unset = 1, add_to_list = 2, take_from_list = 3 };
    const auto* setting = find_topic_setting(change.name);
    if (!setting) return fail(Errc::invalid, "Unknown topic config name: {}", change.name);
    if (change.operation == unset) {
        to.erase(change.name);
        return {};
    }
    if (!change.value) return fail(Errc::invalid, "Null value not supported for {}", change.name);
    if (change.operation == set) {
        to[change.name] = *change.value;
        return {};
    }
    if (change.operation != add_to_list && change.operation != take_from_list)
        return fail(Errc::invalid, "Unknown operation {} on {}", change.operation, change.name);
    if (setting->type != SettingType::list) return fail(Errc::invalid, "{} is not a list", change.name);
    auto now = to.contains(change.name) ? to[change.name] : std::string(setting->standard);
    std::vector<std::string> entries;
    for (std::size_t at = 0; at < now.size();) {
        auto comma = std::min(now.find(',', at), now.size());
        entries.push_back(now.substr(at, comma - at));
        at = comma + 1;
    }
    std::erase(entries, *change.value);
    if (change.operation == add_to_list) entries.push_back(*change.value);
    to[change.name] = fmt::format("{}", fmt::join(entries, ","));
    return {};
}

ErrorCode check_change(const Request& request, std::int8_t type, std::string_view name) {
    if (type == topic_resource)
        return request.may_with_topic(Operation::alter_configs, name) ? ErrorCode::none
                                                                      : ErrorCode::topic_authorization_failed;
    return request.may_with_cluster(Operation::alter_configs) ? ErrorCode::none
                                                              : ErrorCode::cluster_authorization_failed;
}

/// Sets what is named and takes back what is not.
AlterConfigs::Response replace_all(const Request& request, const AlterConfigs::Message& message) {
    auto& server = request.server;
    AlterConfigs::Response response;
    for (const auto& resource : message.resources) {
        auto& answer = response.results.emplace_back();
        answer.type = resource.type;
        answer.name = resource.name;
        if (auto refused = check_change(request, resource.type, resource.name); refused != ErrorCode::none) {
            answer.error = refused;
            continue;
        }
        Result<> done;
        TopicConfig config;
        if (resource.type != topic_resource)
            done = fail(Errc::invalid, "only settings of topics can be changed by clients");
        else if (!server.topics.find(std::string_view(resource.name)))
            done = fail(Errc::not_found, "topic {} does not exist", resource.name);
        for (const auto& each : resource.configs) {
            if (done && !each.value) done = fail(Errc::invalid, "Null value not supported for {}", each.name);
            config[each.name] = each.value.value_or("");
        }
        if (done) done = check_topic_config(config);
        if (done && !message.validate_only) done = server.topics.replace_config(resource.name, config);
        if (done) continue;
        answer.error =
            error_code(done.error(), resource.type == topic_resource ? Doing::change_topic : Doing::other);
        answer.error_message = done.error().text;
    }
    return response;
}

IncrementalAlterConfigs::Response alter_all(const Request& request,
                                            const IncrementalAlterConfigs::Message& message) {
    auto& server = request.server;
    IncrementalAlterConfigs::Response response;
    for (const auto& resource : message.resources) {
        auto& answer = response.results.emplace_back();
        answer.type = resource.type;
        answer.name = resource.name;
        if (auto refused = check_change(request, resource.type, resource.name); refused != ErrorCode::none) {
            answer.error = refused;
            continue;
        }
        auto topic = server.topics.find(std::string_view(resource.name));
        Result<> done;
        if (resource.type != topic_resource)
            done = fail(Errc::invalid, "only settings of topics can be changed by clients");
        else if (!topic)
            done = fail(Errc::not_found, "topic {} does not exist", resource.name);
        TopicConfig config = topic ? topic->spec.config : TopicConfig{};
        for (const auto& change : resource.configs)
            if (done) done = apply(change, config);
        if (done) done = check_topic_config(config);
        if (done && !message.validate_only) done = server.topics.replace_config(resource.name, config);
        if (done) continue;
        answer.error =
            error_code(done.error(), resource.type == topic_resource ? Doing::change_topic : Doing::other);
        answer.error_message = done.error().text;
    }
    return response;
}

}  // namespace

DescribeConfigs::Response DescribeConfigs::handle(RequestPointer request, Message message) {
    Response response;
    for (const auto& resource : message.resources) {
        auto& out = response.results.emplace_back();
        out.type = resource.type;
        out.name = resource.name;
        if (resource.type == topic_resource &&
            !request->may_with_topic(Operation::describe_configs, resource.name)) {
            out.error = ErrorCode::topic_authorization_failed;
        } else if (resource.type == broker_resource &&
                   !request->may_with_cluster(Operation::describe_configs)) {
            out.error = ErrorCode::cluster_authorization_failed;
        } else if (resource.type == topic_resource) {
            describe_topic(message, resource, request->server.topics, out);
        } else if (resource.type == broker_resource) {
            describe_broker(*request, message, resource, out);
        } else {
            out.error = ErrorCode::invalid_request;
            out.error_message = fmt::format(
                "resources of type {} have no settings here; topics (2) "
                "and brokers (4) have",
                resource.type);
        }
    }
    return response;
}

net::Task<IncrementalAlterConfigs::Response> IncrementalAlterConfigs::handle(RequestPointer request,
                                                                             Message message) {
    std::function<Response()> work = [request, message = std::move(message)] {
        return alter_all(*request, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

net::Task<AlterConfigs::Response> AlterConfigs::handle(RequestPointer request, Message message) {
    std::function<Response()> work = [request, message = std::move(message)] {
        return replace_all(*request, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

ListConfigResources::Response ListConfigResources::handle(RequestPointer request, Message message) {
    Response response;
    if (!request->may_with_cluster(Operation::describe_configs)) {
        response.error = ErrorCode::cluster_authorization_failed;
        return response;
    }
    // Version 0 asks for client metrics alone, of which there are none.
    auto is_wanted_type = [&](std::int8_t type) {
        return request->version > 0 &&
               (message.resource_types.empty() ||
                std::ranges::find(message.resource_types, type) != message.resource_types.end());
    };
    if (is_wanted_type(topic_resource))
        for (const auto& topic : request->server.topics.all())
            response.resources.push_back({topic->spec.name, topic_resource});
    if (is_wanted_type(broker_resource))
        response.resources.push_back({std::to_string(request->server.options.node_id), broker_resource});
    return response;
}

}  // namespace penstock::broker
