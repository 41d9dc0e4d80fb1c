#include "app/commands/wrong_usage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "pipeline/names.h"

namespace penstock::app {
namespace {

/// `penstock topics lst`: topics.
const CLI::App& innermost(const CLI::App& app) {
    const auto* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return *at;
}

}  // namespace

std::string wrong_usage(const CLI::App* app, const CLI::Error& error) {
    const auto& command = innermost(*app);
    auto called = &command == app ? app->get_name() : app->get_name() + " " + command.get_name();
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
