// What clients ask of a cluster and one node answers by itself: leaders, reassignments, log directories.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "broker/server/error_code.h"
#include "broker/server/handlers.h"
#include "broker/server/replicas.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

bool has_partition(const LocalTopics::TopicPointer& topic, std::int32_t partition) {
    return topic && topic->has(partition);
}

/// The only node leads every partition already.
ElectLeaders::Response::Topic::Partition elect(const LocalTopics::TopicPointer& topic, std::string_view name,
                                               std::int32_t partition) {
    if (!has_partition(topic, partition))
        return {partition, ErrorCode::unknown_topic_or_partition,
                topic ? fmt::format("No such partition as {}-{}", name, partition)
                      : fmt::format("No such topic as {}", name)};
    return {partition, ErrorCode::election_not_needed, "Leader election not needed for topic partition."};
}

/// The only replicas that there can be are those that are there.
AlterPartitionReassignments::Response::Topic::Partition reassign(
    const LocalTopics::TopicPointer& topic, std::string_view name,
    const AlterPartitionReassignments::Message::Topic::Partition& asked, std::int32_t node) {
    AlterPartitionReassignments::Response::Topic::Partition answer{.index = asked.index};
    if (!has_partition(topic, asked.index)) {
        answer.error = ErrorCode::unknown_topic_or_partition;
        answer.error_message = topic ? fmt::format("Unable to find partition {}:{}.", name, asked.index)
                                     : fmt::format("Unable to find a topic named {}.", name);
    } else if (!asked.replicas) {
        answer.error = ErrorCode::no_reassignment_in_progress;
        answer.error_message = "No partition reassignment is in progress.";
    } else if (auto wrong = wrong_replicas(*asked.replicas, node)) {
        answer.error = ErrorCode::invalid_replica_assignment;
        answer.error_message = std::move(*wrong);
    }
    return answer;
}

DescribeLogDirs::Response describe_directory(const ServerState& server,
                                             const DescribeLogDirs::Message& message) {
    DescribeLogDirs::Response response;
    auto& directory = response.results.emplace_back();
    directory.log_dir = server.topics.options().data_directory;
    std::error_code failed;
    auto space = std::filesystem::space(directory.log_dir, failed);
    if (!failed) {
        directory.total_bytes = std::int64_t(space.capacity);
        directory.usable_bytes = std::int64_t(space.available);
    }
    auto add = [&](const LocalTopics::TopicPointer& topic, const std::vector<std::int32_t>* wanted) {
        auto& out = directory.topics.emplace_back();
        out.name = topic->spec.name;
        for (std::int32_t i = 0; i < std::int32_t(topic->logs.size()); ++i)
            if (!wanted || std::ranges::find(*wanted, i) != wanted->end())
                out.partitions.push_back({i, topic->logs[std::size_t(i)]->bytes(), 0, false});
    };
    if (!message.topics) {
        for (const auto& topic : server.topics.all()) add(topic, nullptr);
        return response;
    }
    for (const auto& asked : *message.topics)
        if (auto topic = server.topics.find(std::string_view(asked.topic))) add(topic, &asked.partitions);
    return response;
}

/// A page of the partitions of the topics asked for, in the order of their names, from the cursor on.
class PartitionPage {
public:
    PartitionPage(const Request& request, const DescribeTopicPartitions::Message& message)
        : request_(request),
          server_(request.server),
          left_(std::clamp(message.response_partition_limit, 1, 2000)) {
        for (const auto& topic : message.topics) names_.insert(topic.name);
        if (message.topics.empty())
            for (const auto& topic : server_.topics.all())
                if (request.may_with_topic(Operation::describe, topic->spec.name))
                    names_.insert(topic->spec.name);
        if (!message.cursor) return;
        first_partition_ = std::max(message.cursor->partition_index, 0);
        names_.erase(names_.begin(), names_.lower_bound(message.cursor->topic_name));
        if (names_.empty() || *names_.begin() != message.cursor->topic_name) first_partition_ = 0;
    }

    DescribeTopicPartitions::Response take() {
        for (const auto& name : names_) {
            if (left_ == 0) {
                response_.next_cursor = Cursor{name, 0};
                break;
            }
            if (!add(name)) break;
            first_partition_ = 0;
        }
        return std::move(response_);
    }

private:
    /// False when the page is full.
    bool add(const std::string& name) {
        auto& out = response_.topics.emplace_back();
        out.name = name;
        if (!request_.may_with_topic(Operation::describe, name)) {
            out.error = ErrorCode::topic_authorization_failed;
            return true;
        }
        auto topic = server_.topics.find(std::string_view(name));
        if (!topic) {
            out.error = check_topic_name(name) ? ErrorCode::unknown_topic_or_partition
                                               : ErrorCode::invalid_topic_exception;
            return true;
        }
        out.topic_id = topic->id;
        out.is_internal = topic->internal;
        out.authorized_operations = request_.operations_on(ResourceType::topic, name);
        auto node = server_.node_id();
        for (auto i = first_partition_; i < std::int32_t(topic->logs.size()); ++i) {
            if (left_ == 0) {
                response_.next_cursor = Cursor{name, i};
                return false;
            }
            --left_;
            out.partitions.push_back({.index = i,
                                      .leader_id = node,
                                      .leader_epoch = 0,
                                      .replica_nodes = {node},
                                      .isr_nodes = {node},
                                      .eligible_leader_replicas = std::vector<std::int32_t>(),
                                      .last_known_elr = std::vector<std::int32_t>(),
                                      .offline_replicas = {}});
        }
        return true;
    }

    using Cursor = DescribeTopicPartitions::Response::Cursor;
    const Request& request_;
    const ServerState& server_;
    std::int32_t left_;
    std::int32_t first_partition_ = 0;
    std::set<std::string> names_;
    DescribeTopicPartitions::Response response_;
};

}  // namespace

std::optional<std::string> wrong_replicas(const std::vector<std::int32_t>& brokers, std::int32_t node) {
    if (brokers.empty()) return "The manual partition assignment includes an empty replica list.";
    for (auto broker : brokers)
        if (broker != node)
            return fmt::format(
                "The manual partition assignment includes broker {}, but no such broker is registered.",
                broker);
    if (brokers.size() > 1)
        return fmt::format("The manual partition assignment includes the broker {} more than once.", node);
    return std::nullopt;
}

ElectLeaders::Response ElectLeaders::handle(RequestPointer request, Message message) {
    Response response;
    const auto& topics = request->server.topics;
    if (!request->may_with_cluster(Operation::alter)) {
        response.error = ErrorCode::cluster_authorization_failed;
        return response;
    }
    if (!message.topics) return response;  // all of them, and none needs it
    for (const auto& asked : *message.topics) {
        auto topic = topics.find(std::string_view(asked.topic));
        auto& answer = response.topics.emplace_back();
        answer.topic = asked.topic;
        for (auto partition : asked.partitions)
            answer.partitions.push_back(elect(topic, asked.topic, partition));
    }
    return response;
}

AlterPartitionReassignments::Response AlterPartitionReassignments::handle(RequestPointer request,
                                                                          Message message) {
    Response response;
    if (!request->may_with_cluster(Operation::alter)) {
        response.error = ErrorCode::cluster_authorization_failed;
        return response;
    }
    for (const auto& asked : message.topics) {
        auto topic = request->server.topics.find(std::string_view(asked.name));
        auto& answer = response.topics.emplace_back();
        answer.name = asked.name;
        for (const auto& partition : asked.partitions)
            answer.partitions.push_back(reassign(topic, asked.name, partition, request->server.node_id()));
    }
    return response;
}

ListPartitionReassignments::Response ListPartitionReassignments::handle(RequestPointer request, Message) {
    Response response;  // none is ever under way
    if (!request->may_with_cluster(Operation::describe))
        response.error = ErrorCode::cluster_authorization_failed;
    return response;
}

/// There is one directory, in which every partition is already.
AlterReplicaLogDirs::Response AlterReplicaLogDirs::handle(RequestPointer request, Message message) {
    const auto& topics = request->server.topics;
    const bool may = request->may_with_cluster(Operation::alter);
    std::map<std::string, std::vector<Response::Topic::Partition>> answers;
    for (const auto& directory : message.dirs)
        for (const auto& asked : directory.topics) {
            auto topic = topics.find(std::string_view(asked.name));
            for (auto partition : asked.partitions) {
                auto error = ErrorCode::none;
                if (!may)
                    error = ErrorCode::cluster_authorization_failed;
                else if (directory.path != topics.options().data_directory)
                    error = ErrorCode::log_dir_not_found;
                else if (!has_partition(topic, partition))
                    error = ErrorCode::unknown_topic_or_partition;
                answers[asked.name].push_back({partition, error});
            }
        }
    Response response;
    for (auto& [name, partitions] : answers) response.topics.push_back({name, std::move(partitions)});
    return response;
}

net::Task<DescribeLogDirs::Response> DescribeLogDirs::handle(RequestPointer request, Message message) {
    if (!request->may_with_cluster(Operation::describe)) {
        Response refused;
        refused.error = ErrorCode::cluster_authorization_failed;
        co_return refused;
    }
    std::function<Response()> work = [request, message = std::move(message)] {
        return describe_directory(request->server, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

DescribeTopicPartitions::Response DescribeTopicPartitions::handle(RequestPointer request, Message message) {
    return PartitionPage(*request, message).take();
}

}  // namespace penstock::broker
