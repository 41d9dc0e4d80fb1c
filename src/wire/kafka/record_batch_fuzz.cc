// A record batch from a client: whatever validate_batch() accepts must be readable in full.
#include "base/check.h"
#include "wire/kafka/record_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace kafka = penstock::wire::kafka;
    std::string batch(reinterpret_cast<const char*>(data), size);
    // The checksum is set right, or the fuzzer would never get past it.
    if (batch.size() >= std::size_t(kafka::batch_header_size)) kafka::patch_append_time(batch, 5);
    auto header = kafka::validate_batch(batch, 1 << 20);
    if (!header) return 0;
    std::string scratch;
    auto records = kafka::batch_records(batch, *header, scratch, 1 << 20);
    CHECK(records.has_value());
    kafka::RecordCursor cursor(*records);
    int count = 0;
    for (kafka::RecordView record; cursor.next(record); ++count) {
        kafka::HeaderCursor headers(record.headers);
        for (kafka::HeaderView each; headers.next(each);) {
        }
        CHECK(headers.ok());
    }
    CHECK(cursor.ok() && count == header->record_count);
    return 0;
}
