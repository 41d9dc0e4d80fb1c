// The schema registry.
#include "app/doctor/doctor.h"
#include "base/service_url.h"
#include "registry/remote_schemas.h"
#include "registry/topic_encoder.h"

namespace penstock::app {

void check_schemas(const Subject& subject, Findings& findings) {
    const auto& settings = subject.settings;
    if (settings.schemas == "embedded")
        return findings.ok(fmt::format("embedded registry in {}/schemas; Confluent's REST API on {}:{}",
                                       settings.data_directory, settings.host, settings.schemas_port));
    auto schemas = registry::open_remote_schemas(
        settings.schemas, {.attempts = 1, .timeout_us = subject.timeout.count() * 1000});
    if (!schemas) return findings.error(schemas.error().text, "mend the URL in --schemas");
    auto subjects = (*schemas)->subjects();
    if (!subjects) {
        auto code = subjects.error().code;
        const char* action =
            "check that the registry runs there, and the name, port and base path in --schemas";
        if (code == Errc::unauthorized) action = "check user, password and certificates in --schemas";
        if (code == Errc::not_found)
            action = "there is another server, or the base path is missing (/apis/ccompat/v7 say)";
        return findings.error(subjects.error().text, action);
    }
    findings.ok(fmt::format("{} answers with {} subjects", masked_url(settings.schemas), subjects->size()));
    for (const auto& pipeline : subject.pipelines) {
        for (const auto& topic : pipeline.topics) {
            auto wanted = registry::schema_kind_of(topic.format);
            if (!wanted) continue;
            auto latest = (*schemas)->get(topic.name + "-value", -1);
            if (!latest && latest.error().code == Errc::not_found)
                findings.ok(fmt::format(
                    "subject {}-value is not there yet: the first record's writer makes it", topic.name));
            else if (!latest)
                findings.error(fmt::format("subject {}-value: {}", topic.name, latest.error().text),
                               "see what the registry says");
            else if (latest->kind != *wanted)
                findings.error(
                    fmt::format("subject {}-value holds {} schemas, the topic's format needs {}", topic.name,
                                registry::to_string(latest->kind), registry::to_string(*wanted)),
                    "change the topic's format in its file, or the topic");
            else
                findings.ok(fmt::format("subject {}-value: version {}, id {}", topic.name, latest->version,
                                        latest->id));
        }
    }
}

}  // namespace penstock::app
