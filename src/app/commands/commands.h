// The commands that ask a running Penstock over its REST API: one file per noun.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace penstock::app {

class ApiClient;

/// Must outlive the parsing.
struct CommandContext {
    int& exit_code;            ///< 1 when a command failed
    std::FILE* input = stdin;  ///< what produce and sql read
    std::string server = "http://127.0.0.1:8080";
    std::string output = "table";  ///< or json

    bool json() const { return output == "json"; }
    /// Runs a command's work; its error goes to stderr.
    void run(const std::function<Result<>(ApiClient&)>& work);
};

/// Deletes what has these names below the path, one after the other, and says so.
Result<> delete_each(ApiClient& api, const CommandContext& context, std::string_view path,
                     const std::vector<std::string>& names);

/// Adds all of them.
void add_commands(CLI::App& app, CommandContext& context);

void add_topics_command(CLI::App& app, CommandContext& context);
void add_produce_command(CLI::App& app, CommandContext& context);
void add_consume_command(CLI::App& app, CommandContext& context);
void add_groups_command(CLI::App& app, CommandContext& context);
/// groups reset
void add_groups_reset_command(CLI::App& groups, CommandContext& context);
void add_schemas_command(CLI::App& app, CommandContext& context);
void add_tables_command(CLI::App& app, CommandContext& context);
void add_backup_command(CLI::App& app, CommandContext& context);
void add_sql_command(CLI::App& app, CommandContext& context);
void add_status_command(CLI::App& app, CommandContext& context);
void add_health_command(CLI::App& app, CommandContext& context);
void add_sources_command(CLI::App& app, CommandContext& context);
void add_queries_command(CLI::App& app, CommandContext& context);
void add_dags_command(CLI::App& app, CommandContext& context);
void add_runs_command(CLI::App& app, CommandContext& context);
void add_trigger_command(CLI::App& app, CommandContext& context);

/// --server and --output, which every command has.
void add_common_options(CLI::App& command, CommandContext& context);

}  // namespace penstock::app
