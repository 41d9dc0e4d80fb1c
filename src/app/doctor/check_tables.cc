// Where rows are kept.
#include <algorithm>

#include "app/doctor/doctor.h"
#include "base/service_url.h"
#include "net/tcp_client.h"
#include "store/remote_probe.h"

namespace penstock::app {
namespace {

/// OPTIONS of protocol version 4, which every server from Cassandra 2.2 on answers with SUPPORTED.
Result<> greet(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout) {
    using namespace std::string_literals;
    auto client = TRY(net::TcpClient::connect(host, port, timeout));
    TRY(client.write("\4\0\0\0\5\0\0\0\0"s));
    auto head = TRY(client.read_exactly(9));
    if (std::uint8_t(head[0]) != 0x84 || head[4] != 6)
        return fail(Errc::invalid, "{}:{} does not speak CQL's native protocol", host, port);
    return {};
}

std::string key_text(const std::vector<std::string>& partition, const std::vector<std::string>& clustering) {
    std::string out;
    for (const auto& column : partition) out += (out.empty() ? "[[" : ", ") + column;
    out += "]";
    for (const auto& column : clustering) out += ", " + column;
    return out + "]";
}

void check_query(const store::CassandraReport& report, const pipeline::QuerySpec& query, Findings& findings) {
    auto found = report.tables.find(query.into);
    if (found == report.tables.end()) {
        if (report.creates)
            return findings.ok(fmt::format("table {} is not there yet; penstock up makes it", query.into));
        return findings.error(fmt::format("table {} is not there", query.into),
                              "make it, or leave create=false out of --tables");
    }
    std::vector<std::string> partition, clustering, there;
    for (std::size_t i = 0; i < query.key.size(); ++i)
        (int(i) < query.partition_columns ? partition : clustering).push_back(query.key[i].column);
    for (const auto& column : found->second.clustering) there.push_back(column.name);
    if (partition == found->second.partition_key && clustering == there)
        return findings.ok(fmt::format("table {} has the query's key", query.into));
    findings.error(fmt::format("table {} has the key {}, query {} says {}", query.into,
                               key_text(found->second.partition_key, there), query.name,
                               key_text(partition, clustering)),
                   "name the table's key in the query, or another table");
}

}  // namespace

void check_tables(const Subject& subject, Findings& findings) {
    const auto& settings = subject.settings;
    if (settings.tables == "embedded")
        return findings.ok(fmt::format("embedded tables in {}/tables; CQL on {}:{}", settings.data_directory,
                                       settings.host, settings.cql_port));
    auto parsed = parse_service_url(settings.tables, "cassandra");
    if (!parsed || parsed->hosts.empty())
        return findings.error(parsed ? "--tables names no host" : parsed.error().text,
                              "expected cassandra://host:9042/keyspace");
    bool is_tls = std::ranges::any_of(parsed->options,
                                      [](const auto& option) { return option.first.starts_with("tls"); });
    for (const auto& host : parsed->hosts) {
        if (is_tls) break;  // the session below shows them
        auto port = host.port.value_or(9042);
        auto answered = greet(host.name, port, subject.timeout);
        if (answered)
            findings.ok(fmt::format("{}:{} speaks CQL's native protocol", host.name, port));
        else
            findings.error(
                answered.error().text,
                "check that Cassandra runs there with native transport on, and the names in --tables");
    }
    std::vector<std::string> tables;
    for (const auto& pipeline : subject.pipelines)
        for (const auto& query : pipeline.queries)
            if (!query.into.starts_with("topic:")) tables.push_back(query.into);
    auto report = store::probe_cassandra(settings.tables, tables, subject.timeout);
    if (!report) {
        const char* action = "see to the nodes above, and to local_dc in --tables";
        if (report.error().code == Errc::unauthorized)
            action = "check user, password and certificates in --tables";
        if (report.error().code == Errc::invalid) action = "mend the URL in --tables";
        return findings.error(report.error().text, action);
    }
    findings.ok(fmt::format("cluster '{}', Cassandra {}, {} node{} in the local data centre", report->cluster,
                            report->release, report->nodes, report->nodes == 1 ? "" : "s"));
    if (std::ranges::find(report->keyspaces, report->keyspace) != report->keyspaces.end())
        findings.ok(fmt::format("keyspace {} for checkpoints is there", report->keyspace));
    else if (report->creates)
        findings.ok(fmt::format("keyspace {} for checkpoints is not there yet; penstock up makes it",
                                report->keyspace));
    else
        findings.error(fmt::format("keyspace {} for checkpoints is not there", report->keyspace),
                       "make it, or leave create=false out of --tables");
    for (const auto& pipeline : subject.pipelines)
        for (const auto& query : pipeline.queries)
            if (!query.into.starts_with("topic:")) check_query(*report, query, findings);
    judge_clock(report->clock_ahead_us, "Cassandra", findings);
}

}  // namespace penstock::app
