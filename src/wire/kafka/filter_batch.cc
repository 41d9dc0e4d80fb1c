#include "wire/kafka/filter_batch.h"

#include <algorithm>

#include "codec/big_endian.h"
#include "codec/crc32c.h"

namespace penstock::wire::kafka {
namespace {

// Where the fields that change stand.
constexpr std::size_t at_batch_length = 8;
constexpr std::size_t at_crc = 17;
constexpr std::size_t at_attributes = 21;
constexpr std::size_t at_max_timestamp = 35;
constexpr std::size_t at_record_count = 57;

constexpr std::size_t decompressed_limit = 256 << 20;

/// The bytes of the next record, with its length.
std::string_view next_record(std::string_view& left) {
    std::int64_t length = 0;
    const char* body = codec::read_zigzag(left.data(), left.data() + left.size(), length);
    if (!body || length < 0 || length > left.data() + left.size() - body) return {};
    auto record = left.substr(0, std::size_t(body - left.data() + length));
    left.remove_prefix(record.size());
    return record;
}

/// The batch's header with other records behind it; what the header says of them is not changed yet.
Result<std::string> with_records(std::string_view batch, codec::Compression compression,
                                 std::string_view records) {
    std::string out(batch.substr(0, std::size_t(batch_header_size)));
    if (compression == codec::Compression::none)
        out += records;
    else
        out += TRY(codec::compress(compression, records));
    codec::store_big(out.data() + at_batch_length,
                     std::int32_t(std::int64_t(out.size()) - batch_prefix_size));
    return out;
}

void store_checksum(std::string& batch) {
    codec::store_big(batch.data() + at_crc, codec::crc32c(std::string_view(batch).substr(at_attributes)));
}

}  // namespace

Result<Filtered> filter_batch(std::string_view batch, const BatchHeader& header,
                              const std::function<bool(const RecordView& record)>& keep) {
    std::string scratch, kept;
    auto left = TRY(batch_records(batch, header, scratch, decompressed_limit));
    std::int32_t count = 0, seen = 0;
    std::int64_t latest = -1;
    while (!left.empty()) {
        auto bytes = next_record(left);
        RecordCursor cursor(bytes);
        RecordView record;
        if (bytes.empty() || !cursor.next(record))
            return fail(Errc::corrupt, "record {} of the batch at offset {} cannot be read", seen,
                        header.base_offset);
        ++seen;
        if (!keep(record)) continue;
        kept += bytes;
        ++count;
        latest = std::max(latest, header.base_timestamp + record.timestamp_delta);
    }
    if (count == seen) return Filtered{};
    if (count == 0) return Filtered{.changed = true, .batch = {}};
    Filtered out{.changed = true, .batch = TRY(with_records(batch, header.compression(), kept))};
    char* at = out.batch.data();
    if (!header.has(attribute::log_append_time)) codec::store_big(at + at_max_timestamp, latest);
    codec::store_big(at + at_record_count, count);
    store_checksum(out.batch);
    return out;
}

Result<std::string> recompress_batch(std::string_view batch, const BatchHeader& header,
                                     codec::Compression compression) {
    std::string scratch;
    auto records = TRY(batch_records(batch, header, scratch, decompressed_limit));
    auto out = TRY(with_records(batch, compression, records));
    auto others = std::int16_t(header.attributes & ~attribute::compression_mask);
    codec::store_big(out.data() + at_attributes, std::int16_t(others | std::int16_t(compression)));
    store_checksum(out);
    return out;
}

}  // namespace penstock::wire::kafka
