#include "broker/share/share_states.h"

#include "broker/local_topics.h"
#include "wire/kafka/codec.h"

namespace penstock::broker {
namespace {

using wire::kafka::Decoder;
using wire::kafka::Encoder;

constexpr std::int16_t snapshot_key = 0, value_version = 0;

}  // namespace

std::string encode_share_key(const ShareKey& key) {
    std::string out;
    Encoder encoder(out, false);
    encoder.value(snapshot_key);
    encoder.value(key.group);
    encoder.value(key.topic);
    encoder.value(key.partition);
    return out;
}

std::string encode_share_value(const ShareState& state, std::int64_t now_ms) {
    std::string out;
    Encoder encoder(out, true);
    encoder.value(value_version);
    encoder.value(std::int32_t(0));  // the snapshot's epoch
    encoder.value(std::int32_t(0));  // the state's
    encoder.value(std::int32_t(0));  // the leader's
    encoder.value(state.start_offset);
    encoder.value(now_ms);
    encoder.value(now_ms);
    encoder.array(state.ranges, [&](const StateRange& range) {
        encoder.value(range.first);
        encoder.value(range.last);
        encoder.value(range.state);
        encoder.value(range.delivery_count);
        encoder.tags();
    });
    auto complete = std::int32_t(std::min<std::int64_t>(state.complete_count(), INT32_MAX));
    encoder.tags(wire::kafka::tag(0, true, complete, std::int32_t(-1)));
    return out;
}

std::optional<ShareKey> decode_share_key(std::string_view bytes) {
    Decoder decoder(bytes, false);
    std::int16_t version = -1;
    ShareKey key;
    decoder.value(version);
    decoder.value(key.group);
    decoder.value(key.topic);
    decoder.value(key.partition);
    if (!decoder.ok() || version != snapshot_key) return std::nullopt;
    return key;
}

std::optional<ShareState> decode_share_value(std::string_view bytes) {
    Decoder decoder(bytes, true);
    std::int16_t version = -1;
    std::int32_t epoch = 0, complete = -1;
    std::int64_t time = 0;
    ShareState state;
    decoder.value(version);
    for (int i = 0; i < 3; ++i) decoder.value(epoch);
    decoder.value(state.start_offset);
    decoder.value(time);
    decoder.value(time);
    decoder.array(state.ranges, [&](StateRange& range) {
        decoder.value(range.first);
        decoder.value(range.last);
        decoder.value(range.state);
        decoder.value(range.delivery_count);
        decoder.tags();
    });
    decoder.tags(wire::kafka::tag(0, true, complete, std::int32_t(-1)));
    if (!decoder.ok() || version != value_version) return std::nullopt;
    return state;
}

Result<> ShareStates::load() {
    auto topic = topics_.find(share_state_topic);
    if (!topic) return {};
    for (std::int32_t partition = 0; partition < std::int32_t(topic->logs.size()); ++partition) {
        const auto& log = topic->logs[std::size_t(partition)];
        for (auto offset = log->start_offset(); offset < log->end_offset();) {
            auto set = TRY(topics_.read(share_state_topic, partition, offset, 1 << 20));
            for (const auto& record : set.records) {
                auto key = record.key ? decode_share_key(*record.key) : std::nullopt;
                if (!key) continue;
                if (!record.value)
                    states_.erase(*key);
                else if (auto state = decode_share_value(*record.value))
                    states_[std::move(*key)] = std::move(*state);
            }
            offset = set.next_offset;
        }
    }
    return {};
}

Result<> ShareStates::make_topic() {
    if (topics_.find(share_state_topic)) return {};
    auto made = topics_.create({.name = std::string(share_state_topic),
                                .partitions = 1,
                                .config = {{"cleanup.policy", "compact"}, {"segment.bytes", "16777216"}}});
    if (!made && made.error().code != Errc::exists) return made;
    return {};
}

void ShareStates::apply(const Changes& changes) {
    std::lock_guard lock(mutex_);
    for (const auto& [key, state] : changes) {
        if (state)
            states_[key] = *state;
        else
            states_.erase(key);
    }
}

void ShareStates::write(Changes changes, std::function<void(Result<>)> done) {
    if (changes.empty()) return done({});
    std::vector<std::string> bytes;
    bytes.reserve(2 * changes.size());
    std::vector<NewRecord> records;
    for (const auto& [key, state] : changes) {
        NewRecord record;
        record.key = bytes.emplace_back(encode_share_key(key));
        if (state)
            record.value = bytes.emplace_back(encode_share_value(*state, topics_.options().clock->now_ms()));
        records.push_back(record);
    }
    topics_.append({.topic = share_state_topic, .partition = 0, .records = records},
                   [this, owner = owner_.lock(), changes = std::move(changes),
                    done = std::move(done)](Result<std::int64_t> result) {
                       if (!result) return done(std::unexpected(result.error()));
                       apply(changes);
                       done({});
                   });
}

std::optional<ShareState> ShareStates::find(const ShareKey& key) const {
    std::lock_guard lock(mutex_);
    auto found = states_.find(key);
    return found == states_.end() ? std::nullopt : std::optional(found->second);
}

std::map<ShareKey, ShareState> ShareStates::of_group(std::string_view group) const {
    std::lock_guard lock(mutex_);
    std::map<ShareKey, ShareState> out;
    for (auto at = states_.lower_bound({std::string(group), {}, INT32_MIN});
         at != states_.end() && at->first.group == group; ++at)
        out.insert(*at);
    return out;
}

bool ShareStates::has_group(std::string_view group) const {
    std::lock_guard lock(mutex_);
    auto at = states_.lower_bound({std::string(group), {}, INT32_MIN});
    return at != states_.end() && at->first.group == group;
}

std::vector<std::string> ShareStates::groups() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [key, state] : states_)
        if (names.empty() || names.back() != key.group) names.push_back(key.group);
    return names;
}

std::vector<ShareKey> ShareStates::keys() const {
    std::lock_guard lock(mutex_);
    std::vector<ShareKey> keys;
    for (const auto& [key, state] : states_) keys.push_back(key);
    return keys;
}

}  // namespace penstock::broker
