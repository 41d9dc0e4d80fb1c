#include "broker/server/assigned_groups.h"

#include "broker/group/committed_offsets.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

std::optional<std::pair<ErrorCode, std::string>> refused_membership(
    const Request& request, const std::string& group, const std::optional<std::vector<std::string>>& topics) {
    if (!request.may_with_group(Operation::read, group))
        return std::pair(ErrorCode::group_authorization_failed, "Group authorization failed.");
    if (topics)
        for (const auto& topic : *topics)
            if (!request.may_with_topic(Operation::describe, topic))
                return std::pair(ErrorCode::topic_authorization_failed, "Topic authorization failed.");
    return std::nullopt;
}

bool is_not_a_share_group(const ServerState& server, const std::string& group) {
    if (server.share->contains(group)) return false;
    return server.groups.describe(group) || server.consumer_groups.contains(group) ||
           server.topics.offsets().has_group(group);
}

}  // namespace penstock::broker
