// The topics: Kafka by its protocol, or our own log and what it tells clients.
#include "app/doctor/doctor.h"
#include "base/service_url.h"
#include "broker/remote_probe.h"

namespace penstock::app {
namespace {

void check_embedded(const Subject& subject, Findings& findings) {
    const auto& settings = subject.settings;
    findings.ok(fmt::format("embedded log in {}/topics; Kafka's protocol on {}:{}", settings.data_directory,
                            settings.host, settings.kafka_port));
    if (settings.advertised.empty()) return;
    auto address = parse_service_url("kafka://" + settings.advertised, "kafka");
    if (!address || address->hosts.size() != 1)
        return findings.error(fmt::format("--advertised is '{}'", settings.advertised), "expected host:port");
    const auto& host = address->hosts[0];
    auto version =
        broker::probe_kafka_version(host.name, host.port.value_or(settings.kafka_port), subject.timeout);
    if (version)
        findings.ok(
            fmt::format("clients are told {}, and Kafka's protocol answers there", settings.advertised));
    else if (!subject.is_running)
        findings.warn(fmt::format("clients are told {}: {}", settings.advertised, version.error().text),
                      "no Penstock runs on this data directory; ask again when it is up");
    else
        findings.error(fmt::format("clients are told {}: {}", settings.advertised, version.error().text),
                       "set --advertised to a name and port that clients reach, and open the way there");
}

void check_topic(const broker::KafkaReport& report, const pipeline::TopicSpec& topic, Findings& findings) {
    auto found = report.topics.find(topic.name);
    if (found == report.topics.end())
        return findings.warn(fmt::format("topic {} does not exist", topic.name),
                             "penstock up creates it, when it may");
    if (!found->second.problem.empty())
        return findings.error(
            fmt::format("topic {}: {}", topic.name, found->second.problem),
            "see to the topic's brokers, or to the user's permissions (Describe, Read, Write)");
    auto partitions = found->second.partitions;
    if (partitions != topic.partitions)
        return findings.error(
            fmt::format("topic {} has {} partitions, its file says {}", topic.name, partitions,
                        topic.partitions),
            fmt::format("write partitions: {} in the file; a topic keeps the number it was made with",
                        partitions));
    findings.ok(fmt::format("topic {}: {} partition{}", topic.name, partitions, partitions == 1 ? "" : "s"));
}

}  // namespace

void check_topics(const Subject& subject, Findings& findings) {
    const auto& url = subject.settings.kafka;
    if (url == "embedded") return check_embedded(subject, findings);
    auto report = broker::probe_kafka(url, subject.timeout);
    if (!report) {
        bool refused = report.error().code == Errc::unauthorized;
        return findings.error(report.error().text,
                              refused ? "check user, password and security.protocol in --kafka"
                                      : "check that a broker runs there, and the names and ports in --kafka");
    }
    findings.ok(fmt::format("{} answers with {} broker{}, controller {}", masked_url(url),
                            report->brokers.size(), report->brokers.size() == 1 ? "" : "s",
                            report->controller));
    for (const auto& broker : report->brokers) {
        auto name = fmt::format("broker {} at {}:{}", broker.id, broker.host, broker.port);
        if (!broker.problem.empty())
            findings.error(fmt::format("{} is advertised but cannot be used: {}", name, broker.problem),
                           "set the broker's advertised.listeners to an address that is reached from here");
        else
            findings.ok(fmt::format("{} is reached{}", name,
                                    broker.version.empty() ? "" : fmt::format("; Kafka {}", broker.version)));
    }
    for (const auto& pipeline : subject.pipelines)
        for (const auto& topic : pipeline.topics) check_topic(*report, topic, findings);
}

}  // namespace penstock::app
