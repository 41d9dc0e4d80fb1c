#include "store/remote_probe.h"

#include "base/clock.h"
#include "store/remote/remote_schema.h"
#include "store/remote/session.h"
#include "store/table_spec.h"

namespace penstock::store {

Result<CassandraReport> probe_cassandra(const std::string& url, const std::vector<std::string>& tables,
                                        std::chrono::milliseconds timeout) {
    auto settings = TRY(parse_cassandra_url(url));
    settings.retry_for = std::min(settings.retry_for, timeout);
    settings.connect_for = std::min(settings.connect_for, timeout);
    CassandraReport report;
    report.keyspace = settings.keyspace;
    report.creates = settings.create;
    auto session = TRY(RemoteSession::open(std::move(settings)));
    report.described = session->describe();
    report.nodes = session->local_nodes();
    auto before = system_clock().now_us();
    auto local = TRY(session->rows_of_text(
        "SELECT release_version, cluster_name, toTimestamp(now()) AS clock FROM system.local"));
    auto after = system_clock().now_us();
    if (!local.empty()) {
        report.release = local[0].text("release_version");
        report.cluster = local[0].text("cluster_name");
        report.clock_ahead_us = local[0].long_integer("clock") * 1000 - (before + after) / 2;
    }
    for (const auto& row : TRY(session->rows_of_text("SELECT keyspace_name FROM system_schema.keyspaces")))
        report.keyspaces.push_back(row.text("keyspace_name"));
    RemoteSchema schema(*session);
    for (const auto& name : tables) {
        auto table = schema.table(name);
        if (table)
            report.tables[name] = spec_of(**table);
        else if (table.error().code != Errc::not_found)
            return fail(std::move(table).error());
    }
    return report;
}

}  // namespace penstock::store
