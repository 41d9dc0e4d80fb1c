// What CREATE CUSTOM INDEX ... USING 'org.apache.cassandra.index.sasi.SASIIndex' may say.
#pragma once

#include <expected>

#include "store/catalogue.h"
#include "wire/cql/response.h"

namespace penstock::store::cql {

/// Refuses as Cassandra's SASIIndex.validateOptions does: columns that no SASI index can be on, modes and
/// analyzers that there are not, or not for this column. Besides: stemming and stop words of a language,
/// which are not here.
std::expected<void, wire::cql::ErrorResponse> check_sasi_options(const IndexDefinition& index,
                                                                 const ColumnDefinition& column);

}  // namespace penstock::store::cql
