// The comparisons of WHERE and IF, and the operators that calculate.
#pragma once

#include <string_view>

#include "store/cql/ast.h"

namespace penstock::store::cql {

/// As it is written, and shown in errors.
std::string_view symbol(Operator op);
/// order: what compare() says of the value found and the one wanted. Those that compare no two values are
/// never met by it.
bool is_met(Operator op, int order);

/// How Cassandra calls the function that an operation's operator is.
std::string_view operator_function(const Term& operation);

}  // namespace penstock::store::cql
