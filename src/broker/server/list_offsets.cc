#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::int64_t latest = -1, earliest = -2, max_timestamp = -3, earliest_local = -4;

void answer_time(Log& log, std::int64_t asked, ListOffsets::Response::Topic::Partition& answer) {
    answer.leader_epoch = 0;
    if (asked == latest) {
        answer.offset = log.end_offset();
    } else if (asked == earliest || asked == earliest_local) {
        answer.offset = log.start_offset();
    } else if (asked == max_timestamp || asked >= 0) {
        auto found = asked >= 0 ? log.find_time(asked) : log.find_max_time();
        if (!found) {
            answer.error = error_code(found.error(), Doing::other);
        } else if (*found) {
            answer.offset = (*found)->offset;
            answer.timestamp = (*found)->timestamp_ms;
        } else {
            answer.leader_epoch = -1;
        }
    } else {  // -5, the latest in remote storage: there is none
        answer.leader_epoch = -1;
    }
}

}  // namespace

ListOffsets::Response ListOffsets::handle(RequestPointer request, Message message) {
    Response response;
    for (const auto& asked : message.topics) {
        auto topic = request->server.topics.find(std::string_view(asked.name));
        auto& answers = response.topics.emplace_back();
        answers.name = asked.name;
        for (const auto& partition : asked.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.index = partition.index;
            if (!topic || partition.index < 0 || partition.index >= std::int32_t(topic->logs.size()))
                answer.error = ErrorCode::unknown_topic_or_partition;
            else if (partition.current_leader_epoch > 0)
                answer.error = ErrorCode::unknown_leader_epoch;
            else
                answer_time(*topic->logs[std::size_t(partition.index)], partition.timestamp, answer);
        }
    }
    return response;
}

}  // namespace penstock::broker
