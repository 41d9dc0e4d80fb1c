// penstock tables [KEYSPACE.TABLE]
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/units.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

std::string full_name(const JsonValue& table) {
    return table["keyspace"].text() + "." + table["name"].text();
}

Result<> show(ApiClient& api, const CommandContext& context, const std::string& name) {
    auto answer = TRY(api.get("/api/v1/tables"));
    if (name.empty()) {
        if (context.json()) {
            fmt::print("{}\n", answer.root().json());
            return {};
        }
        TextTable table(
            {{"TABLE"}, {"ROWS, ABOUT", Align::right}, {"SIZE", Align::right}, {"COLUMNS", Align::right}});
        for (auto one : answer.root().items()) {
            table.add({full_name(one), format_count(one["rows_estimate"].integer()),
                       format_bytes(one["bytes"].integer()),
                       format_count(std::int64_t(one["columns"].items().size()))});
        }
        table.print();
        return {};
    }
    for (auto one : answer.root().items()) {
        if (full_name(one) != name) continue;
        if (context.json()) {
            fmt::print("{}\n", one.json());
            return {};
        }
        TextTable table({{"COLUMN"}, {"TYPE"}, {"KIND"}});
        for (auto column : one["columns"].items())
            table.add({column["name"].text(), column["type"].text(), column["kind"].text()});
        table.print();
        return {};
    }
    return fail(Errc::not_found, "there is no table {}; 'penstock tables' lists them", name);
}

}  // namespace

void add_tables_command(CLI::App& app, CommandContext& context) {
    auto name = std::make_shared<std::string>();
    auto* command = app.add_subcommand("tables", "Tables, their sizes and columns");
    command->add_option("table", *name, "This one's columns: KEYSPACE.TABLE");
    command->footer("Examples:\n  penstock tables\n  penstock tables spark_streams.created_users");
    add_common_options(*command, context);
    command->callback(
        [name, &context] { context.run([&](ApiClient& api) { return show(api, context, *name); }); });
}

}  // namespace penstock::app
