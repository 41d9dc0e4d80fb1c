// The consumer group by which tools see how far a query is.
#pragma once

#include <string>

namespace penstock::stream {

/// The query's own position is kept with what it writes; this only shows it.
inline std::string group_of_query(const std::string& query) {
    return "penstock-" + query;
}

}  // namespace penstock::stream
