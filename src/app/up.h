// The commands that run here, and not in a running Penstock: up, check, replica.
#pragma once

namespace CLI {
class App;
}

namespace penstock::app {

/// Each adds its command; the command's callback sets exit_code.
void add_up(CLI::App& app, int& exit_code);
void add_check(CLI::App& app, int& exit_code);
void add_replica(CLI::App& app, int& exit_code);

}  // namespace penstock::app
