// Who decides which process runs what.
#include "app/doctor/doctor.h"
#include "base/service_url.h"
#include "coordinate/zookeeper_probe.h"
#include "net/tcp_client.h"

namespace penstock::app {
namespace {

std::string line_of(std::string_view text, std::string_view name) {
    auto at = text.find(name);
    if (at == std::string_view::npos) return {};
    auto rest = text.substr(at + name.size());
    return std::string(rest.substr(0, rest.find('\n')));
}

/// What each server says of itself, when it lets itself be asked (srvr must be whitelisted, which it is by
/// default).
void check_server(const Subject& subject, const std::string& host, std::uint16_t port, Findings& findings) {
    auto name = fmt::format("{}:{}", host, port);
    auto client = net::TcpClient::connect(host, port, subject.timeout);
    if (!client)
        return findings.error(fmt::format("{}", client.error().text),
                              "check that ZooKeeper runs there, and the names and ports in --coordination");
    auto asked = client->write("srvr");
    auto answer = asked ? client->read_all(10'000) : Result<std::string>(std::unexpected(asked.error()));
    if (!answer)
        return findings.error(fmt::format("{} does not answer: {}", name, answer.error().text),
                              "restart that server; it listens, but does not work");
    auto mode = line_of(*answer, "Mode: ");
    auto version = line_of(*answer, "Zookeeper version: ");
    if (mode.empty())
        return findings.warn(fmt::format("{} says: {}", name, answer->substr(0, answer->find('\n'))),
                             "it has no quorum, or 4lw.commands.whitelist leaves srvr out");
    findings.ok(
        fmt::format("{} is ZooKeeper {}, {}", name, version.substr(0, version.find_first_of("-,")), mode));
    if (mode == "standalone")
        findings.warn(fmt::format("{} is alone: when it goes, nothing can be decided", name),
                      "run three or five servers, on machines of their own");
}

}  // namespace

void check_coordination(const Subject& subject, Findings& findings) {
    const auto& url = subject.settings.coordination;
    if (url == "embedded")
        return findings.ok(
            fmt::format("this process alone, by a lock on {}", subject.settings.data_directory));
    auto parsed = parse_service_url(url, "zookeeper");
    if (!parsed) return findings.error(parsed.error().text, "mend the URL in --coordination");
    for (const auto& host : parsed->hosts)
        check_server(subject, host.name, host.port.value_or(2181), findings);
    auto report = coordinate::probe_zookeeper(url, subject.timeout);
    if (!report) {
        bool refused = report.error().code == Errc::unauthorized;
        return findings.error(report.error().text, refused ? "check user and password in --coordination"
                                                           : "see to the servers above");
    }
    findings.ok(fmt::format("a session of {} ms was granted", report->session_ms));
    if (!report->refused.empty())
        findings.error(fmt::format("nothing can be written below {}: {}", report->path, report->refused),
                       "give the user of --coordination all permissions on the path, or name another path");
    else
        findings.ok(fmt::format("{} can be written{}", report->path,
                                report->has_path ? "" : "; penstock up makes it"));
}

}  // namespace penstock::app
