#include "wire/kafka/record_batch.h"

#include <cstring>

#include "base/check.h"
#include "codec/big_endian.h"
#include "codec/crc32c.h"

namespace penstock::wire::kafka {
namespace {

using codec::load_big;
using codec::store_big;

// Where the fields of a batch stand.
constexpr std::size_t at_batch_length = 8;
constexpr std::size_t at_leader_epoch = 12;
constexpr std::size_t at_magic = 16;
constexpr std::size_t at_crc = 17;
constexpr std::size_t at_attributes = 21;
constexpr std::size_t at_last_offset_delta = 23;
constexpr std::size_t at_base_timestamp = 27;
constexpr std::size_t at_max_timestamp = 35;
constexpr std::size_t at_producer_id = 43;
constexpr std::size_t at_producer_epoch = 51;
constexpr std::size_t at_base_sequence = 53;
constexpr std::size_t at_record_count = 57;

std::int64_t field_size(const std::optional<std::string_view>& field) {
    return field ? codec::zigzag_size(std::int64_t(field->size())) + std::int64_t(field->size())
                 : codec::zigzag_size(-1);
}

char* write_field(char* out, const std::optional<std::string_view>& field) {
    if (!field) return codec::write_zigzag(out, -1);
    out = codec::write_zigzag(out, std::int64_t(field->size()));
    std::memcpy(out, field->data(), field->size());
    return out + field->size();
}

/// What one thread decompresses into, again and again: fresh memory is dear. One at a time on a thread.
class ThreadScratch {
public:
    ThreadScratch() = default;
    ~ThreadScratch() {
        if (text().capacity() > most_kept) std::string().swap(text());
    }
    ThreadScratch(const ThreadScratch&) = delete;
    ThreadScratch& operator=(const ThreadScratch&) = delete;

    std::string& text() const {
        thread_local std::string kept;
        return kept;
    }

private:
    static constexpr std::size_t most_kept = 4 << 20;
};

}  // namespace

Result<BatchHeader> parse_batch_header(std::string_view bytes) {
    if (std::int64_t(bytes.size()) < batch_header_size)
        return fail(Errc::invalid, "a record batch has at least {} bytes, this has {}", batch_header_size,
                    bytes.size());
    const char* at = bytes.data();
    BatchHeader header;
    header.base_offset = load_big<std::int64_t>(at);
    header.batch_length = load_big<std::int32_t>(at + at_batch_length);
    header.partition_leader_epoch = load_big<std::int32_t>(at + at_leader_epoch);
    header.magic = std::int8_t(at[at_magic]);
    header.crc = load_big<std::uint32_t>(at + at_crc);
    header.attributes = load_big<std::int16_t>(at + at_attributes);
    header.last_offset_delta = load_big<std::int32_t>(at + at_last_offset_delta);
    header.base_timestamp = load_big<std::int64_t>(at + at_base_timestamp);
    header.max_timestamp = load_big<std::int64_t>(at + at_max_timestamp);
    header.producer_id = load_big<std::int64_t>(at + at_producer_id);
    header.producer_epoch = load_big<std::int16_t>(at + at_producer_epoch);
    header.base_sequence = load_big<std::int32_t>(at + at_base_sequence);
    header.record_count = load_big<std::int32_t>(at + at_record_count);
    if (header.magic != 2)
        return fail(Errc::unsupported,
                    "record batch of magic {}; only 2 (Kafka 0.11 and newer) "
                    "is offered",
                    int(header.magic));
    if (header.size() < batch_header_size || header.base_offset < 0 || header.record_count < 0 ||
        header.last_offset_delta < 0)
        return fail(Errc::invalid,
                    "a record batch with impossible length {}, offset {}, {} records "
                    "or last offset delta {}",
                    header.batch_length, header.base_offset, header.record_count, header.last_offset_delta);
    return header;
}

bool has_valid_crc(std::string_view batch) {
    return codec::crc32c(batch.substr(at_attributes)) == load_big<std::uint32_t>(batch.data() + at_crc);
}

void patch_base_offset(char* batch, std::int64_t base_offset) {
    store_big(batch, base_offset);
}

void patch_leader_epoch(char* batch, std::int32_t epoch) {
    store_big(batch + at_leader_epoch, epoch);
}

void patch_append_time(std::span<char> batch, std::int64_t timestamp_ms) {
    char* at = batch.data();
    auto attributes = load_big<std::int16_t>(at + at_attributes);
    store_big(at + at_attributes, std::int16_t(attributes | attribute::log_append_time));
    store_big(at + at_max_timestamp, timestamp_ms);
    auto crc = codec::crc32c(std::string_view(at, batch.size()).substr(at_attributes));
    store_big(at + at_crc, crc);
}

HeaderCursor::HeaderCursor(std::string_view encoded)
    : at_(encoded.data()), end_(encoded.data() + encoded.size()) {
    at_ = codec::read_zigzag(at_, end_, left_);
    if (at_ && (left_ < 0 || left_ > end_ - at_)) at_ = nullptr;
    if (!at_) left_ = 0;
}

bool HeaderCursor::next(HeaderView& header) {
    if (!at_ || left_ == 0) return false;
    auto damaged = [this] {
        at_ = nullptr;
        left_ = 0;
        return false;
    };
    std::int64_t size = 0;
    const char* at = codec::read_zigzag(at_, end_, size);
    if (!at || size < 0 || size > end_ - at) return damaged();
    header.name = {at, std::size_t(size)};
    at = codec::read_zigzag(at + size, end_, size);
    if (!at || size < -1 || size > end_ - at) return damaged();
    if (size < 0) {
        header.value.reset();
    } else {
        header.value.emplace(at, std::size_t(size));
        at += size;
    }
    at_ = at;
    --left_;
    return true;
}

Result<std::string_view> batch_records(std::string_view batch, const BatchHeader& header,
                                       std::string& scratch, std::size_t limit) {
    auto records = batch.substr(std::size_t(batch_header_size));
    auto compression = header.compression();
    if (compression == codec::Compression::none) return records;
    scratch.clear();
    TRY(codec::decompress(compression, records, scratch, limit));
    return std::string_view(scratch);
}

Result<BatchHeader> validate_batch(std::string_view batch, std::size_t decompressed_limit) {
    auto header = TRY(parse_batch_header(batch));
    if (header.size() != std::int64_t(batch.size()))
        return fail(Errc::invalid, "expected one record batch of {} bytes, got {} bytes", header.size(),
                    batch.size());
    if (!has_valid_crc(batch)) return fail(Errc::corrupt, "the record batch fails its checksum");
    if (header.has(attribute::reserved))
        return fail(Errc::invalid, "the record batch has reserved attribute bits set ({:#06x})",
                    std::uint16_t(header.attributes));
    if ((header.attributes & attribute::compression_mask) > int(codec::Compression::zstd))
        return fail(Errc::invalid, "compression {} is not known",
                    header.attributes & attribute::compression_mask);
    if (header.has(attribute::control)) return fail(Errc::invalid, "clients may not write control batches");
    if (header.record_count == 0 || header.last_offset_delta != header.record_count - 1)
        return fail(Errc::invalid, "a record batch of {} records ends at offset delta {}",
                    header.record_count, header.last_offset_delta);
    const ThreadScratch scratch;
    RecordCursor cursor(TRY(batch_records(batch, header, scratch.text(), decompressed_limit)));
    RecordView record;
    for (std::int32_t i = 0; i < header.record_count; ++i) {
        if (!cursor.next(record))
            return fail(Errc::invalid, "record {} of the batch's {} cannot be read", i, header.record_count);
        if (record.offset_delta != i)
            return fail(Errc::invalid, "record {} of the batch has offset delta {}", i, record.offset_delta);
        HeaderCursor headers(record.headers);
        for (HeaderView ignored; headers.next(ignored);) {
        }
        if (!headers.ok() || !headers.at_end())
            return fail(Errc::invalid, "the headers of record {} of the batch cannot be read", i);
    }
    if (!cursor.at_end())
        return fail(Errc::invalid, "bytes are left behind the batch's {} records", header.record_count);
    return header;
}

void BatchBuilder::add(const Record& record) {
    if (count_ == 0) base_timestamp_ = max_timestamp_ = record.timestamp_ms;
    max_timestamp_ = std::max(max_timestamp_, record.timestamp_ms);
    auto timestamp_delta = record.timestamp_ms - base_timestamp_;
    std::int64_t body = 1 + codec::zigzag_size(timestamp_delta) + codec::zigzag_size(count_) +
                        field_size(record.key) + field_size(record.value) +
                        codec::zigzag_size(std::int64_t(record.headers.size()));
    for (const auto& header : record.headers)
        body += field_size(std::optional(header.name)) + field_size(header.value);
    auto whole = std::size_t(body + codec::zigzag_size(body));
    auto start = std::size_t(batch_header_size) + bytes_used_;
    if (bytes_.size() < start + whole) {
        bool fits = start + whole <= bytes_.capacity();
        auto target = fits ? bytes_.capacity() : std::max(start + whole, 2 * start);
        bytes_.resize_and_overwrite(target, [](char*, std::size_t size) { return size; });
    }
    char* out = bytes_.data() + start;
    out = codec::write_zigzag(out, body);
    *out++ = 0;  // attributes, unused
    out = codec::write_zigzag(out, timestamp_delta);
    out = codec::write_zigzag(out, count_);
    out = write_field(out, record.key);
    out = write_field(out, record.value);
    out = codec::write_zigzag(out, std::int64_t(record.headers.size()));
    for (const auto& header : record.headers) {
        out = write_field(out, header.name);
        out = write_field(out, header.value);
    }
    bytes_used_ += whole;
    ++count_;
}

std::string BatchBuilder::finish(const Options& options) {
    CHECK(count_ > 0);
    bytes_.resize(size());
    if (options.compression != codec::Compression::none) {
        auto packed = codec::compress(options.compression,
                                      std::string_view(bytes_).substr(std::size_t(batch_header_size)));
        CHECK(packed.has_value());
        bytes_.resize(std::size_t(batch_header_size));
        bytes_ += *packed;
    }
    char* at = bytes_.data();
    store_big<std::int64_t>(at, 0);
    store_big(at + at_batch_length, std::int32_t(std::int64_t(bytes_.size()) - batch_prefix_size));
    store_big<std::int32_t>(at + at_leader_epoch, 0);
    at[at_magic] = 2;
    store_big(at + at_attributes, std::int16_t(options.attributes | int(options.compression)));
    store_big(at + at_last_offset_delta, count_ - 1);
    store_big(at + at_base_timestamp, base_timestamp_);
    store_big(at + at_max_timestamp, max_timestamp_);
    store_big(at + at_producer_id, options.producer_id);
    store_big(at + at_producer_epoch, options.producer_epoch);
    store_big(at + at_base_sequence, options.base_sequence);
    store_big(at + at_record_count, count_);
    store_big(at + at_crc, codec::crc32c(std::string_view(bytes_).substr(at_attributes)));
    std::string done;
    done.swap(bytes_);
    bytes_used_ = 0;
    count_ = 0;
    return done;
}

}  // namespace penstock::wire::kafka
