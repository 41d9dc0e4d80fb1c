// What clients ask of the cluster's metadata: its quorum, of which this node is the only voter, its features
// and its members.
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::string_view metadata_topic = "__cluster_metadata";

template <class Response>
Response refuse(ErrorCode error, std::string text) {
    Response response;
    response.error = error;
    response.error_message = std::move(text);
    return response;
}

bool is_metadata_partition(const DescribeQuorum::Message& message) {
    return message.topics.size() == 1 && message.topics[0].name == metadata_topic &&
           message.topics[0].partitions.size() == 1 && message.topics[0].partitions[0].index == 0;
}

enum UpgradeType : std::int8_t { upgrade = 1, safe_downgrade = 2, unsafe_downgrade = 3 };

const FeatureRange* find_feature(std::string_view name) {
    auto found = std::ranges::find(features, name, &FeatureRange::name);
    return found == std::end(features) ? nullptr : &*found;
}

/// nullopt: the feature may be set so.
std::optional<std::string> wrong_level(const ServerState& server,
                                       const UpdateFeatures::Message::Update& asked, std::int8_t type) {
    const auto level = asked.max_version_level;
    auto wrong = [&](std::string why) {
        return fmt::format("Invalid update version {} for feature {}. {}", level, asked.feature, why);
    };
    if (type < upgrade || type > unsafe_downgrade)
        return wrong("The controller does not support the given upgrade type.");
    const auto* feature = find_feature(asked.feature);
    if (!feature)
        return wrong(fmt::format("Local controller {} does not support this feature.", server.node_id()));
    if (level < 0) return wrong("A feature version cannot be less than 0.");
    if (level < feature->oldest || level > feature->newest)
        return wrong(fmt::format("Local controller {} only supports versions {}-{}", server.node_id(),
                                 feature->oldest, feature->newest));
    const auto now = server.features.of(feature->feature);
    if (level < now && type == upgrade)
        return wrong(
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or "
            "unsafe downgrade.");
    if (level > now && type != upgrade) return wrong("Can't downgrade to a newer version.");
    return std::nullopt;
}

UpdateFeatures::Response update(const Request& request, const UpdateFeatures::Message& message) {
    auto& server = request.server;
    std::lock_guard one_change(server.config_changes);
    std::map<Feature, std::int16_t> levels;
    for (const auto& asked : message.updates) {
        auto type = asked.upgrade_type;
        if (request.version == 0) type = asked.allow_downgrade ? safe_downgrade : upgrade;
        if (auto wrong = wrong_level(server, asked, type))
            return refuse<UpdateFeatures::Response>(
                ErrorCode::invalid_update_version,
                fmt::format("The update failed for all features since the following feature had an error: {}",
                            *wrong));
        const auto* feature = find_feature(asked.feature);
        if (asked.max_version_level != server.features.of(feature->feature))
            levels[feature->feature] = asked.max_version_level;
    }
    if (!message.validate_only && !levels.empty()) {
        if (auto kept = server.features.set(levels); !kept)
            return refuse<UpdateFeatures::Response>(error_code(kept.error(), Doing::other),
                                                    kept.error().text);
    }
    UpdateFeatures::Response response;
    if (request.version < 2)
        for (const auto& asked : message.updates)
            response.results.push_back({asked.feature, ErrorCode::none, std::nullopt});
    return response;
}

}  // namespace

DescribeQuorum::Response DescribeQuorum::handle(RequestPointer request, Message message) {
    const auto& server = request->server;
    Response response;
    if (!request->may_with_cluster(Operation::describe)) {
        response.error = ErrorCode::cluster_authorization_failed;
        return response;
    }
    if (!is_metadata_partition(message)) {
        for (const auto& topic : message.topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& partition : topic.partitions)
                out.partitions.push_back(
                    {.index = partition.index, .error = ErrorCode::unknown_topic_or_partition});
        }
        return response;
    }
    const auto now = server.topics.options().clock->now_ms();
    const auto changes = server.topics.changes();
    const auto node = server.node_id();
    Response::Topic::Partition partition{.leader_id = node, .leader_epoch = 1, .high_watermark = changes};
    partition.voters.push_back({.replica_id = node,
                                .replica_directory_id = {},
                                .log_end_offset = changes,
                                .last_fetch_ms = now,
                                .last_caught_up_ms = now});
    response.topics.push_back({std::string(metadata_topic), {std::move(partition)}});
    response.nodes.push_back({node, {{"CONTROLLER", request->host, request->port}}});
    return response;
}

net::Task<UpdateFeatures::Response> UpdateFeatures::handle(RequestPointer request, Message message) {
    if (!request->may_with_cluster(Operation::alter))
        co_return refuse<Response>(ErrorCode::cluster_authorization_failed, "Cluster authorization failed.");
    std::function<Response()> work = [request, message = std::move(message)] {
        return update(*request, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

UnregisterBroker::Response UnregisterBroker::handle(RequestPointer request, Message message) {
    if (!request->may_with_cluster(Operation::alter))
        return refuse<Response>(ErrorCode::cluster_authorization_failed, "Cluster authorization failed.");
    if (message.broker_id == request->server.node_id())
        return refuse<Response>(ErrorCode::invalid_request, "The only broker stays registered.");
    return refuse<Response>(ErrorCode::broker_id_not_registered,
                            fmt::format("Broker ID {} is not currently registered", message.broker_id));
}

AddRaftVoter::Response AddRaftVoter::handle(RequestPointer request, Message) {
    if (!request->may_with_cluster(Operation::alter))
        return refuse<Response>(ErrorCode::cluster_authorization_failed, "Cluster authorization failed.");
    return refuse<Response>(ErrorCode::unsupported_version,
                            "Cluster doesn't support adding voter because the kraft.version feature is 0");
}

RemoveRaftVoter::Response RemoveRaftVoter::handle(RequestPointer request, Message) {
    if (!request->may_with_cluster(Operation::alter))
        return refuse<Response>(ErrorCode::cluster_authorization_failed, "Cluster authorization failed.");
    return refuse<Response>(ErrorCode::unsupported_version,
                            "Cluster doesn't support removing voter because the kraft.version feature is 0");
}

}  // namespace penstock::broker
