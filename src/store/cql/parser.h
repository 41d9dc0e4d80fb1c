// CQL text to a statement, by recursive descent.
#pragma once

#include <string_view>

#include "base/result.h"
#include "store/cql/ast.h"

namespace penstock::store::cql {

/// Errc::invalid with "line L:C ..." in the words of Cassandra's parser.
Result<Parsed> parse(std::string_view text);

}  // namespace penstock::store::cql
