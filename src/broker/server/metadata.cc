#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using Answer = Metadata::Response::Topic;

Answer describe(const Request& request, const LocalTopics::Topic& topic, bool with_operations) {
    Answer answer;
    if (with_operations)
        answer.authorized_operations = request.operations_on(ResourceType::topic, topic.spec.name);
    answer.name = topic.spec.name;
    answer.topic_id = topic.id;
    answer.is_internal = topic.internal;
    auto node = request.server.node_id();
    for (std::size_t i = 0; i < topic.logs.size(); ++i)
        answer.partitions.push_back({.error = ErrorCode::none,
                                     .index = std::int32_t(i),
                                     .leader_id = node,
                                     .leader_epoch = 0,
                                     .replica_nodes = {node},
                                     .isr_nodes = {node},
                                     .offline_replicas = {}});
    return answer;
}

std::int32_t operations_on_cluster(const Request& request) {
    bool may = request.may_with_cluster(Operation::describe);
    return may ? request.operations_on(ResourceType::cluster, cluster_name) : 0;
}

Answer unknown(std::optional<std::string> name, codec::Uuid id, ErrorCode error) {
    Answer answer;
    answer.name = std::move(name);
    answer.topic_id = id;
    answer.error = error;
    return answer;
}

}  // namespace

net::Task<Metadata::Response> Metadata::handle(RequestPointer request, Message message) {
    auto& server = request->server;
    Response response;
    response.brokers.push_back({server.node_id(), request->host, request->port, {}});
    response.cluster_id = server.topics.cluster_id();
    response.controller_id = server.node_id();
    if (message.include_cluster_authorized_operations)
        response.cluster_authorized_operations = operations_on_cluster(*request);
    bool all = !message.topics || (request->version == 0 && message.topics->empty());
    if (all) {
        for (const auto& topic : server.topics.all())
            if (request->may_with_topic(Operation::describe, topic->spec.name))
                response.topics.push_back(
                    describe(*request, *topic, message.include_topic_authorized_operations));
        co_return response;
    }
    const auto& clock = *server.topics.options().clock;
    bool creates =
        server.options.auto_create_topics && (request->version < 4 || message.allow_auto_topic_creation);
    for (const auto& asked : *message.topics) {
        bool by_id = !asked.name || (asked.name->empty() && !asked.topic_id.is_zero());
        if (by_id) {
            auto topic = server.topics.find(asked.topic_id);
            bool hidden = topic && !request->may_with_topic(Operation::describe, topic->spec.name);
            response.topics.push_back(
                topic && !hidden ? describe(*request, *topic, message.include_topic_authorized_operations)
                                 : unknown(std::nullopt, asked.topic_id, ErrorCode::unknown_topic_id));
            continue;
        }
        auto topic = server.topics.find(std::string_view(*asked.name));
        const bool is_fresh = topic && server.fresh_topics.contains(topic->id, clock.monotonic_us());
        if (!request->may_with_topic(Operation::describe, *asked.name)) {
            response.topics.push_back(unknown(asked.name, {}, ErrorCode::topic_authorization_failed));
            continue;
        }
        bool may_create = request->may_with_cluster(Operation::create) ||
                          request->may_with_topic(Operation::create, *asked.name);
        auto error = ErrorCode::unknown_topic_or_partition;
        if (!topic && creates && !may_create) {
            error = ErrorCode::topic_authorization_failed;
        } else if (!check_topic_name(*asked.name)) {
            error = ErrorCode::invalid_topic_exception;
        } else if (!topic && creates) {
            TopicSpec spec{
                .name = *asked.name, .partitions = server.options.default_partitions, .config = {}};
            std::function<Result<>()> work = [&server, spec] { return server.topics.create(spec); };
            // Not there yet, says Kafka, whatever comes of it; its clients ask again.
            co_await server.blocking.run<Result<>>(work);
            if (auto made = server.topics.find(std::string_view(spec.name)))
                server.fresh_topics.add(made->id, clock.monotonic_us());
        }
        response.topics.push_back(topic && !is_fresh ? describe(*request, *topic, false)
                                                     : unknown(asked.name, {}, error));
        if (message.include_topic_authorized_operations && error != ErrorCode::topic_authorization_failed)
            response.topics.back().authorized_operations =
                request->operations_on(ResourceType::topic, *asked.name);
    }
    co_return response;
}

DescribeCluster::Response DescribeCluster::handle(RequestPointer request, Message message) {
    Response response;
    if (message.endpoint_type != 1) {
        response.error = message.endpoint_type == 2 ? ErrorCode::mismatched_endpoint_type
                                                    : ErrorCode::unsupported_endpoint_type;
        response.error_message = "only brokers have endpoints here";
        return response;
    }
    const auto node = request->server.node_id();
    response.cluster_id = request->server.topics.cluster_id();
    response.controller_id = node;
    response.brokers.push_back({node, request->host, request->port, {}, false});
    if (message.include_cluster_authorized_operations)
        response.cluster_authorized_operations = operations_on_cluster(*request);
    return response;
}

}  // namespace penstock::broker
