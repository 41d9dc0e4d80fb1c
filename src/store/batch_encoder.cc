#include "store/batch_encoder.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/clustering.h"
#include "store/engine_value.h"
#include "store/row_key.h"
#include "store/row_value.h"
#include "store/token.h"
#include "store/uuid.h"

namespace penstock::store {

Result<> BatchEncoder::add(const Batch& rows, std::int64_t timestamp_us) {
    auto sources = TRY(column_sources(table_, rows));
    // A million rows take long to count up one by one; vectors double, so only the first batch reserves.
    if (entries_.empty()) entries_.reserve(rows.rows);
    Write write{timestamp_us, {}};
    for (const auto& source : sources)
        if (source.values != nullptr) write.columns.push_back(source.column->id);
    writes_.push_back(std::move(write));
    for (std::size_t row = 0; row < rows.rows; ++row) TRY(add_row(sources, row, timestamp_us));
    return {};
}

Result<> BatchEncoder::add_row(const std::vector<ColumnSource>& sources, std::size_t row,
                               std::int64_t timestamp_us) {
    // The partition key.
    scratch_.clear();
    for (std::uint32_t i = 0; i < table_.partition_columns; ++i) {
        const auto& source = sources[i];
        if (source.values->is_null(row))
            return not_a_value(table_, *source.column, row, "a key may not be null");
        auto start = scratch_.size();
        if (table_.partition_columns > 1) scratch_.append(2, '\0');
        if (!append_cql_value(scratch_, source.column->type.kind, *source.values, row))
            return not_a_value(table_, *source.column, row, "the text is not a uuid");
        if (table_.partition_columns > 1) {
            auto size = scratch_.size() - start - 2;
            if (size > max_partition_key)
                return not_a_value(table_, *source.column, row, "a key has at most 65535 bytes");
            store_big_endian(scratch_.data() + start, std::uint16_t(size));
            scratch_ += '\0';
        }
    }
    if (scratch_.empty() || scratch_.size() > max_partition_key)
        return not_a_value(table_, *sources[0].column, row, "a partition key has between 1 and 65535 bytes");
    auto token = token_of(scratch_);
    key_.clear();
    append_partition_prefix(key_, table_.id, token, scratch_);
    key_ += row_tag;
    for (auto i = table_.partition_columns; i < table_.key_columns(); ++i) {
        const auto& source = sources[i];
        if (source.values->is_null(row))
            return not_a_value(table_, *source.column, row, "a key may not be null");
        scratch_.clear();
        if (!append_cql_value(scratch_, source.column->type.kind, *source.values, row))
            return not_a_value(table_, *source.column, row, "the text is not a uuid");
        append_clustering(key_, *source.column, scratch_);
    }

    // The value: how much room at most, then the bytes in place.
    std::size_t room = key_.size() + RowEncoder::header_size;
    for (auto i = table_.key_columns(); i < sources.size(); ++i) {
        const auto& source = sources[i];
        if (source.values == nullptr) continue;
        room += RowEncoder::cell_overhead + 16;
        if (fixed_value_size(source.column->type.kind) == 0) room += source.values->strings[row].size();
    }
    char* start = arena_.allocate(room);
    std::memcpy(start, key_.data(), key_.size());
    char* at = RowEncoder::begin(start + key_.size(), timestamp_us);
    for (auto i = table_.key_columns(); i < sources.size(); ++i) {
        const auto& [column, values] = sources[i];
        if (values == nullptr) continue;
        if (values->is_null(row)) {
            at = RowEncoder::tombstone(at, column->id, std::uint32_t(now_));
        } else if (auto size = fixed_value_size(column->type.kind)) {
            at = RowEncoder::value_head(at, column->id, size);
            if (!store_fixed(at, column->type.kind, *values, row))
                return not_a_value(table_, *column, row, "the text is not a uuid");
            at += size;
        } else {
            at = RowEncoder::value(at, column->id, values->strings[row]);
        }
    }
    entries_.push_back({std::uint64_t(token) ^ (1ULL << 63), start, std::uint32_t(key_.size()),
                        std::uint32_t(std::size_t(at - start) - key_.size()),
                        std::uint32_t(writes_.size() - 1), std::uint32_t(entries_.size())});
    return {};
}

std::vector<BatchEncoder::Entry> BatchEncoder::take_sorted() {
    std::ranges::sort(entries_, [&](const Placed& a, const Placed& b) {
        if (a.order != b.order) return a.order < b.order;
        auto by_key = entry_of(a).key <=> entry_of(b).key;
        return by_key != 0 ? by_key < 0 : a.sequence < b.sequence;
    });
    std::vector<Entry> out;
    out.reserve(entries_.size());
    std::uint32_t last_write = 0;
    for (const auto& placed : entries_) {
        auto entry = entry_of(placed);
        if (out.empty() || out.back().key != entry.key) {
            out.push_back(entry);
        } else if (placed.write == last_write || writes_[placed.write] == writes_[last_write]) {
            out.back() = entry;
        } else {
            Row into, other;
            std::deque<std::string> sums;
            parse_row(out.back().value, into);
            parse_row(entry.value, other);
            merge_rows(into, other, sums);
            std::string merged;
            append_row(merged, into);
            out.back().value = arena_.copy(merged);
        }
        last_write = placed.write;
    }
    return out;
}

}  // namespace penstock::store
