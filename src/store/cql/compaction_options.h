// compaction = {...} of tables: nothing here is compacted by them, but a wrong one is refused.
#pragma once

#include "store/cql/ast.h"

namespace penstock::store::cql {

/// Errc::invalid, with config_prefix, in Cassandra's words.
Result<> check_compaction(const OptionMap& options);

}  // namespace penstock::store::cql
