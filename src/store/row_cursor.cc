#include "store/row_cursor.h"

#include <rocksdb/perf_level.h>

#include <utility>

#include "base/log.h"
#include "store/bytes.h"
#include "store/clustering.h"
#include "store/file_tables.h"
#include "store/resident_files.h"
#include "store/token.h"

namespace penstock::store {
namespace {

/// What is read at once takes a fraction of a millisecond.
constexpr std::size_t most_at_once = 64u << 10;
constexpr std::size_t cost_of_an_entry = 64;
constexpr std::uint64_t most_skipped_at_once = 256;

std::string_view view(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}

bool is_one_row(const KeyRange& range) {
    return range.to.size() == range.from.size() + 1 && range.to.starts_with(range.from) &&
           range.to.back() == '\0';
}

/// The prefix of the partition that the only range lies in; empty: there are several, or one of another kind.
std::string_view partition_of(const std::vector<KeyRange>& ranges) {
    if (ranges.size() != 1) return {};
    auto prefix = partition_prefix_of(ranges[0].from);
    bool ends_in_it = ranges[0].to.starts_with(prefix) || ranges[0].to == after_prefix(std::string(prefix));
    return ends_in_it ? prefix : std::string_view();
}

}  // namespace

KeyRange row_range(const TableDefinition& table, std::string_view partition_key,
                   std::string_view clustering) {
    auto from = partition_prefix(table.id, partition_key);
    from += row_tag;
    from += clustering;
    // Encodings of whole keys are prefix-free, so nothing else lies between a key and itself with a zero.
    auto to = from + '\0';
    return {std::move(from), std::move(to)};
}

std::string static_key(const TableDefinition& table, std::string_view partition_key) {
    return partition_prefix(table.id, partition_key) + static_tag;
}

KeyRange table_range(const TableDefinition& table) {
    auto from = table_prefix(table.id);
    return {from, after_prefix(from)};
}

RowCursor::RowCursor(Database& database, std::shared_ptr<const TableDefinition> table,
                     std::vector<KeyRange> ranges, bool reversed, Reading reading)
    : database_(database),
      table_(std::move(table)),
      ranges_(std::move(ranges)),
      reversed_(reversed),
      at_once_(reading == Reading::at_once),
      now_(database.now_seconds()) {
    if (table_->next_column != table_->columns.size() || !table_->dropped.empty()) {
        dropped_.assign(table_->next_column, INT64_MAX);
        for (const auto& column : table_->columns)
            if (column.id < dropped_.size()) dropped_[column.id] = no_timestamp;
        for (const auto& column : table_->dropped)
            if (column.id < dropped_.size())
                dropped_[column.id] = std::max(dropped_[column.id], column.dropped_us);
    }
    // Nobody looks at what RocksDB counts for each thread, which costs a little at each step.
    rocksdb::SetPerfLevel(rocksdb::kDisable);
    read_.fill_cache = reading != Reading::scan;
    read_.adaptive_readahead = true;
    if (at_once_) {
        budget_ = most_at_once;
        read_.max_skippable_internal_keys = most_skipped_at_once;
    }
    read_.table_filter = [id = table_->id](const rocksdb::TableProperties& file) {
        return may_have_table(file, id);
    };
    // Before the state that is read.
    if (auto partition = partition_of(ranges_); reading != Reading::scan && !partition.empty()) {
        seen_ = database_.partition_cache().look(partition);
        kept_ = database_.partition_cache().find(partition, seen_);
    }
    // Several look-ups must see one state; a single iterator is consistent by itself.
    if (!kept_ && (ranges_.size() > 1 || table_->clustering_columns > 0)) {
        snapshot_ = database_.rocks().GetSnapshot();
        read_.snapshot = snapshot_;
    }
}

RowCursor::~RowCursor() {
    if (seen_ && !kept_ && table_->clustering_columns > 0) PartitionCache::note_read(seen_, read_bytes_);
    iterator_.reset();
    if (snapshot_ != nullptr) database_.rocks().ReleaseSnapshot(snapshot_);
}

bool RowCursor::in_range() const {
    if (!upper_bound_.empty()) return true;  // the iterator ends there by itself
    const auto& range = ranges_[next_range_ - 1];
    auto key = view(iterator_->key());
    return reversed_ ? key >= range.from : key < range.to;
}

/// True as well when now is the time to keep it.
Result<bool> RowCursor::is_kept() {
    bool may_be = seen_ && !kept_ && !iterator_ && table_->clustering_columns > 0;
    if (may_be && database_.partition_cache().is_worth_keeping(seen_)) TRY(keep_partition());
    return kept_ != nullptr;
}

/// A single row is looked up without an iterator: that asks the bloom filters first.
Result<bool> RowCursor::look_up(const std::string& key) {
    single_key_ = key;
    single_value_.Reset();
    auto status =
        database_.rocks().Get(read_, database_.rocks().DefaultColumnFamily(), single_key_, &single_value_);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return fail(error_of(status));
    if (seen_ && table_->clustering_columns == 0)
        database_.partition_cache().note_row(seen_, single_key_, view(single_value_));
    return look_at(single_key_, single_value_);
}

/// Positions at the first key of the next range.
Result<bool> RowCursor::enter_next_range() {
    if (next_range_ >= ranges_.size()) return false;
    const auto& range = ranges_[next_range_++];
    if (!iterator_) {
        if (ranges_.size() == 1 && !reversed_ && !kept_) {
            upper_bound_ = range.to;
            read_.iterate_upper_bound = &upper_bound_;
        }
        iterator_ = make_iterator(read_);
    }
    if (reversed_) {
        iterator_->SeekForPrev(range.to);
        if (iterator_->Valid() && view(iterator_->key()) >= range.to) iterator_->Prev();
    } else {
        TRY(learn_on_the_way(range));
    }
    positioned_ = true;
    return true;
}

std::unique_ptr<rocksdb::Iterator> RowCursor::make_iterator(const rocksdb::ReadOptions& options) {
    if (kept_) return store::make_iterator(kept_);
    return std::unique_ptr<rocksdb::Iterator>(database_.rocks().NewIterator(options));
}

/// Reads the whole partition, for this cursor and those that come.
Result<> RowCursor::keep_partition() {
    if (at_once_) return fail(Errc::unavailable, "more than can be read at once");
    auto& cache = database_.partition_cache();
    if (!cache.begin_keeping(seen_)) return {};
    auto prefix = partition_of(ranges_);
    auto to = after_prefix(std::string(prefix));
    rocksdb::Slice upper(to);
    auto options = read_;
    options.iterate_upper_bound = &upper;
    std::unique_ptr<rocksdb::Iterator> it(database_.rocks().NewIterator(options));
    auto partition = std::make_shared<CachedPartition>();
    for (it->Seek(prefix); it->Valid(); it->Next()) {
        partition->add(view(it->key()), view(it->value()));
        if (partition->bytes() <= cache.largest()) continue;
        cache.note_too_large(seen_);
        return {};
    }
    if (!it->status().ok()) return fail(error_of(it->status()));
    partition->shrink();
    kept_ = std::move(partition);
    cache.keep(prefix, seen_, kept_);
    return {};
}

/// A range that begins among the rows of a partition: the partition's deletions and static values lie in
/// front of it, and one iterator reads both.
Result<> RowCursor::learn_on_the_way(const KeyRange& range) {
    ParsedKey parsed;
    if (table_->clustering_columns == 0 || !parse_key(range.from, parsed) || parsed.tag != row_tag) {
        iterator_->Seek(range.from);
        return {};
    }
    begin_partition(parsed.partition_prefix);
    iterator_->Seek(partition_);
    for (; iterator_->Valid() && view(iterator_->key()) < range.from; iterator_->Next()) {
        TRY(spend(iterator_->key().size() + iterator_->value().size()));
        if (!parse_key(view(iterator_->key()), parsed)) continue;
        if (parsed.tag == row_tag) {
            iterator_->Seek(range.from);
            break;
        }
        note(parsed, view(iterator_->value()));
    }
    return {};
}

void RowCursor::advance() {
    if (reversed_)
        iterator_->Prev();
    else
        iterator_->Next();
}

Result<bool> RowCursor::next() {
    ResidentReads resident(at_once_);
    static_only_ = false;
    while (true) {
        if (positioned_) {
            if (!advanced_) advance();
            advanced_ = false;
        } else if (!TRY(is_kept()) && next_range_ < ranges_.size() && is_one_row(ranges_[next_range_])) {
            if (TRY(look_up(ranges_[next_range_++].from))) return true;
            continue;
        } else if (!TRY(enter_next_range())) {
            return false;
        }
        for (; iterator_->Valid() && in_range(); advance()) {
            if (!static_waiting_.empty() && !view(iterator_->key()).starts_with(static_waiting_))
                return show_static(std::exchange(static_waiting_, {}));
            if (TRY(look_at(iterator_->key(), iterator_->value()))) return true;
        }
        if (!iterator_->status().ok()) return fail(error_of(iterator_->status()));
        if (!static_waiting_.empty()) return show_static(std::exchange(static_waiting_, {}));
        positioned_ = false;
    }
}

void RowCursor::skip_partition() {
    if (!positioned_ || advanced_) return;
    ResidentReads resident(at_once_);
    std::string prefix(parsed_.partition_prefix);
    if (reversed_)
        iterator_->SeekForPrev(prefix);
    else
        iterator_->Seek(after_prefix(prefix));
    advanced_ = true;
}

Result<bool> RowCursor::look_at(rocksdb::Slice key, rocksdb::Slice value) {
    key_ = view(key);
    value_ = view(value);
    read_bytes_ += key_.size() + value_.size();
    TRY(spend(key_.size() + value_.size()));
    if (!parse_key(key_, parsed_))
        return fail(Errc::corrupt, "table {} holds a key that is not one", table_->full_name());
    if (table_->clustering_columns > 0 && parsed_.partition_prefix != partition_) TRY(learn_partition());
    if (parsed_.tag == static_tag && static_partitions_ && static_is_live()) {
        // Backwards all rows have been seen.
        if (reversed_) return !partition_has_rows_ && show_static(parsed_.partition_prefix);
        static_waiting_ = parsed_.partition_prefix;
    }
    if (parsed_.tag != row_tag) return false;  // learnt already
    hidden_ = table_->clustering_columns > 0 ? hidden_until() : no_timestamp;
    row_parsed_ = false;
    if (!is_live(value_, now_, hidden_)) return false;
    // What a dropped column has left does not make a row.
    if (!dropped_.empty() && !row().marker.present() && row().cells.empty()) return false;
    partition_has_rows_ = true;
    static_waiting_.clear();
    return true;
}

bool RowCursor::static_is_live() {
    if (static_value_.empty() || !is_live(static_value_, now_, partition_deleted_)) return false;
    return dropped_.empty() || !static_row().cells.empty();
}

/// Becomes the row that a partition with nothing but static values has. The iterator stays where it is when
/// it is behind the partition.
bool RowCursor::show_static(std::string_view prefix) {
    static_key_ = std::string(prefix) + static_tag;
    advanced_ = !reversed_;
    key_ = static_key_;
    parse_key(key_, parsed_);
    static_only_ = true;
    row_.clear();
    row_parsed_ = true;
    return true;
}

const Row& RowCursor::static_row() {
    if (static_parsed_) return static_row_;
    static_parsed_ = true;
    static_row_.clear();
    if (static_value_.empty()) return static_row_;
    if (!parse_row(static_value_, static_row_))
        log::error("tables: static values of {} cannot be read to their end", table_->full_name());
    drop_unseen(static_row_, std::max(partition_deleted_, static_row_.deletion.timestamp));
    return static_row_;
}

/// Leaves the cells that can be seen.
void RowCursor::drop_unseen(Row& row, std::int64_t hidden) const {
    std::erase_if(row.cells, [&](const Cell& cell) {
        bool dropped = cell.column < dropped_.size() && cell.timestamp <= dropped_[cell.column];
        return dropped || cell.timestamp <= hidden || !cell.is_live(now_);
    });
}

void RowCursor::begin_partition(std::string_view prefix) {
    partition_ = prefix;
    partition_deleted_ = no_timestamp;
    range_deletions_.clear();
    static_value_.clear();
    static_parsed_ = false;
    partition_has_rows_ = false;
}

/// Reads what was deleted in the partition that begins here, and its static values.
Result<> RowCursor::learn_partition() {
    begin_partition(parsed_.partition_prefix);
    auto from = partition_ + deletion_tag;
    auto to = partition_ + (table_->static_columns > 0 ? row_tag : static_tag);
    // Reading forward from before the partition's deletions: they come first, so a row in front means there
    // are none.
    if (!reversed_ && positioned_ && parsed_.tag == row_tag && ranges_[next_range_ - 1].from <= from)
        return {};
    rocksdb::Slice upper(to);
    auto options = read_;
    options.iterate_upper_bound = &upper;
    auto it = make_iterator(options);
    ParsedKey parsed;
    for (it->Seek(from); it->Valid() && view(it->key()) < to; it->Next()) {
        TRY(spend(it->key().size() + it->value().size()));
        if (!parse_key(view(it->key()), parsed)) continue;
        note(parsed, view(it->value()));
    }
    if (!it->status().ok()) return fail(error_of(it->status()));
    return {};
}

Result<> RowCursor::spend(std::size_t bytes) {
    auto cost = cost_of_an_entry + bytes;
    if (budget_ < cost) return fail(Errc::unavailable, "more than can be read at once");
    if (budget_ != SIZE_MAX) budget_ -= cost;
    return {};
}

/// What stands in front of a partition's rows.
void RowCursor::note(const ParsedKey& parsed, std::string_view value) {
    if (parsed.tag == static_tag)
        static_value_ = value;
    else
        note_deletion(parsed.rest, value);
}

void RowCursor::note_deletion(std::string_view rest, std::string_view value) {
    Row row;
    if (!parse_row(value, row) || !row.deletion.present()) return;
    std::string_view from, to;
    if (rest.empty()) {
        partition_deleted_ = std::max(partition_deleted_, row.deletion.timestamp);
    } else if (parse_range_deletion(rest, from, to)) {
        range_deletions_.push_back({std::string(from), std::string(to), row.deletion.timestamp});
    }
}

std::int64_t RowCursor::hidden_until() const {
    auto hidden = partition_deleted_;
    for (const auto& range : range_deletions_)
        if (range.timestamp > hidden && parsed_.rest >= range.from &&
            (range.to.empty() || parsed_.rest < range.to))
            hidden = range.timestamp;
    return hidden;
}

const Row& RowCursor::row() {
    if (row_parsed_) return row_;
    row_parsed_ = true;
    if (!parse_row(value_, row_))
        log::error("tables: a row of {} cannot be read to its end", table_->full_name());
    auto hidden = std::max(hidden_, row_.deletion.timestamp);
    if (row_.marker.timestamp <= hidden || (row_.marker.ttl > 0 && row_.marker.expires_at <= now_))
        row_.marker = {};
    drop_unseen(row_, hidden);
    return row_;
}

bool split_partition_key(const TableDefinition& table, std::string_view key,
                         std::vector<std::string_view>& values) {
    values.clear();
    if (table.partition_columns == 1) {
        values.push_back(key);
        return true;
    }
    ByteReader reader{key};
    for (std::uint32_t i = 0; i < table.partition_columns; ++i) {
        values.push_back(reader.bytes(reader.fixed<std::uint16_t>()));
        reader.fixed<std::uint8_t>();
    }
    return reader.ok && reader.rest.empty();
}

Result<std::string> join_partition_key(const TableDefinition& table,
                                       const std::vector<std::string_view>& values, bool may_be_empty) {
    std::string out;
    if (table.partition_columns == 1) {
        if (values[0].empty() && !may_be_empty) return fail(Errc::invalid, "Key may not be empty");
        out = values[0];
    } else {
        for (auto value : values) {
            if (value.size() > max_partition_key) break;
            append_big_endian(out, std::uint16_t(value.size()));
            out += value;
            out += '\0';
        }
    }
    std::size_t total = out.size();
    for (auto value : values) total = std::max(total, value.size());
    if (total > max_partition_key)
        return fail(Errc::invalid, "Key length of {} is longer than maximum of {}", total, max_partition_key);
    return out;
}

bool split_clustering(const TableDefinition& table, std::string_view encoded,
                      std::vector<std::optional<std::string>>& values) {
    values.resize(table.clustering_columns);
    for (std::uint32_t i = 0; i < table.clustering_columns; ++i)
        if (!take_clustering(encoded, table.columns[table.partition_columns + i], values[i])) return false;
    return encoded.empty();
}

}  // namespace penstock::store
