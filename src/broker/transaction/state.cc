#include "broker/transaction/state.h"

#include <array>
#include <utility>
#include <vector>

#include "wire/kafka/codec.h"

namespace penstock::broker {
namespace {

using wire::kafka::Decoder;
using wire::kafka::Encoder;
using wire::kafka::tag;

constexpr std::array names{
    std::pair{TransactionStatus::empty, std::string_view("Empty")},
    std::pair{TransactionStatus::ongoing, std::string_view("Ongoing")},
    std::pair{TransactionStatus::prepare_commit, std::string_view("PrepareCommit")},
    std::pair{TransactionStatus::prepare_abort, std::string_view("PrepareAbort")},
    std::pair{TransactionStatus::complete_commit, std::string_view("CompleteCommit")},
    std::pair{TransactionStatus::complete_abort, std::string_view("CompleteAbort")},
};

struct TopicPartitions {
    std::string topic;
    std::vector<std::int32_t> partitions;
};

/// The value's fields from version 1 on, for both directions.
template <class State, class Codec>
void visit(State& state, std::optional<std::vector<TopicPartitions>>& topics, Codec& codec) {
    codec.value(state.producer_id);
    codec.value(state.epoch);
    codec.value(state.timeout_ms);
    codec.value(state.status);
    codec.array(topics, [&](auto& topic) {
        codec.value(topic.topic);
        codec.value(topic.partitions);
        codec.tags();
    });
    codec.value(state.updated_ms);
    codec.value(state.start_ms);
    codec.tags(tag(0, true, state.previous_producer_id, std::int64_t(-1)),
               tag(2, true, state.client_version, std::int16_t(0)));
}

}  // namespace

std::string_view to_string(TransactionStatus status) {
    for (const auto& [each, name] : names)
        if (each == status) return name;
    return "Dead";
}

std::optional<TransactionStatus> parse_transaction_status(std::string_view name) {
    for (const auto& [status, each] : names)
        if (each == name) return status;
    return std::nullopt;
}

std::string encode_transaction_key(std::string_view id) {
    std::string out;
    Encoder encoder(out, false);
    encoder.value(std::int16_t(0));
    encoder.value(std::string(id));
    return out;
}

std::string encode_transaction_value(const TransactionState& state) {
    std::optional<std::vector<TopicPartitions>> topics;
    for (const auto& [topic, partition] : state.partitions) {
        if (!topics) topics.emplace();
        if (topics->empty() || topics->back().topic != topic) topics->push_back({topic, {}});
        topics->back().partitions.push_back(partition);
    }
    std::string out;
    Encoder encoder(out, true);
    encoder.value(std::int16_t(1));
    visit(state, topics, encoder);
    return out;
}

std::optional<std::string> decode_transaction_key(std::string_view bytes) {
    Decoder decoder(bytes, false);
    std::int16_t version = 0;
    std::string id;
    decoder.value(version);
    decoder.value(id);
    if (!decoder.ok() || version != 0) return std::nullopt;
    return id;
}

std::optional<TransactionState> decode_transaction_value(std::string id, std::string_view bytes) {
    Decoder decoder(bytes, true);
    std::int16_t version = 0;
    decoder.value(version);
    TransactionState state;
    state.id = std::move(id);
    std::optional<std::vector<TopicPartitions>> topics;
    visit(state, topics, decoder);
    auto status = std::int8_t(state.status);
    if (!decoder.ok() || version != 1 || status < 0 || status > 5) return std::nullopt;
    if (topics)
        for (const auto& topic : *topics)
            for (auto partition : topic.partitions) state.partitions.insert({topic.topic, partition});
    bool has_ended = state.status == TransactionStatus::complete_commit ||
                     state.status == TransactionStatus::complete_abort;
    if (state.client_version >= 2 && has_ended && state.epoch > 0)
        state.last_epoch = std::int16_t(state.epoch - 1);
    return state;
}

}  // namespace penstock::broker
