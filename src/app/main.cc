// The command line. What runs where: `up`, `check` and `replica` in this process; everything else asks a
// running Penstock over its REST API.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/commands/commands.h"
#include "app/commands/wrong_usage.h"
#include "app/doctor/doctor.h"
#include "app/up.h"

int main(int argc, char** argv) {
    CLI::App app("Penstock carries data from an API to a table, continuously.", "penstock");
    app.set_version_flag("--version", PENSTOCK_VERSION);
    app.require_subcommand(1);
    app.failure_message(penstock::app::wrong_usage);
    app.footer("Begin with: penstock up examples/users");

    int exit_code = 0;
    penstock::app::add_up(app, exit_code);
    penstock::app::add_check(app, exit_code);
    penstock::app::add_doctor(app, exit_code);
    penstock::app::add_replica(app, exit_code);
    penstock::app::CommandContext context{exit_code};
    penstock::app::add_commands(app, context);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // CLI11's own codes are over 100; 2 is what shells expect of wrong usage.
        return app.exit(error) == 0 ? 0 : 2;
    }
    return exit_code;
}
