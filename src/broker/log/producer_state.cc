#include "broker/log/producer_state.h"

#include <algorithm>

#include "codec/big_endian.h"
#include "codec/crc32c.h"

namespace penstock::broker {
namespace {

using codec::append_big;
constexpr std::string_view magic = "PSTKLOG2";
constexpr std::string_view magic_before = "PSTKLOG1";  // without transactions
constexpr std::size_t kept_batches = 5;                // as many as a producer may have in flight

std::int32_t sequence_after(std::int32_t sequence) {
    return sequence == INT32_MAX ? 0 : sequence + 1;
}
std::int32_t last_sequence(const wire::kafka::BatchHeader& header) {
    auto sum = std::int64_t(header.base_sequence) + header.last_offset_delta;
    return std::int32_t(sum > INT32_MAX ? sum - INT32_MAX - 1 : sum);
}

void append_text(std::string& out, std::string_view text) {
    append_big(out, std::uint32_t(text.size()));
    out += text;
}

/// Reads from the front of in; after the first shortage ok is false and everything is zero.
struct Reader {
    std::string_view& in;
    bool ok = true;

    template <class T>
    T number() {
        if (in.size() < sizeof(T)) {
            ok = false;
            return 0;
        }
        auto value = codec::load_big<T>(in.data());
        in.remove_prefix(sizeof(T));
        return value;
    }
    std::string_view text() {
        auto size = number<std::uint32_t>();
        if (size > in.size()) {
            ok = false;
            return {};
        }
        auto value = in.substr(0, size);
        in.remove_prefix(size);
        return value;
    }
};

}  // namespace

std::string encode_marker(std::int64_t producer_id, std::int16_t producer_epoch, TransactionMarker marker,
                          std::int64_t now_ms) {
    std::string key, value;
    append_big(key, std::int16_t(0));
    append_big(key, std::int16_t(marker.commits ? 1 : 0));
    append_big(value, std::int16_t(0));
    append_big(value, marker.coordinator_epoch);
    wire::kafka::BatchBuilder builder;
    builder.add({.timestamp_ms = now_ms, .key = key, .value = value, .headers = {}});
    namespace attribute = wire::kafka::attribute;
    return builder.finish({.attributes = attribute::transactional | attribute::control,
                           .producer_id = producer_id,
                           .producer_epoch = producer_epoch});
}

Result<TransactionMarker> decode_marker(const wire::kafka::BatchHeader& header, std::string_view batch) {
    std::string scratch;
    wire::kafka::RecordCursor cursor(TRY(wire::kafka::batch_records(batch, header, scratch, 1 << 20)));
    wire::kafka::RecordView record;
    if (!cursor.next(record) || !record.key || !record.value || record.key->size() < 4)
        return fail(Errc::invalid, "a control batch without a marker");
    auto type = codec::load_big<std::int16_t>(record.key->data() + 2);
    if (type != 0 && type != 1) return fail(Errc::invalid, "a control record of type {}", type);
    TransactionMarker marker{.commits = type == 1};
    if (record.value->size() >= 6)
        marker.coordinator_epoch = codec::load_big<std::int32_t>(record.value->data() + 2);
    return marker;
}

Result<std::optional<std::int64_t>> ProducerState::check(const wire::kafka::BatchHeader& header) const {
    if (header.producer_id < 0) return std::nullopt;
    auto found = producers_.find(header.producer_id);
    if (found == producers_.end()) return std::nullopt;
    const auto& producer = found->second;
    if (header.producer_epoch < producer.epoch)
        return fail(Errc::fenced, "producer {} writes with epoch {}, the newest is {}", header.producer_id,
                    header.producer_epoch, producer.epoch);
    namespace attribute = wire::kafka::attribute;
    if (header.has(attribute::control)) return std::nullopt;
    if (header.base_sequence < 0) return std::nullopt;  // of our own, under a client's producer id
    if (producer.transaction_start >= 0 && !header.has(attribute::transactional))
        return fail(Errc::exists, "producer {} has an open transaction, and writes outside of it",
                    header.producer_id);
    if (header.producer_epoch > producer.epoch) {
        if (header.base_sequence == 0) return std::nullopt;
        return fail(Errc::out_of_range, "producer {} begins epoch {} with sequence {}, expected 0",
                    header.producer_id, header.producer_epoch, header.base_sequence);
    }
    for (const auto& batch : producer.batches)
        if (batch.first_sequence == header.base_sequence && batch.last_sequence == last_sequence(header))
            return batch.base_offset;
    if (producer.batches.empty()) return std::nullopt;
    auto expected = sequence_after(producer.batches.back().last_sequence);
    if (header.base_sequence == expected) return std::nullopt;
    return fail(Errc::out_of_range, "producer {} sends sequence {}, expected {}", header.producer_id,
                header.base_sequence, expected);
}

void ProducerState::appended(const wire::kafka::BatchHeader& header, std::int64_t now_ms) {
    if (header.producer_id < 0) return;
    auto& producer = producers_[header.producer_id];
    if (header.producer_epoch != producer.epoch) producer.batches.clear();
    producer.epoch = header.producer_epoch;
    producer.last_used_ms = now_ms;
    if (header.base_sequence >= 0)
        producer.batches.push_back(
            {header.base_sequence, last_sequence(header), header.base_offset, header.max_timestamp});
    if (producer.batches.size() > kept_batches) producer.batches.pop_front();
    if (header.has(wire::kafka::attribute::transactional) && producer.transaction_start < 0)
        set_open(header.producer_id, producer, header.base_offset);
}

std::optional<AbortedTransaction> ProducerState::ended(const wire::kafka::BatchHeader& header,
                                                       TransactionMarker marker, std::int64_t now_ms) {
    auto& producer = producers_[header.producer_id];
    if (header.producer_epoch != producer.epoch) producer.batches.clear();
    producer.epoch = header.producer_epoch;
    producer.last_used_ms = now_ms;
    producer.coordinator_epoch = marker.coordinator_epoch;
    auto first = producer.transaction_start;
    set_open(header.producer_id, producer, -1);
    if (first < 0 || marker.commits) return std::nullopt;
    return AbortedTransaction{header.producer_id, first, header.base_offset};
}

void ProducerState::set_open(std::int64_t producer_id, Producer& producer, std::int64_t first_offset) {
    if (producer.transaction_start >= 0) open_.erase(producer.transaction_start);
    producer.transaction_start = first_offset;
    if (first_offset >= 0) open_[first_offset] = producer_id;
}

std::optional<std::int64_t> ProducerState::first_open_offset() const {
    return open_.empty() ? std::nullopt : std::optional(open_.begin()->first);
}

void ProducerState::forget_aborted_before(std::int64_t offset) {
    auto first = std::ranges::find_if(
        aborted_, [&](const AbortedTransaction& each) { return each.last_offset >= offset; });
    aborted_.erase(aborted_.begin(), first);
}

void ProducerState::take_position(const wire::kafka::BatchHeader& header, std::string_view batch) {
    std::string scratch;
    auto records = wire::kafka::batch_records(batch, header, scratch, 256 << 20);
    if (!records) return;
    wire::kafka::RecordCursor cursor(*records);
    wire::kafka::RecordView last;
    while (cursor.next(last)) {
    }
    std::string_view producer, position;
    wire::kafka::HeaderCursor headers(last.headers);
    for (wire::kafka::HeaderView each; headers.next(each);) {
        if (each.name == producer_header) producer = each.value.value_or("");
        if (each.name == position_header) position = each.value.value_or("");
    }
    if (!producer.empty()) set_position(producer, position);
}

void ProducerState::set_position(std::string_view producer, std::string_view position) {
    auto found = positions_.find(producer);
    if (found == positions_.end())
        positions_.emplace(producer, position);
    else
        found->second = position;
}

std::string ProducerState::position(std::string_view producer) const {
    auto found = positions_.find(producer);
    return found == positions_.end() ? std::string() : found->second;
}

void ProducerState::forget_before(std::int64_t last_used_ms) {
    std::erase_if(producers_, [&](const auto& each) {
        return each.second.last_used_ms < last_used_ms && each.second.transaction_start < 0;
    });
}

void ProducerState::restore(std::int64_t producer_id, std::optional<Producer> before) {
    auto& producer = producers_[producer_id];
    set_open(producer_id, producer, before ? before->transaction_start : -1);
    if (before)
        producer = std::move(*before);
    else
        producers_.erase(producer_id);
}

void ProducerState::encode(std::string& out) const {
    append_big(out, std::uint32_t(producers_.size()));
    for (const auto& [id, producer] : producers_) {
        append_big(out, id);
        append_big(out, producer.epoch);
        append_big(out, producer.last_used_ms);
        append_big(out, std::uint8_t(producer.batches.size()));
        for (const auto& batch : producer.batches) {
            append_big(out, batch.first_sequence);
            append_big(out, batch.last_sequence);
            append_big(out, batch.base_offset);
            append_big(out, batch.timestamp_ms);
        }
        append_big(out, producer.transaction_start);
        append_big(out, producer.coordinator_epoch);
    }
    append_big(out, std::uint32_t(aborted_.size()));
    for (const auto& aborted : aborted_) {
        append_big(out, aborted.producer_id);
        append_big(out, aborted.first_offset);
        append_big(out, aborted.last_offset);
    }
    append_big(out, std::uint32_t(positions_.size()));
    for (const auto& [producer, position] : positions_) {
        append_text(out, producer);
        append_text(out, position);
    }
}

Result<ProducerState> ProducerState::decode(std::string_view& in, int version) {
    ProducerState state;
    Reader reader{in};
    auto producers = reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; reader.ok && i < producers; ++i) {
        auto id = reader.number<std::int64_t>();
        auto& producer = state.producers_[id];
        producer.epoch = reader.number<std::int16_t>();
        producer.last_used_ms = reader.number<std::int64_t>();
        auto batches = reader.number<std::uint8_t>();
        for (int b = 0; reader.ok && b < batches; ++b) {
            Batch batch;
            batch.first_sequence = reader.number<std::int32_t>();
            batch.last_sequence = reader.number<std::int32_t>();
            batch.base_offset = reader.number<std::int64_t>();
            batch.timestamp_ms = reader.number<std::int64_t>();
            producer.batches.push_back(batch);
        }
        if (version < 2) continue;
        state.set_open(id, producer, reader.number<std::int64_t>());
        producer.coordinator_epoch = reader.number<std::int32_t>();
    }
    auto aborted = version < 2 ? 0 : reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; reader.ok && i < aborted; ++i) {
        AbortedTransaction& each = state.aborted_.emplace_back();
        each.producer_id = reader.number<std::int64_t>();
        each.first_offset = reader.number<std::int64_t>();
        each.last_offset = reader.number<std::int64_t>();
    }
    auto positions = reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; reader.ok && i < positions; ++i) {
        auto producer = reader.text();
        state.positions_[std::string(producer)] = std::string(reader.text());
    }
    if (!reader.ok) return fail(Errc::corrupt, "the producers' state ends too early");
    return state;
}

std::string Checkpoint::encode() const {
    std::string out(magic);
    append_big(out, std::uint32_t(0));  // the checksum, below
    append_big(out, end_offset);
    append_big(out, start_offset);
    append_big(out, segment_base);
    append_big(out, position);
    producers.encode(out);
    codec::store_big(out.data() + magic.size(),
                     codec::crc32c(std::string_view(out).substr(magic.size() + 4)));
    return out;
}

Result<Checkpoint> Checkpoint::decode(std::string_view bytes) {
    const bool is_old = bytes.starts_with(magic_before);
    if ((!is_old && !bytes.starts_with(magic)) || bytes.size() < magic.size() + 4)
        return fail(Errc::corrupt, "not a checkpoint of a log");
    auto crc = codec::load_big<std::uint32_t>(bytes.data() + magic.size());
    bytes.remove_prefix(magic.size() + 4);
    if (codec::crc32c(bytes) != crc) return fail(Errc::corrupt, "the checkpoint fails its checksum");
    Checkpoint checkpoint;
    Reader reader{bytes};
    checkpoint.end_offset = reader.number<std::int64_t>();
    checkpoint.start_offset = reader.number<std::int64_t>();
    checkpoint.segment_base = reader.number<std::int64_t>();
    checkpoint.position = reader.number<std::int64_t>();
    checkpoint.producers = TRY(ProducerState::decode(bytes, is_old ? 1 : 2));
    if (!reader.ok || !bytes.empty()) return fail(Errc::corrupt, "the checkpoint has a wrong size");
    return checkpoint;
}

}  // namespace penstock::broker
