// There is one leader with one epoch for ever, 0, so no log was ever cut back behind a consumer.
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

OffsetForLeaderEpoch::Response OffsetForLeaderEpoch::handle(RequestPointer request, Message message) {
    Response response;
    for (const auto& asked : message.topics) {
        auto topic = request->server.topics.find(std::string_view(asked.topic));
        auto& answers = response.topics.emplace_back();
        answers.topic = asked.topic;
        for (const auto& partition : asked.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition = partition.partition;
            bool known = topic && topic->has(partition.partition);
            if (!request->may_with_topic(Operation::describe, asked.topic)) {
                answer.error = ErrorCode::topic_authorization_failed;
            } else if (!known) {
                answer.error = ErrorCode::unknown_topic_or_partition;
            } else if (auto error = check_leader_epoch(partition.current_leader_epoch);
                       error != ErrorCode::none) {
                answer.error = error;
            } else if (partition.leader_epoch == 0) {
                answer.leader_epoch = 0;
                answer.end_offset = topic->logs[std::size_t(partition.partition)]->end_offset();
            }
        }
    }
    return response;
}

}  // namespace penstock::broker
