// OffsetCommit and OffsetFetch.
#include <future>

#include "broker/group/committed_offsets.h"
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"
#include "broker/server/offset_commits.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::int16_t names_ids = 10;

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

ErrorCode ServerState::check_commit(const MemberIdentity& member, bool knows_epochs) {
    std::lock_guard one_kind(group_kinds);
    const auto& group = member.group;
    auto& offsets = topics.offsets();
    if (share->contains(group)) return ErrorCode::group_id_not_found;
    const bool is_member = member.generation >= 0;
    if (consumer_groups.contains(group)) {
        auto error = consumer_groups.check_commit(group, member.member_id, member.generation, knows_epochs);
        if (error == ErrorCode::none && is_member) offsets.set_protocol_type(group, "consumer");
        return error;
    }
    auto error = groups.check_commit(member);
    if (error == ErrorCode::none && is_member) offsets.set_protocol_type(group, groups.protocol_type(group));
    if (error != ErrorCode::illegal_generation || groups.describe(group)) return error;
    // Offsets are all that is left of it, as after a restart: the member has to join again.
    if (offsets.has_group(group)) return ErrorCode::unknown_member_id;
    return knows_epochs ? ErrorCode::group_id_not_found : ErrorCode::illegal_generation;
}

Result<> ServerState::commit_and_wait(OffsetChanges changes) {
    // Shared: who is woken may be gone before set_value() returns.
    auto done = std::make_shared<std::promise<Result<>>>();
    auto committed = done->get_future();
    topics.offsets().commit(std::move(changes),
                            [done](Result<> result) { done->set_value(std::move(result)); });
    return committed.get();
}

net::Task<OffsetCommit::Response> OffsetCommit::handle(RequestPointer request, Message message) {
    constexpr std::int16_t knows_epochs = 9;  // of members, and groups that are not there
    auto& server = request->server;
    const bool may = request->may_with_group(Operation::read, message.group_id);
    const auto denied = may ? ErrorCode::none : ErrorCode::group_authorization_failed;
    const auto refused = !may ? denied
                              : server.check_commit({.group = message.group_id,
                                                     .member_id = message.member_id,
                                                     .instance_id = message.group_instance_id,
                                                     .generation = message.generation_id},
                                                    request->version >= knows_epochs);
    Response response;
    if (request->version >= names_ids) {
        for (auto& topic : message.topics)
            if (auto found = server.topics.find(topic.topic_id)) topic.name = found->spec.name;
    }
    auto changes =
        check_offsets(*request, message.group_id, message.topics, denied, refused, response.topics);
    if (request->version >= names_ids) {
        for (std::size_t t = 0; t < response.topics.size(); ++t) {
            auto& answers = response.topics[t];
            answers.topic_id = message.topics[t].topic_id;
            if (!answers.name.empty() || !may) continue;
            for (auto& partition : answers.partitions) partition.error = ErrorCode::unknown_topic_id;
        }
    }
    if (changes.empty()) co_return response;
    net::Completion<Result<>> done(co_await net::this_executor());
    server.topics.offsets().commit(std::move(changes),
                                   [done](Result<> result) { done.set(std::move(result)); });
    const Waits waits(*request);
    auto result = co_await done.wait();
    if (!result) refuse_accepted(response.topics, ErrorCode::coordinator_not_available);
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
