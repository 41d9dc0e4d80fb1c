// penstock topics list|describe|create|alter|delete
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/units.h"
#include "codec/json_writer.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

struct Options {
    bool all = false;
    std::string name;
    std::vector<std::string> names;
    std::int64_t partitions = 1;
    std::vector<std::string> config;
};

std::string topic_path(std::string_view name) {
    return "/api/v1/topics/" + percent_encoded(name);
}

Result<> list(ApiClient& api, const CommandContext& context, bool all) {
    auto answer = TRY(api.get("/api/v1/topics"));
    if (context.json()) {
        fmt::print("{}\n", answer.root().json());
        return {};
    }
    TextTable table({{"TOPIC"},
                     {"PARTITIONS", Align::right},
                     {"RECORDS", Align::right},
                     {"SIZE", Align::right},
                     {"PER SECOND", Align::right}});
    for (auto topic : answer.root().items()) {
        if (topic["internal"].flag() && !all) continue;
        table.add({topic["name"].text(), format_count(std::int64_t(topic["partitions"].items().size())),
                   format_count(topic["records"].integer()), format_bytes(topic["bytes"].integer()),
                   fmt::format("{:.1f}", topic["rates"]["appended"].number())});
    }
    table.print();
    return {};
}

void print_topic(const JsonValue& topic) {
    fmt::print("topic       {}\nid          {}\nrecords     {}\nsize        {}\n", topic["name"].text(),
               topic["id"].text(), format_count(topic["records"].integer()),
               format_bytes(topic["bytes"].integer()));
    for (const auto& [name, value] : topic["config"].fields())
        fmt::print("config      {} = {}\n", name, value.text());
    fmt::print("\n");
    TextTable table({{"PARTITION", Align::right},
                     {"START", Align::right},
                     {"END", Align::right},
                     {"RECORDS", Align::right},
                     {"SIZE", Align::right}});
    for (auto partition : topic["partitions"].items()) {
        auto start = partition["start_offset"].integer();
        auto end = partition["end_offset"].integer();
        table.add({format_count(partition["partition"].integer()), format_count(start), format_count(end),
                   format_count(end - start), format_bytes(partition["bytes"].integer())});
    }
    table.print();
}

Result<> describe(ApiClient& api, const CommandContext& context, const std::string& name) {
    auto answer = TRY(api.get(topic_path(name)));
    if (context.json())
        fmt::print("{}\n", answer.root().json());
    else
        print_topic(answer.root());
    return {};
}

/// The settings as an object's field; the object is closed.
std::string with_config(codec::JsonWriter& body, const Options& options) {
    body.key("config").begin_object();
    for (const auto& setting : options.config) {
        auto equals = setting.find('=');
        body.field(setting.substr(0, equals), setting.substr(equals + 1));
    }
    return body.end_object().end_object().take();
}

Result<> alter(ApiClient& api, const CommandContext& context, const Options& options) {
    codec::JsonWriter body;
    body.begin_object();
    auto answer = TRY(api.post(topic_path(options.name) + "/config", with_config(body, options)));
    if (context.json())
        fmt::print("{}\n", answer.root().json());
    else
        fmt::print("changed {}\n", options.name);
    return {};
}

Result<> create(ApiClient& api, const CommandContext& context, const Options& options) {
    codec::JsonWriter body;
    body.begin_object().field("name", options.name).field("partitions", options.partitions);
    auto answer = TRY(api.post("/api/v1/topics", with_config(body, options)));
    if (context.json())
        fmt::print("{}\n", answer.root().json());
    else
        fmt::print("created {} with {}\n", options.name, counted(options.partitions, "partition"));
    return {};
}

}  // namespace

void add_topics_command(CLI::App& app, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* topics = app.add_subcommand("topics", "List, describe, create, change and delete topics");
    topics->footer(
        "Examples:\n  penstock topics\n  penstock topics describe users_created\n"
        "  penstock topics create orders --partitions 4 --config retention.ms=86400000\n"
        "  penstock topics delete orders");
    topics->require_subcommand(0, 1);
    add_common_options(*topics, context);
    topics->callback([options, topics, &context] {
        if (!topics->get_subcommands().empty()) return;
        context.run([&](ApiClient& api) { return list(api, context, options->all); });
    });

    auto* listing = topics->add_subcommand("list", "All topics, their records and sizes");
    listing->add_flag("--all", options->all, "Those that Penstock keeps for itself, too");
    listing->footer("Example:\n  penstock topics list --output json | jq '.[].name'");
    add_common_options(*listing, context);
    listing->callback([options, &context] {
        context.run([&](ApiClient& api) { return list(api, context, options->all); });
    });

    auto* describing = topics->add_subcommand("describe", "One topic, its settings and partitions");
    describing->add_option("topic", options->name, "Its name")->required();
    describing->footer("Example:\n  penstock topics describe users_created");
    add_common_options(*describing, context);
    describing->callback([options, &context] {
        context.run([&](ApiClient& api) { return describe(api, context, options->name); });
    });

    auto* creating = topics->add_subcommand("create", "Create a topic");
    creating->add_option("topic", options->name, "Its name")->required();
    creating->add_option("-p,--partitions", options->partitions, "How many")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    auto setting = [](const std::string& text) {
        return text.find('=') == std::string::npos ? "expected name=value" : std::string();
    };
    creating->add_option("-c,--config", options->config, "A setting of Kafka's, name=value")
        ->allow_extra_args(false)
        ->check(setting);
    creating->footer("Example:\n  penstock topics create orders -p 4 -c cleanup.policy=compact");
    add_common_options(*creating, context);
    creating->callback(
        [options, &context] { context.run([&](ApiClient& api) { return create(api, context, *options); }); });

    auto* altering = topics->add_subcommand("alter", "Change a topic's settings; the others stay");
    altering->add_option("topic", options->name, "Its name")->required();
    altering->add_option("-c,--config", options->config, "A setting of Kafka's, name=value")
        ->allow_extra_args(false)
        ->check(setting)
        ->required();
    altering->footer("Example:\n  penstock topics alter orders -c retention.ms=3600000");
    add_common_options(*altering, context);
    altering->callback(
        [options, &context] { context.run([&](ApiClient& api) { return alter(api, context, *options); }); });

    auto* deleting = topics->add_subcommand("delete", "Delete topics and all their records");
    deleting->add_option("topics", options->names, "Their names")->required();
    deleting->footer("Example:\n  penstock topics delete orders orders_dead");
    add_common_options(*deleting, context);
    deleting->callback([options, &context] {
        context.run(
            [&](ApiClient& api) { return delete_each(api, context, "/api/v1/topics", options->names); });
    });
}

}  // namespace penstock::app
