#include "metadata/postgres_probe.h"

#include "base/clock.h"
#include "metadata/migrations.h"
#include "metadata/postgres_connection.h"

namespace penstock::metadata {

Result<PostgresReport> probe_postgres(const std::string& url) {
    auto target = TRY(target_of(url));
    auto connection = TRY(PostgresConnection::open(target));
    PostgresReport report;
    report.name = target.name;
    report.schema = target.schema;
    report.known = std::int64_t(migrations().size());
    auto before = system_clock().now_us();
    auto facts = TRY(connection->execute(
        "SELECT current_setting('server_version'), (extract(epoch FROM clock_timestamp()) * "
        "1000000)::bigint, "
        "(SELECT count(*) FROM pg_namespace WHERE nspname = $1), pg_is_in_recovery()::int, "
        "(SELECT count(*) FROM pg_tables WHERE schemaname = $1 AND tablename = 'migrations'), "
        "has_database_privilege(current_database(), 'CREATE')::int",
        PostgresParameters().add(target.schema)));
    auto after = system_clock().now_us();
    report.version = facts.text(0, 0);
    report.clock_ahead_us = facts.integer(0, 1) - (before + after) / 2;
    report.has_schema = facts.integer(0, 2) > 0;
    report.is_read_only = facts.integer(0, 3) != 0;
    report.can_create = facts.integer(0, 5) != 0;
    if (report.has_schema) {
        auto allowed = TRY(connection->execute("SELECT has_schema_privilege($1, 'CREATE')::int",
                                               PostgresParameters().add(target.schema)));
        report.can_create = allowed.integer(0, 0) != 0;
    }
    if (facts.integer(0, 4) > 0) {
        auto level = connection->script(
            fmt::format("SELECT coalesce(max(migration), 0) FROM \"{}\".migrations", target.schema));
        if (level) report.migrated = level->integer(0, 0);
    }
    return report;
}

}  // namespace penstock::metadata
