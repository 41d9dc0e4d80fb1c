// What OffsetCommit and TxnOffsetCommit check of each offset, and how they answer it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "broker/group/committed_offsets.h"
#include "broker/server/request.h"

namespace penstock::broker {

/// Answers every partition; those that may be committed are returned. denied: the client may not do any of
/// it; refused: what the group says, which holds for partitions that are there.
template <class Topic, class Answer>
OffsetChanges check_offsets(const Request& request, const std::string& group,
                            const std::vector<Topic>& topics, wire::kafka::ErrorCode denied,
                            wire::kafka::ErrorCode refused, std::vector<Answer>& answers) {
    using wire::kafka::ErrorCode;
    constexpr std::size_t longest_metadata = 4096;
    const auto now = request.server.topics.options().clock->now_ms();
    OffsetChanges changes;
    for (const auto& topic : topics) {
        auto& answer = answers.emplace_back();
        answer.name = topic.name;
        const auto found = request.server.topics.find(std::string_view(topic.name));
        const bool may = request.may_with_topic(Operation::read, topic.name);
        for (const auto& partition : topic.partitions) {
            auto metadata = partition.metadata.value_or("");
            auto error = denied;
            if (error == ErrorCode::none && !may) error = ErrorCode::topic_authorization_failed;
            if (error == ErrorCode::none && !(found && found->has(partition.index)))
                error = ErrorCode::unknown_topic_or_partition;
            if (error == ErrorCode::none) error = refused;
            if (error == ErrorCode::none && metadata.size() > longest_metadata)
                error = ErrorCode::offset_metadata_too_large;
            answer.partitions.push_back({partition.index, error});
            if (error != ErrorCode::none) continue;
            CommittedOffset value{partition.committed_offset, partition.committed_leader_epoch,
                                  std::move(metadata), now};
            changes.emplace_back(GroupPartition{group, topic.name, partition.index}, std::move(value));
        }
    }
    return changes;
}

/// Of what could not be written.
template <class Answer>
void refuse_accepted(std::vector<Answer>& answers, wire::kafka::ErrorCode error) {
    for (auto& topic : answers)
        for (auto& partition : topic.partitions)
            if (partition.error == wire::kafka::ErrorCode::none) partition.error = error;
}

}  // namespace penstock::broker
