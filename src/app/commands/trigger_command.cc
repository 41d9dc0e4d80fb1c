// penstock trigger DAG: a run by hand, waited for when asked to.
#include <CLI/CLI.hpp>
#include <chrono>
#include <map>
#include <thread>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/run_view.h"
#include "base/clock.h"
#include "base/units.h"
#include "codec/json_writer.h"

namespace penstock::app {
namespace {

struct Options {
    std::string dag;
    std::string conf;
    bool wait = false;
    std::string timeout = "1h";
};

/// Each change of a task's state, on stderr.
void print_changes(const JsonValue& run, std::map<std::string, std::string>& states) {
    for (auto task : run["tasks"].items()) {
        auto state = task["state"].text();
        auto now = fmt::format("{} {}", state, task["try_number"].text());
        auto& before = states[task["task"].text()];
        if (before == now) continue;
        bool first = before.empty();
        before = now;
        if (first && state == "none") continue;
        auto note = task["note"].text();
        fmt::print(stderr, "{}: {}{}{}\n", task["task"].text(), state,
                   task["try_number"].integer() > 1 ? ", try " + task["try_number"].text() : "",
                   note.empty() ? "" : ": " + note);
    }
}

Result<> wait_for(ApiClient& api, const CommandContext& context, const Options& options,
                  const std::string& run_id) {
    auto path = fmt::format("/api/v1/dags/{}/runs/{}", percent_encoded(options.dag), percent_encoded(run_id));
    auto limit_us = parse_duration_us(options.timeout).value_or(0);
    auto start_us = system_clock().monotonic_us();
    std::map<std::string, std::string> states;
    for (;;) {
        auto answer = TRY(api.get(path));
        auto run = answer.root();
        if (!context.json()) print_changes(run, states);
        if (has_ended(run)) {
            if (context.json())
                fmt::print("{}\n", run.json());
            else
                fmt::print("{}: {} in {}\n", run_id, run["state"].text(), duration_of(run));
            if (run["state"].text() == "success") return {};
            return fail(Errc::internal, "run {} failed: {}", run_id, tasks_summary(run));
        }
        auto waited_us = system_clock().monotonic_us() - start_us;
        if (waited_us >= limit_us) {
            return fail(Errc::timeout, "run {} is {} after {}; it goes on without being waited for", run_id,
                        run["state"].text(), format_duration_us(waited_us));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(waited_us < 5'000'000 ? 100 : 500));
    }
}

Result<> trigger(ApiClient& api, const CommandContext& context, const Options& options) {
    auto path = fmt::format("/api/v1/dags/{}/trigger", percent_encoded(options.dag));
    std::string body;
    if (!options.conf.empty()) body = fmt::format(R"({{"conf":{}}})", options.conf);
    auto answer = TRY(api.post(path, body));
    auto run_id = answer.root()["run_id"].text();
    if (options.wait) {
        if (!context.json()) fmt::print(stderr, "{}\n", run_id);
        return wait_for(api, context, options, run_id);
    }
    if (context.json())
        fmt::print("{}\n", answer.root().json());
    else
        fmt::print("{}\n", run_id);
    return {};
}

std::string check_conf(const std::string& text) {
    auto document = JsonDocument::parse(text);
    if (document && text.find_first_not_of(" \t\r\n") != std::string::npos &&
        text[text.find_first_not_of(" \t\r\n")] == '{')
        return {};
    return "expected a JSON object such as {\"day\": \"2026-01-31\"}";
}

}  // namespace

void add_trigger_command(CLI::App& app, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* command = app.add_subcommand("trigger", "Run a DAG now");
    command->add_option("dag", options->dag, "Which one")->required();
    command->add_option("-c,--conf", options->conf, "A JSON object, for its tasks")->check(check_conf);
    auto* wait =
        command->add_flag("-w,--wait", options->wait, "Wait for its end; exit status 1 when it failed");
    command->add_option("--timeout", options->timeout, "Wait no longer than this")
        ->needs(wait)
        ->check([](const std::string& text) {
            auto parsed = parse_duration_us(text);
            return parsed ? std::string() : parsed.error().text;
        })
        ->capture_default_str();
    command->footer(
        "Prints the run's id.\n\nExamples:\n  penstock trigger user_automation\n"
        "  penstock trigger user_automation --conf '{\"day\": \"2026-01-31\"}'\n"
        "  penstock trigger user_automation --wait --timeout 10m && echo well");
    add_common_options(*command, context);
    command->callback([options, &context] {
        context.run([&](ApiClient& api) { return trigger(api, context, *options); });
    });
}

}  // namespace penstock::app
