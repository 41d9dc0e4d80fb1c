#include "app/doctor/doctor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/log.h"
#include "base/units.h"
#include "codec/json_writer.h"
#include "pipeline/load.h"

namespace penstock::app {
namespace {

namespace fs = std::filesystem;

struct Examination {
    const char* system;
    Checker check;
};
constexpr Examination examinations[] = {
    {"data", check_data},     {"ports", check_ports},       {"sources", check_sources},
    {"topics", check_topics}, {"schemas", check_schemas},   {"engine", check_engine},
    {"tables", check_tables}, {"metadata", check_metadata}, {"coordination", check_coordination},
};

std::vector<pipeline::Pipeline> load_pipelines(const Settings& settings, Findings& findings) {
    std::vector<pipeline::Pipeline> pipelines;
    for (const auto& path : settings.files) {
        auto loaded =
            fs::is_directory(path) ? pipeline::load_folder(path) : std::vector{pipeline::load_file(path)};
        for (auto& one : loaded) {
            for (const auto& problem : one.problems)
                findings.error(fmt::format("{}:{}:{}: {}", problem.file, problem.place.line,
                                           problem.place.column, problem.text),
                               "mend the file; penstock check shows the place");
            if (one.pipeline) pipelines.push_back(std::move(*one.pipeline));
        }
    }
    if (findings.all().empty())
        findings.ok(
            fmt::format("{} pipeline file{} right", pipelines.size(), pipelines.size() == 1 ? "" : "s"));
    return pipelines;
}

/// Whether a Penstock has the data directory now. The lock is given back at once.
bool is_locked(const std::string& data_directory) {
    int file = ::open((data_directory + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool locked = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ::close(file);
    return locked;
}

void print_json(const std::vector<Finding>& findings) {
    codec::JsonWriter json;
    json.begin_array();
    for (const auto& finding : findings) {
        json.begin_object().field("system", finding.system).field("result", to_string(finding.severity));
        json.field("found", finding.found).field("action", finding.action).end_object();
    }
    fmt::print("{}\n", json.end_array().take());
}

void print_text(const std::vector<Finding>& findings) {
    int errors = 0, warnings = 0;
    for (const auto& finding : findings) {
        errors += finding.severity == Severity::error;
        warnings += finding.severity == Severity::warning;
        fmt::print("{:<8} {:<13} {}\n", to_string(finding.severity), finding.system, finding.found);
        if (!finding.action.empty()) fmt::print("{:<22} -> {}\n", "", finding.action);
    }
    auto s = [](int count) { return count == 1 ? "" : "s"; };
    fmt::print("\n{} error{}, {} warning{}\n", errors, s(errors), warnings, s(warnings));
}

int doctor(Settings settings, const std::string& output) {
    log::set_level(log::Level::error);
    auto done = complete(settings);
    // What `up` does not offer is a finding: the system can be looked at all the same.
    bool is_refused = !done && done.error().code == Errc::unsupported;
    if (!done && !is_refused) {
        fmt::print(stderr, "error: {}\n", done.error().text);
        return 2;
    }
    auto findings = examine(settings);
    if (is_refused)
        findings.insert(findings.begin(),
                        {"settings", Severity::error, done.error().text, "penstock up refuses this setting"});
    if (output == "json")
        print_json(findings);
    else
        print_text(findings);
    std::fflush(stdout);
    for (const auto& finding : findings)
        if (finding.severity == Severity::error) return 1;
    return 0;
}

}  // namespace

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::ok:
            return "ok";
        case Severity::warning:
            return "warning";
        case Severity::error:
            return "error";
    }
    return "?";
}

void judge_clock(std::int64_t ahead_us, std::string_view whose, Findings& findings) {
    auto off = ahead_us < 0 ? -ahead_us : ahead_us;
    auto text = fmt::format("the clock of {} is {} {} ours", whose, format_duration_us(off),
                            ahead_us < 0 ? "behind" : "ahead of");
    // Write timestamps, sessions and schedules are compared over machines.
    if (off > 5'000'000)
        findings.error(text, "set both machines by NTP: later writes could lose against earlier ones");
    else if (off > 500'000)
        findings.warn(text, "set both machines by NTP");
    else
        findings.ok(fmt::format("the clock of {} agrees with ours to {}", whose,
                                format_duration_us(std::max<std::int64_t>(off, 1000))));
}

std::vector<Finding> examine(const Settings& settings) {
    Findings files("pipelines");
    auto pipelines = load_pipelines(settings, files);
    auto all = files.all();
    Subject subject{.settings = settings, .pipelines = pipelines};
    subject.is_running = is_locked(settings.data_directory);
    for (const auto& examination : examinations) {
        Findings findings(examination.system);
        examination.check(subject, findings);
        all.insert(all.end(), findings.all().begin(), findings.all().end());
    }
    return all;
}

void add_doctor(CLI::App& app, int& exit_code) {
    auto settings = std::make_shared<Settings>();
    auto output = std::make_shared<std::string>("text");
    auto* command = app.add_subcommand(
        "doctor", "Dial every system that `up` would use with these settings, and say what is wrong");
    declare_settings(*command, *settings);
    command->add_option("-o,--output", *output, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    command->footer(
        "The exit code is 1 when something is wrong.\n"
        "Examples:\n  penstock doctor pipelines/\n"
        "  penstock doctor pipelines/ --kafka kafka://h1:9092 --tables 'cassandra://h2/shop' -o json");
    command->callback([settings, output, &exit_code] { exit_code = doctor(*settings, *output); });
}

}  // namespace penstock::app
