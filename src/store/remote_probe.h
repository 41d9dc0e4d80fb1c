// What a Cassandra says of itself and of tables in it, without changing anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/tables.h"

namespace penstock::store {

struct CassandraReport {
    std::string described;  ///< where it is
    std::string release;    ///< "5.0.9"
    std::string cluster;
    std::size_t nodes = 0;  ///< of the local data centre
    std::int64_t clock_ahead_us =
        0;                 ///< the asked node's clock less ours, to within the time of a round trip
    std::string keyspace;  ///< of checkpoints and state
    std::vector<std::string> keyspaces;
    std::map<std::string, TableSpec> tables;  ///< those of the asked ones that are there
    bool creates = true;                      ///< the URL lets missing ones be made
};

/// tables: "keyspace.name". Errors as those of open_remote_tables(), after at most the timeout.
Result<CassandraReport> probe_cassandra(const std::string& url, const std::vector<std::string>& tables,
                                        std::chrono::milliseconds timeout);

}  // namespace penstock::store
