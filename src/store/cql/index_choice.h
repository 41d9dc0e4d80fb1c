// Which index answers a SELECT.
#pragma once

#include <optional>
#include <vector>

#include "store/cql/restrictions.h"
#include "store/index_scan.h"

namespace penstock::store::cql {

struct SelectPlan;

/// Names an index of the plan's table. Copied with the plan.
struct IndexChoice {
    const IndexDefinition* index = nullptr;  ///< null: none
    bool serves = false;                     ///< some condition, be it that the index is not asked
    std::vector<Restriction> by;  ///< the conditions that it answers: one, or the bounds of a range
    /// Conditions whose text is compared as their index folds it, by their place among the plan's filters.
    std::vector<std::pair<std::size_t, TextFold>> folded;
    /// Conditions that a SASI index answers, filled or not, by their place among the plan's filters.
    std::vector<std::size_t> by_sasi;
    /// Conditions that a legacy index answers, filled or not, by their place among the plan's filters.
    std::vector<std::size_t> by_legacy;
};

/// Looks for indexes that answer the plan's filters, sets plan.index and says so where no other filtering is
/// left. Errc::invalid for what Cassandra refuses together with an index.
Result<> choose_index(SelectPlan& plan);

/// All of the plan's filters are answered by storage-attached indexes.
bool all_served_by_sai(const SelectPlan& plan);

/// Legacy indexes have no values above 64 KiB, and Cassandra refuses to look for them. filters: of the plan.
Result<> check_value_sizes(const IndexChoice& choice, const std::vector<Filter>& filters);

/// The plan's index, or the one of the same column that has the pattern of its LIKE. Null: that one is not
/// filled yet.
Result<const IndexDefinition*> index_to_read(const SelectPlan& plan, const Bindings& bindings);
/// The entries to read, of that index.
Result<IndexRange> index_range(const SelectPlan& plan, const IndexedColumn& column, const Bindings& bindings);

}  // namespace penstock::store::cql
