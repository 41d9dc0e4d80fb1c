// Reads whole batches as they are stored; waits for more when there are too few.
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"
#include "broker/server/news.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using Message = Fetch::Message;
using Response = Fetch::Response;
using Partition = Response::Topic::Partition;

struct Gathered {
    Response response;
    std::vector<std::shared_ptr<const void>> owners;
    std::int64_t bytes = 0;
    bool answers_now = false;  // an error, or more is there than one read gives: nothing to wait for
};

ErrorCode check_epoch(std::int32_t asked) {
    if (asked < 0 || asked == 0) return ErrorCode::none;
    return ErrorCode::unknown_leader_epoch;  // ours is 0 for ever
}

/// What a consumer leaves out of the slice.
void name_aborted(const Log& log, std::int64_t from, std::int64_t to, Partition& answer) {
    for (const auto& each : log.aborted_transactions(from, to))
        answer.aborted_transactions->push_back({each.producer_id, each.first_offset});
}

void read_partition(Log& log, const Message::Topic::Partition& asked, bool committed, std::int64_t room,
                    Partition& answer, Gathered& all) {
    answer.last_stable_offset = log.stable_offset();  // first, so that it is never above the other
    answer.high_watermark = log.end_offset();
    answer.log_start_offset = log.start_offset();
    if (committed) answer.aborted_transactions.emplace();
    auto limit = std::min<std::int64_t>(asked.partition_max_bytes, room);
    if (limit <= 0) return;
    auto slice = committed ? log.read_stable(asked.fetch_offset, limit) : log.read(asked.fetch_offset, limit);
    if (!slice) {
        answer.error = error_code(slice.error(), Doing::fetch);
        if (answer.error == ErrorCode::offset_out_of_range)
            answer.high_watermark = answer.last_stable_offset = answer.log_start_offset = -1;
        answer.aborted_transactions.reset();
        all.answers_now = true;
        return;
    }
    // The first batch of a response may be larger than all limits, or a consumer would never get past it.
    auto size = std::int64_t(slice->bytes.size());
    if (size == 0 || (all.bytes > 0 && size > room)) return;
    answer.records.bytes = slice->bytes;
    if (committed) name_aborted(log, asked.fetch_offset, slice->next_offset, answer);
    all.owners.push_back(std::move(slice->owner));
    all.bytes += size;
    const auto readable = committed ? answer.last_stable_offset : answer.high_watermark;
    all.answers_now |= slice->reaches_end && slice->next_offset < readable;
}

Gathered gather(const Request& request, const Message& message) {
    Gathered all;
    const bool committed = message.isolation_level == 1;
    auto budget = std::min<std::int64_t>(message.max_bytes, request.server.options.max_fetch_bytes);
    if (auto most = request.most_at_once(Quota::fetch)) budget = std::min(budget, *most);
    for (const auto& asked : message.topics) {
        auto topic = request.version >= 13 ? request.server.topics.find(asked.topic_id)
                                           : request.server.topics.find(std::string_view(asked.topic));
        auto& answers = all.response.topics.emplace_back();
        answers.topic = asked.topic;
        answers.topic_id = asked.topic_id;
        for (const auto& partition : asked.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.partition = partition.partition;
            bool known = topic && topic->has(partition.partition);
            if (topic && !request.may_with_topic(Operation::read, topic->spec.name))
                answer.error = ErrorCode::topic_authorization_failed;
            else if (!topic && request.version >= 13)
                answer.error = ErrorCode::unknown_topic_id;
            else if (!known && !request.may_with_topic(Operation::read, asked.topic))
                answer.error = ErrorCode::topic_authorization_failed;
            else if (!known)
                answer.error = ErrorCode::unknown_topic_or_partition;
            else
                answer.error = check_epoch(partition.current_leader_epoch);
            if (answer.error != ErrorCode::none) {
                answer.aborted_transactions.emplace();  // as Kafka: absent only where something was read
                all.answers_now = true;
                continue;
            }
            auto& log = *topic->logs[std::size_t(partition.partition)];
            read_partition(log, partition, committed, budget - all.bytes, answer, all);
        }
    }
    return all;
}

std::vector<std::shared_ptr<void>> listen(const Request& request, const Message& message,
                                          std::shared_ptr<News> news) {
    std::vector<std::shared_ptr<void>> handles;
    handles.push_back(request.server.stops.add([news] { news->tell(); }));
    for (const auto& asked : message.topics) {
        auto topic = request.version >= 13 ? request.server.topics.find(asked.topic_id)
                                           : request.server.topics.find(std::string_view(asked.topic));
        if (topic) handles.push_back(topic->moved->add([news] { news->tell(); }));
    }
    return handles;
}

}  // namespace

net::Task<Response> Fetch::handle(RequestPointer request, Message message) {
    auto& sessions = request->server.fetch_sessions;
    constexpr std::int16_t names_ids = 13;
    if (auto error = sessions.open(message, request->version >= names_ids); error != ErrorCode::none) {
        Response response;
        response.error = error;
        co_return response;
    }
    using Clock = std::chrono::steady_clock;
    constexpr std::int32_t longest_wait_ms = 300'000;
    auto wait_ms = std::clamp(message.max_wait_ms, 0, longest_wait_ms);
    auto deadline = Clock::now() + std::chrono::milliseconds(wait_ms);
    auto all = gather(*request, message);
    while (all.bytes < message.min_bytes && !all.answers_now && !request->server.stopping) {
        auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
        if (left.count() <= 0) break;
        net::Completion<bool> arrived(co_await net::this_executor());
        auto news = std::make_shared<News>(arrived);
        auto handles = listen(*request, message, news);
        all = gather(*request, message);  // what came before anyone listened
        if (all.bytes >= message.min_bytes || all.answers_now || request->server.stopping) break;
        {
            const Waits waits(*request);
            co_await arrived.wait_for(left);
        }
        handles.clear();
        all = gather(*request, message);
    }
    request->throttle_ms = request->count_time();
    if (request->throttle_ms == 0) request->throttle_ms = request->ask(Quota::fetch, all.bytes);
    if (request->throttle_ms > 0) {  // it gets nothing now, and asks again for the same
        Response nothing;
        nothing.throttle_ms = request->throttle_ms;
        sessions.put_off(message, nothing);
        co_return nothing;
    }
    sessions.close(message, all.response);
    request->response_memory = co_await request->server.memory.take(all.bytes);
    request->keep = std::move(all.owners);
    co_return std::move(all.response);
}

}  // namespace penstock::broker
