// Record batches, format v2 ("magic 2"): what producers send, the log stores and consumers get, byte for
// byte. Source: Kafka protocol guide, "Record Batch"; KIP-98. docs/formats/segment.md has the byte table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/compression.h"
#include "codec/varint.h"

namespace penstock::wire::kafka {

/// Bytes of a batch before its first record.
constexpr std::int64_t batch_header_size = 61;
/// Bytes of a batch up to and including its length field; batch_length counts what follows.
constexpr std::int64_t batch_prefix_size = 12;

namespace attribute {
constexpr std::int16_t compression_mask = 0x07;
constexpr std::int16_t log_append_time = 0x08;
constexpr std::int16_t transactional = 0x10;
constexpr std::int16_t control = 0x20;
constexpr std::int16_t delete_horizon = 0x40;
/// Ours: the batch's last record carries the position of a named producer in its headers.
constexpr std::int16_t producer_position = 0x2000;
/// Ours: the next batch belongs to the same append; without it this one does not count either.
constexpr std::int16_t more_follows = 0x4000;
/// Bits that Kafka does not use; clients may not set them.
constexpr std::int16_t reserved = std::int16_t(0xff80);
}  // namespace attribute

struct BatchHeader {
    std::int64_t base_offset = 0;
    std::int32_t batch_length = 0;  ///< bytes after this field
    std::int32_t partition_leader_epoch = 0;
    std::int8_t magic = 2;
    std::uint32_t crc = 0;  ///< CRC-32C of everything from the attributes on
    std::int16_t attributes = 0;
    std::int32_t last_offset_delta = 0;
    std::int64_t base_timestamp = 0;
    std::int64_t max_timestamp = 0;
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = -1;
    std::int32_t record_count = 0;

    std::int64_t size() const { return batch_prefix_size + batch_length; }
    std::int64_t last_offset() const { return base_offset + last_offset_delta; }
    std::int64_t next_offset() const { return last_offset() + 1; }
    codec::Compression compression() const {
        return codec::Compression(attributes & attribute::compression_mask);
    }
    bool has(std::int16_t bit) const { return (attributes & bit) != 0; }
};

/// Reads the header at the front of bytes, of which at least batch_header_size must be there; checks magic
/// and that the lengths and counts are possible, not the checksum and not that the whole batch is there.
Result<BatchHeader> parse_batch_header(std::string_view bytes);

/// Whether the checksum over bytes (one whole batch) is the one in its header.
bool has_valid_crc(std::string_view batch);

/// Neither is covered by the checksum, so that a log can set them in place.
void patch_base_offset(char* batch, std::int64_t base_offset);
void patch_leader_epoch(char* batch, std::int32_t epoch);
/// Sets the type of the timestamps to log append time, and the checksum anew.
void patch_append_time(std::span<char> batch, std::int64_t timestamp_ms);

/// A record inside its batch. Views point into the batch's (decompressed) bytes.
struct RecordView {
    std::int32_t offset_delta = 0;
    std::int64_t timestamp_delta = 0;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    std::string_view headers;  ///< count and headers, still encoded
};

/// Walks the records of a batch without copying.
class RecordCursor {
public:
    /// bytes: what follows the batch's header, decompressed.
    explicit RecordCursor(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    /// The next record; false at the end, or when the bytes are damaged (then ok() is false).
    bool next(RecordView& record);
    bool ok() const { return at_ != nullptr; }
    bool at_end() const { return at_ == end_; }

private:
    const char* at_;
    const char* end_;
};

struct HeaderView {
    std::string_view name;
    std::optional<std::string_view> value;
};

/// Takes apart RecordView::headers.
class HeaderCursor {
public:
    explicit HeaderCursor(std::string_view encoded);
    bool next(HeaderView& header);
    bool ok() const { return at_ != nullptr; }
    std::int64_t left() const { return left_; }
    bool at_end() const { return at_ == end_; }

private:
    const char* at_;
    const char* end_;
    std::int64_t left_ = 0;
};

/// The records' bytes of a whole batch: a view into it, or into scratch when it is compressed.
/// Errc::full when they are more than limit bytes.
Result<std::string_view> batch_records(std::string_view batch, const BatchHeader& header,
                                       std::string& scratch, std::size_t limit);

/// What a broker checks of a batch that a client sent: whole and alone, checksum, as many records as it says
/// with offsets 0, 1, 2, ..., every one inside its bounds. Errc::corrupt: the checksum is wrong;
/// Errc::invalid: else.
Result<BatchHeader> validate_batch(std::string_view batch, std::size_t decompressed_limit);

/// Builds one batch in one buffer.
class BatchBuilder {
public:
    struct Record {
        std::int64_t timestamp_ms = 0;
        std::optional<std::string_view> key;
        std::optional<std::string_view> value;
        std::span<const HeaderView> headers;
    };
    struct Options {
        codec::Compression compression = codec::Compression::none;
        std::int16_t attributes = 0;  ///< beside the compression
        std::int64_t producer_id = -1;
        std::int16_t producer_epoch = -1;
        std::int32_t base_sequence = -1;
    };

    void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
    /// Builds the next batch in this buffer, whatever is in it. Only while there are no records.
    void use(std::string buffer) { bytes_ = std::move(buffer); }
    void add(const Record& record);
    /// Bytes so far, with the header, uncompressed.
    std::size_t size() const { return std::size_t(batch_header_size) + bytes_used_; }
    std::int32_t records() const { return count_; }
    /// The finished batch with base offset 0; the builder is empty again.
    std::string finish(const Options& options);
    std::string finish() { return finish(Options{}); }

private:
    std::string bytes_;
    std::size_t bytes_used_ = 0;
    std::int32_t count_ = 0;
    std::int64_t base_timestamp_ = 0;
    std::int64_t max_timestamp_ = 0;
};

// Inline, as it runs once for each record read.
inline bool RecordCursor::next(RecordView& record) {
    if (at_ == end_ || at_ == nullptr) return false;
    auto damaged = [this] {
        at_ = nullptr;
        return false;
    };
    std::int64_t length = 0;
    const char* at = codec::read_zigzag(at_, end_, length);
    if (!at || length < 0 || length > end_ - at) return damaged();
    const char* end = at + length;
    if (at == end) return damaged();
    ++at;  // attributes, unused
    std::int64_t offset_delta = 0, size = 0;
    at = codec::read_zigzag(at, end, record.timestamp_delta);
    if (!at) return damaged();
    at = codec::read_zigzag(at, end, offset_delta);
    if (!at || offset_delta < INT32_MIN || offset_delta > INT32_MAX) return damaged();
    record.offset_delta = std::int32_t(offset_delta);
    for (auto* field : {&record.key, &record.value}) {
        at = codec::read_zigzag(at, end, size);
        if (!at || size < -1 || size > end - at) return damaged();
        if (size < 0) {
            field->reset();
        } else {
            field->emplace(at, std::size_t(size));
            at += size;
        }
    }
    record.headers = {at, std::size_t(end - at)};
    at_ = end;
    return true;
}

}  // namespace penstock::wire::kafka
