#include "store/cql/batch_rules.h"

#include <algorithm>
#include <set>

#include "store/row_key.h"

namespace penstock::store::cql {
namespace {

constexpr std::size_t warn_bytes = 5u << 10;
constexpr std::size_t most_bytes = 50u << 10;
constexpr std::size_t warn_partitions = 10;

struct Partitions : rocksdb::WriteBatch::Handler {
    std::set<std::string, std::less<>> prefixes;

    rocksdb::Status MergeCF(std::uint32_t, const rocksdb::Slice& key, const rocksdb::Slice&) override {
        ParsedKey parsed;
        if (parse_key({key.data(), key.size()}, parsed) && !prefixes.contains(parsed.partition_prefix))
            prefixes.emplace(parsed.partition_prefix);
        return rocksdb::Status::OK();
    }
    // What is not merged (entries of indexes) is not of a table.
    rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice&, const rocksdb::Slice&) override {
        return rocksdb::Status::OK();
    }
    rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice&) override { return rocksdb::Status::OK(); }
};

std::size_t count_partitions(const rocksdb::WriteBatch& writes) {
    Partitions partitions;
    (void)writes.Iterate(&partitions);
    return partitions.prefixes.size();
}

/// "[ks.a, ks.b]"
std::string table_names(const std::vector<const ModifyPlan*>& statements, std::size_t& count) {
    std::set<std::string> names;
    for (const auto* one : statements) names.insert(one->table().full_name());
    count = names.size();
    return fmt::format("[{}]", fmt::join(names, ", "));
}

std::string kibibytes(std::size_t bytes) {
    return fmt::format("{:.3f}KiB", double(bytes) / 1024);
}

}  // namespace

Result<> check_batch(Batch::Kind kind, const Using& with, const std::vector<const ModifyPlan*>& statements) {
    if (with.ttl) return fail(Errc::invalid, "Global TTL on the BATCH statement is not supported.");
    bool counter_batch = kind == Batch::Kind::counter;
    bool conditions =
        std::ranges::any_of(statements, [](const ModifyPlan* one) { return one->is_conditional(); });
    if (with.timestamp && conditions)
        return fail(Errc::invalid, "Cannot provide custom timestamp for conditional BATCH");
    if (with.timestamp && counter_batch)
        return fail(Errc::invalid, "Cannot provide custom timestamp for counter BATCH");
    bool counters = false, others = false;
    for (const auto* one : statements) {
        if (with.timestamp && one->with->timestamp)
            return fail(Errc::invalid, "Timestamp must be set either on BATCH or individual statements");
        (one->table().is_counter() ? counters : others) = true;
    }
    if (with.timestamp && counters)
        return fail(Errc::invalid, "Cannot provide custom timestamp for a BATCH containing counters");
    if (counter_batch && others)
        return fail(Errc::invalid, "Cannot include non-counter statement in a counter batch");
    if (counters && others)
        return fail(Errc::invalid, "Counter and non-counter mutations cannot exist in the same batch");
    if (kind == Batch::Kind::logged && counters)
        return fail(Errc::invalid, "Cannot include a counter statement in a logged batch");
    for (const auto* one : statements)
        if (conditions && one->ref.table != statements[0]->ref.table)
            return fail(Errc::invalid, "Batch with conditions cannot span multiple tables");
    return {};
}

Result<> check_batch_size(Batch::Kind kind, const std::vector<const ModifyPlan*>& statements,
                          const rocksdb::WriteBatch& writes, std::vector<std::string>& warnings) {
    auto bytes = writes.GetDataSize();
    bool may_be_wide = kind == Batch::Kind::unlogged && writes.Count() > warn_partitions;
    if (bytes <= warn_bytes && !may_be_wide) return {};
    auto partitions = count_partitions(writes);
    if (partitions <= 1) return {};
    if (bytes > most_bytes) return fail(Errc::invalid, "Batch too large");
    std::size_t tables = 0;
    auto names = table_names(statements, tables);
    if (bytes > warn_bytes)
        warnings.push_back(
            fmt::format("Batch for {} is of size {}, exceeding specified threshold of {} by {}.", names,
                        kibibytes(bytes), kibibytes(warn_bytes), kibibytes(bytes - warn_bytes)));
    if (kind == Batch::Kind::unlogged && partitions > warn_partitions)
        warnings.push_back(
            fmt::format("Unlogged batch covering {} partitions detected against table{} {}. You should use a "
                        "logged batch "
                        "for atomicity, or asynchronous writes for performance.",
                        partitions, tables == 1 ? "" : "s", names));
    return {};
}

}  // namespace penstock::store::cql
