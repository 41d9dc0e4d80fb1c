// Where rows are kept.
#include "app/doctor/doctor.h"
#include "base/service_url.h"
#include "net/tcp_client.h"

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
    for (const auto& host : parsed->hosts) {
        auto port = host.port.value_or(9042);
        auto answered = greet(host.name, port, subject.timeout);
        if (answered)
            findings.ok(fmt::format("{}:{} speaks CQL's native protocol", host.name, port));
        else
            findings.error(
                answered.error().text,
                "check that Cassandra runs there with native transport on, and the names in --tables");
    }
}

}  // namespace penstock::app
