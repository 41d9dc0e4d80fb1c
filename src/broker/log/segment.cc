#include "broker/log/segment.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "base/round_up.h"
#include "codec/big_endian.h"

namespace penstock::broker {
namespace {

using wire::kafka::batch_header_size;
using wire::kafka::BatchHeader;
namespace attribute = wire::kafka::attribute;

constexpr std::int64_t page = 4096;
constexpr std::int64_t sector = 512;
constexpr std::int64_t slack = 64;  // readable bytes behind a slice
constexpr std::int64_t scan_chunk = 1 << 20;

}  // namespace

struct Segment::Bytes {
    std::string_view view;
    std::shared_ptr<const void> owner;
};

std::string segment_file_name(std::int64_t offset, std::string_view suffix) {
    return fmt::format("{:020}{}", offset, suffix);
}

std::optional<std::int64_t> segment_file_offset(std::string_view name, std::string_view suffix) {
    if (name.size() != 20 + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
    std::int64_t offset = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + 20, offset);
    if (error != std::errc{} || end != name.data() + 20 || offset < 0) return std::nullopt;
    return offset;
}

Result<std::shared_ptr<Segment>> Segment::open(io::Files& files, const std::string& directory,
                                               std::string name, std::int64_t base_offset,
                                               const SegmentOptions& options) {
    std::shared_ptr<Segment> segment(new Segment);
    segment->files_ = &files;
    segment->directory_ = directory;
    segment->name_ = std::move(name);
    segment->base_ = segment->next_offset_ = base_offset;
    segment->options_ = options;
    segment->file_ = TRY(files.open(segment->file_name(".log"), io::OpenMode::create));
    return segment;
}

std::string Segment::file_name(std::string_view suffix) const {
    return directory_ + "/" + segment_file_name(base_, suffix);
}

std::int64_t Segment::size() const {
    std::lock_guard lock(mutex_);
    return size_;
}
std::int64_t Segment::max_timestamp() const {
    std::lock_guard lock(mutex_);
    return latest_.timestamp_ms;
}
std::optional<TimeOffset> Segment::latest() const {
    std::lock_guard lock(mutex_);
    if (latest_.offset < 0) return std::nullopt;
    return latest_;
}
std::vector<Damage> Segment::damages() const {
    std::lock_guard lock(mutex_);
    return damages_;
}

Result<Segment::Bytes> Segment::bytes_at(std::int64_t position, std::int64_t count) {
    {
        std::lock_guard lock(mutex_);
        // A mapping may be read up to the end of the page that the file ends in.
        bool inside = position + count + slack <= round_up(size_, page);
        if (can_map_ && inside && (!mapping_ || mapping_->size() < position + count + slack)) {
            auto mapped = file_->map(std::max(options_.map_bytes, round_up(size_, page)));
            if (!mapped || !*mapped)
                can_map_ = false;
            else
                mapping_ = *mapped;
        }
        if (can_map_ && inside && mapping_)
            return Bytes{{mapping_->data() + position, std::size_t(count)}, mapping_};
    }
    auto buffer = std::make_shared<std::vector<char>>(std::size_t(count + slack));
    auto got = TRY(file_->read_at(position, std::span(buffer->data(), std::size_t(count))));
    return Bytes{{buffer->data(), got}, buffer};
}

Result<BatchHeader> Segment::header_at(std::int64_t position, std::int64_t limit) {
    if (position + batch_header_size > limit) return fail(Errc::corrupt, "the file ends here");
    auto bytes = TRY(bytes_at(position, batch_header_size));
    auto header = TRY(wire::kafka::parse_batch_header(bytes.view));
    if (header.base_offset < base_ || header.size() > limit - position)
        return fail(Errc::corrupt, "no batch of this segment");
    return header;
}

Result<bool> Segment::is_whole(std::int64_t position, const BatchHeader& header) {
    auto bytes = TRY(bytes_at(position, header.size()));
    return std::int64_t(bytes.view.size()) == header.size() && wire::kafka::has_valid_crc(bytes.view);
}

/// The damage that starts at the position, up to the next whole batch; nothing when no batch follows.
Result<std::optional<Damage>> Segment::find_damage(std::int64_t position, std::int64_t offset,
                                                   std::int64_t limit) {
    constexpr std::int64_t at_magic = 16;
    for (auto from = position + 1; from + batch_header_size <= limit;) {
        auto count = std::min(scan_chunk, limit - from);
        auto bytes = TRY(bytes_at(from, count));
        for (std::int64_t i = 0; i + batch_header_size <= std::int64_t(bytes.view.size()); ++i) {
            if (bytes.view[std::size_t(i + at_magic)] != 2) continue;
            auto candidate = codec::load_big<std::int64_t>(bytes.view.data() + i);
            if (candidate < offset || candidate - base_ > INT32_MAX) continue;
            auto header = header_at(from + i, limit);
            if (!header || !TRY(is_whole(from + i, *header))) continue;
            return Damage{position, from + i, offset, header->base_offset};
        }
        if (from + count >= limit) break;
        from += count - batch_header_size + 1;
    }
    return std::optional<Damage>();
}

/// An append-only file that was cut short by a power cut reads as zeros where sectors never reached the disk.
Result<bool> Segment::has_unwritten_sector(const Damage& damage) {
    static const std::string zeros(sector, '\0');
    for (auto at = round_up(damage.from_position, sector); at + sector <= damage.to_position; at += sector) {
        auto bytes = TRY(bytes_at(at, sector));
        if (bytes.view == zeros) return true;
    }
    return false;
}

void Segment::report(const Damage& damage) {
    log::error(
        "{}: offsets {} to {} cannot be read: {} bytes at position {} of {} fail their checksum; "
        "the records around them are served",
        name_, damage.from_offset, damage.to_offset - 1, damage.to_position - damage.from_position,
        damage.from_position, file_name(".log"));
    std::lock_guard lock(mutex_);
    damages_.push_back(damage);
    std::ranges::sort(damages_, {}, &Damage::from_position);
}

/// With mutex_ held.
void Segment::index_batch(const BatchHeader& header, std::int64_t position) {
    if (indexed_position_ < 0 || position - indexed_position_ >= options_.index_interval_bytes) {
        if (position > 0) offsets_.add({header.base_offset, position});
        if (latest_.offset >= 0) times_.add({latest_.timestamp_ms, latest_.offset});
        indexed_position_ = position;
    }
    if (latest_.offset < 0 || header.max_timestamp > latest_.timestamp_ms)
        latest_ = {header.max_timestamp, header.base_offset, header.partition_leader_epoch};
    next_offset_ = std::max(next_offset_, header.next_offset());
}

Result<Segment::Recovered> Segment::recover(std::int64_t from_position, std::int64_t from_offset, bool last,
                                            const Visitor& visit) {
    auto limit = TRY(file_->size());
    {
        std::lock_guard lock(mutex_);
        size_ = limit;  // so that bytes_at() may map it; nobody reads yet
        opened_size_ = limit;
        next_offset_ = from_offset;
    }
    if (from_position > 0) TRY(rebuild_indexes(from_position));
    auto position = from_position, good = from_position;
    auto expected = from_offset, good_offset = from_offset;
    while (position < limit) {
        auto header = header_at(position, limit);
        bool whole = header && header->base_offset >= expected && TRY(is_whole(position, *header));
        if (!whole) {
            auto damage = TRY(find_damage(position, expected, limit));
            if (last && (!damage || TRY(has_unwritten_sector(*damage)))) break;
            if (!damage) damage = Damage{position, limit, expected, expected + 1};
            report(*damage);
            position = good = damage->to_position;
            expected = good_offset = damage->to_offset;
            continue;
        }
        {
            std::lock_guard lock(mutex_);
            index_batch(*header, position);
        }
        if (visit) visit(*header, TRY(bytes_at(position, header->size())).view);
        position += header->size();
        expected = header->next_offset();
        if (header->has(attribute::more_follows)) continue;  // counts with the last of its append
        good = position;
        good_offset = expected;
    }
    if (!last) good = position, good_offset = expected;
    if (good < limit) TRY(file_->truncate(good));
    if (good_offset != expected) TRY(rebuild_indexes(good));
    std::lock_guard lock(mutex_);
    size_ = good;
    opened_size_ = from_position;  // what stands before has not been checked
    mapping_.reset();
    next_offset_ = good_offset;
    return Recovered{good_offset, limit - good};
}

Result<bool> Segment::load(std::int64_t size) {
    auto limit = TRY(file_->size());
    if (size < 0) size = limit;
    {
        std::lock_guard lock(mutex_);
        size_ = opened_size_ = size;
    }
    auto offsets = files_->read_file(file_name(".index"));
    auto times = files_->read_file(file_name(".timeindex"));
    if (!offsets || !times) {
        TRY(rebuild_indexes(size));
        return false;
    }
    auto offset_index = OffsetIndex::decode(*offsets, base_, size);
    auto time_index = TimeIndex::decode(*times, base_);
    bool empty = time_index && time_index->entries().empty();
    if (!offset_index || !time_index || (empty && size > 0)) {
        log::warn("{}: {} is rebuilt: {}", name_, file_name(".index"),
                  !offset_index ? offset_index.error().text
                  : !time_index ? time_index.error().text
                                : "it is empty");
        TRY(rebuild_indexes(size));
        return false;
    }
    std::lock_guard lock(mutex_);
    offsets_ = std::move(*offset_index);
    times_ = std::move(*time_index);
    if (!empty) latest_ = {times_.entries().back().timestamp_ms, times_.entries().back().offset, 0};
    indexed_position_ = offsets_.entries().empty() ? 0 : offsets_.entries().back().position;
    return true;
}

/// From the batches' headers alone.
Result<> Segment::rebuild_indexes(std::int64_t size) {
    {
        std::lock_guard lock(mutex_);
        offsets_.clear();
        times_.clear();
        latest_ = {};
        indexed_position_ = -1;
    }
    auto expected = base_;
    for (std::int64_t position = 0; position < size;) {
        auto header = header_at(position, size);
        if (!header || header->base_offset < expected) {
            auto damage = TRY(find_damage(position, expected, size));
            if (!damage) damage = Damage{position, size, expected, expected + 1};
            report(*damage);
            position = damage->to_position;
            expected = damage->to_offset;
            continue;
        }
        std::lock_guard lock(mutex_);
        index_batch(*header, position);
        position += header->size();
        expected = header->next_offset();
    }
    return {};
}

Result<> Segment::write(std::span<const std::string_view> pieces) {
    return file_->write_at(size(), pieces);
}

void Segment::publish(std::span<const BatchHeader> headers) {
    std::lock_guard lock(mutex_);
    for (const auto& header : headers) {
        index_batch(header, size_);
        size_ += header.size();
    }
}

Result<> Segment::save_indexes() {
    std::string offsets, times;
    {
        std::lock_guard lock(mutex_);
        if (latest_.offset >= 0) times_.add({latest_.timestamp_ms, latest_.offset});
        offsets = offsets_.encode(base_);
        times = times_.encode(base_);
    }
    TRY(files_->replace_file(file_name(".index"), offsets));
    return files_->replace_file(file_name(".timeindex"), times);
}

Result<> Segment::remove_indexes() {
    for (auto suffix : {".index", ".timeindex"})
        if (files_->exists(file_name(suffix))) TRY(files_->remove(file_name(suffix)));
    return {};
}

Result<> Segment::remove_files() {
    TRY(remove_indexes());
    return files_->remove(file_name(".log"));
}

Result<Slice> Segment::read(std::int64_t offset, std::int64_t max_bytes) {
    std::int64_t position, limit, opened, checked;
    std::vector<Damage> damages;
    {
        std::lock_guard lock(mutex_);
        position = offsets_.find(offset, base_).position;
        limit = size_;
        opened = opened_size_;
        checked = checked_until_;
        damages = damages_;
    }
    auto expected = base_;
    std::int64_t start = -1, next = offset;
    const bool from_checked = position <= checked;
    while (position < limit) {
        if (start >= 0 && position - start >= max_bytes) break;
        auto known = std::ranges::find(damages, position, &Damage::from_position);
        if (known != damages.end()) {
            if (start >= 0) break;
            position = known->to_position;
            expected = known->to_offset;
            next = std::max(next, expected);
            continue;
        }
        auto header = header_at(position, limit);
        bool fits = start < 0 || (header && position + header->size() - start <= max_bytes);
        if (header && !fits) break;
        bool wanted = header && header->last_offset() >= offset;
        bool good = header && header->base_offset >= expected &&
                    (!wanted || position >= opened || position < checked || TRY(is_whole(position, *header)));
        if (!good) {
            auto damage = TRY(find_damage(position, expected, limit));
            if (!damage) damage = Damage{position, limit, expected, expected + 1};
            report(*damage);
            damages.push_back(*damage);
            continue;
        }
        if (wanted && start < 0) start = position;
        position += header->size();
        expected = header->next_offset();
        next = std::max(next, expected);
    }
    if (start < 0) return Slice{{}, nullptr, next};
    if (from_checked && start <= checked && checked < opened) {  // every batch up to here was looked at
        std::lock_guard lock(mutex_);
        checked_until_ = std::max(checked_until_, std::min(position, opened));
    }
    auto bytes = TRY(bytes_at(start, position - start));
    if (std::int64_t(bytes.view.size()) != position - start)
        return fail(Errc::corrupt, "{}: {} is shorter than it was", name_, file_name(".log"));
    return Slice{bytes.view, std::move(bytes.owner), next, position >= limit};
}

Result<std::optional<TimeOffset>> Segment::find_time(std::int64_t timestamp_ms, std::int64_t from_offset) {
    std::int64_t offset;
    {
        std::lock_guard lock(mutex_);
        if (latest_.timestamp_ms < timestamp_ms) return std::optional<TimeOffset>();
        offset = std::max(from_offset, times_.find(timestamp_ms, base_));
    }
    std::string scratch;
    while (true) {
        auto slice = TRY(read(offset, scan_chunk));
        if (slice.bytes.empty()) return std::optional<TimeOffset>();
        for (auto left = slice.bytes; !left.empty();) {
            auto header = TRY(wire::kafka::parse_batch_header(left));
            auto batch = left.substr(0, std::size_t(header.size()));
            left.remove_prefix(batch.size());
            if (header.max_timestamp < timestamp_ms || header.last_offset() < from_offset) continue;
            wire::kafka::RecordCursor records(TRY(wire::kafka::batch_records(
                batch, header, scratch, std::size_t(options_.decompressed_limit))));
            for (wire::kafka::RecordView record; records.next(record);) {
                auto time = header.has(attribute::log_append_time)
                                ? header.max_timestamp
                                : header.base_timestamp + record.timestamp_delta;
                auto at = header.base_offset + record.offset_delta;
                if (time >= timestamp_ms && at >= from_offset)
                    return TimeOffset{time, at, header.partition_leader_epoch};
            }
        }
        offset = slice.next_offset;
    }
}

}  // namespace penstock::broker
