// What clients ask of the cluster's metadata: its quorum, of which this node is the only voter, its features
// and its members.
#include "broker/server/error_code.h"
#include "broker/server/features.h"
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

/// nullopt: the feature is at that level already. No other level can be had.
std::optional<std::string> wrong_level(const UpdateFeatures::Message::Update& asked, std::int32_t node) {
    const auto level = asked.max_version_level;
    auto found = std::ranges::find(features, asked.feature, &Feature::name);
    if (found == std::end(features))
        return fmt::format(
            "Invalid update version {} for feature {}. Local controller {} does not support this feature.",
            level, asked.feature, node);
    if (level < found->oldest || level > found->newest)
        return fmt::format(
            "Invalid update version {} for feature {}. Local controller {} only supports versions {}-{}",
            level, asked.feature, node, found->oldest, found->newest);
    if (level != found->newest)
        return fmt::format("Invalid update version {} for feature {}. It is always at level {} here.", level,
                           asked.feature, found->newest);
    return std::nullopt;
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

UpdateFeatures::Response UpdateFeatures::handle(RequestPointer request, Message message) {
    if (!request->may_with_cluster(Operation::alter))
        return refuse<Response>(ErrorCode::cluster_authorization_failed, "Cluster authorization failed.");
    Response response;
    for (const auto& asked : message.updates) {
        auto wrong = wrong_level(asked, request->server.node_id());
        if (wrong && response.error == ErrorCode::none) {
            response.error = ErrorCode::invalid_update_version;
            response.error_message = fmt::format(
                "The update failed for all features since the following feature had an error: {}", *wrong);
        }
    }
    if (request->version < 2 && response.error == ErrorCode::none)
        for (const auto& asked : message.updates)
            response.results.push_back({asked.feature, ErrorCode::none, std::nullopt});
    return response;
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
