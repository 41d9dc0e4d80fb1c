// WITH of keyspaces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/catalogue.h"
#include "store/cql/ast.h"

namespace penstock::store::cql {

/// Replication is checked as on a cluster of one node in that data centre, kept and shown; it means nothing
/// here. Errc::invalid, with syntax_prefix or config_prefix.
Result<> apply_keyspace_options(const Options& options, KeyspaceDefinition& keyspace, bool create,
                                std::string_view data_center, std::vector<std::string>& warnings);

}  // namespace penstock::store::cql
