#include "broker/remote_leftover.h"

#include <algorithm>

#include "broker/log/producer_state.h"
#include "broker/remote_positions.h"

namespace penstock::broker {
namespace {

constexpr std::int64_t read_bytes = 4 << 20;

}  // namespace

Result<std::vector<RemoteLeftover::Appended>> RemoteLeftover::find(std::string_view producer,
                                                                   std::int64_t from, std::int64_t to) {
    auto all = TRY(appended(producer, from, to));
    for (const auto& each : all) {
        // The last of an append's records carries its position.
        auto positions = TRY(hidden(each.place, producer));
        if (!std::ranges::count(positions, each.position)) {
            return fail(
                Errc::unavailable,
                "Kafka at {} has left a transaction of {} open at offset {} of {}, but ended it in {}-{}: "
                "kafka-transactions.sh find-hanging shows it, and its abort is right when the records are "
                "not in that "
                "partition",
                brokers_, producer, from, positions_topic, each.place.topic, each.place.partition);
        }
    }
    return all;
}

/// What the producer has appended in it, by the positions beside the records.
Result<std::vector<RemoteLeftover::Appended>> RemoteLeftover::appended(std::string_view producer,
                                                                       std::int64_t from, std::int64_t to) {
    std::vector<Appended> out;
    bool is_first = true;
    for (auto next = from; next < to;) {
        auto set = TRY(reader_.read(positions_topic, 0, next, read_bytes, to));
        for (const auto& record : set.records) {
            auto key = parse_position_key(record.key.value_or(""));
            // The first record that is hidden belongs to the transaction that hides the others.
            if (std::exchange(is_first, false) && (!key || key->producer != producer)) {
                return fail(
                    Errc::unavailable,
                    "Kafka at {}: a transaction of another producer{} in {} is open at offset {}, and "
                    "positions behind it cannot be read yet",
                    brokers_, key ? fmt::format(" ({})", key->producer) : "", positions_topic, from);
            }
            if (key && key->producer == producer)
                out.push_back(
                    {{std::string(key->topic), key->partition}, std::string(record.value.value_or(""))});
        }
        if (set.next_offset <= next) break;
        next = set.next_offset;
    }
    if (is_first) return fail(Errc::unavailable, "{} cannot be read at offset {}", positions_topic, from);
    return out;
}

Result<bool> RemoteLeftover::is_undone(const Appended& committed, std::string_view producer) {
    auto positions = TRY(hidden(committed.place, producer));
    if (positions.empty() || positions.back() == committed.position) return false;
    if (!std::ranges::count(positions, committed.position)) return true;
    return fail(
        Errc::unavailable,
        "Kafka at {}: {}-{} hides records of {} that are committed and, behind them, such as are not: "
        "another producer's transaction may be open there (kafka-transactions.sh find-hanging shows it)",
        brokers_, committed.place.topic, committed.place.partition, producer);
}

/// The positions beside the producer's records that readers do not see yet, in their order.
Result<std::vector<std::string>> RemoteLeftover::hidden(const TopicPartition& place,
                                                        std::string_view producer) {
    std::vector<std::string> out;
    auto decided = committed_.end(place);
    auto written = decided ? written_.end(place) : decided;
    // A topic that is gone hides nothing.
    if (!written && written.error().code == Errc::not_found) return out;
    auto end = TRY(std::move(written));
    for (auto next = *decided; next < end;) {
        auto set = TRY(reader_.read(place.topic, place.partition, next, read_bytes, end));
        for (const auto& record : set.records) {
            auto headers = decode_headers(record.headers);
            auto named = [&](std::string_view name) {
                return std::ranges::find(headers, name, &Header::name);
            };
            auto by = named(producer_header);
            auto position = named(position_header);
            if (by != headers.end() && by->value == producer && position != headers.end())
                out.emplace_back(position->value);
        }
        if (set.next_offset <= next) break;
        next = set.next_offset;
    }
    return out;
}

}  // namespace penstock::broker
