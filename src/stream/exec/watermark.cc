#include "stream/exec/watermark.h"

#include "base/units.h"
#include "stream/exec/filter.h"
#include "stream/exec/state_codec.h"

namespace penstock::stream {

namespace {
constexpr std::string_view prefix = "w/";
}

Result<> Watermark::on_batch(Rows rows, Output& out) {
    Arena arena;
    Evaluation evaluation{&rows.batch, rows.batch.rows, &arena, out.context().now_us};
    auto time = evaluate(time_, evaluation);
    auto& partition = partitions_[rows.partition];
    partition.seen_us = out.context().now_us;
    for (std::size_t row = 0; row < rows.batch.rows; ++row) {
        if (time.is_null(row)) continue;
        auto us = time.column->integers[time.at(row)];
        if (us <= partition.max_us) continue;
        partition.max_us = us;
        partition.changed = true;
    }
    auto kept = TRY(reject_failed(evaluation, rows, out));
    if (kept) return out.rows(gather(rows, *kept));
    return out.rows(std::move(rows));
}

std::int64_t Watermark::advance(const std::vector<bool>& unread, std::int64_t now_us) {
    std::int64_t least = INT64_MAX;
    for (std::size_t i = 0; i < unread.size(); ++i) {
        const auto found = partitions_.find(std::int32_t(i));
        bool recent = found != partitions_.end() && found->second.seen_us != INT64_MIN &&
                      now_us - found->second.seen_us < idle_after_us;
        if (!unread[i] && !recent) continue;
        least = std::min(least, found == partitions_.end() ? INT64_MIN : found->second.max_us);
    }
    if (least == INT64_MAX) {
        // All are idle: no one is held back any more by the slowest.
        for (const auto& [number, partition] : partitions_)
            least = least == INT64_MAX ? partition.max_us : std::max(least, partition.max_us);
        if (least == INT64_MAX) return watermark_us_;
    }
    if (least == INT64_MIN) return watermark_us_;
    auto watermark = least - delay_us_;
    if (watermark > watermark_us_) {
        watermark_us_ = watermark;
        changed_ = true;
    }
    return watermark_us_;
}

Result<> Watermark::on_barrier(StateWriter& to, Output&) {
    for (auto& [number, partition] : partitions_) {
        if (!partition.changed) continue;
        partition.changed = false;
        StateEncoder value;
        value.integer(partition.max_us);
        to.put(std::string(prefix) + std::to_string(number), value.take());
    }
    if (changed_) {
        StateEncoder value;
        value.integer(watermark_us_);
        to.put(std::string(prefix) + "all", value.take());
        changed_ = false;
    }
    return {};
}

Result<> Watermark::on_restore(StateReader& from) {
    for (const auto& [key, value] : TRY(from.read(prefix))) {
        StateDecoder decoder(value);
        auto us = decoder.integer();
        auto name = key.substr(prefix.size());
        if (!decoder.ok()) return fail(Errc::corrupt, "the state {} cannot be read", key);
        if (name == "all") {
            watermark_us_ = us;
            continue;
        }
        auto partition = parse_int(name);
        if (!partition) return fail(Errc::corrupt, "the state {} cannot be read", key);
        partitions_[std::int32_t(*partition)].max_us = us;
    }
    return {};
}

}  // namespace penstock::stream
