// What a PostgreSQL server says of itself and of our tables in it, without changing anything.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace penstock::metadata {

struct PostgresReport {
    std::string name;     ///< "PostgreSQL at h1:5432, database penstock"
    std::string version;  ///< "15.20"
    std::string schema;   ///< where our tables are, or will be
    bool has_schema = false;
    bool can_create = false;          ///< tables in the schema, or the schema itself when there is none
    bool is_read_only = false;        ///< a stand-by
    std::int64_t clock_ahead_us = 0;  ///< the server's clock less ours, to within the time of a round trip
    std::int64_t migrated = 0;        ///< the last migration that has run; 0: none
    std::int64_t known = 0;           ///< the last one that this program knows
};

/// Errors as those of open_postgres(), but without waiting for a server that is away.
Result<PostgresReport> probe_postgres(const std::string& url);

}  // namespace penstock::metadata
