// Where queries run.
#include "app/doctor/doctor.h"
#include "base/service_url.h"
#include "net/tcp_client.h"

namespace penstock::app {
namespace {

/// Whether HTTP/2, which Spark Connect's gRPC speaks, is what answers.
Result<> greet(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout) {
    using namespace std::string_literals;
    auto client = TRY(net::TcpClient::connect(host, port, timeout));
    // The connection's preface and empty settings; the server's settings (frame type 4) must come back.
    TRY(client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"s));
    auto head = TRY(client.read_exactly(9));
    if (head[3] != 4) return fail(Errc::invalid, "{}:{} does not speak gRPC", host, port);
    return {};
}

}  // namespace

void check_engine(const Subject& subject, Findings& findings) {
    const auto& url = subject.settings.engine;
    if (url == "embedded") return findings.ok("embedded streaming SQL");
    auto parsed = parse_service_url(url, "sc");
    if (!parsed || parsed->hosts.empty())
        return findings.error(parsed ? "--engine names no host" : parsed.error().text,
                              "expected sc://host:15002");
    const auto& host = parsed->hosts[0];
    auto answered = greet(host.name, host.port.value_or(15002), subject.timeout);
    if (!answered)
        return findings.error(
            fmt::format("Spark Connect: {}", answered.error().text),
            "start the Spark Connect server there (start-connect-server.sh), or mend --engine");
    findings.ok(fmt::format("gRPC answers at {}", masked_url(url)));
}

}  // namespace penstock::app
