// Where queries run.
#include "app/doctor/doctor.h"
#include "net/tcp_client.h"
#include "stream/spark/spark_probe.h"
#include "stream/spark/spark_url.h"

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
    auto parsed = stream::parse_spark_url(url);
    if (!parsed) return findings.error(parsed.error().text, "expected sc://host:15002");
    // A wrong port is told of at once; gRPC would try for long. Behind TLS only the session can tell.
    auto answered = parsed->use_ssl ? Result<>() : greet(parsed->host, parsed->port, subject.timeout);
    if (!answered)
        return findings.error(
            fmt::format("Spark Connect: {}", answered.error().text),
            "start the Spark Connect server there (start-connect-server.sh), or mend --engine");
    auto version = stream::probe_spark(url);
    if (!version) {
        bool refused = version.error().code == Errc::unauthorized;
        return findings.error(fmt::format("Spark Connect: {}", version.error().text),
                              refused ? "check token and certificates in --engine" : "see the server's log");
    }
    findings.ok(fmt::format("Spark Connect at {}:{}, Spark {}", parsed->host, parsed->port, *version));
    bool is_here = parsed->host == "127.0.0.1" || parsed->host == "localhost" || parsed->host == "::1";
    if (parsed->checkpoints.empty() && !is_here)
        findings.error("--engine names no folder for checkpoints",
                       "add checkpoints=<a folder that all of the cluster sees> to --engine");
}

}  // namespace penstock::app
