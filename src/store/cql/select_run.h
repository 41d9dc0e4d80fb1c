// Runs a SELECT: reads rows, a page at a time, and writes them as a result's body.
#pragma once

#include <optional>
#include <string>

#include "store/cql/select_plan.h"
#include "store/database.h"

namespace penstock::store::cql {

class SystemTables;

struct PageRequest {
    std::optional<std::int32_t> page_size;
    std::optional<std::string> paging_state;
    bool skip_metadata = false;
    std::optional<std::string> new_metadata_id;
    int version = 5;
    std::int64_t now_seconds = 0;  ///< by which TTLs count
    /// A short read of named partitions from memory, or Errc::unavailable: to be asked again without this.
    bool at_once = false;
};

/// The body of a RESULT of kind Rows. Blocks while it reads, unless at_once. Memory: a page's rows.
Result<std::string> run_select(const SelectPlan& plan, Database& database, const SystemTables& system,
                               const Bindings& bindings, const PageRequest& page);

}  // namespace penstock::store::cql
