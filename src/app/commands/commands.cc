#include "app/commands/commands.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "app/commands/api_client.h"
#include "codec/json_writer.h"

namespace penstock::app {

void CommandContext::run(const std::function<Result<>(ApiClient&)>& work) {
    ApiClient client(server);
    auto done = work(client);
    std::fflush(stdout);
    if (done) return;
    fmt::print(stderr, "error: {}\n", done.error().text);
    exit_code = 1;
}

Result<> delete_each(ApiClient& api, const CommandContext& context, std::string_view path,
                     const std::vector<std::string>& names) {
    for (const auto& name : names) {
        TRY(api.remove(fmt::format("{}/{}", path, percent_encoded(name))));
        if (!context.json()) fmt::print("deleted {}\n", name);
    }
    if (!context.json()) return {};
    codec::JsonWriter json;
    json.begin_object().key("deleted").begin_array();
    for (const auto& name : names) json.value(name);
    fmt::print("{}\n", json.end_array().end_object().take());
    return {};
}

void add_common_options(CLI::App& command, CommandContext& context) {
    command.add_option("--server", context.server, "Where Penstock answers (or PENSTOCK_SERVER)")
        ->capture_default_str();
    command.add_option("-o,--output", context.output, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
}

void add_commands(CLI::App& app, CommandContext& context) {
    // Not by the options' envname: all commands share the place, and CLI11 gives the variable to those that
    // are not called too, after what was written on the line.
    if (const char* server = std::getenv("PENSTOCK_SERVER"); server && *server) context.server = server;
    add_status_command(app, context);
    add_health_command(app, context);
    add_sql_command(app, context);
    add_topics_command(app, context);
    add_produce_command(app, context);
    add_consume_command(app, context);
    add_groups_command(app, context);
    add_schemas_command(app, context);
    add_tables_command(app, context);
    add_backup_command(app, context);
    add_sources_command(app, context);
    add_queries_command(app, context);
    add_dags_command(app, context);
    add_runs_command(app, context);
    add_trigger_command(app, context);
}

}  // namespace penstock::app
