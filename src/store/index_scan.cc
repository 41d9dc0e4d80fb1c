#include "store/index_scan.h"

#include <algorithm>

#include "store/row_key.h"

namespace penstock::store {
namespace {

constexpr std::size_t at_once = 256;
// Above that reading the table is as quick, and needs no memory.
constexpr std::size_t most_gathered = 200'000;
constexpr std::size_t most_gathered_bytes = 32u << 20;

}  // namespace

IndexScan::IndexScan(Database& database, IndexedColumn column, IndexRange range, std::vector<KeyRange> within)
    : database_(database), column_(std::move(column)), range_(std::move(range)), within_(std::move(within)) {
    upper_ = range_.to;
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper_;
    iterator_.reset(database_.rocks().NewIterator(options));
    auto from = range_.from;
    if (range_.one_value && !within_.empty()) {
        // A static column's entry stands before all rows of its partition.
        ParsedKey parsed;
        std::string_view first = within_.front().from;
        bool of_static = column_.column->role == ColumnRole::static_ || of_partition_key();
        if (of_static && parse_key(first, parsed)) first = parsed.partition_prefix;
        if (first.size() > table_prefix_size) from += first.substr(table_prefix_size);
    }
    iterator_->Seek(from);
}

IndexScan::~IndexScan() = default;

bool IndexScan::of_partition_key() const {
    return column_.column->role == ColumnRole::partition_key;
}

bool IndexScan::row_key_of(std::string_view entry, std::string& out) const {
    auto rest = entry.substr(std::min(entry.size(), table_prefix_size));
    if (range_.wants) {
        std::string term;
        if (!take_indexed_term(rest, column_, term) || !range_.wants(term)) return false;
    } else if (!skip_indexed_value(rest, column_)) {
        return false;
    }
    out = table_prefix(column_.table->id);
    out += rest;
    ParsedKey parsed;
    return parse_key(out, parsed);
}

void IndexScan::append_wanted(std::string_view row_key, std::vector<KeyRange>& out) {
    ParsedKey parsed;
    if (!parse_key(row_key, parsed)) return;
    KeyRange range{std::string(row_key), std::string(row_key) + '\0'};
    if (of_partition_key()) {
        // Entries of a partition's rows, which used to be written, say the same once more.
        if (parsed.partition_prefix == last_partition_) return;
        last_partition_ = parsed.partition_prefix;
        range.from = last_partition_ + static_tag;
    }
    if (parsed.tag == static_tag || of_partition_key())
        range.to = after_prefix(std::string(parsed.partition_prefix) + row_tag);
    for (const auto& wanted : within_) {
        KeyRange both{std::max(range.from, wanted.from), std::min(range.to, wanted.to)};
        if (both.from < both.to) out.push_back(std::move(both));
    }
}

Result<> IndexScan::gather() {
    gathered_.emplace();
    std::size_t bytes = 0;
    std::string row_key;
    std::vector<KeyRange> wanted;
    for (; iterator_->Valid(); iterator_->Next()) {
        if (!row_key_of({iterator_->key().data(), iterator_->key().size()}, row_key)) continue;
        wanted.clear();
        append_wanted(row_key, wanted);
        if (wanted.empty()) continue;
        bytes += row_key.size() + sizeof(std::string);
        gathered_->push_back(row_key);
        if (gathered_->size() > most_gathered || bytes > most_gathered_bytes)
            return fail(Errc::out_of_range, "too many rows for an index");
    }
    if (!iterator_->status().ok()) return fail(error_of(iterator_->status()));
    std::ranges::sort(*gathered_);
    auto [from, to] = std::ranges::unique(*gathered_);
    gathered_->erase(from, to);
    last_partition_.clear();
    return {};
}

Result<bool> IndexScan::next_of_one_value(std::vector<KeyRange>& out) {
    std::string row_key;
    auto before = out.size();
    for (; iterator_->Valid() && out.size() < before + at_once; iterator_->Next()) {
        if (!row_key_of({iterator_->key().data(), iterator_->key().size()}, row_key)) continue;
        if (!within_.empty() && row_key >= within_.back().to) break;
        append_wanted(row_key, out);
    }
    if (!iterator_->status().ok()) return fail(error_of(iterator_->status()));
    return out.size() > before;
}

Result<bool> IndexScan::next(std::vector<KeyRange>& out) {
    if (within_.empty()) return false;
    if (range_.one_value) return next_of_one_value(out);
    if (!gathered_) TRY(gather());
    auto before = out.size();
    for (; next_ < gathered_->size() && out.size() < before + at_once; ++next_)
        append_wanted((*gathered_)[next_], out);
    return out.size() > before;
}

}  // namespace penstock::store
