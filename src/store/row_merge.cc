#include "store/row_merge.h"

#include "store/bytes.h"
#include "store/row_key.h"
#include "store/row_value.h"

namespace penstock::store {
namespace {

std::string_view view(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}

/// Rows, and partition and range deletions, which are rows with nothing but a deletion.
class RowMerge final : public rocksdb::MergeOperator {
public:
    const char* Name() const override { return "penstock.row"; }

    bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
        if (in.operand_list.size() == 1 && in.existing_value == nullptr) {
            out->existing_operand = in.operand_list.front();
            return true;
        }
        Row row, other;
        std::deque<std::string> sums;
        bool first = true;
        auto add = [&](const rocksdb::Slice& bytes) {
            if (!parse_row(view(bytes), first ? row : other)) return false;
            if (!first) merge_rows(row, other, sums);
            first = false;
            return true;
        };
        if (in.existing_value != nullptr && !add(*in.existing_value)) return false;
        for (const auto& operand : in.operand_list)
            if (!add(operand)) return false;
        // Iterators of RocksDB 7.8 hand over the last row's string, against their documentation.
        out->new_value.clear();
        append_row(out->new_value, row);
        return true;
    }

    bool PartialMerge(const rocksdb::Slice&, const rocksdb::Slice& left, const rocksdb::Slice& right,
                      std::string* result, rocksdb::Logger*) const override {
        Row row, other;
        if (!parse_row(view(left), row) || !parse_row(view(right), other)) return false;
        std::deque<std::string> sums;
        merge_rows(row, other, sums);
        result->clear();
        append_row(*result, row);
        return true;
    }
};

class ExpiryFilter final : public rocksdb::CompactionFilter {
public:
    ExpiryFilter(const std::function<bool(std::uint32_t)>& table_exists, std::int64_t now, std::int64_t grace)
        : table_exists_(table_exists), forget_before_(now - grace) {}
    const char* Name() const override { return "penstock.expiry"; }

    /// A plain value (not a merge operand) is the whole history of its key: RocksDB makes one only where
    /// nothing older lies below. So tombstones in it hide nothing on disk, and the grace time covers what
    /// still comes late.
    Decision FilterV2(int, const rocksdb::Slice& key, ValueType type, const rocksdb::Slice& existing,
                      std::string* changed, std::string*) const override {
        bool of_index = key.size() >= table_prefix_size && key[0] == index_tag;
        if (key.size() < table_prefix_size || (key[0] != table_tag && !of_index)) return Decision::kKeep;
        auto table = load_big_endian<std::uint32_t>(key.data() + 1);
        if (table != last_table_) {
            last_table_ = table;
            last_exists_ = table_exists_(table);
        }
        if (!last_exists_) return Decision::kRemove;
        if (of_index) return Decision::kKeep;
        ParsedKey parsed;
        if (type != ValueType::kValue || !parse_key(view(key), parsed) || parsed.tag == deletion_tag)
            return Decision::kKeep;
        if (!parse_row(view(existing), row_)) return Decision::kKeep;
        if (!forget(row_)) return Decision::kKeep;
        if (!row_.marker.present() && !row_.deletion.present() && row_.cells.empty())
            return Decision::kRemove;
        append_row(*changed, row_);
        return Decision::kChangeValue;
    }

private:
    bool forget(Row& row) const {
        bool changed = false;
        if (row.marker.ttl > 0 && row.marker.expires_at < forget_before_) {
            row.marker = {};
            changed = true;
        }
        if (row.deletion.present() && row.deletion.at < forget_before_) {
            row.deletion = {};
            changed = true;
        }
        auto gone = std::erase_if(row.cells, [&](const Cell& cell) {
            bool ends = cell.ttl > 0 || cell.kind == CellKind::tombstone ||
                        cell.kind == CellKind::collection_deletion;
            return ends && cell.expires_at < forget_before_;
        });
        return changed || gone > 0;
    }

    const std::function<bool(std::uint32_t)>& table_exists_;
    std::int64_t forget_before_;
    mutable Row row_;
    mutable std::uint32_t last_table_ = UINT32_MAX;
    mutable bool last_exists_ = true;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> make_row_merge() {
    return std::make_shared<RowMerge>();
}

std::unique_ptr<rocksdb::CompactionFilter> ExpiryFilterFactory::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context&) {
    return std::make_unique<ExpiryFilter>(table_exists_, now_(), grace_seconds_);
}

}  // namespace penstock::store
