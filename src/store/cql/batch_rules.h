// What a BATCH may hold, and how much.
#pragma once

#include <rocksdb/write_batch.h>

#include <string>
#include <vector>

#include "store/cql/ast.h"
#include "store/cql/modify.h"

namespace penstock::store::cql {

/// Errc::invalid, in the order in which Cassandra complains.
Result<> check_batch(Batch::Kind kind, const Using& with, const std::vector<const ModifyPlan*>& statements);

/// Cassandra's default limits to a batch on several partitions: above 5 KiB, or with more than ten partitions
/// unlogged, there is a warning; above 50 KiB it is Errc::invalid.
Result<> check_batch_size(Batch::Kind kind, const std::vector<const ModifyPlan*>& statements,
                          const rocksdb::WriteBatch& writes, std::vector<std::string>& warnings);

}  // namespace penstock::store::cql
