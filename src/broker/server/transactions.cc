// What transactional producers ask for beside InitProducerId and Produce. TransactionCoordinator decides.
#include <re2/re2.h>

#include <set>

#include "broker/group/committed_offsets.h"
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"
#include "broker/server/offset_commits.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::int16_t fenced_since = 2;  // older versions of these requests do not know PRODUCER_FENCED
constexpr std::int16_t new_epochs_since = 5;

ErrorCode known_error(ErrorCode error, std::int16_t version) {
    bool unknown = version < fenced_since && error == ErrorCode::producer_fenced;
    return unknown ? ErrorCode::invalid_producer_epoch : error;
}

bool exists(const LocalTopics& topics, std::string_view name, std::int32_t partition) {
    auto topic = topics.find(name);
    return topic && topic->has(partition);
}

net::Task<ErrorCode> add(RequestPointer request, TransactionalProducer producer,
                         std::vector<TopicPartition> partitions, bool new_epochs) {
    if (!request->may(Operation::write, ResourceType::transactional_id, producer.id))
        co_return ErrorCode::transactional_id_authorization_failed;
    net::Completion<ErrorCode> done(co_await net::this_executor());
    request->server.topics.transactions().add(std::move(producer), std::move(partitions), new_epochs,
                                              [done](ErrorCode error) { done.set(error); });
    auto error = co_await done.wait();
    co_return error;
}

/// topics: the request's, in either form; answers: the response's.
template <class Topic, class Answer>
net::Task<> add_topics(RequestPointer request, TransactionalProducer producer, std::vector<Topic> topics,
                       bool only_asks, std::vector<Answer>* answers) {
    const auto& server = request->server;
    std::vector<TopicPartition> wanted;
    bool all_exist = true;
    for (const auto& topic : topics)
        for (auto partition : topic.partitions) {
            all_exist &= exists(server.topics, topic.name, partition) &&
                         request->may_with_topic(Operation::write, topic.name);
            wanted.push_back({topic.name, partition});
        }
    auto error = ErrorCode::operation_not_attempted;
    if (all_exist && !only_asks) {
        error = co_await add(request, producer, wanted, false);
        error = known_error(error, request->version);
    }
    for (const auto& topic : topics) {
        auto& answer = answers->emplace_back();
        answer.name = topic.name;
        for (auto partition : topic.partitions) {
            bool known = exists(server.topics, topic.name, partition);
            auto each = known ? error : ErrorCode::unknown_topic_or_partition;
            if (!request->may_with_topic(Operation::write, topic.name))
                each = ErrorCode::topic_authorization_failed;
            if (only_asks && all_exist)
                each = server.topics.transactions().check(producer, {topic.name, partition});
            answer.partitions.push_back({partition, each});
        }
    }
}

}  // namespace

net::Task<AddPartitionsToTxn::Response> AddPartitionsToTxn::handle(RequestPointer request, Message message) {
    Response response;
    if (request->version < 4) {
        TransactionalProducer producer{message.transactional_id, message.producer_id, message.producer_epoch};
        co_await add_topics(request, producer, message.topics, false, &response.topics);
    }
    for (const auto& transaction : message.transactions) {
        TransactionalProducer producer{transaction.transactional_id, transaction.producer_id,
                                       transaction.producer_epoch};
        auto& answer = response.transactions.emplace_back();
        answer.transactional_id = transaction.transactional_id;
        co_await add_topics(request, producer, transaction.topics, transaction.verify_only, &answer.topics);
    }
    co_return response;
}

net::Task<AddOffsetsToTxn::Response> AddOffsetsToTxn::handle(RequestPointer request, Message message) {
    Response response;
    if (message.group_id.empty()) {
        response.error = ErrorCode::invalid_group_id;
        co_return response;
    }
    if (!request->may_with_group(Operation::read, message.group_id)) {
        response.error = ErrorCode::group_authorization_failed;
        co_return response;
    }
    TransactionalProducer producer{message.transactional_id, message.producer_id, message.producer_epoch};
    std::vector<TopicPartition> offsets{{std::string(offsets_topic), 0}};
    auto error = co_await add(request, producer, offsets, false);
    response.error = known_error(error, request->version);
    co_return response;
}

net::Task<EndTxn::Response> EndTxn::handle(RequestPointer request, Message message) {
    if (!request->may(Operation::write, ResourceType::transactional_id, message.transactional_id)) {
        Response refused;
        refused.error = ErrorCode::transactional_id_authorization_failed;
        co_return refused;
    }
    net::Completion<TransactionAnswer> ended(co_await net::this_executor());
    request->server.topics.transactions().end(
        {message.transactional_id, message.producer_id, message.producer_epoch}, message.committed,
        request->version >= new_epochs_since, [ended](TransactionAnswer answer) { ended.set(answer); });
    auto answer = co_await ended.wait();
    Response response;
    response.error = known_error(answer.error, request->version);
    if (answer.error == ErrorCode::none) {
        response.producer_id = answer.producer_id;
        response.producer_epoch = answer.epoch;
    }
    co_return response;
}

net::Task<TxnOffsetCommit::Response> TxnOffsetCommit::handle(RequestPointer request, Message message) {
    auto& server = request->server;
    TransactionalProducer producer{message.transactional_id, message.producer_id, message.producer_epoch};
    TopicPartition place{std::string(offsets_topic), 0};
    auto denied = ErrorCode::none;
    if (!request->may(Operation::write, ResourceType::transactional_id, message.transactional_id))
        denied = ErrorCode::transactional_id_authorization_failed;
    else if (!request->may_with_group(Operation::read, message.group_id))
        denied = ErrorCode::group_authorization_failed;
    else if (message.group_id.empty())
        denied = ErrorCode::invalid_group_id;
    auto refused = denied;
    const bool names_member =
        message.generation_id >= 0 || !message.member_id.empty() || message.group_instance_id;
    if (refused == ErrorCode::none && (names_member || server.share->contains(message.group_id)))
        refused = request->server.check_commit({.group = message.group_id,
                                                .member_id = message.member_id,
                                                .instance_id = message.group_instance_id,
                                                .generation = message.generation_id},
                                               true);
    if (refused == ErrorCode::none && request->version >= new_epochs_since) {
        std::vector<TopicPartition> places{place};
        refused = co_await add(request, producer, places, true);
    }
    if (refused == ErrorCode::none) refused = server.topics.transactions().check(producer, place);
    if (refused == ErrorCode::producer_fenced) refused = ErrorCode::invalid_producer_epoch;
    if (refused == ErrorCode::transaction_abortable && request->version < 4)
        refused = ErrorCode::invalid_txn_state;
    Response response;
    auto changes =
        check_offsets(*request, message.group_id, message.topics, denied, refused, response.topics);
    if (changes.empty()) co_return response;
    net::Completion<Result<>> done(co_await net::this_executor());
    server.topics.offsets().commit_in_transaction(message.producer_id, message.producer_epoch,
                                                  std::move(changes),
                                                  [done](Result<> result) { done.set(std::move(result)); });
    auto result = co_await done.wait();
    if (!result)
        refuse_accepted(response.topics, result.error().code == Errc::fenced
                                             ? ErrorCode::invalid_producer_epoch
                                             : ErrorCode::coordinator_not_available);
    co_return response;
}

/// By hand, for a transaction that nobody ends any more: kafka-transactions.sh abort.
net::Task<WriteTxnMarkers::Response> WriteTxnMarkers::handle(RequestPointer request, Message message) {
    auto& topics = request->server.topics;
    Response response;
    for (const auto& marker : message.markers) {
        auto& answers = response.markers.emplace_back();
        answers.producer_id = marker.producer_id;
        for (const auto& topic : marker.topics) {
            auto& answer = answers.topics.emplace_back();
            answer.name = topic.name;
            for (auto partition : topic.partitions) {
                if (!request->may_with_cluster(Operation::cluster_action) &&
                    !request->may_with_cluster(Operation::alter)) {
                    answer.partitions.push_back({partition, ErrorCode::cluster_authorization_failed});
                    continue;
                }
                net::Completion<Result<>> done(co_await net::this_executor());
                auto tell = [done](Result<> result) { done.set(std::move(result)); };
                TransactionMarker end{.commits = marker.transaction_result,
                                      .coordinator_epoch = marker.coordinator_epoch};
                if (topic.name == offsets_topic && partition == 0)
                    topics.offsets().end_transaction(marker.producer_id, marker.producer_epoch, end, tell);
                else
                    topics.append_marker({topic.name, partition}, marker.producer_id, marker.producer_epoch,
                                         end, tell);
                auto result = co_await done.wait();
                auto error = result ? ErrorCode::none : error_code(result.error(), Doing::produce);
                answer.partitions.push_back({partition, error});
            }
        }
    }
    co_return response;
}

namespace {

DescribeProducers::Response describe_all(const Request& request, const DescribeProducers::Message& message) {
    auto& server = request.server;
    DescribeProducers::Response response;
    for (const auto& topic : message.topics) {
        auto found = server.topics.find(std::string_view(topic.name));
        auto& answers = response.topics.emplace_back();
        answers.name = topic.name;
        for (auto partition : topic.partitions) {
            auto& answer = answers.partitions.emplace_back();
            answer.index = partition;
            if (!request.may_with_topic(Operation::read, topic.name)) {
                answer.error = ErrorCode::topic_authorization_failed;
                continue;
            }
            if (!exists(server.topics, topic.name, partition)) {
                answer.error = ErrorCode::unknown_topic_or_partition;
                continue;
            }
            for (const auto& [id, producer] : found->logs[std::size_t(partition)]->producers()) {
                bool wrote = !producer.batches.empty();
                answer.active_producers.push_back(
                    {.producer_id = id,
                     .producer_epoch = producer.epoch,
                     .last_sequence = wrote ? producer.batches.back().last_sequence : -1,
                     .last_timestamp = wrote ? producer.batches.back().timestamp_ms : producer.last_used_ms,
                     .coordinator_epoch = producer.coordinator_epoch,
                     .current_txn_start_offset = producer.transaction_start});
            }
        }
    }
    return response;
}

}  // namespace

net::Task<DescribeProducers::Response> DescribeProducers::handle(RequestPointer request, Message message) {
    std::function<Response()> work = [request, message = std::move(message)] {
        return describe_all(*request, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

DescribeTransactions::Response DescribeTransactions::handle(RequestPointer request, Message message) {
    Response response;
    for (const auto& id : message.transactional_ids) {
        auto& answer = response.transactions.emplace_back();
        answer.transactional_id = id;
        auto state = request->server.topics.transactions().find(id);
        if (!request->may(Operation::describe, ResourceType::transactional_id, id)) {
            answer.error = ErrorCode::transactional_id_authorization_failed;
            continue;
        }
        if (id.empty() || !state) {
            answer.error = id.empty() ? ErrorCode::invalid_request : ErrorCode::transactional_id_not_found;
            continue;
        }
        answer.state = to_string(state->status);
        answer.timeout_ms = state->timeout_ms;
        answer.start_time_ms = state->start_ms;
        answer.producer_id = state->producer_id;
        answer.producer_epoch = state->epoch;
        for (const auto& [topic, partition] : state->partitions) {
            if (answer.topics.empty() || answer.topics.back().topic != topic)
                answer.topics.emplace_back().topic = topic;
            answer.topics.back().partitions.push_back(partition);
        }
    }
    return response;
}

ListTransactions::Response ListTransactions::handle(RequestPointer request, Message message) {
    Response response;
    std::set<TransactionStatus> wanted;
    for (const auto& name : message.state_filters) {
        if (auto status = parse_transaction_status(name))
            wanted.insert(*status);
        else
            response.unknown_state_filters.push_back(name);
    }
    std::set<std::int64_t> ids(message.producer_id_filters.begin(), message.producer_id_filters.end());
    re2::RE2 pattern(message.transactional_id_pattern.value_or(""), re2::RE2::Quiet);
    const bool by_pattern = !pattern.pattern().empty();
    if (!pattern.ok()) {
        response.error = ErrorCode::invalid_regular_expression;
        return response;
    }
    auto now = request->server.topics.options().clock->now_ms();
    for (const auto& state : request->server.topics.transactions().all()) {
        if (!message.state_filters.empty() && !wanted.contains(state.status)) continue;
        if (!request->may(Operation::describe, ResourceType::transactional_id, state.id)) continue;
        if (!ids.empty() && !ids.contains(state.producer_id)) continue;
        bool long_enough = state.start_ms >= 0 && now - state.start_ms > message.duration_filter;
        if (message.duration_filter >= 0 && !long_enough) continue;
        if (by_pattern && !re2::RE2::FullMatch(state.id, pattern)) continue;
        response.transactions.push_back({state.id, state.producer_id, std::string(to_string(state.status))});
    }
    return response;
}

}  // namespace penstock::broker
