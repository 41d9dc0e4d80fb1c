#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::int8_t read_committed = 1;
constexpr std::int64_t latest = -1, earliest = -2, max_timestamp = -3, earliest_local = -4;

/// end: behind what the reader may see.
void answer_time(Log& log, std::int64_t asked, std::int64_t end,
                 ListOffsets::Response::Topic::Partition& answer) {
    answer.leader_epoch = 0;
    if (asked == latest) {
        answer.offset = end;
    } else if (asked == earliest || asked == earliest_local) {
        answer.offset = log.start_offset();
    } else if (asked == max_timestamp || asked >= 0) {
        auto found = asked >= 0 ? log.find_time(asked) : log.find_max_time();
        if (!found) {
            answer.error = error_code(found.error(), Doing::other);
        } else if (*found && (*found)->offset < end) {
            answer.offset = (*found)->offset;
            answer.timestamp = (*found)->timestamp_ms;
        } else {
            answer.leader_epoch = -1;
        }
    } else {  // -5, the latest in remote storage: there is none
        answer.leader_epoch = -1;
    }
}

void answer_in(Log& log, std::int8_t isolation, std::int64_t asked,
               ListOffsets::Response::Topic::Partition& answer) {
    answer_time(log, asked, isolation == read_committed ? log.stable_offset() : log.end_offset(), answer);
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
            if (!request->may_with_topic(Operation::describe, asked.name))
                answer.error = ErrorCode::topic_authorization_failed;
            else if (!topic || !topic->has(partition.index))
                answer.error = ErrorCode::unknown_topic_or_partition;
            else if (auto error = check_leader_epoch(partition.current_leader_epoch);
                     error != ErrorCode::none)
                answer.error = error;
            else
                answer_in(*topic->logs[std::size_t(partition.index)], message.isolation_level,
                          partition.timestamp, answer);
        }
    }
    return response;
}

}  // namespace penstock::broker
