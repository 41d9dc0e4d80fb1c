// All rows of a table, page by page.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/catalogue.h"
#include "store/remote/session.h"
#include "store/tables.h"

namespace penstock::store {

/// The named columns, all when none is named; Errc::not_found names one that is not there. Memory: two pages,
/// the one that is read and the next, which is fetched meanwhile.
Result<std::unique_ptr<Cursor>> make_remote_scan(RemoteSession& session,
                                                 std::shared_ptr<const TableDefinition> table,
                                                 const std::vector<std::string>& columns);

}  // namespace penstock::store
