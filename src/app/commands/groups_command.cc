// penstock groups [GROUP], groups delete; groups reset is in groups_reset_command.cc
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/units.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

/// members is a count, or a list.
std::int64_t members_of(const JsonValue& group) {
    auto members = group["members"];
    return members.is_number() ? members.integer() : std::int64_t(members.items().size());
}

std::string or_dash(const JsonValue& value) {
    return value.there() ? value.text() : "-";
}

void print_all(const std::vector<JsonValue>& groups) {
    TextTable table({{"GROUP"}, {"STATE"}, {"MEMBERS", Align::right}, {"TOPICS"}, {"LAG", Align::right}});
    for (const auto& group : groups) {
        std::int64_t lag = 0;
        std::vector<std::string> topics;
        for (auto topic : group["topics"].items()) {
            lag += topic["lag"].integer();
            auto name = topic["topic"].text();
            if (topics.empty() || topics.back() != name) topics.push_back(name);
        }
        table.add({group["group"].text(), group["state"].text(), format_count(members_of(group)),
                   fmt::format("{}", fmt::join(topics, ", ")), format_count(lag)});
    }
    table.print();
}

void print_one(const JsonValue& group) {
    fmt::print("group    {}\nstate    {}\nmembers  {}\n\n", group["group"].text(), group["state"].text(),
               format_count(members_of(group)));
    TextTable table({{"TOPIC"},
                     {"PARTITION", Align::right},
                     {"COMMITTED", Align::right},
                     {"END", Align::right},
                     {"LAG", Align::right},
                     {"CLIENT"},
                     {"HOST"}});
    for (auto topic : group["topics"].items()) {
        table.add({topic["topic"].text(), format_count(topic["partition"].integer()),
                   topic["committed"].there() ? format_count(topic["committed"].integer()) : "-",
                   format_count(topic["end_offset"].integer()),
                   topic["lag"].there() ? format_count(topic["lag"].integer()) : "-",
                   or_dash(topic["client"]), or_dash(topic["host"])});
    }
    table.print();
}

Result<> show(ApiClient& api, const CommandContext& context, const std::string& name) {
    auto answer = TRY(api.get("/api/v1/groups"));
    auto groups = answer.root().items();
    if (name.empty()) {
        if (context.json())
            fmt::print("{}\n", answer.root().json());
        else
            print_all(groups);
        return {};
    }
    for (const auto& group : groups) {
        if (group["group"].text() != name) continue;
        if (context.json())
            fmt::print("{}\n", group.json());
        else
            print_one(group);
        return {};
    }
    return fail(Errc::not_found, "there is no consumer group {}", name);
}

void add_delete_command(CLI::App& groups, CommandContext& context) {
    auto names = std::make_shared<std::vector<std::string>>();
    auto* command = groups.add_subcommand("delete", "Delete groups without members, and what they committed");
    command->add_option("groups", *names, "Their names")->required();
    command->footer("Example:\n  penstock groups delete billing billing_test");
    add_common_options(*command, context);
    command->callback([names, &context] {
        context.run([&](ApiClient& api) { return delete_each(api, context, "/api/v1/groups", *names); });
    });
}

}  // namespace

void add_groups_command(CLI::App& app, CommandContext& context) {
    auto name = std::make_shared<std::string>();
    auto* command = app.add_subcommand("groups", "Consumer groups, and how far behind they are");
    command->add_option("group", *name, "This one, partition by partition");
    command->footer(
        "Examples:\n  penstock groups\n  penstock groups billing\n"
        "  penstock groups reset billing --to-earliest\n  penstock groups delete billing");
    command->require_subcommand(0, 1);
    add_common_options(*command, context);
    command->callback([name, command, &context] {
        if (!command->get_subcommands().empty()) return;
        context.run([&](ApiClient& api) { return show(api, context, *name); });
    });
    add_groups_reset_command(*command, context);
    add_delete_command(*command, context);
}

}  // namespace penstock::app
