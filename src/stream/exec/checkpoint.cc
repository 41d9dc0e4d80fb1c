#include "stream/exec/checkpoint.h"

#include "codec/crc32c.h"
#include "stream/exec/state_codec.h"

namespace penstock::stream {

namespace {
constexpr std::string_view magic = "PSCP";
constexpr std::uint8_t version = 1;
}  // namespace

std::string encode(const Checkpoint& checkpoint) {
    StateEncoder body;
    body.integer(std::int64_t(checkpoint.query_hash));
    body.integer(std::int64_t(checkpoint.target_hash));
    body.byte(checkpoint.grouped);
    body.text(checkpoint.topic);
    body.text(checkpoint.topic_id);
    body.integer(std::int64_t(checkpoint.offsets.size()));
    for (auto offset : checkpoint.offsets) body.integer(offset);
    body.integer(checkpoint.watermark_us);
    body.integer(checkpoint.reserved_us);
    body.integer(checkpoint.commits);
    body.text(checkpoint.schema);
    auto bytes = std::string(magic) + char(version) + body.take();
    StateEncoder checksum;
    checksum.integer(codec::crc32c(bytes));
    return bytes + checksum.take();
}

Result<Checkpoint> decode_checkpoint(std::string_view bytes) {
    auto corrupt = [](std::string_view why) {
        return fail(Errc::corrupt, "the checkpoint cannot be read: {}", why);
    };
    if (bytes.size() < magic.size() + 9 || !bytes.starts_with(magic))
        return corrupt("it does not begin as one");
    auto stored = StateDecoder(bytes.substr(bytes.size() - 8)).integer();
    bytes.remove_suffix(8);
    if (stored != codec::crc32c(bytes)) return corrupt("its checksum is wrong");
    if (std::uint8_t(bytes[magic.size()]) != version) return corrupt("it was written by a newer version");
    StateDecoder body(bytes.substr(magic.size() + 1));
    Checkpoint out;
    out.query_hash = std::uint64_t(body.integer());
    out.target_hash = std::uint64_t(body.integer());
    out.grouped = body.byte() != 0;
    out.topic = body.text();
    out.topic_id = body.text();
    auto partitions = body.integer();
    for (std::int64_t i = 0; i < partitions && body.ok(); ++i) out.offsets.push_back(body.integer());
    out.watermark_us = body.integer();
    out.reserved_us = body.integer();
    out.commits = body.integer();
    out.schema = body.text();
    if (!body.ok() || !body.done()) return corrupt("it is cut off");
    return out;
}

}  // namespace penstock::stream
