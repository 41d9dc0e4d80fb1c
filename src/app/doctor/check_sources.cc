// Where records come from.
#include <cstdlib>
#include <set>

#include "app/doctor/doctor.h"
#include "base/service_url.h"
#include "net/http_session.h"

namespace penstock::app {
namespace {

/// ${NAME} replaced; the name of the first variable that is not set otherwise.
std::optional<std::string> missing_variable(std::string_view text) {
    for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 2)) {
        auto end = text.find('}', at);
        if (end == std::string_view::npos) return std::nullopt;
        std::string name(text.substr(at + 2, end - at - 2));
        if (!environment_variable(name)) return name;
    }
    return std::nullopt;
}

std::string origin_of(std::string_view url) {
    auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return std::string(url);
    return std::string(url.substr(0, url.find_first_of("/?#", scheme + 3)));
}

void check_http(const Subject& subject, const pipeline::SourceSpec& source, const pipeline::HttpSource& http,
                std::set<std::string>& asked, Findings& findings) {
    std::vector<std::string_view> texts{http.url, http.body, http.proxy};
    for (const auto& [name, value] : http.headers) texts.push_back(value);
    for (const auto& [name, value] : http.query) texts.push_back(value);
    for (auto text : texts)
        if (auto name = missing_variable(text))
            return findings.error(
                fmt::format("source {}: the environment variable {} is not set", source.name, *name),
                "set it for the process that runs penstock");
    if (http.url.find("${") != std::string::npos || !http.proxy.empty())
        return findings.ok(
            fmt::format("source {}: its address is known at run time only; it was not dialled", source.name));
    auto origin = origin_of(http.url);
    if (!asked.insert(origin).second) return;
    net::HttpSession session({.verify_tls = http.verify_tls,
                              .ca_file = http.ca_file,
                              .connect_timeout = subject.timeout,
                              .timeout = subject.timeout,
                              .max_body_bytes = 1 << 20});
    // The host and not the page: an API's limits are for its records.
    auto answer = session.request("HEAD", origin + "/");
    if (answer) return findings.ok(fmt::format("source {}: {} answers", source.name, masked_url(origin)));
    auto text = fmt::format("source {}: {}", source.name, answer.error().text);
    if (answer.error().code == Errc::unauthorized)
        findings.error(text, "set ca_file in the source, or mend the server's certificate");
    else if (!http.replica.empty())
        findings.warn(
            text, fmt::format("until it can be reached, the built-in replica of {} answers", http.replica));
    else
        findings.error(text, "check the URL, the network and the proxy");
}

}  // namespace

void check_sources(const Subject& subject, Findings& findings) {
    std::set<std::string> asked;
    for (const auto& pipeline : subject.pipelines) {
        for (const auto& source : pipeline.sources) {
            if (const auto* http = std::get_if<pipeline::HttpSource>(&source.input))
                check_http(subject, source, *http, asked, findings);
            if (const auto* hook = std::get_if<pipeline::WebhookSource>(&source.input))
                if (auto name = missing_variable(hook->token))
                    findings.error(
                        fmt::format("source {}: the environment variable {} is not set", source.name, *name),
                        "set it for the process that runs penstock");
        }
    }
}

}  // namespace penstock::app
