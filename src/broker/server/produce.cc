// Batches are stored as they were sent: checked, given their offsets in place, and encoded anew only where
// the topic has a compression of its own.
#include <algorithm>
#include <map>

#include "broker/server/error_code.h"
#include "broker/server/handlers.h"
#include "wire/kafka/filter_batch.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using Response = Produce::Response;

constexpr std::int16_t names_ids = 13;
constexpr std::size_t decompressed_limit = 256 << 20;

/// The appends of one request that are still on their way.
struct Outstanding {
    Outstanding(net::Completion<bool> completion, int count) : done(completion), left(count) {}
    net::Completion<bool> done;
    std::atomic<int> left;
    void one_is_done() {
        if (--left == 0) done.set(true);
    }
};

struct Target {
    std::shared_ptr<Log> log;
    std::shared_ptr<Response::Topic::Partition> answer;  // inside the response, and keeps it
    std::span<char> batch;
    TopicPartition partition;
    wire::kafka::BatchHeader header;
    std::shared_ptr<void> owner;  // of the batch's bytes
    bool is_transactional() const { return header.has(wire::kafka::attribute::transactional); }
};

/// Why a batch is not taken; error none: it is.
struct Refusal {
    ErrorCode error = ErrorCode::none;
    std::string text;
    std::vector<Response::Topic::Partition::RecordError> records;  // those that are wrong (KIP-467)
};

void refuse(Response::Topic::Partition& answer, Refusal why) {
    answer.error = why.error;
    answer.error_message = std::move(why.text);
    answer.record_errors = std::move(why.records);
}

/// is_wrong: of a record, and why.
template <class IsWrong>
Refusal check_records(std::string_view batch, const wire::kafka::BatchHeader& header, ErrorCode error,
                      std::string_view text, IsWrong is_wrong) {
    std::string scratch;
    auto records = wire::kafka::batch_records(batch, header, scratch, decompressed_limit);
    wire::kafka::RecordCursor cursor(records.value_or(std::string_view()));
    Refusal why;
    std::int32_t index = 0;
    for (wire::kafka::RecordView record; cursor.next(record); ++index)
        if (is_wrong(record)) why.records.push_back({index, std::string(text)});
    if (why.records.empty()) return {};
    why.error = error;
    why.text = "One or more records have been rejected: " + std::string(text);
    return why;
}

Refusal check_keys(std::string_view batch, const wire::kafka::BatchHeader& header) {
    return check_records(batch, header, ErrorCode::invalid_record,
                         "Compacted topic cannot accept message without key",
                         [](const wire::kafka::RecordView& record) { return !record.key; });
}

/// The clock of a producer may be wrong, or its unit: retention and searches by time would be lost on it.
Refusal check_timestamps(std::string_view batch, const wire::kafka::BatchHeader& header,
                         const LogOptions& options, std::int64_t now_ms) {
    const auto earliest =
        options.timestamp_before_max_ms >= now_ms ? 0 : now_ms - options.timestamp_before_max_ms;
    const auto room = INT64_MAX - now_ms;
    const auto latest =
        options.timestamp_after_max_ms >= room ? INT64_MAX : now_ms + options.timestamp_after_max_ms;
    if (options.append_time || (earliest == 0 && header.max_timestamp <= latest)) return {};
    auto text = fmt::format("the timestamp is not within [{}, {}]", earliest, latest);
    return check_records(batch, header, ErrorCode::invalid_timestamp, text,
                         [&](const wire::kafka::RecordView& record) {
                             auto timestamp = header.base_timestamp + record.timestamp_delta;
                             return timestamp >= 0 && (timestamp < earliest || timestamp > latest);
                         });
}

/// What is wrong with the batch, and its header.
Refusal check_batch(const Request& request, const Produce::Message& message, const Log& log,
                    std::string_view batch, wire::kafka::BatchHeader& out) {
    auto options = log.options();
    if (batch.empty()) return {ErrorCode::invalid_record, "no records"};
    if (std::int64_t(batch.size()) > options.max_message_bytes)
        return {ErrorCode::message_too_large,
                fmt::format("the record batch has {} bytes, max.message.bytes is {}", batch.size(),
                            options.max_message_bytes)};
    auto header = wire::kafka::validate_batch(batch, decompressed_limit);
    if (!header) {
        bool too_large = header.error().code == Errc::full;
        return {too_large ? ErrorCode::message_too_large : error_code(header.error(), Doing::produce),
                header.error().text};
    }
    if (header->compression() == codec::Compression::zstd && request.version < 7)
        return {ErrorCode::unsupported_compression_type, "zstd needs Produce 7 or newer"};
    bool in_transaction = header->has(wire::kafka::attribute::transactional);
    if (in_transaction && (!message.transactional_id || header->producer_id < 0))
        return {ErrorCode::invalid_record,
                "a transactional batch without a transactional id, or without a producer id"};
    if (header->producer_id >= 0 && header->base_sequence < 0)
        return {ErrorCode::invalid_record, "a producer id without a sequence"};
    out = *header;
    if (options.compacts)
        if (auto why = check_keys(batch, *header); why.error != ErrorCode::none) return why;
    return check_timestamps(batch, *header, options, request.server.topics.options().clock->now_ms());
}

/// Into the compression of the topic, when it has one that is not the batch's.
Refusal recompress(Target& target) {
    auto options = target.log->options();
    if (!options.compression || *options.compression == target.header.compression()) return {};
    auto batch = wire::kafka::recompress_batch({target.batch.data(), target.batch.size()}, target.header,
                                               *options.compression);
    if (!batch) return {error_code(batch.error(), Doing::produce), batch.error().text};
    if (std::int64_t(batch->size()) > options.max_message_bytes)
        return {ErrorCode::message_too_large,
                fmt::format("the record batch has {} bytes as {}, max.message.bytes is {}", batch->size(),
                            to_string(*options.compression), options.max_message_bytes)};
    auto kept = std::make_shared<std::string>(std::move(*batch));
    target.batch = *kept;
    target.owner = std::move(kept);
    return {};
}

void resolve(const Request& request, const Produce::Message& message, std::shared_ptr<Response> shared,
             std::vector<Target>& targets) {
    auto& response = *shared;
    const bool may_use_id =
        !message.transactional_id ||
        request.may(Operation::write, ResourceType::transactional_id, *message.transactional_id);
    response.topics.resize(message.topics.size());
    for (std::size_t t = 0; t < message.topics.size(); ++t) {
        const auto& asked = message.topics[t];
        const bool by_id = request.version >= names_ids;
        auto topic = by_id ? request.server.topics.find(asked.topic_id)
                           : request.server.topics.find(std::string_view(asked.name));
        const auto name = by_id && topic ? topic->spec.name : asked.name;
        response.topics[t].name = asked.name;
        response.topics[t].topic_id = asked.topic_id;
        response.topics[t].partitions.resize(asked.partitions.size());
        for (std::size_t p = 0; p < asked.partitions.size(); ++p) {
            const auto& partition = asked.partitions[p];
            auto& answer = response.topics[t].partitions[p];
            answer.index = partition.index;
            if (by_id && !topic) {
                answer.error = ErrorCode::unknown_topic_id;
            } else if (!may_use_id) {
                answer.error = ErrorCode::transactional_id_authorization_failed;
            } else if (!request.may_with_topic(Operation::write, name)) {
                answer.error = ErrorCode::topic_authorization_failed;
            } else if (message.acks < -1 || message.acks > 1) {
                refuse(answer, {ErrorCode::invalid_required_acks, "acks must be -1, 0 or 1"});
            } else if (!topic || !topic->has(partition.index)) {
                answer.error = ErrorCode::unknown_topic_or_partition;
            } else if (topic->internal) {
                refuse(answer, {ErrorCode::invalid_topic_exception, "the topic is internal"});
            } else {
                const auto& log = topic->logs[std::size_t(partition.index)];
                wire::kafka::BatchHeader header;
                auto why = check_batch(request, message, *log, partition.records.bytes, header);
                if (why.error != ErrorCode::none) {
                    refuse(answer, std::move(why));
                    continue;
                }
                // The bytes are in the request's own buffer, which is ours to write.
                auto* start =
                    request.buffer->data() + (partition.records.bytes.data() - request.buffer->data());
                Target target{log,
                              {shared, &answer},
                              {start, partition.records.bytes.size()},
                              {name, partition.index},
                              header,
                              request.buffer};
                why = recompress(target);
                if (why.error == ErrorCode::none)
                    targets.push_back(std::move(target));
                else
                    refuse(answer, std::move(why));
            }
        }
    }
}

void append(const Target& target, std::shared_ptr<Outstanding> outstanding) {
    Append append;
    append.batches.push_back(target.batch);
    append.owner = target.owner;
    append.done = [outstanding, answer = target.answer, log = target.log](Result<std::int64_t> result) {
        if (result) {
            answer->base_offset = *result;
            answer->log_start_offset = log->start_offset();
        } else {
            refuse(*answer, {error_code(result.error(), Doing::produce), result.error().text});
        }
        outstanding->one_is_done();
    };
    target.log->append(std::move(append));
}

constexpr std::int16_t adds_partitions = 12;  // by producing, and not by AddPartitionsToTxn (KIP-890)

/// As the producer of that version knows it.
ErrorCode known_error(ErrorCode error, std::int16_t version) {
    constexpr std::int16_t knows_abortable = 11;
    if (error == ErrorCode::producer_fenced) return ErrorCode::invalid_producer_epoch;
    if (error == ErrorCode::transaction_abortable && version < knows_abortable)
        return ErrorCode::invalid_txn_state;
    if (error == ErrorCode::concurrent_transactions && version < adds_partitions)
        return ErrorCode::not_enough_replicas;  // which it tries again after
    return error;
}

/// Refuses the targets whose transaction does not take them; the others are in it afterwards.
net::Task<> enter_transaction(RequestPointer request, std::string id, std::vector<Target>& targets) {
    auto& transactions = request->server.topics.transactions();
    std::map<std::pair<std::int64_t, std::int16_t>, std::vector<TopicPartition>> added;
    for (const auto& target : targets)
        if (target.is_transactional())
            added[{target.header.producer_id, target.header.producer_epoch}].push_back(target.partition);
    std::map<TopicPartition, ErrorCode> errors;
    for (const auto& [producer, partitions] : added) {
        TransactionalProducer who{id, producer.first, producer.second};
        if (request->version < adds_partitions) {
            for (const auto& each : partitions) errors[each] = transactions.check(who, each);
            continue;
        }
        net::Completion<ErrorCode> done(co_await net::this_executor());
        transactions.add(who, partitions, true, [done](ErrorCode error) { done.set(error); });
        const Waits waits(*request);
        auto error = co_await done.wait();
        for (const auto& each : partitions) errors[each] = error;
    }
    std::erase_if(targets, [&](const Target& target) {
        if (!target.is_transactional()) return false;
        auto error = known_error(errors[target.partition], request->version);
        if (error == ErrorCode::none) return false;
        refuse(*target.answer, {error, "the producer's transaction does not take the batch"});
        return true;
    });
}

}  // namespace

net::Task<std::optional<Response>> Produce::handle(RequestPointer request, Message message) {
    // The appends write into the response from other threads, so it outlives this coroutine's frame.
    auto response = std::make_shared<Response>();
    std::vector<Target> targets;
    resolve(*request, message, response, targets);
    if (std::ranges::any_of(targets, &Target::is_transactional))
        co_await enter_transaction(request, *message.transactional_id, targets);
    if (!targets.empty()) {
        net::Completion<bool> done(co_await net::this_executor());
        auto outstanding = std::make_shared<Outstanding>(done, int(targets.size()));
        for (const auto& target : targets) append(target, outstanding);
        request->let_next_begin();
        {
            const Waits waits(*request);
            co_await done.wait();
        }
        for (const auto& target : targets)
            if (target.log->options().append_time && target.answer->error == ErrorCode::none)
                if (auto header = wire::kafka::parse_batch_header({target.batch.data(), target.batch.size()}))
                    target.answer->log_append_time_ms = header->max_timestamp;
    }
    request->throttle_ms = std::max(request->count_time(),
                                    request->count(Quota::produce, std::int64_t(request->buffer->size())));
    response->throttle_ms = request->throttle_ms;
    if (message.acks != 0) co_return std::move(*response);
    // With acks=0 the only way to say that something is wrong is to end the connection.
    for (const auto& topic : response->topics)
        for (const auto& partition : topic.partitions)
            if (partition.error != ErrorCode::none) request->close_after = true;
    co_return std::nullopt;
}

}  // namespace penstock::broker
