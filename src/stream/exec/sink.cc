#include "stream/exec/sink.h"

#include <xxhash.h>

#include <bit>

#include "base/units.h"
#include "stream/exec/state_codec.h"

namespace penstock::stream {
namespace {

/// Keys by 128 bits of hash, which two keys of a commit do not share by chance. Open addressing, never more
/// than half full.
class KeySet {
public:
    explicit KeySet(std::size_t keys) : slots_(std::bit_ceil(2 * keys + 1)) {}
    /// True when it was not there.
    bool insert(std::string_view key) {
        auto hash = XXH3_128bits(key.data(), key.size());
        if (hash.low64 == 0) hash.low64 = 1;  // 0: a free slot
        for (auto at = hash.low64 & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
            auto& slot = slots_[at];
            if (slot.low64 == hash.low64 && slot.high64 == hash.high64) return false;
            if (slot.low64 != 0) continue;
            slot = hash;
            return true;
        }
    }

private:
    std::vector<XXH128_hash_t> slots_;
};

}  // namespace

Result<> Sink::on_batch(Rows rows, Output& out) {
    std::vector<std::uint32_t> kept;
    bool any_null = false;
    for (auto key : key_) any_null = any_null || !rows.batch.columns[key].nulls.empty();
    if (any_null) {
        for (std::uint32_t row = 0; row < rows.batch.rows; ++row) {
            const std::size_t* missing = nullptr;
            for (const auto& key : key_)
                if (rows.batch.columns[key].is_null(row)) missing = &key;
            if (!missing) {
                kept.push_back(row);
                continue;
            }
            // A group whose key is null cannot be in a table; a single record can be looked at and sent
            // again.
            if (!rows.origins.empty() && out.context().reject)
                out.context().reject(rows.origins[row], fmt::format("the key column {} is null",
                                                                    rows.batch.schema[*missing].name));
        }
        if (kept.size() < rows.batch.rows) rows = gather(rows, kept);
    }
    if (rows.batch.rows == 0) return {};
    return keep(std::move(rows));
}

Result<> Sink::keep(Rows rows) {
    rows_ += rows.batch.rows;
    if (arena_) {
        if (max_rows_ > 0 && rows_ > max_rows_)
            return fail(Errc::full, "the result has more than {} rows; add LIMIT or a condition",
                        format_count(std::int64_t(max_rows_)));
        for (auto& column : rows.batch.columns)
            for (auto& text : column.strings) text = arena_->copy(text);
        rows.batch.keep_alive = {arena_};
        if (std::int64_t(arena_->bytes()) > max_bytes_)
            return fail(Errc::full, "the result has more than {} of text; add LIMIT or a condition",
                        format_bytes(max_bytes_));
    }
    collected_.push_back(std::move(rows));
    return {};
}

Result<> Sink::put(Batch batch) {
    Rows rows;
    rows.batch = std::move(batch);
    return keep(std::move(rows));
}

std::vector<Batch> Sink::take() {
    std::vector<Batch> out;
    for (auto& rows : collected_) out.push_back(std::move(rows.batch));
    collected_.clear();
    rows_ = 0;
    if (arena_) arena_ = std::make_shared<Arena>();
    return out;
}

void Sink::drop_replaced() {
    if (key_.empty()) return;
    KeySet seen(rows_);
    StateEncoder key;
    std::size_t total = 0;
    for (auto rows = collected_.rbegin(); rows != collected_.rend(); ++rows) {
        auto& batch = rows->batch;
        std::vector<std::uint32_t> kept;
        for (auto row = std::uint32_t(batch.rows); row-- > 0;) {
            key.clear();
            for (auto column : key_) {
                const auto& values = batch.columns[column];
                switch (storage_of(values.type)) {
                    case Storage::integers:
                        key.integer(values.integers[row]);
                        break;
                    case Storage::floats:
                        key.real(values.floats[row]);
                        break;
                    case Storage::strings:
                        key.text(values.strings[row]);
                        break;
                }
            }
            if (seen.insert(key.view())) kept.push_back(row);
        }
        if (kept.size() < batch.rows) {
            std::reverse(kept.begin(), kept.end());
            *rows = gather(*rows, kept);
        }
        total += batch.rows;
    }
    std::erase_if(collected_, [](const Rows& rows) { return rows.batch.rows == 0; });
    rows_ = total;
}

}  // namespace penstock::stream
