// The comparisons of WHERE and IF.
#pragma once

#include <string_view>

#include "store/cql/ast.h"

namespace penstock::store::cql {

/// As it is written, and shown in errors.
std::string_view symbol(Operator op);
/// order: what compare() says of the value found and the one wanted. Those that compare no two values are
/// never met by it.
bool is_met(Operator op, int order);

}  // namespace penstock::store::cql
