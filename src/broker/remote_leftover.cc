#include "broker/remote_leftover.h"

#include <algorithm>

#include "broker/log/producer_state.h"
#include "broker/remote_positions.h"

namespace penstock::broker {
namespace {

constexpr std::int64_t read_bytes = 4 << 20;

/// Until visit() says that it has seen enough.
Result<> read_all(RemoteReader& reader, const TopicPartition& place, std::int64_t from, std::int64_t to,
                  const std::function<bool(const Record&)>& visit) {
    for (auto next = from; next < to;) {
        auto set = TRY(reader.read(place.topic, place.partition, next, read_bytes, to));
        for (const auto& record : set.records)
            if (record.offset < to && !visit(record)) return {};
        if (set.next_offset <= next)
            return fail(Errc::unavailable, "{}-{} cannot be read at offset {}", place.topic, place.partition,
                        next);
        next = set.next_offset;
    }
    return {};
}

/// The position beside the producer's record, which the last one of an append has.
std::optional<std::string> position_beside(const Record& record, std::string_view producer) {
    auto headers = decode_headers(record.headers);
    auto named = [&](std::string_view name) { return std::ranges::find(headers, name, &Header::name); };
    auto by = named(producer_header);
    auto position = named(position_header);
    if (by == headers.end() || by->value != producer || position == headers.end()) return std::nullopt;
    return std::string(position->value);
}

}  // namespace

Result<std::vector<RemoteLeftover::Appended>> RemoteLeftover::find(std::string_view producer,
                                                                   std::int64_t from, std::int64_t to,
                                                                   const RemoteKept& kept) {
    auto all = TRY(appended(producer, from, to));
    for (const auto& each : all) {
        if (kept.is_kept(each.place, each.position)) continue;
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
    std::optional<std::string> other;  // the producer of the first record, when it is not this one
    bool is_first = true;
    TRY(read_all(reader_, positions_place(), from, to, [&](const Record& record) {
        auto key = parse_position_key(record.key.value_or(""));
        bool is_own = key && key->producer == producer;
        // The first record that is hidden belongs to the transaction that hides the others.
        if (std::exchange(is_first, false) && !is_own) other = key ? fmt::format(" ({})", key->producer) : "";
        if (is_own)
            out.push_back(
                {{std::string(key->topic), key->partition}, std::string(record.value.value_or(""))});
        return !other;
    }));
    if (other) {
        return fail(Errc::unavailable,
                    "Kafka at {}: a transaction of another producer{} in {} is open at offset {}, and "
                    "positions behind it cannot be read yet",
                    brokers_, *other, positions_topic, from);
    }
    if (is_first) return fail(Errc::unavailable, "{} cannot be read at offset {}", positions_topic, from);
    return out;
}

Result<bool> RemoteLeftover::is_undone(const Appended& committed, std::string_view producer,
                                       const RemoteKept& kept) {
    auto positions = TRY(hidden(committed.place, producer));
    if (positions.empty() || positions.back() == committed.position) return false;
    auto last_counted = std::ranges::find(positions, committed.position);
    if (last_counted == positions.end()) return true;
    bool all_kept = std::all_of(positions.begin(), last_counted + 1, [&](const std::string& position) {
        return kept.is_kept(committed.place, position);
    });
    if (all_kept) return true;
    return fail(
        Errc::unavailable,
        "Kafka at {}: {}-{} hides records of {} that are committed and, behind them, such as are not: "
        "another producer's transaction may be open there (kafka-transactions.sh find-hanging shows it)",
        brokers_, committed.place.topic, committed.place.partition, producer);
}

Result<bool> RemoteLeftover::is_hidden(const Appended& appended, std::string_view producer) {
    auto positions = TRY(hidden(appended.place, producer));
    return std::ranges::count(positions, appended.position) > 0;
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
    TRY(read_all(reader_, place, *decided, end, [&](const Record& record) {
        if (auto position = position_beside(record, producer)) out.push_back(std::move(*position));
        return true;
    }));
    return out;
}

RemoteLeftover::Fate RemoteLeftover::Written::fate(const std::string& name, std::int64_t offset) const {
    auto is_in = [&](const std::map<std::string, std::int64_t>& written) {
        auto found = written.find(name);
        return found != written.end() && found->second >= offset;
    };
    if (offset < start_offset || is_in(visible)) return Fate::visible;
    return is_in(hidden) ? Fate::hidden : Fate::aborted;
}

Result<RemoteLeftover::Written> RemoteLeftover::appends_since(std::int64_t from, const TopicPartition& place,
                                                              std::string_view producer) {
    return written_since(from, place,
                         [&](const Record& record) { return position_beside(record, producer); });
}

Result<RemoteLeftover::Written> RemoteLeftover::positions_since(std::int64_t from) {
    return written_since(from, positions_place(), [](const Record& record) {
        return record.key.transform([](auto key) { return std::string(key); });
    });
}

Result<RemoteLeftover::Written> RemoteLeftover::written_since(std::int64_t from, const TopicPartition& place,
                                                              const NameOf& name_of) {
    Written out;
    auto decided = committed_.end(place);
    auto written = decided ? written_.end(place) : decided;
    if (!written && written.error().code == Errc::not_found) {
        out.start_offset = INT64_MAX;  // the topic is gone
        return out;
    }
    auto end = TRY(std::move(written));
    out.start_offset = TRY(committed_.offsets_at({place}, RemoteAdmin::start_time)).front();
    auto note_in = [&](std::map<std::string, std::int64_t>& names) {
        return [&](const Record& record) {
            if (auto name = name_of(record)) names[*name] = record.offset;
            return true;
        };
    };
    TRY(read_all(committed_reader_, place, std::max(from, out.start_offset), *decided, note_in(out.visible)));
    TRY(read_all(reader_, place, *decided, end, note_in(out.hidden)));
    return out;
}

}  // namespace penstock::broker
