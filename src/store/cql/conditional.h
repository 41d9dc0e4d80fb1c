// Compare and set: statements with IF, alone or several of one partition in a batch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/cql/modify.h"
#include "store/database.h"
#include "wire/cql/response.h"

namespace penstock::store::cql {

/// Checks what a condition of IF compares, and gives its markers their types. Errc::invalid in Cassandra's
/// words.
Result<> note_condition(const ColumnDefinition& column, const Relation& relation,
                        std::vector<MarkerSpec>& markers);

/// A statement of a conditional batch (which may have no condition of its own), or the only one.
struct ConditionalStatement {
    const ModifyPlan* plan = nullptr;
    Bindings bindings;
};

/// The partition that all of them are about. Errc::invalid: there is more than one.
Result<std::string> conditional_partition(const std::vector<ConditionalStatement>& statements);

struct ConditionalOutcome {
    /// What is to be written; none: a condition does not hold.
    std::optional<rocksdb::WriteBatch> batch;
    std::vector<wire::cql::ColumnSpec> columns;  ///< [applied], and what was found instead
    std::vector<std::vector<std::optional<std::string>>> rows;
};

/// Reads and compares. Blocks. Between this and writing the batch nobody else may decide about the partition.
Result<ConditionalOutcome> compare_and_set(Database& database,
                                           const std::vector<ConditionalStatement>& statements, bool is_batch,
                                           WriteTime time);

}  // namespace penstock::store::cql
