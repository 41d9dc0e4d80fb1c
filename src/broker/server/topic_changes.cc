// CreateTopics, DeleteTopics, CreatePartitions, DeleteRecords. They wait for the disk, so on the blocking
// pool.
#include <set>

#include "broker/server/error_code.h"
#include "broker/server/handlers.h"
#include "broker/server/replicas.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

struct Refusal {
    ErrorCode error;
    std::string text;
};

/// The number of partitions that are asked for.
std::expected<std::int32_t, Refusal> partitions_of(const CreateTopics::Message::Topic& asked,
                                                   const ServerState& server) {
    if (!asked.assignments.empty()) {
        if (asked.partitions != -1 || asked.replication_factor != -1)
            return std::unexpected(Refusal{ErrorCode::invalid_request,
                                           "Both numPartitions or replicationFactor and "
                                           "replicasAssignments were set."});
        std::set<std::int32_t> seen;
        for (const auto& each : asked.assignments) {
            seen.insert(each.partition);
            if (auto wrong = wrong_replicas(each.broker_ids, server.node_id()))
                return std::unexpected(Refusal{ErrorCode::invalid_replica_assignment, std::move(*wrong)});
        }
        if (seen.size() != asked.assignments.size() || *seen.begin() != 0 ||
            *seen.rbegin() != std::int32_t(seen.size()) - 1)
            return std::unexpected(
                Refusal{ErrorCode::invalid_replica_assignment, "partitions must be numbered 0, 1, 2, ..."});
        return std::int32_t(seen.size());
    }
    if (asked.replication_factor != -1 && asked.replication_factor != 1)
        return std::unexpected(
            Refusal{ErrorCode::invalid_replication_factor,
                    asked.replication_factor < 1
                        ? "Replication factor must be larger than 0, or -1 to use the default value."
                        : fmt::format("Unable to replicate the partition {} time(s): The target replication "
                                      "factor of {} cannot be reached because only 1 broker(s) are "
                                      "registered.",
                                      asked.replication_factor, asked.replication_factor)});
    if (asked.partitions == -1) return server.options.default_partitions;
    if (asked.partitions < 1)
        return std::unexpected(Refusal{ErrorCode::invalid_partitions,
                                       "Number of partitions was set to an invalid non-positive value."});
    if (asked.partitions > 10'000)
        return std::unexpected(
            Refusal{ErrorCode::invalid_partitions, "Number of partitions must be 1 to 10000."});
    return asked.partitions;
}

/// Nothing: so many partitions may be made or removed now (KIP-599). Old clients may, and rest afterwards.
std::optional<Refusal> over_quota(Request& request, std::int64_t partitions, std::int16_t knows_quota) {
    const bool is_strict = request.version >= knows_quota;
    const auto ms = request.count_mutations(partitions, is_strict);
    request.throttle_ms = std::max(request.throttle_ms, ms);
    if (ms == 0 || !is_strict) return std::nullopt;
    return Refusal{ErrorCode::throttling_quota_exceeded, "The throttling quota has been exceeded."};
}

ErrorCode creation_error(const Error& error, const TopicSpec& spec) {
    if (error.code != Errc::invalid) return error_code(error, Doing::name_topic);
    return check_topic_config(spec.config) ? ErrorCode::invalid_topic_exception : ErrorCode::invalid_config;
}

using CreateAnswer = CreateTopics::Response::Topic;

void describe_created(const ServerState& server, const TopicSpec& spec, CreateAnswer& answer) {
    if (auto topic = server.topics.find(std::string_view(spec.name))) answer.topic_id = topic->id;
    answer.partitions = spec.partitions;
    answer.replication_factor = 1;
    auto& configs = answer.configs.emplace();
    const auto defaults = server.topics.topic_defaults();
    for (const auto& setting : topic_settings()) {
        auto found = spec.config.find(std::string(setting.name));
        bool set = found != spec.config.end();
        auto given = defaults.find(std::string(setting.name));
        bool is_given = given != defaults.end();
        configs.push_back({.name = std::string(setting.name),
                           .value = set        ? found->second
                                    : is_given ? given->second
                                               : std::string(setting.standard),
                           .read_only = false,
                           .source = std::int8_t(set        ? 1
                                                 : is_given ? 4
                                                            : 5),
                           .is_sensitive = false});
    }
}

CreateAnswer create_one(Request& request, const CreateTopics::Message::Topic& asked, bool validate_only) {
    auto& server = request.server;
    CreateAnswer answer;
    answer.name = asked.name;
    if (!request.may_with_cluster(Operation::create) &&
        !request.may_with_topic(Operation::create, asked.name)) {
        answer.error = ErrorCode::topic_authorization_failed;
        answer.error_message = "Authorization failed.";
        return answer;
    }
    auto partitions = partitions_of(asked, server);
    if (!partitions) {
        answer.error = partitions.error().error;
        answer.error_message = partitions.error().text;
        return answer;
    }
    TopicSpec spec{.name = asked.name, .partitions = *partitions, .config = {}};
    for (const auto& config : asked.configs)
        if (config.value) spec.config[config.name] = *config.value;
    auto done = server.topics.check(spec);
    if (auto over = done ? over_quota(request, spec.partitions, 6) : std::nullopt) {
        answer.error = over->error;
        answer.error_message = std::move(over->text);
        return answer;
    }
    if (done && !validate_only) done = server.topics.create(spec);
    if (!done) {
        answer.error = creation_error(done.error(), spec);
        answer.error_message = done.error().text;
        return answer;
    }
    describe_created(server, spec, answer);
    return answer;
}

CreateTopics::Response create_all(Request& request, const CreateTopics::Message& message) {
    CreateTopics::Response response;
    std::map<std::string, int> times;
    for (const auto& topic : message.topics) ++times[topic.name];
    for (const auto& topic : message.topics) {
        if (times[topic.name] == 1) {
            response.topics.push_back(create_one(request, topic, message.validate_only));
        } else if (times[topic.name] > 1) {
            times[topic.name] = 0;
            auto& answer = response.topics.emplace_back();
            answer.name = topic.name;
            answer.error = ErrorCode::invalid_request;
            answer.error_message = "Duplicate topic in request.";
        }
    }
    return response;
}

DeleteTopics::Response delete_all(Request& request, const DeleteTopics::Message& message) {
    auto& server = request.server;
    DeleteTopics::Response response;
    auto remove = [&](std::optional<std::string> name, codec::Uuid id, bool by_id) {
        auto& answer = response.topics.emplace_back();
        auto topic = by_id ? server.topics.find(id) : server.topics.find(std::string_view(*name));
        answer.name = topic ? topic->spec.name : name;
        answer.topic_id = topic ? topic->id : id;
        if (answer.name && !request.may_with_topic(Operation::remove, *answer.name)) {
            bool hides = by_id && !request.may_with_topic(Operation::describe, *answer.name);
            if (hides) answer.name.reset();
            answer.error = ErrorCode::topic_authorization_failed;
            return;
        }
        if (!topic) {
            answer.error = by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
            answer.error_message = by_id ? "This server does not host this topic ID."
                                         : "This server does not host this topic-partition.";
            return;
        }
        if (auto over = over_quota(request, topic->spec.partitions, 5)) {
            answer.error = over->error;
            answer.error_message = std::move(over->text);
            return;
        }
        auto done = server.topics.remove(topic->spec.name);
        if (done) return;
        answer.error = error_code(done.error(), Doing::name_topic);
        answer.error_message = done.error().text;
    };
    for (const auto& name : message.topic_names) remove(name, {}, false);
    for (const auto& topic : message.topics) remove(topic.name, topic.topic_id, !topic.name);
    return response;
}

/// The new partitions, when the client says on which brokers: each on the only one.
std::optional<std::string> wrong_assignment(const CreatePartitions::Message::Topic& asked, std::int32_t added,
                                            std::int32_t node) {
    if (!asked.assignments) return std::nullopt;
    const auto& assignments = *asked.assignments;
    if (std::int32_t(assignments.size()) != added)
        return fmt::format(
            "Attempted to add {} additional partition(s), but only {} assignment(s) were specified.", added,
            assignments.size());
    for (const auto& each : assignments)
        if (auto wrong = wrong_replicas(each.broker_ids, node)) return wrong;
    return std::nullopt;
}

CreatePartitions::Response add_all(Request& request, const CreatePartitions::Message& message) {
    auto& server = request.server;
    CreatePartitions::Response response;
    for (const auto& asked : message.topics) {
        auto& answer = response.results.emplace_back();
        answer.name = asked.name;
        if (!request.may_with_topic(Operation::alter, asked.name)) {
            answer.error = ErrorCode::topic_authorization_failed;
            continue;
        }
        auto topic = server.topics.find(std::string_view(asked.name));
        auto added = topic ? asked.count - topic->spec.partitions : 0;
        if (added > 0) {
            if (auto wrong = wrong_assignment(asked, added, server.node_id())) {
                answer.error = ErrorCode::invalid_replica_assignment;
                answer.error_message = std::move(*wrong);
                continue;
            }
        }
        Result<> done;
        if (!topic)
            done = fail(Errc::not_found, "This server does not host this topic-partition.");
        else if (asked.count == topic->spec.partitions)
            done = fail(Errc::invalid, "Topic already has {} partition(s).", asked.count);
        else if (asked.count < topic->spec.partitions)
            done = fail(Errc::invalid,
                        "The topic {} currently has {} partition(s); {} would not be an increase.",
                        asked.name, topic->spec.partitions, asked.count);
        else if (auto over = over_quota(request, added, 3)) {
            answer.error = over->error;
            answer.error_message = std::move(over->text);
            continue;
        } else if (!message.validate_only)
            done = server.topics.add_partitions(asked.name, asked.count);
        if (done) continue;
        answer.error = done.error().code == Errc::invalid ? ErrorCode::invalid_partitions
                                                          : error_code(done.error(), Doing::other);
        answer.error_message = done.error().text;
    }
    return response;
}

DeleteRecords::Response delete_records(const Request& request, const DeleteRecords::Message& message) {
    auto& server = request.server;
    DeleteRecords::Response response;
    for (const auto& asked : message.topics) {
        auto topic = server.topics.find(std::string_view(asked.name));
        auto& answers = response.topics.emplace_back();
        answers.name = asked.name;
        for (const auto& partition : asked.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.index = partition.index;
            if (!request.may_with_topic(Operation::remove, asked.name)) {
                answer.error = ErrorCode::topic_authorization_failed;
                continue;
            }
            if (!topic || !topic->has(partition.index)) {
                answer.error = ErrorCode::unknown_topic_or_partition;
                continue;
            }
            auto& log = *topic->logs[std::size_t(partition.index)];
            // What is compacted is the last value of each key, which nobody shall lose by its age.
            if (auto options = log.options(); options.compacts && !options.deletes) {
                answer.error = ErrorCode::policy_violation;
                continue;
            }
            auto before = partition.offset == -1 ? log.end_offset() : partition.offset;
            auto done = log.delete_before(before);
            if (done)
                answer.low_watermark = *done;
            else
                answer.error = error_code(done.error(), Doing::other);
        }
    }
    return response;
}

}  // namespace

net::Task<CreateTopics::Response> CreateTopics::handle(RequestPointer request, Message message) {
    std::function<Response()> work = [request, message = std::move(message)] {
        return create_all(*request, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

net::Task<DeleteTopics::Response> DeleteTopics::handle(RequestPointer request, Message message) {
    std::function<Response()> work = [request, message = std::move(message)] {
        return delete_all(*request, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

net::Task<CreatePartitions::Response> CreatePartitions::handle(RequestPointer request, Message message) {
    std::function<Response()> work = [request, message = std::move(message)] {
        return add_all(*request, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

net::Task<DeleteRecords::Response> DeleteRecords::handle(RequestPointer request, Message message) {
    std::function<Response()> work = [request, message = std::move(message)] {
        return delete_records(*request, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

}  // namespace penstock::broker
