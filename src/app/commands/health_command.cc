// penstock health: whether it answers, for health checks of containers and service managers.
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"

namespace penstock::app {
namespace {

/// What keeps it from doing its work: layers that cannot be asked, and mistakes in pipeline files.
Result<> check_ready(ApiClient& api) {
    auto answer = TRY(api.get("/api/v1/status"));
    auto status = answer.root();
    std::string wrong;
    for (auto fault : status["faults"].items()) wrong += "\n  " + fault.text();
    for (auto problem : status["problems"].items()) {
        wrong += fmt::format("\n  {}:{}:{}: {}", problem["file"].text(), problem["line"].integer(),
                             problem["column"].integer(), problem["text"].text());
    }
    if (wrong.empty()) return {};
    return fail(Errc::unavailable, "Penstock answers at {}, but{}", api.server(), wrong);
}

}  // namespace

void add_health_command(CLI::App& app, CommandContext& context) {
    auto ready = std::make_shared<bool>(false);
    auto* command = app.add_subcommand("health", "Whether it answers: exit status 0, or 1 and why not");
    command->add_flag("--ready", *ready, "And no layer is away, and no pipeline file has a mistake");
    command->footer(
        "For health checks. Without --ready only a Penstock that does not answer fails: starting it again "
        "would\nnot bring back a system that it waits for.\n\nExamples:\n  penstock health\n"
        "  penstock health --ready --server http://127.0.0.1:8090");
    add_common_options(*command, context);
    command->callback([ready, &context] {
        context.run([&](ApiClient& api) -> Result<> {
            auto answer = TRY(api.get("/health"));
            if (*ready) TRY(check_ready(api));
            fmt::print("{}\n", context.json() ? answer.root().json() : answer.root()["status"].text());
            return {};
        });
    });
}

}  // namespace penstock::app
