// Types by the names of Cassandra's classes, in quotes: 'org.apache.cassandra.db.marshal.Int32Type',
// 'Int32Type'.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::store::cql {

struct ClassType {
    std::string text;          ///< "int", as CQL has it
    bool is_reversed = false;  ///< 'ReversedType(...)': a clustering column's order
};

/// Errc::invalid, with syntax_prefix and Cassandra's words, for a class that there is not; without it for one
/// that is not offered.
Result<ClassType> parse_class_type(std::string_view text);

}  // namespace penstock::store::cql
