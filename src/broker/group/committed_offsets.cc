#include "broker/group/committed_offsets.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "broker/local_topics.h"
#include "codec/big_endian.h"
#include "wire/kafka/record_batch.h"

namespace penstock::broker {
namespace {

using codec::append_big;
using codec::load_big;

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

constexpr std::int16_t group_key = 2;

std::string encode_group_key(std::string_view group) {
    std::string out;
    append_big(out, group_key);
    append_text(out, group);
    return out;
}

/// A group without members.
std::string encode_group_value(std::string_view protocol_type, std::int64_t now_ms) {
    std::string out;
    append_big(out, std::int16_t(3));
    append_text(out, protocol_type);
    append_big(out, std::int32_t(0));   // generation
    append_big(out, std::int16_t(-1));  // no protocol
    append_big(out, std::int16_t(-1));  // no leader
    append_big(out, now_ms);
    append_big(out, std::int32_t(0));  // members
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
    if (version != 0 && version != 1) return std::nullopt;
    GroupPartition key;
    key.group = reader.text();
    key.topic = reader.text();
    key.partition = reader.number<std::int32_t>();
    return reader.ok ? std::optional(key) : std::nullopt;
}

std::optional<std::string> decode_group_key(std::string_view bytes) {
    Reader reader{bytes};
    if (reader.number<std::int16_t>() != group_key) return std::nullopt;
    auto group = reader.text();
    return reader.ok ? std::optional(std::move(group)) : std::nullopt;
}

std::string decode_protocol_type(std::string_view group_value) {
    Reader reader{group_value};
    reader.number<std::int16_t>();  // the version
    return reader.text();
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
    for (const auto& log : topics_.find(offsets_topic)->logs) {
        auto offset = log->start_offset();
        while (offset < log->end_offset()) {
            auto slice = TRY(log->read(offset, 1 << 20));
            for (auto left = slice.bytes; !left.empty();) {
                auto header = TRY(wire::kafka::parse_batch_header(left));
                TRY(load_batch(left.substr(0, std::size_t(header.size())), header));
                left.remove_prefix(std::size_t(header.size()));
            }
            offset = slice.next_offset;
        }
    }
    written_ = committed_;
    return {};
}

Result<> CommittedOffsets::load_batch(std::string_view batch, const wire::kafka::BatchHeader& header) {
    namespace attribute = wire::kafka::attribute;
    if (header.has(attribute::control)) {
        auto open = open_.extract(header.producer_id);
        if (!open.empty() && TRY(decode_marker(header, batch)).commits) apply(committed_, open.mapped());
        return {};
    }
    std::string scratch;
    wire::kafka::RecordCursor cursor(TRY(wire::kafka::batch_records(batch, header, scratch, 256 << 20)));
    OffsetChanges changes;
    for (wire::kafka::RecordView record; cursor.next(record);) {
        auto key = record.key ? decode_key(*record.key) : std::nullopt;
        if (!key) {
            auto group = record.key ? decode_group_key(*record.key) : std::nullopt;
            if (group && record.value)
                protocol_types_[*group] = decode_protocol_type(*record.value);
            else if (group)
                protocol_types_.erase(*group);
            continue;
        }
        if (!record.value)
            changes.emplace_back(std::move(*key), std::nullopt);
        else if (auto value = decode_value(*record.value))
            changes.emplace_back(std::move(*key), std::move(*value));
    }
    if (!header.has(attribute::transactional)) {
        apply(committed_, changes);
    } else {
        auto& open = open_[header.producer_id];
        std::ranges::move(changes, std::back_inserter(open));
    }
    return {};
}

void CommittedOffsets::append_batch(std::string batch, std::function<void(Result<>)> done) {
    auto bytes = std::make_shared<std::string>(std::move(batch));
    Append append;
    append.batches.emplace_back(*bytes);
    append.owner = bytes;
    append.done = [done = std::move(done)](const Result<std::int64_t>& result) {
        done(result ? Result<>() : std::unexpected(result.error()));
    };
    topics_.find(offsets_topic)->logs[0]->append(std::move(append));
}

void CommittedOffsets::commit_in_transaction(std::int64_t producer_id, std::int16_t epoch,
                                             OffsetChanges changes, std::function<void(Result<>)> done) {
    if (changes.empty()) return done({});
    wire::kafka::BatchBuilder builder;
    for (const auto& [key, value] : changes) {
        auto key_bytes = encode_key(key);
        auto value_bytes = value ? encode_value(*value) : std::string();
        builder.add({.timestamp_ms = topics_.options().clock->now_ms(),
                     .key = key_bytes,
                     .value = value ? std::optional<std::string_view>(value_bytes) : std::nullopt,
                     .headers = {}});
    }
    auto batch = builder.finish({.attributes = wire::kafka::attribute::transactional,
                                 .producer_id = producer_id,
                                 .producer_epoch = epoch});
    std::lock_guard lock(mutex_);  // the order in open_ is the order in the log
    auto& open = open_[producer_id];
    std::ranges::copy(changes, std::back_inserter(open));
    append_batch(std::move(batch),
                 [this, producer_id, changes = std::move(changes), done = std::move(done)](Result<> result) {
                     if (!result) {  // so nothing of it is in the log
                         std::lock_guard inner(mutex_);
                         if (auto found = open_.find(producer_id); found != open_.end())
                             std::erase_if(found->second, [&](const auto& each) {
                                 return std::ranges::find(changes, each) != changes.end();
                             });
                     }
                     done(std::move(result));
                 });
}

void CommittedOffsets::end_transaction(std::int64_t producer_id, std::int16_t epoch, TransactionMarker marker,
                                       std::function<void(Result<>)> done) {
    auto batch = encode_marker(producer_id, epoch, marker, topics_.options().clock->now_ms());
    std::lock_guard lock(mutex_);
    OffsetChanges changes;
    if (auto open = open_.find(producer_id); open != open_.end() && marker.commits) changes = open->second;
    apply(written_, changes);
    append_batch(std::move(batch),
                 [this, producer_id, changes = std::move(changes), done = std::move(done)](Result<> result) {
                     if (result) {
                         std::lock_guard inner(mutex_);
                         apply(committed_, changes);
                         open_.erase(producer_id);
                     }
                     done(std::move(result));
                 });
}

bool CommittedOffsets::is_unstable(const GroupPartition& key) const {
    std::lock_guard lock(mutex_);
    return std::ranges::any_of(open_, [&](const auto& open) {
        return std::ranges::any_of(open.second, [&](const auto& each) { return each.first == key; });
    });
}

void CommittedOffsets::commit(OffsetChanges changes, std::function<void(Result<>)> done) {
    if (changes.empty()) return done({});
    std::lock_guard lock(mutex_);  // the order in written_ is the order in the log
    apply(written_, changes);
    const auto gone = without_offsets(changes);
    std::vector<std::string> bytes;
    bytes.reserve(2 * changes.size() + gone.size());
    std::vector<NewRecord> records;
    for (const auto& [key, value] : changes) {
        NewRecord record;
        record.key = bytes.emplace_back(encode_key(key));
        if (value) record.value = bytes.emplace_back(encode_value(*value));
        records.push_back(record);
    }
    for (const auto& group : gone) {
        protocol_types_.erase(group);
        records.push_back({.key = bytes.emplace_back(encode_group_key(group)), .headers = {}});
    }
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

bool CommittedOffsets::has_group(const Offsets& offsets, std::string_view group) {
    auto at = offsets.lower_bound({std::string(group), "", 0});
    return at != offsets.end() && at->first.group == group;
}

bool CommittedOffsets::has_group(std::string_view group) const {
    std::lock_guard lock(mutex_);
    return has_group(committed_, group);
}

/// Those of the changes that have a protocol type and no offsets any more. With mutex_ held.
std::vector<std::string> CommittedOffsets::without_offsets(const OffsetChanges& changes) const {
    std::vector<std::string> groups;
    for (const auto& [key, value] : changes) {
        if (value || !protocol_types_.contains(key.group)) continue;
        if (std::ranges::find(groups, key.group) != groups.end()) continue;
        if (!has_group(written_, key.group)) groups.push_back(key.group);
    }
    return groups;
}

void CommittedOffsets::set_protocol_type(const std::string& group, const std::string& type) {
    std::lock_guard lock(mutex_);
    auto& kept = protocol_types_[group];
    if (kept == type) return;
    kept = type;
    auto key = encode_group_key(group), value = encode_group_value(type, topics_.options().clock->now_ms());
    NewRecord record{.key = key, .value = value, .headers = {}};
    topics_.append({.topic = offsets_topic, .partition = 0, .records = std::span(&record, 1)},
                   [this, group](Result<std::int64_t> result) {
                       if (result) return;
                       std::lock_guard inner(mutex_);
                       protocol_types_.erase(group);  // the next commit writes it again
                   });
}

std::string CommittedOffsets::protocol_type(std::string_view group) const {
    std::lock_guard lock(mutex_);
    auto found = protocol_types_.find(group);
    return found == protocol_types_.end() ? std::string() : found->second;
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
