#include "ingest/topic_writer.h"

#include <xxhash.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/units.h"
#include "pipeline/names.h"

namespace penstock::ingest {
namespace {

/// A letter longer than this is cut: the log's clients could not read it otherwise.
constexpr std::size_t max_letter_bytes = 900'000;

/// The same for the same record of the same source, wherever and whenever it is read.
void write_id(std::array<char, 32>& id, std::string_view source, std::string_view place,
              std::string_view value) {
    auto seed = XXH3_64bits_withSeed(place.data(), place.size(), XXH3_64bits(source.data(), source.size()));
    auto hash = XXH3_128bits_withSeed(value.data(), value.size(), seed);
    constexpr char digits[] = "0123456789abcdef";
    for (std::size_t i = 0; i < 16; ++i) {
        id[i] = digits[(hash.high64 >> (60 - 4 * i)) & 15];
        id[16 + i] = digits[(hash.low64 >> (60 - 4 * i)) & 15];
    }
}

}  // namespace

SourceCounts LiveCounts::read() const {
    return {.fetched = fetched,
            .acknowledged = acknowledged,
            .rejected = rejected,
            .requests = requests,
            .failures = failures,
            .bytes = bytes};
}

void LiveCounts::note_reject(std::string reason) {
    std::lock_guard lock(mutex_);
    last_reject_ = std::move(reason);
}

std::string LiveCounts::last_reject(std::string_view topic) const {
    std::lock_guard lock(mutex_);
    if (last_reject_.empty()) return {};
    return pipeline::rejection_notice(last_reject_, topic);
}

std::string InputPosition::text() const {
    return fmt::format("{} {} {}", page, records, token);
}

Result<InputPosition> InputPosition::parse(std::string_view text) {
    InputPosition position;
    auto first = text.find(' ');
    auto second = first == std::string_view::npos ? first : text.find(' ', first + 1);
    if (second == std::string_view::npos)
        return fail(Errc::corrupt, "the position '{}' kept with the records is none of a source", text);
    position.page = TRY(parse_int(text.substr(0, first)));
    position.records = std::uint32_t(TRY(parse_int(text.substr(first + 1, second - first - 1))));
    position.token = text.substr(second + 1);
    return position;
}

/// What became of a page's appends. The log's callbacks may come after the page is gone.
struct OutgoingPage::Pending {
    std::mutex mutex;
    std::condition_variable moved;
    std::size_t outstanding = 0;
    std::vector<std::pair<std::size_t, Error>> refused;  ///< with the batch's place
    std::function<void(Result<>)> done;                  ///< of send_and_tell()
};

TopicWriter::TopicWriter(broker::Topics& topics, std::string source, std::string topic,
                         std::shared_ptr<LiveCounts> counts, std::shared_ptr<registry::TopicEncoder> encoder)
    : topics_(topics),
      source_(std::move(source)),
      topic_(std::move(topic)),
      dead_letter_topic_(pipeline::dead_letter_topic(topic_)),
      counts_(std::move(counts)),
      encoder_(std::move(encoder)) {}

Result<> TopicWriter::encode(OutgoingPage& page) {
    page.encoded.clear();
    if (!encoder_) return {};
    std::vector<std::string_view> documents;
    for (const auto& record : page.page.records) documents.push_back(record.value);
    auto encoded = encoder_->encode(documents);
    if (!encoded) return fail("topic " + topic_, std::move(encoded.error()));
    std::vector<Page::Record> kept;
    for (std::size_t i = 0; i < encoded->size(); ++i) {
        auto& one = (*encoded)[i];
        auto& record = page.page.records[i];
        if (one.refused.empty()) {
            page.encoded.push_back(std::move(one.bytes));
            kept.push_back(record);
        } else {
            page.page.rejects.push_back({record.value, std::move(one.refused), record.index});
        }
    }
    page.page.records = std::move(kept);
    return {};
}

Result<> TopicWriter::encode(OutgoingPage& page, RunControl& control,
                             const std::function<void(const std::string&)>& waiting) {
    std::int64_t pause_us = 200'000;
    while (true) {
        auto encoded = encode(page);
        if (encoded) return {};
        auto code = encoded.error().code;
        bool passing = code == Errc::unavailable || code == Errc::timeout || code == Errc::io;
        if (!passing || control.ending()) return encoded;
        waiting(encoded.error().text);
        control.wait_us(pause_us);
        pause_us = std::min<std::int64_t>(pause_us * 2, 5'000'000);
    }
}

Result<> TopicWriter::open() {
    auto info = topics_.info(topic_);
    if (!info && info.error().code == Errc::not_found) {
        auto created = topics_.create({.name = topic_, .partitions = 1, .config = {}});
        if (!created && created.error().code != Errc::exists) return created;
        info = topics_.info(topic_);
    }
    if (!info) return fail("topic " + topic_, info.error());
    partitions_ = std::max<std::int32_t>(info->spec.partitions, 1);
    max_bytes_ = max_record_bytes;
    auto setting = info->spec.config.find("max.message.bytes");
    if (setting != info->spec.config.end()) {
        auto bytes = parse_int(setting->second);
        if (bytes && *bytes > 0) max_bytes_ = std::min(max_bytes_, std::size_t(*bytes));
    }
    has_dead_letter_topic_ = topics_.info(dead_letter_topic_).has_value();
    return {};
}

Result<> TopicWriter::create_dead_letter_topic() {
    if (has_dead_letter_topic_) return {};
    auto created = topics_.create({.name = dead_letter_topic_, .partitions = 1, .config = {}});
    if (!created && created.error().code != Errc::exists) return created;
    has_dead_letter_topic_ = true;
    return {};
}

std::string_view TopicWriter::topic_of(std::size_t target) const {
    return target == std::size_t(partitions_) ? dead_letter_topic_ : topic_;
}

std::int32_t TopicWriter::partition_of(std::size_t target) const {
    return target == std::size_t(partitions_) ? 0 : std::int32_t(target);
}

Result<InputCursor> TopicWriter::cursor(std::string producer) {
    if (right_) TRY(right_());
    InputCursor cursor{.producer = std::move(producer), .latest = {}, .partitions = {}};
    auto targets = std::size_t(partitions_) + 1;
    for (std::size_t target = 0; target < targets; ++target) {
        InputPosition position;
        if (target < std::size_t(partitions_) || has_dead_letter_topic_) {
            auto text = TRY(topics_.position(topic_of(target), partition_of(target), cursor.producer));
            if (!text.empty()) position = TRY(InputPosition::parse(text));
        }
        bool later = position.page > cursor.latest.page ||
                     (position.page == cursor.latest.page && position.records > cursor.latest.records);
        if (later) cursor.latest = position;
        cursor.partitions.push_back(std::move(position));
    }
    return cursor;
}

std::span<const broker::Header> TopicWriter::describe(OutgoingPage& page, std::size_t slot,
                                                      std::string_view key, std::string_view value,
                                                      const Page::Reject* reject) {
    auto& id = page.ids[slot];
    write_id(id, source_, key.empty() ? std::string_view(page.position) : key, value);
    auto& headers = page.headers[slot];
    std::size_t count = 0;
    headers[count++] = {"penstock.source", source_};
    headers[count++] = {"penstock.id", {id.data(), id.size()}};
    if (!page.origin.empty()) headers[count++] = {"penstock.origin", page.origin};
    if (!page.run_id.empty()) headers[count++] = {"penstock.run", page.run_id};
    if (reject) {
        headers[count++] = {"penstock.dlq.source", source_};
        headers[count++] = {"penstock.dlq.reason", reject->reason};
        headers[count++] = {"penstock.dlq.url", page.url};
        if (value.size() < reject->raw.size()) headers[count++] = {"penstock.dlq.truncated", "true"};
    }
    return {headers.data(), count};
}

/// One batch for each partition that has records, and one for the letters.
void TopicWriter::make_batches(OutgoingPage& page, const InputCursor* cursor) {
    auto dead = std::size_t(partitions_);
    std::vector<OutgoingPage::Batch> batches(dead + 1);
    auto is_there = [&](std::size_t target, std::uint32_t index) {
        if (cursor == nullptr) return false;
        auto& done = cursor->partitions[target];
        return done.page > page.number || (done.page == page.number && index < done.records);
    };
    page.position = InputPosition{page.number, page.page.size(), page.token}.text();
    page.origin = page.from_replica ? "replica:" + page.replica : "";
    page.ids.resize(page.page.size());
    page.headers.resize(page.page.size());
    // The log would refuse a whole page for one record that is too large for the topic.
    auto overhead = 1024 + 2 * source_.size() + page.position.size() + page.run_id.size();
    bool has_encoded = !page.encoded.empty();
    auto value_of = [&](std::size_t i) {
        return has_encoded ? std::string_view(page.encoded[i]) : page.page.records[i].value;
    };
    std::size_t fitting = 0;
    for (std::size_t i = 0; i < page.page.records.size(); ++i) {
        auto record = page.page.records[i];
        auto bytes = value_of(i).size() + (record.key ? record.key->size() : 0) + overhead;
        if (bytes > max_bytes_) {
            page.page.rejects.push_back(
                {record.value, "larger than the topic's max.message.bytes allows", record.index});
            continue;
        }
        if (has_encoded && fitting != i) page.encoded[fitting] = std::move(page.encoded[i]);
        page.page.records[fitting++] = record;
    }
    page.page.records.resize(fitting);
    std::size_t slot = 0;
    auto keyless = std::size_t(page.number % partitions_);
    for (std::size_t i = 0; i < page.page.records.size(); ++i) {
        const auto& record = page.page.records[i];
        auto target = record.key ? std::size_t(broker::partition_of_key(*record.key, partitions_)) : keyless;
        if (is_there(target, record.index)) continue;
        auto headers = describe(page, slot++, record.key.value_or(""), record.value, nullptr);
        batches[target].records.push_back({record.key, value_of(i), -1, headers});
    }
    for (auto& reject : page.page.rejects) {
        if (is_there(dead, reject.index)) continue;
        auto value = reject.raw.substr(0, max_letter_bytes);
        auto headers = describe(page, slot++, "", value, &reject);
        batches[dead].records.push_back({std::nullopt, value, -1, headers});
        ++batches[dead].rejected;
    }
    if (batches[dead].rejected > 0) counts_->note_reject(page.page.rejects.back().reason);
    page.batches.clear();
    for (std::size_t target = 0; target <= dead; ++target) {
        if (batches[target].records.empty()) continue;
        batches[target].target = target;
        page.batches.push_back(std::move(batches[target]));
    }
}

void TopicWriter::append(OutgoingPage& page, std::size_t place, std::string_view producer) {
    auto& batch = page.batches[place];
    auto done = [pending = page.pending, counts = counts_, place, rejected = batch.rejected,
                 all = std::int64_t(batch.records.size())](Result<std::int64_t> result) {
        if (result) {
            counts->acknowledged += all - rejected;
            counts->rejected += rejected;
        }
        std::function<void(Result<>)> tell;
        {
            std::lock_guard lock(pending->mutex);
            if (!result) pending->refused.emplace_back(place, std::move(result.error()));
            if (--pending->outstanding != 0) return;
            pending->moved.notify_all();
            tell = std::move(pending->done);
        }
        if (!tell) return;
        if (pending->refused.empty())
            tell({});
        else
            tell(fail(std::move(pending->refused.front().second)));
    };
    if (auto right = right_ ? right_() : Result<>(); !right) return done(fail(std::move(right.error())));
    if (batch.target == std::size_t(partitions_)) {
        if (auto created = create_dead_letter_topic(); !created)
            return done(fail(std::move(created.error())));
    }
    topics_.append({.topic = topic_of(batch.target),
                    .partition = partition_of(batch.target),
                    .records = batch.records,
                    .producer = producer,
                    .position = producer.empty() ? std::string_view() : page.position},
                   std::move(done));
}

void TopicWriter::send(OutgoingPage& page, InputCursor* cursor) {
    make_batches(page, cursor);
    page.pending = std::make_shared<OutgoingPage::Pending>();
    page.pending->outstanding = page.batches.size();
    for (auto& batch : page.batches) counts_->fetched += std::int64_t(batch.records.size());
    auto producer = cursor ? std::string_view(cursor->producer) : std::string_view();
    for (std::size_t i = 0; i < page.batches.size(); ++i) append(page, i, producer);
}

void TopicWriter::send_and_tell(OutgoingPage& page, std::function<void(Result<>)> done) {
    make_batches(page, nullptr);
    page.pending = std::make_shared<OutgoingPage::Pending>();
    if (page.batches.empty()) return done({});
    auto pending = page.pending;  // the page may be gone as soon as the last append is under way
    auto count = page.batches.size();
    pending->outstanding = count;
    pending->done = std::move(done);
    for (auto& batch : page.batches) counts_->fetched += std::int64_t(batch.records.size());
    for (std::size_t i = 0; i < count; ++i) append(page, i, {});
}

Result<> TopicWriter::settle(OutgoingPage& page, InputCursor* cursor, RunControl& control,
                             const std::function<void(const std::string&)>& waiting) {
    if (!page.pending) return {};
    auto producer = cursor ? std::string_view(cursor->producer) : std::string_view();
    std::int64_t pause_us = 100'000;
    while (true) {
        decltype(page.pending->refused) refused;
        {
            std::unique_lock lock(page.pending->mutex);
            page.pending->moved.wait(lock, [&] { return page.pending->outstanding == 0; });
            refused.swap(page.pending->refused);
        }
        // Asking for the position takes the producer over: with several processes not from whoever fenced us.
        // A process alone was fenced by Kafka itself, which gave its transaction up, or by a request of its
        // own that came late.
        if (right_ && !refused.empty()) {
            for (auto& [place, error] : refused)
                if (error.code == Errc::fenced) return fail(std::move(error));
            TRY(right_());
        }
        // After an error nobody knows whether the records are there; the position beside them tells. While it
        // cannot be asked, nothing is sent: they could come twice.
        std::optional<Error> unknown;
        std::erase_if(refused, [&](auto& entry) {
            if (cursor == nullptr || unknown) return false;
            auto& batch = page.batches[entry.first];
            auto there = topics_.position(topic_of(batch.target), partition_of(batch.target), producer);
            if (!there && there.error().code != Errc::not_found) unknown = there.error();
            if (!there || *there != page.position) return false;
            counts_->acknowledged += std::int64_t(batch.records.size()) - batch.rejected;
            counts_->rejected += batch.rejected;
            return true;
        });
        if (right_ && unknown && unknown->code == Errc::fenced) return fail(std::move(*unknown));
        if (refused.empty()) break;
        auto& error = refused.front().second;
        auto text =
            fmt::format("topic {}: {}", topic_of(page.batches[refused.front().first].target), error.text);
        if (unknown && unknown->text != error.text)
            text += fmt::format("; whether it is there cannot be asked yet: {}", unknown->text);
        bool hopeless = error.code == Errc::invalid || error.code == Errc::unsupported ||
                        error.code == Errc::unauthorized;
        if (hopeless || control.ending()) return fail(error.code, "{}", text);
        waiting(text);
        control.wait_us(pause_us);
        pause_us = std::min<std::int64_t>(pause_us * 2, 5'000'000);
        bool is_again_possible = !unknown;
        if (error.code == Errc::not_found) {  // deleted while the source runs
            has_dead_letter_topic_ = false;
            is_again_possible = is_again_possible && open();
        }
        if (!is_again_possible) {
            std::lock_guard lock(page.pending->mutex);
            page.pending->refused = std::move(refused);
            continue;
        }
        page.pending->outstanding = refused.size();
        for (auto& entry : refused) append(page, entry.first, producer);
    }
    if (cursor) {
        InputPosition position{page.number, page.page.size(), page.token};
        for (auto& batch : page.batches) cursor->partitions[batch.target] = position;
        cursor->latest = std::move(position);
    }
    page.pending.reset();
    return {};
}

}  // namespace penstock::ingest
