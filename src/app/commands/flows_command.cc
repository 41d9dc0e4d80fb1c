// penstock sources, penstock queries: list, start, stop.
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/units.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;
using Printer = void (*)(const JsonValue&);

void print_sources(const JsonValue& all) {
    TextTable table({{"SOURCE"},
                     {"KIND"},
                     {"FROM"},
                     {"TOPIC"},
                     {"STATE"},
                     {"FETCHED", Align::right},
                     {"ACKNOWLEDGED", Align::right},
                     {"REJECTED", Align::right},
                     {"FAILURES", Align::right},
                     {"DETAIL"}});
    for (auto source : all.items()) {
        auto counts = source["counts"];
        table.add({source["name"].text(), source["kind"].text(), source["endpoint"].text(),
                   source["topic"].text(), source["state"].text(), format_count(counts["fetched"].integer()),
                   format_count(counts["acknowledged"].integer()), format_count(counts["rejected"].integer()),
                   format_count(counts["failures"].integer()), source["detail"].text()});
    }
    table.print();
}

void print_queries(const JsonValue& all) {
    TextTable table({{"QUERY"},
                     {"READS"},
                     {"INTO"},
                     {"STATE"},
                     {"PROCESSED", Align::right},
                     {"STORED", Align::right},
                     {"REJECTED", Align::right},
                     {"LATE", Align::right},
                     {"LAG", Align::right},
                     {"DETAIL"}});
    for (auto query : all.items()) {
        std::vector<std::string> reads;
        for (auto topic : query["reads"].items()) reads.push_back(topic.text());
        auto counts = query["counts"];
        table.add({query["name"].text(), fmt::format("{}", fmt::join(reads, ", ")), query["into"].text(),
                   query["state"].text(), format_count(counts["processed"].integer()),
                   format_count(counts["stored"].integer()), format_count(counts["rejected"].integer()),
                   format_count(counts["late"].integer()), format_count(counts["lag"].integer()),
                   query["detail"].text()});
    }
    table.print();
}

/// What sources and queries have in common.
void add_flow(CLI::App& app, CommandContext& context, const std::string& noun, const std::string& description,
              const std::string& example, Printer print) {
    auto names = std::make_shared<std::vector<std::string>>();
    auto* command = app.add_subcommand(noun, description);
    auto show = [&context, noun, print](ApiClient& api) -> Result<> {
        auto answer = TRY(api.get("/api/v1/" + noun));
        if (context.json())
            fmt::print("{}\n", answer.root().json());
        else
            print(answer.root());
        return {};
    };
    command->require_subcommand(0, 1);
    add_common_options(*command, context);
    command->callback([&context, command, show] {
        if (command->get_subcommands().empty()) context.run(show);
    });
    command->footer(
        fmt::format("Examples:\n  penstock {0}\n  penstock {0} stop {1}\n"
                    "  penstock {0} start {1}",
                    noun, example));
    auto* listing = command->add_subcommand("list", "All of them");
    listing->footer(fmt::format("Example:\n  penstock {} list -o json", noun));
    add_common_options(*listing, context);
    listing->callback([&context, show] { context.run(show); });
    for (std::string verb : {"start", "stop"}) {
        auto* change = command->add_subcommand(
            verb, verb == "start" ? "Go on where they stopped"
                                  : "Finish what is in flight, and stop until told to start");
        change->add_option("names", *names, "Their names")->required();
        change->footer(fmt::format("Example:\n  penstock {} {} {}", noun, verb, example));
        add_common_options(*change, context);
        change->callback([&context, noun, verb, names] {
            context.run([&](ApiClient& api) -> Result<> {
                for (const auto& name : *names) {
                    auto path = fmt::format("/api/v1/{}/{}/{}", noun, percent_encoded(name), verb);
                    auto answer = TRY(api.post(path));
                    if (context.json())
                        fmt::print("{}\n", answer.root().json());
                    else
                        fmt::print("{} {}\n", verb == "start" ? "started" : "stopped", name);
                }
                return {};
            });
        });
    }
}

}  // namespace

void add_sources_command(CLI::App& app, CommandContext& context) {
    add_flow(app, context, "sources", "What brings data in: list, start, stop", "random_users",
             print_sources);
}

void add_queries_command(CLI::App& app, CommandContext& context) {
    add_flow(app, context, "queries", "What works on data as it comes: list, start, stop", "created_users",
             print_queries);
}

}  // namespace penstock::app
