// Looks at everything that `up` would use, with the same settings, and says what is wrong and what to do.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "app/settings.h"
#include "pipeline/spec.h"

namespace CLI {
class App;
}

namespace penstock::app {

enum class Severity { ok, warning, error };
std::string_view to_string(Severity severity);  ///< ok, warning, error

struct Finding {
    std::string
        system;  ///< topics, schemas, engine, tables, metadata, coordination, sources, data, ports, pipelines
    Severity severity = Severity::ok;
    std::string found;
    std::string action;  ///< what to do; empty when there is nothing to do
};

class Findings {
public:
    explicit Findings(std::string system) : system_(std::move(system)) {}
    void ok(std::string found) { all_.push_back({system_, Severity::ok, std::move(found), {}}); }
    void warn(std::string found, std::string action) {
        all_.push_back({system_, Severity::warning, std::move(found), std::move(action)});
    }
    void error(std::string found, std::string action) {
        all_.push_back({system_, Severity::error, std::move(found), std::move(action)});
    }
    const std::vector<Finding>& all() const { return all_; }

private:
    std::string system_;
    std::vector<Finding> all_;
};

/// What the checkers look at.
struct Subject {
    const Settings& settings;
    const std::vector<pipeline::Pipeline>& pipelines;  ///< those of its files that load
    std::chrono::milliseconds timeout{5000};           ///< of each dial
    bool is_running = false;                           ///< a Penstock has the data directory
};

/// Looks at one system; changes nothing that stays.
using Checker = void (*)(const Subject& subject, Findings& findings);

void check_topics(const Subject& subject, Findings& findings);
void check_schemas(const Subject& subject, Findings& findings);
void check_tables(const Subject& subject, Findings& findings);
void check_engine(const Subject& subject, Findings& findings);
void check_metadata(const Subject& subject, Findings& findings);
void check_coordination(const Subject& subject, Findings& findings);
void check_sources(const Subject& subject, Findings& findings);
void check_data(const Subject& subject, Findings& findings);
void check_ports(const Subject& subject, Findings& findings);

/// All of it, in the data's way. settings are complete().
std::vector<Finding> examine(const Settings& settings);

/// What a difference between clocks means.
void judge_clock(std::int64_t ahead_us, std::string_view whose, Findings& findings);

void add_doctor(CLI::App& app, int& exit_code);

}  // namespace penstock::app
