// Who has appended what to a partition: the last batches of each idempotent producer, so that what it sends
// again is not stored again, and the positions of named producers. docs/formats/producer_state.md.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/kafka/record_batch.h"

namespace penstock::broker {

/// Header names of the last record of an append by a named producer.
inline constexpr std::string_view producer_header = "penstock.producer";
inline constexpr std::string_view position_header = "penstock.position";

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
        std::deque<Batch> batches;  ///< the last five, the newest at the back
        bool operator==(const Producer&) const = default;
    };

    /// What to do with a batch that is about to be appended: nothing: append it; an offset: it is there
    /// already, at that base offset. Errc::out_of_range: a batch before it is missing (Kafka's
    /// OUT_OF_ORDER_SEQUENCE_NUMBER); Errc::fenced: a newer epoch has written.
    Result<std::optional<std::int64_t>> check(const wire::kafka::BatchHeader& header) const;
    /// The batch has been appended at header.base_offset. now_ms: for forgetting producers that are gone.
    void appended(const wire::kafka::BatchHeader& header, std::int64_t now_ms);
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
    static Result<ProducerState> decode(std::string_view& in);
    bool operator==(const ProducerState&) const = default;

private:
    std::map<std::int64_t, Producer> producers_;
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
