// One transactional id: who its producer is, and what of its transaction is open. Kept in the topic
// __transaction_state in Kafka's own record format (key version 0, value version 1).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "broker/topics.h"

namespace penstock::broker {

/// Kafka's numbers.
enum class TransactionStatus : std::int8_t {
    empty = 0,
    ongoing = 1,
    prepare_commit = 2,
    prepare_abort = 3,
    complete_commit = 4,
    complete_abort = 5,
};
/// Kafka's names: "Empty", "Ongoing", "PrepareCommit", ...
std::string_view to_string(TransactionStatus status);
std::optional<TransactionStatus> parse_transaction_status(std::string_view name);

struct TransactionState {
    std::string id;  ///< the transactional id
    std::int64_t producer_id = -1;
    std::int64_t previous_producer_id = -1;  ///< when its epochs were used up
    std::int16_t epoch = 0;
    std::int16_t last_epoch = -1;  ///< with which the producer may ask again for what it was answered
    std::int32_t timeout_ms = 0;
    TransactionStatus status = TransactionStatus::empty;
    std::set<TopicPartition> partitions;
    std::int64_t start_ms = -1;
    std::int64_t updated_ms = -1;
    std::int16_t client_version = 0;  ///< 2: a new epoch for each transaction (KIP-890)

    bool is_ending() const {
        return status == TransactionStatus::prepare_commit || status == TransactionStatus::prepare_abort;
    }
    bool operator==(const TransactionState&) const = default;
};

std::string encode_transaction_key(std::string_view id);
std::string encode_transaction_value(const TransactionState& state);
/// The transactional id; nothing when the key is another record's.
std::optional<std::string> decode_transaction_key(std::string_view bytes);
/// Nothing when the value cannot be read.
std::optional<TransactionState> decode_transaction_value(std::string id, std::string_view bytes);

}  // namespace penstock::broker
