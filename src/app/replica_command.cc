#include <CLI/CLI.hpp>

#include "app/signals.h"
#include "app/up.h"
#include "replica/replica.h"

namespace penstock::app {

void add_replica(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<replica::ReplicaOptions>();
    auto* command = app.add_subcommand("replica", "Serve a stand-in of a public API, from a seed");
    command->add_option("name", options->name, "Which one: randomuser")->required();
    command->add_option("--port", options->port, "Port on loopback")->default_val(8088);
    command->add_option("--user-limit", options->user_limit,
                        "Users a client may ask for in 300 s, then 429, as the API has 20000 [none]");
    command->add_option("--seed", options->seed, "The same seed serves the same people");
    command->footer(
        "Example:\n  penstock replica randomuser --port 8088\n"
        "  curl 'http://127.0.0.1:8088/api/?results=3&seed=demo'");
    command->callback([options, &exit_code] {
        block_signals();
        net::Shards shards(2);
        auto replica = replica::Replica::start(shards, *options);
        if (!replica) {
            fmt::print(stderr, "error: {}\n", replica.error().text);
            exit_code = 1;
            return;
        }
        fmt::print("replica of {} at http://127.0.0.1:{}/api/\n", options->name, (*replica)->port());
        std::fflush(stdout);
        wait_for_signal();
    });
}

}  // namespace penstock::app
