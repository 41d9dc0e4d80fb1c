// The data directory and the ports.
#include <unistd.h>

#include <filesystem>

#include "app/doctor/doctor.h"
#include "base/units.h"
#include "net/tcp_client.h"

namespace penstock::app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t little_space = 1ll << 30;
constexpr std::int64_t no_space = 100ll << 20;

/// The nearest folder that is there.
fs::path existing_part(fs::path path) {
    std::error_code error;
    while (!path.empty() && !fs::exists(path, error)) path = path.parent_path();
    return path.empty() ? fs::path(".") : path;
}

}  // namespace

void check_data(const Subject& subject, Findings& findings) {
    const fs::path directory = fs::absolute(subject.settings.data_directory);
    auto existing = existing_part(directory);
    bool is_there = existing == directory;
    if (::access(existing.c_str(), W_OK | X_OK) != 0)
        return findings.error(fmt::format("{} cannot be written by this user", existing.string()),
                              "give the user the folder, or choose another with --data");
    if (is_there && !fs::is_directory(directory))
        return findings.error(fmt::format("{} is not a folder", directory.string()),
                              "choose another with --data");
    findings.ok(
        fmt::format("{} can be written{}", directory.string(), is_there ? "" : "; penstock up makes it"));
    if (subject.is_running)
        findings.ok("a Penstock runs on it now");
    else if (is_there)
        findings.ok("no Penstock runs on it");
    std::error_code error;
    auto space = fs::space(existing, error);
    if (error)
        return findings.warn(fmt::format("its free space is not known: {}", error.message()),
                             "see to the disk");
    auto free = std::int64_t(space.available);
    auto text = fmt::format("{} free of {}", format_bytes(free), format_bytes(std::int64_t(space.capacity)));
    if (free < no_space)
        findings.error(text, "make room: topics, tables and checkpoints stop when the disk is full");
    else if (free < little_space)
        findings.warn(text, "make room, or shorten the topics' retention");
    else
        findings.ok(text);
}

void check_ports(const Subject& subject, Findings& findings) {
    const auto& settings = subject.settings;
    struct Port {
        const char* name;
        const char* setting;
        std::uint16_t number;
        bool is_ours;
    };
    const Port ports[] = {
        {"console", "--console-port", settings.console_port, true},
        {"Kafka", "--kafka-port", settings.kafka_port, settings.kafka == "embedded"},
        {"CQL", "--cql-port", settings.cql_port, settings.tables == "embedded"},
        {"schemas", "--schemas-port", settings.schemas_port, settings.schemas == "embedded"}};
    for (const auto& port : ports) {
        if (!port.is_ours || port.number == 0) continue;
        auto name = fmt::format("{} on {}:{}", port.name, settings.host, port.number);
        auto is_free = net::check_port_free(settings.host, port.number);
        if (is_free && subject.is_running)
            findings.warn(
                fmt::format("{}: nobody listens, though a Penstock runs on the data directory", name),
                "it may have been started with other ports");
        else if (is_free)
            findings.ok(name + " is free");
        else if (subject.is_running)
            findings.ok(name + " is in use, by the Penstock that runs");
        else
            findings.error(
                fmt::format("{}: {}", name, is_free.error().text),
                fmt::format("stop what listens there, or choose another port with {}", port.setting));
    }
}

}  // namespace penstock::app
