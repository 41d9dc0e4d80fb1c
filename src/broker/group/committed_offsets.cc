#include "broker/group/committed_offsets.h"

#include "base/log.h"
#include "broker/local_topics.h"
#include "codec/big_endian.h"

namespace penstock::broker {
namespace {

using codec::append_big;
using codec::load_big;

constexpr std::int64_t least_to_shorten = 50'000;  // records

void append_text(std::string& out, std::string_view text) {
    append_big(out, std::int16_t(text.size()));
    out += text;
}

std::string encode_key(const GroupPartition& key) {
    std::string out;
    append_big(out, std::int16_t(1));
    append_text(out, key.group);
    append_text(out, key.topic);
    append_big(out, key.partition);
    return out;
}

std::string encode_value(const CommittedOffset& value) {
    std::string out;
    append_big(out, std::int16_t(3));
    append_big(out, value.offset);
    append_big(out, value.leader_epoch);
    append_text(out, value.metadata);
    append_big(out, value.committed_ms);
    return out;
}

/// After the first shortage ok is false.
struct Reader {
    std::string_view in;
    bool ok = true;
    template <class T>
    T number() {
        if (in.size() < sizeof(T)) return ok = false, T(0);
        auto value = load_big<T>(in.data());
        in.remove_prefix(sizeof(T));
        return value;
    }
    std::string text() {
        auto size = number<std::int16_t>();
        if (size < 0 || std::size_t(size) > in.size()) return ok = false, std::string();
        std::string value(in.substr(0, std::size_t(size)));
        in.remove_prefix(std::size_t(size));
        return value;
    }
};

std::optional<GroupPartition> decode_key(std::string_view bytes) {
    Reader reader{bytes};
    auto version = reader.number<std::int16_t>();
    if (version != 0 && version != 1) return std::nullopt;  // 2: members of a group
    GroupPartition key;
    key.group = reader.text();
    key.topic = reader.text();
    key.partition = reader.number<std::int32_t>();
    return reader.ok ? std::optional(key) : std::nullopt;
}

std::optional<CommittedOffset> decode_value(std::string_view bytes) {
    Reader reader{bytes};
    auto version = reader.number<std::int16_t>();
    CommittedOffset value;
    value.offset = reader.number<std::int64_t>();
    if (version >= 3) value.leader_epoch = reader.number<std::int32_t>();
    value.metadata = reader.text();
    value.committed_ms = reader.number<std::int64_t>();
    return reader.ok ? std::optional(value) : std::nullopt;
}

}  // namespace

void CommittedOffsets::apply(Offsets& to, const OffsetChanges& changes) {
    for (const auto& [key, value] : changes) {
        if (value)
            to[key] = *value;
        else
            to.erase(key);
    }
}

Result<> CommittedOffsets::load() {
    auto info = TRY(topics_.info(offsets_topic));
    for (std::int32_t partition = 0; partition < info.spec.partitions; ++partition) {
        auto offset = info.partitions[std::size_t(partition)].start_offset;
        auto end = info.partitions[std::size_t(partition)].end_offset;
        while (offset < end) {
            auto set = TRY(topics_.read(offsets_topic, partition, offset, 1 << 20));
            for (const auto& record : set.records) {
                auto key = record.key ? decode_key(*record.key) : std::nullopt;
                if (!key) continue;
                if (!record.value) {
                    committed_.erase(*key);
                } else if (auto value = decode_value(*record.value)) {
                    committed_[*key] = std::move(*value);
                }
            }
            offset = set.next_offset;
        }
    }
    written_ = committed_;
    return {};
}

void CommittedOffsets::commit(OffsetChanges changes, std::function<void(Result<>)> done) {
    if (changes.empty()) return done({});
    std::vector<std::string> bytes;
    bytes.reserve(2 * changes.size());
    std::vector<NewRecord> records;
    for (const auto& [key, value] : changes) {
        NewRecord record;
        record.key = bytes.emplace_back(encode_key(key));
        if (value) record.value = bytes.emplace_back(encode_value(*value));
        records.push_back(record);
    }
    std::lock_guard lock(mutex_);  // the order in written_ is the order in the log
    apply(written_, changes);
    topics_.append({.topic = offsets_topic, .partition = 0, .records = records},
                   [this, changes = std::move(changes), done = std::move(done)](Result<std::int64_t> result) {
                       if (!result) return done(std::unexpected(result.error()));
                       {
                           std::lock_guard inner(mutex_);
                           apply(committed_, changes);
                       }
                       done({});
                   });
}

void CommittedOffsets::publish(GroupPartition key, std::int64_t offset) {
    CommittedOffset value;
    value.offset = offset;
    value.committed_ms = topics_.options().clock->now_ms();
    std::lock_guard lock(mutex_);
    committed_[key] = value;
    std::erase_if(published_, [&](const auto& each) { return each.first == key; });
    published_.emplace_back(std::move(key), std::move(value));
}

void CommittedOffsets::write_published() {
    OffsetChanges changes;
    {
        std::lock_guard lock(mutex_);
        changes.swap(published_);
    }
    commit(std::move(changes), [](Result<> result) {
        if (!result)
            log::warn("the position of a query or source could not be written: {}", result.error().text);
    });
    std::size_t live;
    {
        std::lock_guard lock(mutex_);
        live = written_.size();
    }
    if (records_in_topic() > std::max(least_to_shorten, 4 * std::int64_t(live))) shorten();
}

std::int64_t CommittedOffsets::records_in_topic() const {
    auto topic = topics_.find(offsets_topic);
    return topic ? topic->logs[0]->end_offset() - topic->logs[0]->start_offset() : 0;
}

/// Appends all that is true now, and deletes what stands before it.
void CommittedOffsets::shorten() {
    auto topic = topics_.find(offsets_topic);
    auto log = topic->logs[0];
    std::lock_guard lock(mutex_);
    OffsetChanges all(written_.begin(), written_.end());
    if (all.empty()) return;
    std::vector<std::string> bytes;
    bytes.reserve(2 * all.size());
    std::vector<NewRecord> records;
    for (const auto& [key, value] : all) {
        NewRecord record;
        record.key = bytes.emplace_back(encode_key(key));
        record.value = bytes.emplace_back(encode_value(*value));
        records.push_back(record);
    }
    // The deletion waits for the log, so not on the thread that writes it; the next round does it.
    topics_.append({.topic = offsets_topic, .partition = 0, .records = records},
                   [log, raw = &topics_](Result<std::int64_t> base) {
                       if (base) raw->trim_later(log, *base);
                   });
}

std::optional<CommittedOffset> CommittedOffsets::find(const GroupPartition& key) const {
    std::lock_guard lock(mutex_);
    auto found = committed_.find(key);
    return found == committed_.end() ? std::nullopt : std::optional(found->second);
}

std::map<GroupPartition, CommittedOffset> CommittedOffsets::of_group(std::string_view group) const {
    std::lock_guard lock(mutex_);
    std::map<GroupPartition, CommittedOffset> out;
    for (auto at = committed_.lower_bound({std::string(group), "", 0});
         at != committed_.end() && at->first.group == group; ++at)
        out.insert(*at);
    return out;
}

std::vector<std::string> CommittedOffsets::groups() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [key, value] : committed_)
        if (names.empty() || names.back() != key.group) names.push_back(key.group);
    return names;
}

void CommittedOffsets::forget_topic(std::string_view topic) {
    OffsetChanges changes;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [key, value] : written_)
            if (key.topic == topic) changes.emplace_back(key, std::nullopt);
    }
    commit(std::move(changes), [](const Result<>&) {});
}

}  // namespace penstock::broker
