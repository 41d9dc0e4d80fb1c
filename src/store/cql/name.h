// A name as statements have it.
#pragma once

#include <string>

namespace penstock::store::cql {

struct Name {
    std::string keyspace;  ///< empty: the session's
    std::string name;
};

}  // namespace penstock::store::cql
