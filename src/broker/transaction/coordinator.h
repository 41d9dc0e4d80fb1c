// Transactions over several partitions: who may write under a transactional id, which partitions are in its
// transaction, and the markers that end it there. Sources: KIP-98, KIP-360 (epochs), KIP-588, KIP-890 (a new
// epoch for each transaction).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/transaction/state.h"
#include "wire/kafka/error_code.h"

namespace penstock::broker {

class LocalTopics;

/// The topic of transactional ids, in Kafka's own format. Made when the first one comes.
inline constexpr std::string_view transactions_topic = "__transaction_state";

struct TransactionOptions {
    std::int32_t max_timeout_ms = 900'000;             ///< transaction.max.timeout.ms
    std::int64_t id_expiration_ms = 7LL * 86'400'000;  ///< transactional.id.expiration.ms
};

/// What a producer says to prove who it is.
struct TransactionalProducer {
    std::string id;
    std::int64_t producer_id = -1;
    std::int16_t epoch = -1;
};

struct TransactionAnswer {
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::int64_t producer_id = -1;
    std::int16_t epoch = -1;
};

/// Thread-safe. Callbacks run without locks, on the thread of whatever completed them, and once; those of a
/// log that stops, at once.
class TransactionCoordinator {
public:
    using Error = wire::kafka::ErrorCode;
    using Answered = std::function<void(TransactionAnswer)>;
    using Done = std::function<void(Error)>;

    TransactionCoordinator(LocalTopics& topics, TransactionOptions options)
        : topics_(topics), options_(options) {}
    /// Reads back what the topic holds, if there is one, and ends the transactions that were ending.
    Result<> load();

    /// InitProducerId: fences whoever used the id before. known: of a producer that goes on (KIP-360), or
    /// producer_id -1. May block.
    void begin(TransactionalProducer known, std::int32_t timeout_ms, Answered done);
    /// The partitions are in the producer's transaction, which this begins when none is open.
    void add(TransactionalProducer producer, std::vector<TopicPartition> partitions, bool new_epochs,
             Done done);
    /// Whether the producer may write there now.
    Error check(const TransactionalProducer& producer, const TopicPartition& partition) const;
    /// Answers when every partition has its marker. new_epochs: EndTxn 5 and newer.
    void end(TransactionalProducer producer, bool commits, bool new_epochs, Answered done);

    std::vector<TransactionState> all() const;
    std::optional<TransactionState> find(std::string_view id) const;

    /// Aborts transactions whose time is up, writes markers that could not be written before, forgets ids
    /// that were not used for long.
    void tick();

private:
    struct Entry {
        TransactionState now;
        bool changes = false;  ///< until what comes next is in the topic: nothing else may begin
        bool retries = false;  ///< its markers could not be written
        Answered ended;
    };
    using EntryPointer = std::shared_ptr<Entry>;

    Error check_producer(const TransactionalProducer& producer, EntryPointer& entry) const;
    Result<> make_topic();
    void write(const TransactionState& state, std::function<void(bool)> done);
    void change(EntryPointer entry, TransactionState next, Done done);
    void end_now(EntryPointer entry, TransactionState next, Answered ended);
    void write_markers(EntryPointer entry);
    void complete(EntryPointer entry);
    Result<TransactionState> next_epoch(const TransactionState& now, const TransactionalProducer& known);
    Result<std::optional<TransactionState>> after_end(const TransactionState& now,
                                                      const TransactionalProducer& producer, bool commits,
                                                      bool new_epochs) const;
    std::int64_t now_ms() const;

    LocalTopics& topics_;
    const TransactionOptions options_;
    mutable std::mutex mutex_;  // guards entries_ and what they hold; never held while something is appended
    std::map<std::string, EntryPointer, std::less<>> entries_;
};

}  // namespace penstock::broker
