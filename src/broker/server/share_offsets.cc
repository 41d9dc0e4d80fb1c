// DescribeShareGroupOffsets, AlterShareGroupOffsets and DeleteShareGroupOffsets (KIP-932, KIP-1226).
#include "broker/server/assigned_groups.h"
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

using Described = DescribeShareGroupOffsets::Response::Group;

void describe_partition(const ServerState& server, const ShareKey& key, const Log* log,
                        Described::Topic& to) {
    auto& answer = to.partitions.emplace_back();
    answer.partition = key.partition;
    answer.start_offset = -1;
    answer.lag = -1;
    if (!log) return;
    auto written = server.share->states.find(key);
    if (!written) return;
    auto state = server.share->partitions.state_of(key, *written);
    answer.start_offset = state.start_offset;
    if (state.start_offset >= 0)
        answer.lag =
            std::max<std::int64_t>(0, log->stable_offset() - state.start_offset - state.complete_count());
}

const Log* log_of(const LocalTopics::TopicPointer& topic, std::int32_t partition) {
    return topic && topic->has(partition) ? topic->logs[std::size_t(partition)].get() : nullptr;
}

void describe_all(const Request& request, const std::string& group, Described& out) {
    for (const auto& [key, state] : request.server.share->states.of_group(group)) {
        auto topic = request.server.topics.find(key.topic);
        if (!topic || !request.may_with_topic(Operation::describe, topic->spec.name)) continue;
        if (out.topics.empty() || out.topics.back().topic_id != key.topic) {
            auto& added = out.topics.emplace_back();
            added.name = topic->spec.name;
            added.topic_id = key.topic;
        }
        describe_partition(request.server, key, log_of(topic, key.partition), out.topics.back());
    }
}

void describe_some(const Request& request, const DescribeShareGroupOffsets::Message::Group& asked,
                   Described& out) {
    for (const auto& wanted : *asked.topics) {
        auto topic = request.server.topics.find(std::string_view(wanted.name));
        auto& answer = out.topics.emplace_back();
        answer.name = wanted.name;
        auto error = ErrorCode::none;  // also when there is no such topic
        if (!request.may_with_topic(Operation::describe, wanted.name))
            error = ErrorCode::topic_authorization_failed;
        if (topic && error == ErrorCode::none) answer.topic_id = topic->id;
        for (auto partition : wanted.partitions) {
            describe_partition(request.server, {asked.group_id, answer.topic_id, partition},
                               error == ErrorCode::none ? log_of(topic, partition) : nullptr, answer);
            answer.partitions.back().error = error;
        }
    }
}

/// Whether what the group has read may be changed from outside.
ShareRefusal check_change(const Request& request, const std::string& group, Operation operation,
                          std::string_view doing, bool may_be_new) {
    const auto& server = request.server;
    if (!server.features.has(Feature::share_version)) return {ErrorCode::unsupported_version, ""};
    if (!request.may_with_group(operation, group))
        return {ErrorCode::group_authorization_failed, "Group authorization failed."};
    if (!server.share->contains(group) && (!may_be_new || is_not_a_share_group(server, group)))
        return {ErrorCode::group_id_not_found, fmt::format("{} GroupId {} not found.", doing, group)};
    if (server.share->groups.has_members(group))
        return {ErrorCode::non_empty_group, fmt::format("{} Provided group {} is not empty.", doing, group)};
    return {};
}

template <class Response>
net::Task<Response> write(RequestPointer request, ShareStates::Changes changes, Response response) {
    auto& server = request->server;
    std::function<Result<>()> work = [&] { return server.share->write(std::move(changes)); };
    auto written = co_await server.blocking.run<Result<>>(work);
    if (!written) {
        response.error = error_code(written.error(), Doing::other);
        response.error_message = written.error().text;
    }
    co_return response;
}

}  // namespace

DescribeShareGroupOffsets::Response DescribeShareGroupOffsets::handle(RequestPointer request,
                                                                      Message message) {
    Response response;
    for (const auto& asked : message.groups) {
        auto& out = response.groups.emplace_back();
        out.group_id = asked.group_id;
        if (!request->server.features.has(Feature::share_version)) {
            out.error = ErrorCode::unsupported_version;
            continue;
        }
        if (!request->may_with_group(Operation::describe, asked.group_id)) {
            out.error = ErrorCode::group_authorization_failed;
            continue;
        }
        if (asked.topics)
            describe_some(*request, asked, out);
        else
            describe_all(*request, asked.group_id, out);
    }
    return response;
}

net::Task<AlterShareGroupOffsets::Response> AlterShareGroupOffsets::handle(RequestPointer request,
                                                                           Message message) {
    Response response;
    auto& server = request->server;
    if (auto refused = check_change(*request, message.group_id, Operation::read,
                                    "Unable to alter share group offsets.", true)) {
        response.error = refused.error;
        response.error_message = refused.text;
        co_return response;
    }
    ShareStates::Changes changes;
    for (const auto& asked : message.topics) {
        auto topic = server.topics.find(std::string_view(asked.name));
        auto& answers = response.topics.emplace_back();
        answers.name = asked.name;
        bool may = request->may_with_topic(Operation::read, asked.name);
        if (may && topic) answers.topic_id = topic->id;
        for (const auto& partition : asked.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition = partition.partition;
            if (!may)
                answer.error = ErrorCode::topic_authorization_failed;
            else if (!log_of(topic, partition.partition))
                answer.error = ErrorCode::unknown_topic_or_partition;
            else if (partition.start_offset < 0)
                answer.error = ErrorCode::invalid_request;
            else
                changes.emplace_back(ShareKey{message.group_id, topic->id, partition.partition},
                                     ShareState{.start_offset = partition.start_offset, .ranges = {}});
        }
    }
    co_return co_await write(request, std::move(changes), std::move(response));
}

net::Task<DeleteShareGroupOffsets::Response> DeleteShareGroupOffsets::handle(RequestPointer request,
                                                                             Message message) {
    Response response;
    auto& server = request->server;
    if (auto refused = check_change(*request, message.group_id, Operation::remove,
                                    "Unable to delete share group offsets.", false)) {
        response.error = refused.error;
        response.error_message = refused.text;
        co_return response;
    }
    auto states = server.share->states.of_group(message.group_id);
    ShareStates::Changes changes;
    for (const auto& asked : message.topics) {
        auto topic = server.topics.find(std::string_view(asked.name));
        auto& answer = response.topics.emplace_back();
        answer.name = asked.name;
        if (!request->may_with_topic(Operation::read, asked.name)) {
            answer.error = ErrorCode::topic_authorization_failed;
            continue;
        }
        auto before = changes.size();
        if (topic) {
            for (const auto& [key, state] : states)
                if (key.topic == topic->id) changes.emplace_back(key, std::nullopt);
        }
        if (changes.size() > before) {
            answer.topic_id = topic->id;
            continue;
        }
        answer.error = ErrorCode::unknown_topic_or_partition;
        answer.error_message = topic ? "There is no offset information to delete."
                                     : "This server does not host this topic-partition.";
    }
    co_return co_await write(request, std::move(changes), std::move(response));
}

}  // namespace penstock::broker
