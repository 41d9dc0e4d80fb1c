// Where runs, tasks and revisions are kept.
#include "app/doctor/doctor.h"
#include "metadata/postgres_probe.h"

namespace penstock::app {

void check_metadata(const Subject& subject, Findings& findings) {
    const auto& settings = subject.settings;
    if (settings.metadata == "embedded")
        return findings.ok(fmt::format("embedded SQLite in {}/metadata.sqlite", settings.data_directory));
    auto report = metadata::probe_postgres(settings.metadata);
    if (!report) {
        const char* action = "check that PostgreSQL runs there, and the name and port in --metadata";
        if (report.error().code == Errc::unauthorized)
            action = "check user and password in --metadata, and pg_hba.conf";
        if (report.error().code == Errc::not_found)
            action = "create the database, or mend its name in --metadata";
        if (report.error().code == Errc::invalid) action = "mend the URL in --metadata";
        return findings.error(report.error().text, action);
    }
    findings.ok(fmt::format("{} is PostgreSQL {}", report->name, report->version));
    if (report->is_read_only)
        findings.error("the server is a stand-by, which cannot be written", "name the primary in --metadata");
    if (!report->can_create)
        findings.error(
            report->has_schema ? fmt::format("the user may not make tables in schema {}", report->schema)
                               : fmt::format("the user may not make schema {}", report->schema),
            report->has_schema ? fmt::format("GRANT CREATE, USAGE ON SCHEMA {} TO the user", report->schema)
                               : "GRANT CREATE ON DATABASE to the user, or create the schema for it");
    auto level =
        fmt::format("schema {}: migration {} of {}", report->schema, report->migrated, report->known);
    if (report->migrated > report->known)
        findings.error(level, "a newer Penstock has been here: run that one, or name another schema");
    else if (report->migrated < report->known)
        findings.ok(level + "; penstock up brings it forward");
    else
        findings.ok(level);
    judge_clock(report->clock_ahead_us, "PostgreSQL", findings);
}

}  // namespace penstock::app
