// penstock runs [DAG [RUN_ID]]: history, tasks, logs.
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/run_view.h"
#include "app/commands/text_table.h"
#include "base/units.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

struct Options {
    std::string dag;
    std::string run_id;
    std::string task;
    std::int64_t try_number = 0;
    std::int64_t limit = 20;
    bool tasks = false;
    bool cancel = false;
};

Result<> list(ApiClient& api, const CommandContext& context, const Options& options) {
    auto path = fmt::format("/api/v1/runs?limit={}", options.limit);
    if (!options.dag.empty()) path += "&dag=" + percent_encoded(options.dag);
    auto answer = TRY(api.get(path));
    if (context.json()) {
        fmt::print("{}\n", answer.root().json());
        return {};
    }
    auto runs = answer.root().items();
    if (options.tasks) {
        for (std::size_t i = 0; i < runs.size(); ++i) {
            if (i > 0) fmt::print("\n");
            print_run(runs[i]);
        }
        return {};
    }
    TextTable table({{"DAG"}, {"RUN"}, {"STATE"}, {"STARTED"}, {"TOOK", Align::right}, {"TASKS"}});
    for (const auto& run : runs) {
        table.add({run["dag"].text(), run["run_id"].text(), run["state"].text(),
                   short_time(run["started"].text()), duration_of(run), tasks_summary(run)});
    }
    table.print();
    return {};
}

std::string run_path(const Options& options) {
    return fmt::format("/api/v1/dags/{}/runs/{}", percent_encoded(options.dag),
                       percent_encoded(options.run_id));
}

Result<> show_one(ApiClient& api, const CommandContext& context, const Options& options) {
    auto answer = TRY(api.get(run_path(options)));
    if (context.json())
        fmt::print("{}\n", answer.root().json());
    else
        print_run(answer.root());
    return {};
}

Result<> cancel(ApiClient& api, const CommandContext& context, const Options& options) {
    auto answer = TRY(api.post(run_path(options) + "/cancel"));
    if (context.json())
        fmt::print("{}\n", answer.root().json());
    else
        print_run(answer.root());
    return {};
}

Result<> show_log(ApiClient& api, const CommandContext& context, const Options& options) {
    auto path = fmt::format("{}/tasks/{}/log", run_path(options), percent_encoded(options.task));
    if (options.try_number > 0) path += fmt::format("?try={}", options.try_number);
    auto answer = TRY(api.get(path));
    if (context.json()) {
        fmt::print("{}\n", answer.root().json());
        return {};
    }
    for (auto line : answer.root()["lines"].items())
        fmt::print("{}  {}\n", line["time"].text(), line["text"].text());
    return {};
}

}  // namespace

void add_runs_command(CLI::App& app, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* command = app.add_subcommand("runs", "Runs of DAGs, their tasks and logs");
    command->add_option("dag", options->dag, "Of this DAG");
    command->add_option("run", options->run_id, "This run, task by task");
    auto* log = command->add_option("--log", options->task, "The log of this task of the run");
    command->add_option("--try", options->try_number, "Of this try; otherwise the last")
        ->check(CLI::PositiveNumber)
        ->needs(log);
    command->add_option("-n,--limit", options->limit, "How many runs, newest first")
        ->check(CLI::Range(1, 500))
        ->capture_default_str();
    command->add_flag("-t,--tasks", options->tasks, "With the tasks of each");
    command->add_flag("--cancel", options->cancel, "End this run: what runs is stopped, the rest is skipped")
        ->excludes(log);
    command->footer(
        "Examples:\n  penstock runs\n  penstock runs user_automation --tasks -n 3\n"
        "  penstock runs user_automation scheduled__2026-01-31T00:00:00Z\n"
        "  penstock runs user_automation manual__2026-01-31T10:00:00Z --log report\n"
        "  penstock runs user_automation manual__2026-01-31T10:00:00Z --cancel");
    add_common_options(*command, context);
    command->callback([options, &context] {
        if (!options->task.empty() && options->run_id.empty())
            throw CLI::ValidationError("--log", "needs a DAG and a run: runs DAG RUN --log TASK");
        if (options->cancel && options->run_id.empty())
            throw CLI::ValidationError("--cancel", "needs a DAG and a run: runs DAG RUN --cancel");
        context.run([&](ApiClient& api) {
            if (options->run_id.empty()) return list(api, context, *options);
            if (options->cancel) return cancel(api, context, *options);
            if (options->task.empty()) return show_one(api, context, *options);
            return show_log(api, context, *options);
        });
    });
}

}  // namespace penstock::app
