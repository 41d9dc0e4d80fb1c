#include "store/partition_cache.h"

#include <algorithm>

#include "base/metrics.h"
#include "store/bytes.h"
#include "store/row_key.h"

namespace penstock::store {
namespace {

constexpr std::uint64_t one_begun = 1ULL << 24;
constexpr std::uint64_t under_way_mask = one_begun - 1;
/// Of what is not known yet: small enough that it is soon, large enough that one read is no reason.
constexpr std::uint64_t first_try_bytes = 64u << 10;
/// Reading a partition whole costs at most a quarter of what reads of it have cost before.
constexpr std::uint64_t reads_for_one = 4;
constexpr std::uint64_t too_large_factor = 16;

metrics::Counter& cached_reads = metrics::counter("penstock_store_cached_partition_reads_total",
                                                  "Reads of partitions that are kept in memory.");
metrics::Counter& kept_partitions =
    metrics::counter("penstock_store_cached_partitions_total", "Partitions that were put into memory whole.");

struct Kept {
    std::uint64_t changes, table_changes;
    std::shared_ptr<const CachedPartition> partition;
};

/// Longer than the keys of blocks, which have 16 bytes and live in the same cache.
std::string cache_key(std::string_view prefix) {
    std::string out("partition:");
    out += prefix;
    return out;
}

class PartitionIterator final : public rocksdb::Iterator {
public:
    explicit PartitionIterator(std::shared_ptr<const CachedPartition> partition)
        : partition_(std::move(partition)), at_(partition_->size()) {}

    bool Valid() const override { return at_ < partition_->size(); }
    void SeekToFirst() override { at_ = 0; }
    void SeekToLast() override { at_ = partition_->size() - 1; }
    void Seek(const rocksdb::Slice& target) override { at_ = partition_->lower_bound(target.ToStringView()); }
    void SeekForPrev(const rocksdb::Slice& target) override {
        Seek(target);
        if (!Valid() || key() != target) --at_;
    }
    void Next() override { ++at_; }
    void Prev() override { --at_; }  // before the first one it is beyond all
    rocksdb::Slice key() const override { return partition_->key(at_); }
    rocksdb::Slice value() const override { return partition_->value(at_); }
    rocksdb::Status status() const override { return {}; }

private:
    const std::shared_ptr<const CachedPartition> partition_;
    std::size_t at_;
};

/// Keys come in their order: the same slot often follows itself.
void begin_change(std::atomic<std::uint64_t>& changes, std::vector<std::atomic<std::uint64_t>*>& under_way) {
    if (!under_way.empty() && under_way.back() == &changes) return;
    changes += one_begun + 1;
    under_way.push_back(&changes);
}

/// Tells the keys of tables that a batch changes.
template <typename Tell>
class Keys final : public rocksdb::WriteBatch::Handler {
public:
    explicit Keys(Tell tell) : tell_(std::move(tell)) {}
    void Put(const rocksdb::Slice& key, const rocksdb::Slice&) override { look_at(key); }
    void Merge(const rocksdb::Slice& key, const rocksdb::Slice&) override { look_at(key); }
    void Delete(const rocksdb::Slice& key) override { look_at(key); }

private:
    void look_at(const rocksdb::Slice& key) {
        if (key.size() >= token_prefix_size && key[0] == table_tag) tell_(key.ToStringView());
    }
    Tell tell_;
};

}  // namespace

void CachedPartition::add(std::string_view key, std::string_view value) {
    entries_.push_back({std::uint32_t(bytes_.size()), std::uint32_t(key.size())});
    bytes_ += key;
    bytes_ += value;
}

std::size_t CachedPartition::lower_bound(std::string_view key) const {
    auto key_of = [&](const Entry& entry) {
        return std::string_view(bytes_).substr(entry.begin, entry.key_size);
    };
    return std::size_t(std::ranges::lower_bound(entries_, key, {}, key_of) - entries_.begin());
}

std::unique_ptr<rocksdb::Iterator> make_iterator(std::shared_ptr<const CachedPartition> partition) {
    return std::make_unique<PartitionIterator>(std::move(partition));
}

PartitionCache::Change::~Change() {
    for (auto* changes : under_way_) changes->fetch_sub(1);
}

void PartitionCache::Change::add_partition(std::string_view key) {
    begin_change(cache_.slot_of(key).changes, under_way_);
}

void PartitionCache::Change::add_table(std::uint32_t table) {
    begin_change(cache_.table_slot(table).changes, under_way_);
}

void PartitionCache::Change::add_partitions(const rocksdb::WriteBatch& batch) {
    Keys keys([&](std::string_view key) { add_partition(key); });
    batch.Iterate(&keys);
}

void PartitionCache::Change::add_tables(const rocksdb::WriteBatch& batch) {
    Keys keys([&](std::string_view key) { add_table(load_big_endian<std::uint32_t>(key.data() + 1)); });
    batch.Iterate(&keys);
}

/// The token is a hash already.
PartitionCache::Slot& PartitionCache::slot_of(std::string_view key) {
    auto token = load_big_endian<std::uint64_t>(key.data() + table_prefix_size);
    auto table = load_big_endian<std::uint32_t>(key.data() + 1);
    return slots_[(token ^ (table * 0x9E3779B97F4A7C15ULL)) % slots];
}

bool PartitionCache::Seen::is_changing() const {
    return ((changes_ | table_changes_) & under_way_mask) != 0;
}

PartitionCache::Seen PartitionCache::look(std::string_view prefix) {
    Seen seen;
    seen.slot_ = &slot_of(prefix);
    seen.table_ = &table_slot(load_big_endian<std::uint32_t>(prefix.data() + 1));
    seen.changes_ = seen.slot_->changes;
    seen.table_changes_ = seen.table_->changes;
    return seen;
}

std::shared_ptr<const CachedPartition> PartitionCache::find(std::string_view prefix, const Seen& seen) {
    // None of this slot was ever read whole: most partitions end here.
    if (seen.slot_->size == 0) return nullptr;
    if (seen.is_changing()) return nullptr;
    auto* handle = cache_->Lookup(cache_key(prefix));
    if (handle == nullptr) return nullptr;
    const auto& kept = *static_cast<const Kept*>(cache_->Value(handle));
    std::shared_ptr<const CachedPartition> found;
    if (kept.changes == seen.changes_ && kept.table_changes == seen.table_changes_) found = kept.partition;
    cache_->Release(handle);
    if (found) cached_reads.add();
    return found;
}

/// What is written all the time is not worth keeping, however often it is read.
void PartitionCache::note_read(const Seen& seen, std::size_t bytes) {
    auto changes = seen.changes_ + seen.table_changes_;
    if (seen.slot_->read_of.exchange(changes) == changes)
        seen.slot_->read += bytes;
    else
        seen.slot_->read = bytes;
}

bool PartitionCache::is_worth_keeping(const Seen& seen) const {
    return largest_ > 0 &&
           seen.slot_->read >= std::max(std::uint64_t(seen.slot_->size) * reads_for_one, first_try_bytes);
}

bool PartitionCache::begin_keeping(const Seen& seen) const {
    return is_worth_keeping(seen) && seen.slot_->read.exchange(0) > 0;
}

void PartitionCache::keep(std::string_view prefix, const Seen& seen,
                          std::shared_ptr<const CachedPartition> partition) {
    seen.slot_->size = std::uint32_t(partition->bytes());
    insert(prefix, seen, std::move(partition));
}

void PartitionCache::note_row(const Seen& seen, std::string_view key, std::string_view value) {
    if (key.size() + value.size() > largest_) return;
    // The slot is told by the token's lower bits.
    auto mark = load_big_endian<std::uint32_t>(key.data() + table_prefix_size) | 1;
    if (seen.slot_->last_row.exchange(mark) != mark) return;
    auto partition = std::make_shared<CachedPartition>();
    partition->add(key, value);
    partition->shrink();
    // What is known of a larger partition in this slot stays so.
    std::uint32_t none = 0;
    seen.slot_->size.compare_exchange_strong(none, std::uint32_t(partition->bytes()));
    insert(partition_prefix_of(key), seen, std::move(partition));
}

void PartitionCache::insert(std::string_view prefix, const Seen& seen,
                            std::shared_ptr<const CachedPartition> partition) {
    if (seen.is_changing() || !seen.is_same()) return;
    auto bytes = partition->bytes() + sizeof(Kept);
    auto kept = std::make_unique<Kept>(Kept{seen.changes_, seen.table_changes_, std::move(partition)});
    auto forget = [](const rocksdb::Slice&, void* value) {
        std::unique_ptr<Kept>(static_cast<Kept*>(value)).reset();
    };
    auto status = cache_->Insert(cache_key(prefix), kept.release(), bytes, forget);
    if (status.ok()) kept_partitions.add();
}

void PartitionCache::note_too_large(const Seen& seen) const {
    seen.slot_->size = std::uint32_t(largest_ * too_large_factor);
}

}  // namespace penstock::store
