// penstock dags, penstock pause, penstock unpause
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/units.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

Result<> list(ApiClient& api, const CommandContext& context) {
    auto answer = TRY(api.get("/api/v1/dags"));
    if (context.json()) {
        fmt::print("{}\n", answer.root().json());
        return {};
    }
    TextTable table({{"DAG"},
                     {"PIPELINE"},
                     {"SCHEDULE"},
                     {"TASKS", Align::right},
                     {"NEXT RUN"},
                     {"LAST RUN"},
                     {"STATE"}});
    for (auto dag : answer.root().items()) {
        auto schedule = dag["schedule"].text();
        auto last = dag["last_run"];
        table.add({dag["name"].text(), dag["pipeline"].text(), schedule.empty() ? "by hand" : schedule,
                   format_count(std::int64_t(dag["tasks"].items().size())),
                   dag["paused"].flag() ? "paused" : short_time(dag["next_run"].text()),
                   short_time(last["started"].text()), last.there() ? last["state"].text() : "-"});
    }
    table.print();
    return {};
}

void add_pausing(CLI::App& app, CommandContext& context, const std::string& verb,
                 const std::string& description) {
    auto names = std::make_shared<std::vector<std::string>>();
    auto* command = app.add_subcommand(verb, description);
    command->add_option("dags", *names, "Their names")->required();
    command->footer(fmt::format("Example:\n  penstock {} user_automation", verb));
    add_common_options(*command, context);
    command->callback([&context, names, verb] {
        context.run([&](ApiClient& api) -> Result<> {
            for (const auto& name : *names) {
                auto path = fmt::format("/api/v1/dags/{}/{}", percent_encoded(name), verb);
                auto answer = TRY(api.post(path));
                if (context.json())
                    fmt::print("{}\n", answer.root().json());
                else
                    fmt::print("{}d {}\n", verb, name);
            }
            return {};
        });
    });
}

}  // namespace

void add_dags_command(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand("dags", "DAGs, their schedules and last runs");
    command->footer("Example:\n  penstock dags");
    add_common_options(*command, context);
    command->callback([&context] { context.run([&](ApiClient& api) { return list(api, context); }); });
    add_pausing(app, context, "pause", "Let a DAG's schedule rest; it still runs by hand");
    add_pausing(app, context, "unpause", "Let a DAG's schedule go on, with its latest interval");
}

}  // namespace penstock::app
