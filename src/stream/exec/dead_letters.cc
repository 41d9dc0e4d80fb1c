#include "stream/exec/dead_letters.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/units.h"
#include "pipeline/names.h"

namespace penstock::stream {

void DeadLetters::add(std::int32_t partition, const broker::Record& record, std::shared_ptr<const void> bytes,
                      std::string reason) {
    // The first reason is the one to tell.
    auto [letter, is_new] =
        letters_[partition].try_emplace(record.offset, Letter{record, std::move(bytes), std::move(reason)});
    if (!is_new) return;
    ++waiting_;
    last_reason_ = letter->second.reason;
}

Result<std::int32_t> DeadLetters::partitions(std::int32_t wanted) {
    auto name = pipeline::dead_letter_topic(topic_);
    auto info = topics_.info(name);
    if (!info && info.error().code == Errc::not_found) {
        broker::TopicSpec spec;
        spec.name = name;
        spec.partitions = wanted;
        auto created = topics_.create(spec);
        if (!created && created.error().code != Errc::exists) return fail(std::move(created).error());
        log::warn("query {}: records of {} that do not fit are kept in {}", query_, topic_, name);
        return wanted;
    }
    if (!info) return fail(std::move(info).error());
    return std::max(1, info->spec.partitions);
}

Result<std::int64_t> DeadLetters::flush(std::int32_t source_partitions) {
    auto total = std::int64_t(waiting_);
    if (waiting_ == 0) return total;
    auto count = TRY(partitions(source_partitions));
    for (const auto& [source, letters] : letters_)
        if (!letters.empty()) TRY(append(source, letters, source % count));
    letters_.clear();
    waiting_ = 0;
    return total;
}

std::string DeadLetters::producer(std::int32_t source) const {
    return fmt::format("dlq/{}/{}", query_, source);
}

Result<> DeadLetters::read_position(std::int32_t source, std::int32_t partition) {
    auto mark = epoch_ + ":";
    auto position = TRY(topics_.position(pipeline::dead_letter_topic(topic_), partition, producer(source)));
    auto offset = position.starts_with(mark) ? parse_int(std::string_view(position).substr(mark.size()))
                                             : Result<std::int64_t>(-1);
    written_[source] = offset.value_or(-1);
    return {};
}

Result<> DeadLetters::take_over(std::int32_t source_partitions) {
    auto info = topics_.info(pipeline::dead_letter_topic(topic_));
    if (!info && info.error().code == Errc::not_found) return {};
    if (!info) return fail(std::move(info).error());
    auto count = std::max(1, info->spec.partitions);
    for (std::int32_t source = 0; source < source_partitions; ++source)
        TRY(read_position(source, source % count));
    return {};
}

Result<> DeadLetters::append(std::int32_t source, const std::map<std::int64_t, Letter>& letters,
                             std::int32_t partition) {
    auto name = pipeline::dead_letter_topic(topic_);
    auto producer = this->producer(source);
    auto mark = epoch_ + ":";
    if (!written_.contains(source)) TRY(read_position(source, partition));
    auto source_text = std::to_string(source);
    // Views in records point into these, so none may move.
    std::vector<std::string> offsets;
    std::vector<std::vector<broker::Header>> headers;
    std::vector<broker::NewRecord> records;
    offsets.reserve(letters.size());
    headers.reserve(letters.size());
    std::int64_t last = written_[source];
    for (const auto& [offset, letter] : letters) {
        if (offset <= written_[source]) continue;
        last = offset;
        offsets.push_back(std::to_string(offset));
        headers.push_back({{"penstock.dlq.topic", topic_},
                           {"penstock.dlq.partition", source_text},
                           {"penstock.dlq.offset", offsets.back()},
                           {"penstock.dlq.reason", letter.reason},
                           {"penstock.dlq.query", query_}});
        broker::NewRecord record;
        record.key = letter.record.key;
        record.value = letter.record.value;
        record.timestamp_ms = letter.record.timestamp_ms;
        record.headers = headers.back();
        records.push_back(record);
    }
    if (records.empty()) return {};
    auto position = mark + std::to_string(last);
    broker::AppendRequest request{name, partition, records, producer, position};
    TRY(broker::append_and_wait(topics_, request));
    written_[source] = last;
    return {};
}

}  // namespace penstock::stream
