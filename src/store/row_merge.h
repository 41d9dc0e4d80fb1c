// Lets RocksDB merge the writes of one row: a write never reads first.
#pragma once

#include <rocksdb/compaction_filter.h>
#include <rocksdb/merge_operator.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace penstock::store {

std::shared_ptr<rocksdb::MergeOperator> make_row_merge();

/// Forgets what nobody can see any more while RocksDB compacts: rows of dropped tables, and expired or
/// deleted cells after the grace time.
class ExpiryFilterFactory final : public rocksdb::CompactionFilterFactory {
public:
    /// table_exists is asked from RocksDB's threads. now is in seconds since 1970.
    ExpiryFilterFactory(std::function<bool(std::uint32_t table)> table_exists,
                        std::function<std::int64_t()> now, std::int64_t grace_seconds)
        : table_exists_(std::move(table_exists)), now_(std::move(now)), grace_seconds_(grace_seconds) {}
    const char* Name() const override { return "penstock.expiry"; }
    std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
        const rocksdb::CompactionFilter::Context& context) override;

private:
    std::function<bool(std::uint32_t)> table_exists_;
    std::function<std::int64_t()> now_;
    std::int64_t grace_seconds_;
};

}  // namespace penstock::store
