#include "app/up.h"

#include <sys/resource.h>

#include <CLI/CLI.hpp>

#include "app/node.h"
#include "app/settings.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"

namespace penstock::app {
namespace {

log::Level level_of(const std::string& name) {
    if (name == "debug") return log::Level::debug;
    if (name == "warn") return log::Level::warn;
    if (name == "error") return log::Level::error;
    return log::Level::info;
}

/// Shells give 1,024 and allow far more; ten thousand partitions or connections take as many.
void allow_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) log::warn("the limit of open files stays as it is");
}

void print_banner(const Settings& settings, const Node& node, std::int64_t took_us) {
    const auto& ports = node.ports();
    fmt::print("Penstock {} is up after {}; data in {}\n", PENSTOCK_VERSION, format_duration_us(took_us),
               settings.data_directory);
    fmt::print("  console, REST API   http://{}:{}\n", settings.host, ports.console);
    if (ports.kafka != 0)
        fmt::print("  Kafka               {0}:{1}        kcat -b {0}:{1} -L\n", settings.host, ports.kafka);
    if (ports.cql != 0)
        fmt::print("  CQL                 {0}:{1}        cqlsh {0} {1}\n", settings.host, ports.cql);
    if (ports.schemas != 0) fmt::print("  schema registry     http://{}:{}\n", settings.host, ports.schemas);
    fmt::print("{}", node.describe());
    fmt::print("Ctrl-C stops it; the next start continues where it stopped.\n\n");
    std::fflush(stdout);
}

int up(Settings settings) {
    block_signals();
    log::set_level(level_of(settings.log_level));
    auto began = system_clock().monotonic_us();
    if (auto complete_settings = complete(settings); !complete_settings) {
        fmt::print(stderr, "error: {}\n", complete_settings.error().text);
        return 2;
    }
    if (!settings.log_file.empty()) log::to_file(settings.log_file);
    allow_open_files();
    auto node = Node::start(settings);
    if (!node) {
        fmt::print(stderr, "error: {}\n", node.error().text);
        return 1;
    }
    print_banner(settings, **node, system_clock().monotonic_us() - began);
    if (settings.progress) (*node)->show_progress();
    wait_for_signal();
    fmt::print("\nstopping: what was acknowledged is kept\n");
    std::fflush(stdout);
    node->reset();
    return 0;
}

}  // namespace

void add_up(CLI::App& app, int& exit_code) {
    auto settings = std::make_shared<Settings>();
    auto* command = app.add_subcommand("up", "Run everything: layers, ports, and the pipelines of a folder");
    declare_settings(*command, *settings);
    command->footer(
        "Examples:\n  penstock up examples/users\n"
        "  penstock up pipelines/ --data /var/lib/penstock --fsync durable");
    command->callback([settings, &exit_code] { exit_code = up(*settings); });
}

}  // namespace penstock::app
