// OffsetCommit and OffsetFetch.
#include "broker/group/committed_offsets.h"
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::size_t longest_metadata = 4096;
constexpr std::int16_t names_ids = 10;

bool exists(const LocalTopics& topics, std::string_view name, std::int32_t partition) {
    auto topic = topics.find(name);
    return topic && topic->has(partition);
}

/// A row of either form of the answer.
template <class Partition>
Partition committed(const CommittedOffsets& offsets, const GroupPartition& key, bool stable) {
    Partition answer;
    answer.index = key.partition;
    if (stable && offsets.is_unstable(key)) {
        answer.committed_offset = answer.committed_leader_epoch = -1;
        answer.metadata = "";
        answer.error = ErrorCode::unstable_offset_commit;
        return answer;
    }
    auto found = offsets.find(key);
    answer.committed_offset = found ? found->offset : -1;
    answer.committed_leader_epoch = found ? found->leader_epoch : -1;
    answer.metadata = found ? found->metadata : "";
    return answer;
}

/// topics: those asked for; nothing asks for all. Wanted and Answer: the types of either form.
template <class Answer, class Wanted>
std::vector<Answer> fetch(const CommittedOffsets& offsets, const std::string& group,
                          const std::optional<std::vector<Wanted>>& topics, bool stable) {
    using Partition = std::remove_cvref_t<decltype(Answer{}.partitions[0])>;
    std::vector<Answer> answers;
    if (topics) {
        for (const auto& topic : *topics) {
            auto& answer = answers.emplace_back();
            answer.name = topic.name;
            for (auto partition : topic.partitions)
                answer.partitions.push_back(
                    committed<Partition>(offsets, {group, topic.name, partition}, stable));
        }
        return answers;
    }
    for (const auto& [key, value] : offsets.of_group(group)) {
        if (answers.empty() || answers.back().name != key.topic) answers.emplace_back().name = key.topic;
        answers.back().partitions.push_back(committed<Partition>(offsets, key, stable));
    }
    return answers;
}

/// Whether who names a member is one.
ErrorCode check_fetch(const ConsumerGroups& groups, const OffsetFetch::Message::Group& asked) {
    if (asked.member_epoch < 0 && !asked.member_id) return ErrorCode::none;
    if (!groups.contains(asked.group_id)) return ErrorCode::none;
    return groups.check_member(asked.group_id, asked.member_id.value_or(""), asked.member_epoch);
}

}  // namespace

ErrorCode Request::check_commit(const MemberIdentity& member, bool knows_epochs) const {
    std::lock_guard one_kind(server.group_kinds);
    if (server.share->contains(member.group)) return ErrorCode::group_id_not_found;
    if (server.consumer_groups.contains(member.group))
        return server.consumer_groups.check_commit(member.group, member.member_id, member.generation,
                                                   knows_epochs);
    auto error = server.groups.check_commit(member);
    if (error != ErrorCode::illegal_generation || server.groups.describe(member.group)) return error;
    // Offsets are all that is left of it, as after a restart: the member has to join again.
    return server.topics.offsets().has_group(member.group) ? ErrorCode::unknown_member_id
                                                           : ErrorCode::group_id_not_found;
}

net::Task<OffsetCommit::Response> OffsetCommit::handle(RequestPointer request, Message message) {
    constexpr std::int16_t knows_epochs = 9;  // of members, and groups that are not there
    auto& server = request->server;
    const bool may = request->may_with_group(Operation::read, message.group_id);
    auto refused = !may ? ErrorCode::group_authorization_failed
                        : request->check_commit({.group = message.group_id,
                                                 .member_id = message.member_id,
                                                 .instance_id = message.group_instance_id,
                                                 .generation = message.generation_id},
                                                request->version >= knows_epochs);
    if (refused == ErrorCode::group_id_not_found && request->version < knows_epochs)
        refused = ErrorCode::illegal_generation;
    auto now = server.topics.options().clock->now_ms();
    Response response;
    OffsetChanges changes;
    for (auto& topic : message.topics) {
        auto& answers = response.topics.emplace_back();
        answers.name = topic.name;
        answers.topic_id = topic.topic_id;
        bool is_unknown_id = false;
        if (request->version >= names_ids) {
            auto found = server.topics.find(topic.topic_id);
            is_unknown_id = !found;
            if (found) topic.name = found->spec.name;
        }
        for (const auto& partition : topic.partitions) {
            auto error = is_unknown_id && refused != ErrorCode::group_authorization_failed
                             ? ErrorCode::unknown_topic_id
                             : refused;
            auto metadata = partition.metadata.value_or("");
            if (error == ErrorCode::none && !request->may_with_topic(Operation::read, topic.name))
                error = ErrorCode::topic_authorization_failed;
            bool may_ask = error != ErrorCode::group_authorization_failed &&
                           error != ErrorCode::topic_authorization_failed && !is_unknown_id;
            if (may_ask && !exists(server.topics, topic.name, partition.index))
                error = ErrorCode::unknown_topic_or_partition;
            if (error == ErrorCode::none && metadata.size() > longest_metadata)
                error = ErrorCode::offset_metadata_too_large;
            answers.partitions.push_back({partition.index, error});
            if (error != ErrorCode::none) continue;
            CommittedOffset value{partition.committed_offset, partition.committed_leader_epoch,
                                  std::move(metadata), now};
            changes.emplace_back(GroupPartition{message.group_id, topic.name, partition.index},
                                 std::move(value));
        }
    }
    if (changes.empty()) co_return response;
    net::Completion<Result<>> done(co_await net::this_executor());
    server.topics.offsets().commit(std::move(changes),
                                   [done](Result<> result) { done.set(std::move(result)); });
    const Waits waits(*request);
    auto result = co_await done.wait();
    if (!result)
        for (auto& topic : response.topics)
            for (auto& partition : topic.partitions)
                if (partition.error == ErrorCode::none)
                    partition.error = ErrorCode::coordinator_not_available;
    co_return response;
}

OffsetFetch::Response OffsetFetch::handle(RequestPointer request, Message message) {
    const auto& offsets = request->server.topics.offsets();
    Response response;
    if (request->version < 8 && !request->may_with_group(Operation::describe, message.group_id)) {
        response.error = ErrorCode::group_authorization_failed;
        return response;
    }
    if (request->version < 8)
        response.topics =
            fetch<Response::Topic>(offsets, message.group_id, message.topics, message.require_stable);
    const auto& topics = request->server.topics;
    for (auto& group : message.groups) {
        if (request->version >= names_ids && group.topics)
            for (auto& topic : *group.topics)
                if (auto found = topics.find(topic.topic_id)) topic.name = found->spec.name;
        auto& answer = response.groups.emplace_back();
        answer.group_id = group.group_id;
        if (!request->may_with_group(Operation::describe, group.group_id)) {
            answer.error = ErrorCode::group_authorization_failed;
            continue;
        }
        answer.error = check_fetch(request->server.consumer_groups, group);
        if (answer.error != ErrorCode::none) continue;
        answer.topics =
            fetch<Response::Group::GroupTopic>(offsets, group.group_id, group.topics, message.require_stable);
        if (request->version < names_ids) continue;
        for (std::size_t t = 0; t < answer.topics.size(); ++t) {
            auto& out = answer.topics[t];
            auto found = topics.find(std::string_view(out.name));
            if (found) out.topic_id = found->id;
            if (found || !group.topics) continue;
            out.topic_id = (*group.topics)[t].topic_id;
            for (auto& partition : out.partitions) partition.error = ErrorCode::unknown_topic_id;
        }
    }
    return response;
}

}  // namespace penstock::broker
