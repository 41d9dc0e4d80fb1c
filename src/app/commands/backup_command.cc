// penstock backup NAME
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "base/units.h"
#include "codec/json_writer.h"

namespace penstock::app {
namespace {

Result<> make(ApiClient& api, const CommandContext& context, const std::string& name) {
    codec::JsonWriter body;
    body.begin_object().field("name", name).end_object();
    auto answer = TRY(api.post("/api/v1/tables/backups", body.take()));
    if (context.json()) {
        fmt::print("{}\n", answer.root().json());
        return {};
    }
    fmt::print("{}: {}\n", answer.root()["directory"].text(), format_bytes(answer.root()["bytes"].integer()));
    return {};
}

}  // namespace

void add_backup_command(CLI::App& app, CommandContext& context) {
    auto name = std::make_shared<std::string>();
    auto* command = app.add_subcommand("backup", "A consistent copy of the tables, while they are in use");
    command->add_option("name", *name, "It becomes DATA/backups/NAME")->required();
    command->footer(
        "Example:\n  penstock backup monday\n"
        "To go back to it: stop penstock, move DATA/tables away, copy DATA/backups/NAME to DATA/tables, and "
        "start.");
    add_common_options(*command, context);
    command->callback(
        [name, &context] { context.run([&](ApiClient& api) { return make(api, context, *name); }); });
}

}  // namespace penstock::app
