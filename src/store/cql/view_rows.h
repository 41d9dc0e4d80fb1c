// The rows of a materialised view (store/view_entries.h).
#pragma once

#include <memory>
#include <vector>

#include "store/cql/row_source.h"
#include "store/cql/select_plan.h"

namespace penstock::store::cql {

/// ranges: of the view's keys. plan and database must outlive it.
Result<std::unique_ptr<RowSource>> make_view_rows(const SelectPlan& plan, Database& database,
                                                  std::vector<KeyRange> ranges, std::int64_t now_seconds);

}  // namespace penstock::store::cql
