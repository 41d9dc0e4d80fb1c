// Who has appended what to a partition: the last batches of each idempotent producer, so that what it sends
// again is not stored again; the transactions that are open, and those that were aborted; the positions of
// named producers. docs/formats/producer_state.md.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/kafka/record_batch.h"

namespace penstock::broker {

/// Header names of the last record of an append by a named producer.
inline constexpr std::string_view producer_header = "penstock.producer";
inline constexpr std::string_view position_header = "penstock.position";

/// What ends a transaction in a partition: the only record of a control batch.
struct TransactionMarker {
    bool commits = false;
    std::int32_t coordinator_epoch = 0;
};

/// A whole control batch, without its offset.
std::string encode_marker(std::int64_t producer_id, std::int16_t producer_epoch, TransactionMarker marker,
                          std::int64_t now_ms);
/// Errc::invalid when the batch holds no such marker.
Result<TransactionMarker> decode_marker(const wire::kafka::BatchHeader& header, std::string_view batch);

/// Records of the producer from first to last offset, which is the marker's, are not to be seen.
struct AbortedTransaction {
    std::int64_t producer_id = 0;
    std::int64_t first_offset = 0, last_offset = 0;
    bool operator==(const AbortedTransaction&) const = default;
};

/// Not thread-safe.
class ProducerState {
public:
    struct Batch {
        std::int32_t first_sequence = 0, last_sequence = 0;
        std::int64_t base_offset = 0;
        std::int64_t timestamp_ms = 0;
        bool operator==(const Batch&) const = default;
    };
    struct Producer {
        std::int16_t epoch = -1;
        std::int64_t last_used_ms = 0;
        std::deque<Batch> batches;            ///< the last five, the newest at the back
        std::int64_t transaction_start = -1;  ///< first offset of the open transaction; -1: none is
        std::int32_t coordinator_epoch = -1;  ///< of its last marker
        bool operator==(const Producer&) const = default;
    };

    /// What to do with a batch that is about to be appended: nothing: append it; an offset: it is there
    /// already, at that base offset. Errc::out_of_range: a batch before it is missing (Kafka's
    /// OUT_OF_ORDER_SEQUENCE_NUMBER); Errc::fenced: a newer epoch has written; Errc::exists: a batch
    /// outside of the producer's open transaction.
    Result<std::optional<std::int64_t>> check(const wire::kafka::BatchHeader& header) const;
    /// The batch has been appended at header.base_offset. now_ms: for forgetting producers that are gone.
    void appended(const wire::kafka::BatchHeader& header, std::int64_t now_ms);
    /// The marker has been appended at header.base_offset. The transaction that it aborts, if any of its
    /// records are here.
    std::optional<AbortedTransaction> ended(const wire::kafka::BatchHeader& header, TransactionMarker marker,
                                            std::int64_t now_ms);
    void add_aborted(const AbortedTransaction& aborted) { aborted_.push_back(aborted); }
    /// Forgets those that end before offset.
    void forget_aborted_before(std::int64_t offset);
    /// In the order of their last offsets.
    const std::vector<AbortedTransaction>& aborted() const { return aborted_; }
    /// The first offset of all open transactions; nothing: none is open.
    std::optional<std::int64_t> first_open_offset() const;
    /// Reads the position out of a batch that has attribute::producer_position.
    void take_position(const wire::kafka::BatchHeader& header, std::string_view batch);

    void set_position(std::string_view producer, std::string_view position);
    std::string position(std::string_view producer) const;  ///< empty: none
    void forget_before(std::int64_t last_used_ms);

    const std::map<std::int64_t, Producer>& producers() const { return producers_; }
    const std::map<std::string, std::string, std::less<>>& positions() const { return positions_; }
    /// Takes a producer back to what it was, when its append failed; nullopt: there was none.
    void restore(std::int64_t producer_id, std::optional<Producer> before);

    void encode(std::string& out) const;
    /// version: of the checkpoint's format, 1 or 2.
    static Result<ProducerState> decode(std::string_view& in, int version = 2);
    bool operator==(const ProducerState&) const = default;

private:
    void set_open(std::int64_t producer_id, Producer& producer, std::int64_t first_offset);

    std::map<std::int64_t, Producer> producers_;
    std::map<std::int64_t, std::int64_t> open_;  // first offset of each open transaction -> its producer
    std::vector<AbortedTransaction> aborted_;
    std::map<std::string, std::string, std::less<>> positions_;
};

/// A point up to which everything is on disk for good, and what was true there. Written when a segment is
/// full, and when the log is closed; recovery starts behind it.
struct Checkpoint {
    std::int64_t end_offset = 0;
    std::int64_t start_offset = 0;
    std::int64_t segment_base = 0;  ///< of the segment that end_offset falls in
    std::int64_t position = 0;      ///< of end_offset in it
    ProducerState producers;

    std::string encode() const;
    static Result<Checkpoint> decode(std::string_view bytes);  ///< Errc::corrupt
};

}  // namespace penstock::broker
