// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs and ListConfigResources.
#include "broker/server/config_resources.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

/// One operation of IncrementalAlterConfigs (KIP-339).
Result<> apply(const ConfigResource& resource,
               const IncrementalAlterConfigs::Message::Resource::Config& change, TopicConfig& to) {
    enum Operation { set = 0, unset = 1, add_to_list = 2, take_from_list = 3 };
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
    auto standard = TRY(standard_list(resource, change.name));
    auto now = to.contains(change.name) ? to[change.name] : standard;
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

/// change: makes the new config from what is set.
template <class Answer, class Change>
void alter(const Request& request, const ConfigResource& resource, bool validate_only, Answer& answer,
           Change change) {
    auto& server = request.server;
    answer.type = std::int8_t(resource.kind);
    answer.name = resource.name;
    auto refused = check_resource(request, resource, Operation::alter_configs);
    if (refused.error != ErrorCode::none) {
        answer.error = refused.error;
        if (!refused.text.empty()) answer.error_message = std::move(refused.text);
        return;
    }
    std::lock_guard one_change(server.config_changes);
    auto config = config_of(server, resource);
    Result<> done = change(config);
    if (done) done = check_config(server, resource, config);
    if (done && !validate_only) done = set_config(server, resource, std::move(config));
    if (done) return;
    answer.error = error_of(resource, done.error());
    answer.error_message = done.error().text;
}

/// Sets what is named and takes back what is not.
Result<> replace(const std::vector<AlterConfigs::Message::Resource::Config>& configs, TopicConfig& to) {
    to.clear();
    for (const auto& each : configs) {
        if (!each.value) return fail(Errc::invalid, "Null value not supported for {}", each.name);
        to[each.name] = *each.value;
    }
    return {};
}

/// change: as of alter(), with the resource and what is said of it before.
template <class Handler, class Change>
net::Task<typename Handler::Response> alter_all(RequestPointer request, typename Handler::Message message,
                                                Change change) {
    using Response = typename Handler::Response;
    std::function<Response()> work = [request, message = std::move(message), change] {
        Response response;
        for (const auto& asked : message.resources) {
            ConfigResource resource{ConfigKind(asked.type), asked.name};
            alter(*request, resource, message.validate_only, response.results.emplace_back(),
                  [&](TopicConfig& config) { return change(resource, asked.configs, config); });
        }
        return response;
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

}  // namespace

DescribeConfigs::Response DescribeConfigs::handle(RequestPointer request, Message message) {
    Response response;
    for (const auto& asked : message.resources) {
        auto& out = response.results.emplace_back();
        out.type = asked.type;
        out.name = asked.name;
        ConfigResource resource{ConfigKind(asked.type), asked.name};
        auto refused = check_resource(*request, resource, Operation::describe_configs);
        if (refused.error != ErrorCode::none) {
            out.error = refused.error;
            if (!refused.text.empty()) out.error_message = std::move(refused.text);
            continue;
        }
        for (auto& config : describe_config(*request, resource)) {
            if (asked.keys && std::ranges::find(*asked.keys, config.name) == asked.keys->end()) continue;
            if (!message.include_synonyms) config.synonyms.clear();
            if (!message.include_documentation) config.documentation.reset();
            out.configs.push_back(std::move(config));
        }
    }
    return response;
}

net::Task<IncrementalAlterConfigs::Response> IncrementalAlterConfigs::handle(RequestPointer request,
                                                                             Message message) {
    return alter_all<IncrementalAlterConfigs>(
        std::move(request), std::move(message),
        [](const ConfigResource& resource, const auto& configs, TopicConfig& to) -> Result<> {
            for (const auto& each : configs) TRY(apply(resource, each, to));
            return {};
        });
}

net::Task<AlterConfigs::Response> AlterConfigs::handle(RequestPointer request, Message message) {
    return alter_all<AlterConfigs>(
        std::move(request), std::move(message),
        [](const ConfigResource&, const auto& configs, TopicConfig& to) { return replace(configs, to); });
}

ListConfigResources::Response ListConfigResources::handle(RequestPointer request, Message message) {
    Response response;
    if (!request->may_with_cluster(Operation::describe_configs)) {
        response.error = ErrorCode::cluster_authorization_failed;
        return response;
    }
    constexpr std::int8_t kinds[] = {2, 4, 8, 16, 32};
    for (auto kind : message.resource_types)
        if (std::ranges::find(kinds, kind) == std::end(kinds)) {
            response.error = ErrorCode::unsupported_version;
            return response;
        }
    // Version 0 asks for client metrics alone.
    auto is_wanted = [&](ConfigKind kind) {
        return (request->version > 0 || kind == ConfigKind::client_metrics) &&
               (message.resource_types.empty() ||
                std::ranges::find(message.resource_types, std::int8_t(kind)) != message.resource_types.end());
    };
    auto add = [&](ConfigKind kind, std::string name) {
        response.resources.push_back({std::move(name), std::int8_t(kind)});
    };
    const auto& server = request->server;
    if (is_wanted(ConfigKind::topic))
        for (const auto& topic : server.topics.all()) add(ConfigKind::topic, topic->spec.name);
    if (is_wanted(ConfigKind::broker)) add(ConfigKind::broker, std::to_string(server.node_id()));
    if (is_wanted(ConfigKind::broker_logger))
        add(ConfigKind::broker_logger, std::to_string(server.node_id()));
    if (is_wanted(ConfigKind::client_metrics))
        for (auto& name : server.topics.configs().names(ConfigOwner::client_metrics))
            add(ConfigKind::client_metrics, std::move(name));
    if (is_wanted(ConfigKind::group))
        for (auto& name : server.topics.configs().names(ConfigOwner::group))
            add(ConfigKind::group, std::move(name));
    return response;
}

}  // namespace penstock::broker
