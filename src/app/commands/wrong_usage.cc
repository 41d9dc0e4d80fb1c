#include "app/commands/wrong_usage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "pipeline/names.h"

namespace penstock::app {
namespace {

/// What was called, and its name from the program's on: `penstock topics lst` is "penstock topics".
std::pair<const CLI::App&, std::string> innermost(const CLI::App& app) {
    const auto* at = &app;
    auto called = app.get_name();
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        called += " " + at->get_name();
    }
    return {*at, called};
}

}  // namespace

std::string wrong_usage(const CLI::App* app, const CLI::Error& error) {
    auto [command, called] = innermost(*app);
    std::string what = error.what();
    std::vector<std::string_view> known;
    for (const auto* one : command.get_subcommands([](const CLI::App*) { return true; }))
        known.push_back(one->get_name());
    auto words = app->remaining(true);
    if (!known.empty() && !words.empty() && !words.front().starts_with("-"))
        what = fmt::format("{} has no command '{}'{}", called, words.front(),
                           pipeline::suggestion(words.front(), known));
    return fmt::format("error: {}\nMore: {} --help\n", what, called);
}

}  // namespace penstock::app
