// Which consistency levels a write may have. There is one replica, so they do nothing else here.
#pragma once

#include "store/catalogue.h"
#include "store/cql/modify.h"
#include "wire/cql/request.h"

namespace penstock::store::cql {

/// Errc::invalid in Cassandra's words.
Result<> check_consistency(const ModifyPlan& plan, const wire::cql::QueryParameters& parameters,
                           const Catalogue& catalogue);
/// Of a statement with IF, or of a batch that has one.
Result<> check_conditional_consistency(std::string_view keyspace,
                                       const wire::cql::QueryParameters& parameters,
                                       const Catalogue& catalogue);

}  // namespace penstock::store::cql
