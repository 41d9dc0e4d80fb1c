// Metadata in a PostgreSQL database (9.5 or newer), which several Penstocks may share.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "metadata/metadata.h"

namespace penstock::metadata {

struct PostgresOptions {
    int connections = 4;
    /// How long a call waits for a server that is away, a restart say, before it fails with
    /// Errc::unavailable.
    std::chrono::milliseconds retry_for{15'000};
};

/// postgresql://user:${PASSWORD}@host:5432/database?schema=penstock&sslmode=verify-full: libpq's
/// keywords are options, and `schema` (made when it is missing; by default penstock) holds the
/// tables. Opens, migrates, and returns. Errc::invalid: the URL or one of its options.
/// Errc::unauthorized, Errc::not_found: the server refuses the user, or has no such database.
/// Errc::unsupported: a newer Penstock has migrated it. Errc::unavailable: no answer in time. No
/// error and no description holds the password.
Result<std::unique_ptr<Metadata>> open_postgres(const std::string& url, const PostgresOptions& options = {});

}  // namespace penstock::metadata
