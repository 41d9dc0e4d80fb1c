// WITH of tables and views: which options there are and what they may be.
#pragma once

#include "store/catalogue.h"
#include "store/cql/ast.h"

namespace penstock::store::cql {

/// Options are checked as Cassandra checks them, and kept as they are written, to be shown again; only
/// default_time_to_live does something here. Errc::invalid, with syntax_prefix or config_prefix.
Result<> apply_table_options(const Options& options, TableDefinition& table);

}  // namespace penstock::store::cql
